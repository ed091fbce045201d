"""What the ecosystem does with a decorated function: the compatibility matrix."""
