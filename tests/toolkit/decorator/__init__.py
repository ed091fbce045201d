"""Tests of `decorator`."""
