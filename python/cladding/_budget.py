"""``RetryBudget``: how many retries there may be, for all functions that share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from cladding import _native
from cladding._identity import Shared

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from typing import Self


@final
class RetryBudget(_native.RetryBudget, Shared):
    """Bounds the retries of all functions that share it, so that a failing dependency is not hammered.

    Three attempts for each call are three times the load on something that fails because of its load. A budget bounds
    the load whatever the attempts of each function: without one left a failure is raised at once.

    ``RetryBudget()`` allows in each ``window`` seconds a retry for every fifth call, and ten a second besides, for
    programs that make few calls. The rule is that of Finagle's ``RetryBudget``, the defaults those of tower's
    ``TpsBudget``. The window is of ten buckets: a call or a retry leaves it nine to ten tenths of ``window`` after it came.

    ``RetryBudget.grpc()`` and ``RetryBudget.aws()`` are the rules of those systems' own clients.

    ``stats`` has ``available`` (retries that there could be now, one after the other), ``retries`` (those there were) and
    ``refused`` (those there were not).

    A budget may be used by any number of threads, tasks and functions. It is kept in memory: each process has its own.
    A copy is the budget itself, and so is an unpickled one in the process where the budget lives; other processes have
    one of the same parameters, which all copies there share.

    >>> from cladding import RetryBudget
    >>> RetryBudget(ratio=0.1).stats
    {'available': 100, 'retries': 0, 'refused': 0}
    >>> RetryBudget.aws()
    RetryBudget.aws(capacity=500, cost=5, timeout_cost=10)

    Args:
        ratio: retries for each call, from 0 to 1000; 0.2 unless told.
        min_per_second: retries that there may be each second whatever the number of calls, 0 or greater; 10 unless told.
        window: over how long calls and retries are counted, in seconds or as a ``timedelta``, above 0; 10 s unless told.

    Raises:
        ConfigurationError: a parameter is of the wrong kind or out of its range.
    """

    __slots__ = ("__weakref__", "_key")

    def __new__(cls, ratio: float = 0.2, min_per_second: float = 10.0, window: float | timedelta = 10.0) -> Self:
        parameters = {"ratio": ratio, "min_per_second": min_per_second, "window": window}
        return super().__new__(cls, "RetryBudget", parameters)

    @classmethod
    def grpc(cls, max_tokens: float = 10, token_ratio: float = 0.1) -> Self:
        """The retry throttling of gRPC: a failed attempt takes one token, a success gives ``token_ratio`` of one back.

        There are ``max_tokens`` at first and at most; an attempt is retried only if more than half of them are left after
        it took its own. See gRFC A6, "gRPC Retry Design". Tokens are counted in thousandths, finer is cut off.

        Args:
            max_tokens: from 0.001 to 1e6; 10 unless told.
            token_ratio: from 0.001 to 1e6; 0.1 unless told.

        Raises:
            ConfigurationError: a parameter is of the wrong kind or out of its range.
        """
        return super().__new__(cls, "RetryBudget.grpc", {"max_tokens": max_tokens, "token_ratio": token_ratio})

    @classmethod
    def aws(cls, capacity: int = 500, cost: int = 5, timeout_cost: int = 10) -> Self:
        """The retry quota of the AWS SDKs' standard mode: a retry takes ``cost`` tokens, ``timeout_cost`` after a timeout.

        There are ``capacity`` at first and at most. What the last retry of a call took comes back if it succeeds; a call
        that succeeds without a retry gives one token. See botocore's ``retries/standard.py``.

        Args:
            capacity: 1 or greater; 500 unless told.
            cost: 1 or greater; 5 unless told.
            timeout_cost: for a retry after a ``TimeoutError``, 1 or greater; 10 unless told.

        Raises:
            ConfigurationError: a parameter is of the wrong kind or out of its range.
        """
        parameters = {"capacity": capacity, "cost": cost, "timeout_cost": timeout_cost}
        return super().__new__(cls, "RetryBudget.aws", parameters)

    def _made_of(self) -> tuple[Callable[..., Self], dict[str, Any]]:
        cls = type(self)
        makers: dict[str, Callable[..., Self]]
        makers = {"RetryBudget": cls, "RetryBudget.grpc": cls.grpc, "RetryBudget.aws": cls.aws}
        return makers[self.kind], dict(self.parameters)
