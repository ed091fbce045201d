"""tenacity's names over `cladding.retry`: its strategies are its own, taken from its sources; its loop is not there.

What decides, waits, counts and repeats is cladding's. This package only says in tenacity's words what cladding tells.
"""

import concurrent.futures
import functools
import os
import time
from pathlib import Path

import cladding

__path__.append(str(Path(os.environ["CLADDING_PEER_SOURCES"]) / "tenacity"))

from . import _utils, nap
from .after import after_log, after_nothing
from .before import before_log, before_nothing
from .before_sleep import before_sleep_log, before_sleep_nothing
from .nap import sleep, sleep_using_event
from .retry import *
from .retry import retry_if_exception_type
from .stop import *
from .stop import stop_after_attempt, stop_never
from .wait import *
from .wait import wait_none
from .wait import wait_random_exponential as wait_full_jitter


class TryAgain(Exception):
    """Asks for another attempt, whatever the strategy says."""


class RetryError(Exception):
    """The retries were used up."""

    def __init__(self, last_attempt):
        super().__init__(last_attempt)
        self.last_attempt = last_attempt

    def reraise(self):
        """Raises what the function raised, or this where it returned."""
        error = self.last_attempt.exception()
        if isinstance(error, TryAgain):
            error = error.__cause__ or error.__context__ or error
        raise error or self


class Future(concurrent.futures.Future):
    """How an attempt ended."""

    @classmethod
    def construct(cls, attempt_number, value, has_exception):
        """A finished one."""
        made = cls()
        made.attempt_number = attempt_number
        (made.set_exception if has_exception else made.set_result)(value)
        return made

    @property
    def failed(self):
        """Whether the attempt raised."""
        return self.exception() is not None


class RetryAction:
    """What comes next: a wait."""

    def __init__(self, seconds):
        self.sleep = seconds


class RetryCallState:
    """What strategies and callbacks are shown of a call."""

    def __init__(self, retry_object, fn, args, kwargs):
        self.retry_object, self.fn, self.args, self.kwargs = retry_object, fn, args, kwargs
        self.start_time = time.monotonic()
        self.attempt_number = 1
        self.outcome = self.outcome_timestamp = self.next_action = None
        self.idle_for = self.upcoming_sleep = 0.0

    def get_fn_name(self):
        """What is retried, for logs."""
        return str(self.retry_object) if self.fn is None else _utils.get_callback_name(self.fn)

    @property
    def seconds_since_start(self):
        """When the last attempt ended."""
        return None if self.outcome_timestamp is None else self.outcome_timestamp - self.start_time

    def set_result(self, value):
        """The attempt returned."""
        self._ended(value, has_exception=False)

    def set_exception(self, error):
        """The attempt raised."""
        self._ended(error, has_exception=True)

    def _ended(self, value, has_exception):
        self.outcome = Future.construct(self.attempt_number, value, has_exception)
        self.outcome_timestamp = time.monotonic()


class Translation:
    """One call: cladding's questions and events, put to tenacity's strategies and callbacks."""

    def __init__(self, retrying, fn=None, args=(), kwargs=None):
        self.retrying = retrying
        self.state = RetryCallState(retrying, fn, args, kwargs or {})
        self.gave_up = False
        self.number = 0  # of the last attempt that ended
        stop = retrying.stop
        self.limit, self.stop = (None, stop)
        if type(stop) is stop_after_attempt:
            self.limit, self.stop = max(stop.max_attempt_number - 1, 0), stop_never
        retrying.statistics.clear()
        retrying.statistics.update(
            start_time=self.state.start_time, attempt_number=1, idle_for=0, delay_since_first_attempt=0
        )

    def parameters(self):
        """Those of `cladding.retry`."""
        return {
            "max_retries": self.limit,
            "exceptions": self.failed,
            "retry_on_result": self.returned,
            "schedule": self.waits,
            "on_retry": self.scheduled,
            "on_giveup": self.given_up,
            "enabled": self.retrying.enabled,
        }

    def failed(self, error):
        """Whether a failure is worth another attempt."""
        self.state.set_exception(error)
        return (isinstance(error, TryAgain) or self.retrying.retry(self.state)) and self.goes_on()

    def returned(self, value):
        """Whether a result is worth another attempt."""
        self.state.set_result(value)
        return self.retrying.retry(self.state) and self.goes_on()

    def goes_on(self):
        """Asks the strategies about the wait and the end."""
        self.retrying.after(self.state)
        self.retrying.statistics["delay_since_first_attempt"] = self.state.seconds_since_start
        self.state.upcoming_sleep = self.retrying.wait(self.state)
        self.gave_up = bool(self.stop(self.state))
        return not self.gave_up

    def waits(self):
        """The schedule. Where the user brought a function that sleeps, cladding has nothing to wait for."""
        while True:
            yield self.state.upcoming_sleep if self.retrying.sleep in OURS else 0

    def scheduled(self, event):
        """There will be another attempt."""
        state, statistics = self.state, self.retrying.statistics
        if self.retrying.sleep in OURS:
            state.upcoming_sleep = event.delay
        state.next_action = RetryAction(state.upcoming_sleep)
        state.idle_for += state.upcoming_sleep
        statistics["idle_for"] += state.upcoming_sleep
        self.number = event.attempt
        statistics["attempt_number"] = self.number + 1
        if self.retrying.before_sleep is not None:
            self.retrying.before_sleep(state)

    def given_up(self, _event):
        """There will be no other attempt."""
        self.gave_up = True

    def next_attempt(self):
        """Whether this is not the first; the state is made ready."""
        again = self.state.next_action is not None
        if again:
            self.state.attempt_number = self.number + 1
            self.state.outcome = self.state.outcome_timestamp = self.state.next_action = None
        return again and self.retrying.sleep not in OURS

    def begin(self):
        """Before each attempt."""
        if self.next_attempt():
            self.retrying.sleep(self.state.upcoming_sleep)
        self.retrying.before(self.state)

    def attempt(self):
        """What cladding calls, again and again."""
        self.begin()
        return self.state.fn(*self.state.args, **self.state.kwargs)

    def end(self):
        """What tenacity makes of retries that are used up."""
        if self.retrying.retry_error_callback:
            return self.retrying.retry_error_callback(self.state)
        error = self.retrying.retry_error_cls(self.state.outcome)
        if self.retrying.reraise:
            error.reraise()
        raise error from self.state.outcome.exception()


class AttemptManager:
    """One attempt of a block. tenacity judges it when the loop goes on: a result may be set until then."""

    def __init__(self, translation, attempt):
        self.retry_state, self._translation, self._attempt = translation.state, translation, attempt

    def __enter__(self):
        self._attempt.__enter__()

    def __exit__(self, kind, error, traceback):
        if error is None:
            self.retry_state.set_result(None)
        elif isinstance(error, Exception):
            self.retry_state.set_exception(error)
        else:
            return self._attempt.__exit__(kind, error, traceback)
        return True

    def close(self):
        """Tells cladding how the attempt ended."""
        error = self.retry_state.outcome.exception()
        if error is None:
            self._attempt.set_result(self.retry_state.outcome.result())
            self._attempt.__exit__(None, None, None)
        elif not self._attempt.__exit__(type(error), error, error.__traceback__) and not self._translation.gave_up:
            raise error
        if self._translation.gave_up:
            self._translation.end()

    async def __aenter__(self):
        self.__enter__()

    async def __aexit__(self, kind, error, traceback):
        return self.__exit__(kind, error, traceback)


class BaseRetrying:
    """The configuration, in tenacity's words."""

    DEFAULTS = {
        "sleep": sleep,
        "stop": stop_never,
        "wait": wait_none(),
        "retry": retry_if_exception_type(),
        "before": before_nothing,
        "after": after_nothing,
        "before_sleep": None,
        "reraise": False,
        "retry_error_cls": RetryError,
        "retry_error_callback": None,
        "name": None,
        "enabled": True,
    }

    def __init__(self, **parameters):
        assert parameters.keys() <= self.DEFAULTS.keys()
        self.statistics = {}
        vars(self).update(self.DEFAULTS | parameters)
        if self.wait is None or self.wait == 0:
            self.wait = wait_none()

    def __str__(self):
        return self.name or "<unknown>"

    def __getstate__(self):
        return vars(self) | {"statistics": {}}

    def copy(self, **changes):
        """Another one."""
        return type(self)(**{name: getattr(self, name) for name in self.DEFAULTS} | changes)

    def wraps(self, fn):
        """The decorator."""
        return self.dress(fn, lambda *args, **kwargs: self(fn, *args, **kwargs))

    def dress(self, fn, wrapper):
        """What a decorated function has."""
        functools.update_wrapper(wrapper, fn, (*functools.WRAPPER_ASSIGNMENTS, "__defaults__", "__kwdefaults__"))
        wrapper.retry = self
        wrapper.retry_with = lambda **changes: self.copy(**changes).wraps(fn)
        wrapper.statistics = self.statistics
        return wrapper


class Retrying(BaseRetrying):
    """Retries calls and blocks."""

    def __call__(self, fn, *args, **kwargs):
        if not self.enabled:
            return cladding.retry(enabled=False).call(fn, *args, **kwargs)
        call = Translation(self, fn, args, kwargs)
        try:
            result = cladding.retry(**call.parameters()).call(call.attempt)
        except Exception:
            if not call.gave_up:
                raise
        else:
            if not call.gave_up:
                return result
        return call.end()

    def __iter__(self):
        block = Translation(self)
        for attempt in cladding.retry.attempts(**block.parameters()):
            block.begin()
            manager = AttemptManager(block, attempt)
            yield manager
            manager.close()


from .asyncio import AsyncRetrying, portable_sleep

OURS = (sleep, portable_sleep)


def retry(*targets, **parameters):
    """The decorator."""
    if targets:
        return retry()(*targets)

    def decorate(fn):
        is_async = _utils.is_coroutine_callable(fn) or _utils.is_coroutine_callable(parameters.get("sleep"))
        return (AsyncRetrying if is_async else Retrying)(**parameters).wraps(fn)

    return decorate
