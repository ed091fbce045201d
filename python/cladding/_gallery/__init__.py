"""Decorators that a language's users reach for, one file each."""
