"""The public names of other libraries, on cladding's parts: change an import, and the code runs on."""
