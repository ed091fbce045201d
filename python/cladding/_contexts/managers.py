"""contextmanager and asynccontextmanager: as the standard ones, and what they decorate stays what it is."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from cladding import _overlay
from cladding._carrier import kind_of_call
from cladding._contexts import surrounding

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

T_co = TypeVar("T_co", covariant=True)
P = ParamSpec("P")
F = TypeVar("F")

if TYPE_CHECKING:
    # The standard library's classes have parameters for type checkers, and what comes after the first has changed.
    class _Generator(contextlib._GeneratorContextManager[T_co]): ...

    class _AsyncGenerator(contextlib._AsyncGeneratorContextManager[T_co]): ...
else:
    from typing import Generic

    class _Generator(contextlib._GeneratorContextManager, Generic[T_co]): ...

    class _AsyncGenerator(contextlib._AsyncGeneratorContextManager, Generic[T_co]): ...


class GeneratorContextManager(_Generator[T_co]):
    """What a factory made by ``contextmanager`` returns: is entered once, and decorates as often as one likes."""

    def __call__(self, func: F) -> F:
        """Decorates a function, another callable, or a descriptor around one: each call runs inside a new context.

        Raises:
            TypeError: ``func`` is a class, or nothing that can be called.
        """
        return _decorate(self, func, surrounding.BY_KIND)

    def again(self) -> Callable[[], GeneratorContextManager[T_co]]:
        """What makes another such context manager: this one forgets how when it is entered."""
        return functools.partial(type(self), self.func, self.args, self.kwds)


class AsyncGeneratorContextManager(_AsyncGenerator[T_co]):
    """What a factory made by ``asynccontextmanager`` returns: is entered once, and decorates as often as one likes."""

    def __call__(self, func: F) -> F:
        """Decorates a coroutine function or an async generator function: each call runs inside a new context.

        Raises:
            TypeError: ``func`` is neither.
        """
        return _decorate(self, func, surrounding.ASYNC_BY_KIND)

    def again(self) -> Callable[[], AsyncGeneratorContextManager[T_co]]:
        """What makes another such context manager: this one forgets how when it is entered."""
        return functools.partial(type(self), self.func, self.args, self.kwds)


def _decorate(manager: Any, func: F, by_kind: surrounding.ByKind) -> F:
    name = getattr(manager.gen, "__qualname__", type(manager).__name__)
    if not hasattr(manager, "func"):
        message = f"{name} was entered already, and cannot be made again to decorate {func!r}"
        raise TypeError(message)
    again = manager.again()

    def replace(wrapped: Any) -> tuple[Callable[..., Any], str | None]:
        kind = kind_of_call(wrapped)
        if kind not in by_kind:
            message = (
                f"{name} is an async context manager and cannot decorate {wrapped!r}: a coroutine function or an async "
                f"generator function is wanted, whose caller awaits the way in and out"
            )
            raise TypeError(message)
        return by_kind[kind](wrapped, again), kind

    result: F = _overlay.overlay(func, replace, name)
    return result


def contextmanager(func: Callable[P, Iterator[T_co]]) -> Callable[P, GeneratorContextManager[T_co]]:
    """Makes a factory of context managers from a generator function with one ``yield``, as ``contextlib`` does.

    What the factory returns also decorates. The decorated function keeps name, signature and kind, and each call is
    surrounded by a new run of the generator, for all of its life: a coroutine until it completes, a generator or an async
    generator until it is exhausted or closed. Descriptors such as ``classmethod`` are decorated inside. The factory itself
    works below ``classmethod``, too.

    Args:
        func: the generator function.

    Example:
        >>> from cladding import contextmanager
        >>> @contextmanager
        ... def underlined(text):
        ...     print(text)
        ...     yield
        ...     print("-" * len(text))
        >>> @underlined("sum")
        ... def add(left, right):
        ...     print(left + right)
        >>> add(2, right=3)
        sum
        5
        ---
    """
    made: Any = func  # the standard class says that a generator is wanted, the standard function that an iterator is

    @functools.wraps(func)
    def helper(*args: P.args, **kwds: P.kwargs) -> GeneratorContextManager[T_co]:
        return GeneratorContextManager(made, args, kwds)

    return helper


def asynccontextmanager(func: Callable[P, AsyncIterator[T_co]]) -> Callable[P, AsyncGeneratorContextManager[T_co]]:
    """Makes a factory of async context managers from an async generator function, as ``contextlib`` does.

    What the factory returns also decorates coroutine functions and async generator functions, as that of
    ``contextmanager`` does. It refuses a function that is neither: nobody would await the way in and out.

    Args:
        func: the async generator function.

    Example:
        >>> import asyncio
        >>> from cladding import asynccontextmanager
        >>> @asynccontextmanager
        ... async def announced():
        ...     print("start")
        ...     yield
        ...     print("end")
        >>> @announced()
        ... async def square(x):
        ...     return x * x
        >>> asyncio.run(square(4))
        start
        end
        16
    """
    made: Any = func  # as in contextmanager

    @functools.wraps(func)
    def helper(*args: P.args, **kwds: P.kwargs) -> AsyncGeneratorContextManager[T_co]:
        return AsyncGeneratorContextManager(made, args, kwds)

    return helper
