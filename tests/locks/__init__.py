"""What `synchronized` promises: who excludes whom, and that nothing stays locked."""
