"""The typed face of ``synchronized``: one call at a time, or one block at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from cladding import _native, _policy
from cladding._errors import ConfigurationError
from cladding._policy import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from cladding._native import Policy
    from cladding._policy import Target

    F = TypeVar("F", bound=Target)


class Lock(Protocol):
    """What can be given as a lock: of ``threading``, ``multiprocessing``, ``asyncio`` or ``trio``, or like them."""

    def acquire(self) -> Any: ...
    def release(self) -> Any: ...


class Section(_native.Section):
    """What ``synchronized(obj)`` is: holds the lock of ``obj`` in a ``with`` or ``async with`` block, or in a function's calls.

    The block gets the object. Any number of threads and tasks may use one section, at any depth.
    """

    __slots__ = ("_enabled",)

    _enabled: bool | Callable[[], bool]

    def __new__(cls, on: Any, enabled: bool | Callable[[], bool] = True) -> Self:
        section = super().__new__(cls, on, _stand_in(on))
        section._enabled = enabled
        return section

    @property
    def policy(self) -> Policy:
        """What the section is as a decorator."""
        made: Policy = _policy.make("synchronized", MISSING, {"on": _stand_in(self.held), "enabled": self._enabled})
        return made

    def __call__(self, target: F, /) -> F:
        """Decorates ``target``: its calls hold the lock of the section's object."""
        return self.policy(target)

    async def __aenter__(self) -> Any:
        queued = self.ask()  # Nothing if the task holds the lock already.
        if queued is not None:
            from cladding import _waits

            try:
                await _waits.join_async(queued.flight)
            except BaseException:
                queued.give_up()
                raise
            self.handed(queued)
        return self.held

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.leave_task()

    def __repr__(self) -> str:
        return f"synchronized(on={self.held!r})"


class LockSection:
    """What ``synchronized(lock)`` is: holds a lock that was given, in a block or in a function's calls.

    The block gets the lock. Locks of threads are for ``with``, those that are awaited for ``async with``.
    """

    __slots__ = ("_awaited", "lock", "policy")

    def __init__(self, lock: Lock, policy: Policy) -> None:
        import inspect

        self.lock = lock
        self.policy = policy
        self._awaited = inspect.iscoroutinefunction(lock.acquire)

    def __call__(self, target: F, /) -> F:
        """Decorates ``target``: its calls hold the lock."""
        return self.policy(target)

    def __enter__(self) -> Any:
        if self._awaited:
            message = f"synchronized: {self.lock!r} is awaited, so its block is written `async with`"
            raise TypeError(message)
        self.lock.acquire()
        return self.lock

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.lock.release()

    async def __aenter__(self) -> Any:
        if not self._awaited:
            message = f"synchronized: {self.lock!r} is not awaited, so its block is written `with`"
            raise TypeError(message)
        await self.lock.acquire()
        return self.lock

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.lock.release()

    def __repr__(self) -> str:
        return repr(self.policy)


def _stand_in(on: Any) -> Any:
    """What has the lock of a decorated function or class: that which its calls end in."""
    if not _is_decorated(on):
        return on
    from cladding import _carrier

    bound = _carrier.bound_to(on)
    return on if bound is None else bound.wrapped


def _is_decorated(value: Any) -> bool:
    """Whether the argument is what is to be decorated, even if it could be a lock as well."""
    return isinstance(value, type) or hasattr(type(value), "__get__")


@overload
def synchronized(target: F, /) -> F: ...  # type: ignore[overload-overlap]
@overload
def synchronized(lock: Lock, /) -> LockSection: ...  # type: ignore[overload-overlap]
@overload
def synchronized(obj: object, /) -> Section: ...
@overload
def synchronized(*, on: object) -> Section: ...
@overload
def synchronized(*, lock: Lock, enabled: bool | Callable[[], bool] = True) -> LockSection: ...
@overload
def synchronized(*, enabled: bool | Callable[[], bool] = True) -> Policy: ...
def synchronized(
    target: Any = MISSING, /, *, on: Any = MISSING, lock: Any = None, enabled: bool | Callable[[], bool] = True
) -> Any:
    """Lets one thread, or one task, at a time into a function, the methods of an object, or a block.

    A method takes the lock of its instance, a class method that of its class, any other function one of its own; on a
    class it is the making of instances that takes the lock of the class. Locks are re-entrant: a thread, or for
    asynchronous functions a task, that holds one may take it again. Nothing is stored on the objects.

    Plain functions and generators exclude threads; coroutines and async generators exclude tasks, of any event loops. The
    two do not exclude each other. Generators hold the lock from their first item until they are exhausted or closed.

    ``f.cladding.synchronized.stats`` has ``calls`` and ``waits`` (calls that found the lock taken).

    >>> from cladding import synchronized
    >>> class Account:
    ...     balance = 0
    ...     @synchronized
    ...     def deposit(self, amount):
    ...         self.balance += amount
    >>> account = Account()
    >>> account.deposit(5)
    >>> with synchronized(account):  # the same lock
    ...     account.balance
    5

    Args:
        target: what to decorate, when used without parentheses; or a lock (anything with ``acquire`` and ``release``) that
            is to be taken in place of the natural one; or any other object, whose lock a block is to hold.
        on: any object, a callable one included: its lock is taken, in a block or by what is decorated.
        lock: as in the place of ``target``. Asynchronous functions need one that is awaited, such as ``asyncio.Lock``;
            those are re-entrant only if they say so.
        enabled: ``False`` leaves the function alone; a callable is asked at each call.

    Raises:
        ConfigurationError: ``lock`` has no ``acquire`` and ``release``, or does not fit the function's kind; ``on`` and
            ``lock`` together; ``enabled`` is neither a bool nor callable.
        TypeError: from a call, where a plain function returns something to await, which would run without the lock.
    """
    if target is not MISSING and not _is_decorated(target):
        is_lock = hasattr(target, "acquire") and hasattr(target, "release")
        if (is_lock or not callable(target)) and (on is not MISSING or lock is not None):
            message = f"synchronized: {target!r} cannot be decorated, so `on` and `lock` cannot be given with it"
            raise ConfigurationError(message)
        if is_lock:
            target, lock = MISSING, target
        elif not callable(target):
            target, on = MISSING, target
    if on is not MISSING and lock is not None:
        message = f"synchronized: `on` and `lock` exclude each other, got {on!r} and {lock!r}"
        raise ConfigurationError(message)
    section: Any
    if on is not MISSING:
        section = Section(on, enabled)
        if enabled is not True:
            _ = section.policy  # refuses what is wrong
    elif lock is not None:
        section = LockSection(lock, _policy.make("synchronized", MISSING, {"lock": lock, "enabled": enabled}))
    else:
        return _policy.make("synchronized", target, {"enabled": enabled})
    return section if target is MISSING else section(target)
