"""Object proxies."""
