"""The policies, one folder each."""
