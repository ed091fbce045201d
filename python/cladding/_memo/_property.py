"""``cached_property``: computed once for each instance, by one thread at a time, and of coroutine functions too."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from cladding._cache import cache_result
from cladding._kinds import kind_of
from cladding._memo._flights import once
from cladding._policy import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, MutableMapping
    from types import TracebackType

T_co = TypeVar("T_co", covariant=True)


class Settled(Generic[T_co]):
    """The value of an async property, once it is known: can be awaited any number of times, and pickled with its instance.

    It passes for a coroutine, so that ``asyncio.create_task`` takes it as it takes the first access.
    """

    __slots__ = ("value",)

    value: T_co

    def __init__(self, value: T_co) -> None:
        self.value = value

    def __await__(self) -> Generator[Any, Any, T_co]:
        yield from ()
        return self.value

    def send(self, value: Any) -> Any:  # noqa: ARG002 - as the protocol has it
        """Ends at once, with the value."""
        raise StopIteration(self.value)

    def throw(self, kind: Any, value: BaseException | None = None, traceback: TracebackType | None = None) -> Any:
        """Raises what is thrown."""
        raise kind if value is None else value.with_traceback(traceback)

    def close(self) -> None:
        """Nothing is under way."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Settled, (self.value,))

    def __repr__(self) -> str:
        return f"Settled({self.value!r})"


class cached_property(functools.cached_property[T_co]):  # noqa: N801 - the standard name
    """A property that is computed when it is first read, and then is an ordinary attribute of the instance.

    As that of ``functools``, whose subclass it is, on every version of Python: the value is kept in the instance's
    ``__dict__`` under the property's name, so reading it again costs no more than any attribute; ``del instance.name``
    forgets it; exceptions pass through and nothing is kept. And more:

    - one thread computes while others that read the same property of the same instance wait; other instances and other
      properties are not held up, and nothing that could not be copied or pickled is put on the instance. Where waiting
      could never end, because the computation itself needs what is waited for, it is computed without;
    - on a coroutine function it is read with ``await instance.name``: computed once, and shared by all who await it
      meanwhile. When an awaiter that computes is cancelled, another one goes on.

    Instances of classes with ``__slots__`` need a ``__dict__`` among them or inherited; without one the first read is a
    ``TypeError``, as a class may get it from a subclass.

    >>> from cladding import cached_property
    >>> class Sample:
    ...     def __init__(self, values):
    ...         self.values = values
    ...     @cached_property
    ...     def total(self):
    ...         print("summing")
    ...         return sum(self.values)
    >>> sample = Sample([1, 2, 3])
    >>> sample.total, sample.total
    summing
    (6, 6)

    Args:
        func: the method that computes the value.

    Raises:
        TypeError: at decoration, if ``func`` cannot be called or is a generator function, whose result could be used once
            only; at the first read, if the instance has no ``__dict__`` to keep the value in.
    """

    if TYPE_CHECKING:
        # An async property is, to its readers, a property with something to await.
        _is_async: bool

    def __init__(self, func: Callable[[Any], T_co]) -> None:
        given: Any = func
        if not callable(given):
            message = f"cached_property cannot decorate {given!r}: it cannot be called"
            raise TypeError(message)
        kind = kind_of(func)
        if kind.endswith("generator"):
            name = getattr(func, "__qualname__", repr(func))
            message = f"cached_property cannot decorate {name}(): its generator could be gone through once only"
            raise TypeError(message)
        super().__init__(func)
        self._is_async = kind == "coroutine"
        self._shared: dict[int, _Shared] = {}

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> cached_property[T_co]: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T_co: ...
    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        """The value, or on a class the property itself."""
        if instance is None:
            return self
        name = self.attrname
        if name is None:
            message = "Cannot use cached_property instance without calling __set_name__ on it."
            raise TypeError(message)
        try:
            values: MutableMapping[str, Any] = instance.__dict__
        except AttributeError:
            kind = type(instance).__name__
            message = f"No '__dict__' attribute on {kind!r} instance to cache {name!r} property."
            raise TypeError(message) from None
        value = values.get(name, MISSING)
        if value is not MISSING:
            return value
        if self._is_async:
            return self._await(instance, values, name)
        return once(self, instance, values, name, self._compute)

    def _compute(self, instance: Any, values: MutableMapping[str, Any], name: str) -> T_co:
        value = self.func(instance)
        _keep(instance, values, name, value)
        return value

    async def _await(self, instance: Any, values: MutableMapping[str, Any], name: str) -> Any:
        # Whoever awaits the same instance meanwhile finds the same computation, for which the instance stays alive.
        shared = self._shared.get(id(instance))
        if shared is None:
            shared = self._shared.setdefault(id(instance), _Shared(self.func, instance))
        token = object()
        shared.awaiters.add(token)
        try:
            value = await shared.compute()
            if values.get(name, MISSING) is MISSING:
                _keep(instance, values, name, Settled(value))
            return value
        finally:
            shared.awaiters.discard(token)
            if not shared.awaiters and self._shared.get(id(instance)) is shared:
                del self._shared[id(instance)]


class _Shared:
    """The computation of one instance's async property, while anybody awaits it."""

    __slots__ = ("awaiters", "compute", "instance")

    def __init__(self, func: Callable[[Any], Any], instance: object) -> None:
        self.instance = instance
        self.awaiters: set[object] = set()

        async def compute() -> Any:
            return await func(instance)

        self.compute = cast("Callable[[], Coroutine[Any, Any, Any]]", cache_result(ttl=None)(compute))


def _keep(instance: object, values: MutableMapping[str, Any], name: str, value: Any) -> None:
    try:
        values[name] = value
    except TypeError:
        kind = type(instance).__name__
        message = f"The '__dict__' attribute on {kind!r} instance does not support item assignment for caching {name!r} property."
        raise TypeError(message) from None
