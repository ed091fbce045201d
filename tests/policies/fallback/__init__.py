"""`fallback`: what answers a call that fails."""
