"""`cache_result`: keys, what is kept, and callers that come while a result is being computed."""
