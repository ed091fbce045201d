"""`bulkhead`: how many calls run at once, who waits, and who is turned away."""
