"""What cladding costs, beside the bare call and beside its peers: `python -m bench`."""
