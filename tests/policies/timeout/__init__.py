"""`timeout`: what ends when its time is up, what the caller gets, and what is left running."""
