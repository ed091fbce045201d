"""Tests of the toolkit for writing decorators, proxies and patches."""
