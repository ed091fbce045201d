"""`timer`: what it counts and measures."""
