"""`monitor`: what is counted when, for each way in which a call can end, and how it is told."""
