"""`tenacity.asyncio` over `cladding.retry`: strategies that are coroutine functions are asked inside the attempt."""

import functools
import inspect
import os
from pathlib import Path

import cladding
from tenacity import AttemptManager, BaseRetrying, Translation, TryAgain

__path__.append(str(Path(os.environ["CLADDING_PEER_SOURCES"]) / "tenacity" / "asyncio"))

from .retry import *


def portable_sleep(_seconds):
    """Stands for tenacity's own: cladding waits in the event loop that runs."""


async def asked(strategy, *arguments):
    """The answer of a strategy or callback of either kind."""
    answer = strategy(*arguments)
    return await answer if inspect.isawaitable(answer) else answer


class AsyncTranslation(Translation):
    """One call of a coroutine function."""

    verdict = False

    def failed(self, _error):
        return self.verdict

    def returned(self, _value):
        return self.verdict

    async def judge(self):
        """Whether what the attempt gave is worth another."""
        state, retrying = self.state, self.retrying
        again = isinstance(state.outcome.exception(), TryAgain) or await asked(retrying.retry, state)
        self.verdict = bool(again and self.goes_on())

    async def begin(self):
        if self.next_attempt():
            await asked(self.retrying.sleep, self.state.upcoming_sleep)
        await asked(self.retrying.before, self.state)

    async def attempt(self):
        state = self.state
        await self.begin()
        try:
            result = await asked(functools.partial(state.fn, *state.args, **state.kwargs))
        except Exception as error:
            state.set_exception(error)
            await self.judge()
            raise
        state.set_result(result)
        await self.judge()
        return result


class AsyncRetrying(BaseRetrying):
    """Retries calls of coroutine functions, and blocks in them."""

    DEFAULTS = BaseRetrying.DEFAULTS | {"sleep": portable_sleep}

    async def __call__(self, fn, *args, **kwargs):
        if not self.enabled:
            return await cladding.retry(enabled=False).call(fn, *args, **kwargs)
        call = AsyncTranslation(self, fn, args, kwargs)
        try:
            result = await cladding.retry(**call.parameters()).call(call.attempt)
        except Exception:
            if not call.gave_up:
                raise
        else:
            if not call.gave_up:
                return result
        return await asked(call.end)

    def __iter__(self):
        raise TypeError("AsyncRetrying is for `async for`")

    async def __aiter__(self):
        block = AsyncTranslation(self)
        async for attempt in cladding.retry.attempts(**block.parameters()):
            await block.begin()
            manager = AttemptManager(block, attempt)
            yield manager
            await block.judge()
            manager.close()

    def wraps(self, fn):
        async def wrapper(*args, **kwargs):
            return await self(fn, *args, **kwargs)

        return self.dress(fn, wrapper)
