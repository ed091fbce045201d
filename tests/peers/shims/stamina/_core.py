"""`stamina._core` over `cladding.retry`."""

import warnings
from contextlib import AbstractContextManager
from contextvars import ContextVar
from datetime import timedelta

import cladding
import cladding.testing

from . import _config
from .instrumentation._data import RetryDetails, guess_name

# What hooks have entered in this thread or task, to be left when the next attempt begins.
entered = ContextVar("entered", default=())

# What makes cladding's retries fast, while stamina is in its testing mode.
fast = []


def seconds(duration):
    """A duration as a number."""
    return duration.total_seconds() if isinstance(duration, timedelta) else duration


def parameters(on, attempts=10, timeout=45.0, wait_initial=0.1, wait_max=5.0, wait_jitter=1.0, wait_exp_base=2):
    """Those of `cladding.retry`.

    cladding refuses what makes no sense (less than one attempt, no time at all, a first wait above the greatest), which
    stamina takes.
    """
    limit = None if timeout is None else seconds(timeout)
    if limit is not None and limit <= 0:
        attempts, limit = 1, None
    return {
        "max_retries": None if attempts is None else max(attempts, 1) - 1,
        "backoff_factor": wait_exp_base,
        "exceptions": on,
        "initial_delay": min(seconds(wait_initial), seconds(wait_max)),
        "max_delay": wait_max,
        "jitter": "full" if wait_jitter else "none",
        "deadline": limit,
        "on_retry": tell,
        "enabled": _config.is_active,
    }


def tell(event):
    """Hands an event to stamina's hooks. cladding tells no arguments, and of times that since the call began."""
    details = RetryDetails(
        name=event.function,
        args=(),
        kwargs={},
        retry_num=event.attempt,
        wait_for=event.delay,
        waited_so_far=0.0 if event.attempt == 1 else event.elapsed,
        caused_by=event.exception,
    )
    managers = [hook(details) for hook in _config.CONFIG.on_retry]
    managers = [manager for manager in managers if isinstance(manager, AbstractContextManager)]
    for manager in managers:
        manager.__enter__()
    entered.set(tuple(managers))


@cladding.decorator
def leaves_managers(wrapped, instance, args, kwargs):
    """Each attempt leaves what the hooks entered before it."""
    for manager in reversed(entered.get()):
        manager.__exit__(None, None, None)
    entered.set(())
    return wrapped(*args, **kwargs)


def retry(*, on, **settings):
    """The decorator."""
    policy = cladding.retry(**parameters(on, **settings))
    warn_of(settings)
    return lambda function: policy(leaves_managers(function))


def warn_of(settings):
    """Says what a timeout of nothing means."""
    if "timeout" in settings and seconds(settings["timeout"]) == 0:
        message = "timeout=0 means no retries will be attempted"
        warnings.warn(message, stacklevel=3)


def retry_context(on, **settings):
    """The attempts of a block."""
    warn_of(settings)
    return Attempts(parameters(on, **settings))


class Attempts:
    """The attempts of a block, of either kind."""

    def __init__(self, settings):
        self._settings = settings

    def __iter__(self):
        for attempt in cladding.retry.attempts(**self._settings):
            yield Attempt(attempt, self._settings)

    async def __aiter__(self):
        async for attempt in cladding.retry.attempts(**self._settings):
            yield Attempt(attempt, self._settings)


class Attempt:
    """One attempt of a block."""

    def __init__(self, attempt, settings):
        self._attempt, self._settings = attempt, settings

    def __repr__(self):
        return f"<Attempt num={self.num}, next_wait={self.next_wait}>"

    def __enter__(self):
        self._attempt.__enter__()

    def __exit__(self, *error):
        return self._attempt.__exit__(*error)

    @property
    def num(self):
        """Counted from 1."""
        return self._attempt.number

    @property
    def next_wait(self):
        """What it would wait without jitter."""
        if not _config.is_active() or _config.is_testing():
            return 0.0
        most, first = (float(seconds(self._settings[name])) for name in ("max_delay", "initial_delay"))
        return min(most, first * self._settings["backoff_factor"] ** (self.num - 1))


def _make_stop(**_conditions):
    raise NotImplementedError("the conditions that end a call are cladding's own")


class RetryingCaller:
    """Calls with retries."""

    def __init__(self, **settings):
        self._settings = settings

    def __repr__(self):
        shown = ", ".join(f"{name}={value!r}" for name, value in sorted(self._settings.items()))
        return f"<{type(self).__name__}({shown})>"

    def on(self, on):
        """Bound to what is retried."""
        return BoundCaller(self, on)

    def __call__(self, on, function, /, *args, **kwargs):
        return cladding.retry(**parameters(on, **self._settings)).call(function, *args, **kwargs)


class AsyncRetryingCaller(RetryingCaller):
    """The same: cladding sees that it is a coroutine function."""


class BoundCaller:
    """A caller that knows what is retried."""

    def __init__(self, caller, on):
        self._caller, self._on = caller, on

    def __repr__(self):
        return f"<Bound{type(self._caller).__name__}({guess_name(self._on)}, {self._caller!r})>"

    def __call__(self, function, /, *args, **kwargs):
        return self._caller(self._on, function, *args, **kwargs)


def set_testing(testing, *, attempts=1, cap=False):
    """stamina keeps note of it, and cladding follows."""
    theirs = _config.set_testing(testing, attempts=attempts, cap=cap)
    follow()
    return Restored(theirs)


def follow():
    """Does in cladding what stamina's configuration says of tests."""
    while fast:
        fast.pop().stop()
    if _config.CONFIG.testing is not None:
        fast.append(cladding.testing.fast_retries(attempts=_config.CONFIG.testing.attempts))
        fast[-1].start()


class Restored:
    """Takes back what was set."""

    def __init__(self, theirs):
        self._theirs = theirs

    def __enter__(self):
        self._theirs.__enter__()

    def __exit__(self, *error):
        self._theirs.__exit__(*error)
        follow()
