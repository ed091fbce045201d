"""What `background` does on threads, processes, event loops and executors of others."""
