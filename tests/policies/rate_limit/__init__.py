"""`rate_limit`: when calls may begin, and what becomes of those that come too early."""
