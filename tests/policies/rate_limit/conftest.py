"""What the tests of rate limits start from: nothing really waits."""

from policies.retry.conftest import waits

__all__ = ["waits"]
