"""The decorated function is still that function: SPEC rows A1 to A7 and A15."""
