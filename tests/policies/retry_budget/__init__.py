"""`RetryBudget` apart from the retries that use it."""
