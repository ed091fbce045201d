"""``retry``: the face, and what its native side asks of Python while a call is being retried."""
