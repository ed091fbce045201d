"""`cache_result` with stores that processes share: a database file, and a real Redis server."""
