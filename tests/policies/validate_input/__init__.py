"""`validate_input`: what each expectation lets through, where arguments are found, and how a failure is told."""
