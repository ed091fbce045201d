"""Leaks, threads, forks, interrupts and exits."""
