"""`memory_guard`: what it sees, the steps it takes under pressure, and what it refuses."""
