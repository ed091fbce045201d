"""`retry`: which failures are tried again, how long it waits, and what is left of each attempt."""
