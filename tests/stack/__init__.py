"""Stacks of policies: as data, on functions, and switched off."""
