"""What marks and bridges between plain and coroutine functions do."""
