"""The typed face of ``cache_result``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeVar, overload

from cladding._policy import MISSING, is_target, make

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable
    from datetime import timedelta
    from typing import ParamSpec, TypeAlias

    from cladding._cached import Cached, CachePolicy, _Whole
    from cladding._policy import Target

    # How long each result is good, and what is handed out of it.
    Lives: TypeAlias = float | timedelta | Callable[[Any], float | timedelta | None]
    Copies: TypeAlias = bool | Callable[[Any], Any]

    class Serializer(Protocol):
        """What makes bytes of a result, and a result of bytes."""

        def dumps(self, value: Any, /) -> bytes: ...
        def loads(self, data: bytes, /) -> Any: ...

    Serializers: TypeAlias = Literal["auto", "pickle"] | Serializer
    P = ParamSpec("P")
    R = TypeVar("R")


class CacheInfo(NamedTuple):
    """What ``cache_info()`` tells, under the names that ``functools.lru_cache`` uses."""

    hits: int
    """Calls that were answered without running the function, since the last ``cache_clear()``."""
    misses: int
    """All other calls since then."""
    maxsize: int | None
    """``max_entries``."""
    currsize: int
    """Results in the cache now."""


@overload
def cache_result(target: _Whole, /) -> _Whole: ...  # type: ignore[overload-overlap]
@overload
def cache_result(target: Callable[P, R], /) -> Cached[P, R]: ...
@overload
def cache_result(
    seconds: float | timedelta | None = 60,
    /,
    *,
    max_entries: int | None = 10_000,
    max_bytes: int | str | None = None,
    key: Callable[..., Hashable] | None = None,
    ignore: Iterable[str] = (),
    typed: bool = False,
    namespace: str | None = None,
    version: str | int | None = None,
    jitter: float = 0,
    stale: float | timedelta | None = None,
    early: float | bool = 0,
    on_error: Literal["raise", "stale"] = "raise",
    cache_exceptions: type[BaseException] | tuple[type[BaseException], ...] | None = None,
    exception_ttl: float | timedelta = 5,
    copy: Copies = False,
    tags: str | Iterable[str] | Callable[..., str | Iterable[str]] | None = None,
    store: str | None = None,
    serializer: Serializers = "auto",
    signing_key: str | bytes | None = None,
    lease: float | timedelta = 10,
    store_timeout: float | timedelta = 0.5,
    near: bool | float | timedelta = False,
    generators: int | None = None,
    enabled: bool | Callable[[], bool] = True,
) -> CachePolicy: ...
@overload
def cache_result(
    *,
    ttl: Lives | None,
    max_entries: int | None = 10_000,
    max_bytes: int | str | None = None,
    key: Callable[..., Hashable] | None = None,
    ignore: Iterable[str] = (),
    typed: bool = False,
    namespace: str | None = None,
    version: str | int | None = None,
    jitter: float = 0,
    stale: float | timedelta | None = None,
    early: float | bool = 0,
    on_error: Literal["raise", "stale"] = "raise",
    cache_exceptions: type[BaseException] | tuple[type[BaseException], ...] | None = None,
    exception_ttl: float | timedelta = 5,
    copy: Copies = False,
    tags: str | Iterable[str] | Callable[..., str | Iterable[str]] | None = None,
    store: str | None = None,
    serializer: Serializers = "auto",
    signing_key: str | bytes | None = None,
    lease: float | timedelta = 10,
    store_timeout: float | timedelta = 0.5,
    near: bool | float | timedelta = False,
    generators: int | None = None,
    enabled: bool | Callable[[], bool] = True,
) -> CachePolicy: ...
def cache_result(
    target: Target | float | timedelta | None = MISSING,
    /,
    *,
    ttl: Lives | None = MISSING,
    max_entries: int | None = 10_000,
    max_bytes: int | str | None = None,
    key: Callable[..., Hashable] | None = None,
    ignore: Iterable[str] = (),
    typed: bool = False,
    namespace: str | None = None,
    version: str | int | None = None,
    jitter: float = 0,
    stale: float | timedelta | None = None,
    early: float | bool = 0,
    on_error: Literal["raise", "stale"] = "raise",
    cache_exceptions: type[BaseException] | tuple[type[BaseException], ...] | None = None,
    exception_ttl: float | timedelta = 5,
    copy: Copies = False,
    tags: str | Iterable[str] | Callable[..., str | Iterable[str]] | None = None,
    store: str | None = None,
    serializer: Serializers = "auto",
    signing_key: str | bytes | None = None,
    lease: float | timedelta = 10,
    store_timeout: float | timedelta = 0.5,
    near: bool | float | timedelta = False,
    generators: int | None = None,
    enabled: bool | Callable[[], bool] = True,
) -> CachePolicy | Target:
    """Keeps a function's results for a time, under keys made from the arguments.

    A call whose arguments equal those of an earlier one is answered with that one's result, as long as it is not older
    than ``ttl`` and has not had to make room. Arguments are compared as a ``dict`` compares keys (``1``, ``1.0`` and
    ``True`` are equal), those without a hash, such as arrays, frames, lists and dictionaries, by a digest of their content;
    and it does not matter whether they came by position, by keyword or as defaults. Calls that come while an equal one is running wait for it and share its result, or its exception, once; exceptions are not kept.

    Results are handed out as they are, unless ``copy`` says otherwise. A method's results are kept apart for each instance,
    told by identity, without keeping it alive or writing to it. Of a coroutine function the result is cached, not the coroutine.

    The function gets ``cache_info()``, ``cache_clear()`` and ``cache_parameters()``, as ``functools.lru_cache`` has them,
    and ``cache`` with ``get``, ``put``, ``invalidate``, ``invalidate_tag``, ``items`` and ``load`` (see
    :class:`~cladding._cached.Results`); ``f.cladding.cache_result.stats`` has its numbers.

    Args:
        target: what to decorate, when used without parentheses; or else ``ttl``.
        ttl: how long a result is good, in seconds or as a ``timedelta``, counted from when it was computed; ``None`` for
            ever. A function gets each result and says so for it; 0 or less means that this one is not kept.
        max_entries: how many results are kept at most; ``None`` for any number.
        max_bytes: how many bytes the results have at most, as an int or as text such as ``"2GiB"``. Arrays, tensors and
            frames count with their ``nbytes`` and the like, others as ``sys.getsizeof`` says, containers with their items.
        key: a function with the same parameters, whose answer, anything hashable, is the key in the arguments' place.
        ignore: names of parameters that do not matter; on a method ``"self"`` makes its results those of all instances.
        typed: arguments of different types are different calls, also where they are equal.
        namespace: the name under which results are known in a store that is shared; ``None`` for the function's own.
        version: what keeps the results of different code apart in one namespace: a str, an int, or ``"source"`` for a
            hash of the function's source (of its bytecode, where there is no source).
        jitter: a fraction from 0 to 1, by which each life is shortened at most, at random, so that results that came
            together do not expire together.
        stale: for how many seconds after ``ttl`` a result is still handed out, while one call has it computed anew in the
            background: plain functions in a thread, coroutine functions in a task.
        early: has a result computed anew in the background before it expires, by chance: the likelier, the nearer that is
            and the longer it took. This is the factor "beta" of XFetch (Vattani, Chierichetti, Lowenstein, VLDB 2015):
            ``True`` is 1, greater ones are earlier, 0 is never.
        on_error: ``"stale"`` keeps expired results until there is no room, and hands one out where computing it anew fails.
        cache_exceptions: exceptions that are kept too, and raised again without a traceback of their own.
        exception_ttl: for how many seconds.
        copy: ``True`` hands out a deep copy each time, a function what it makes of the result.
        tags: names to invalidate results by: a str, several, or a function that gets the result and the arguments and says.
        store: the URL of a store that processes share, such as ``"file:///var/cache/app.db"`` or ``"redis://host:6379/0"``;
            ``None`` or ``"memory://"`` for the memory of each process. Nothing is connected before the first call. A
            store that is down, slow or full never breaks a call, which then computes.
        serializer: how results become bytes in a store: ``"auto"`` for MessagePack with arrays, frames and tensors in
            formats of their own, ``"pickle"`` for anything that can be pickled, only with a ``signing_key``, or an object
            with ``dumps`` and ``loads``.
        signing_key: a secret of 16 bytes or more, by which what is in a store is known to be ours before it is read.
        lease: for how many seconds a process that computes keeps others from computing the same, unless it renews that,
            which it does for as long as it lives.
        store_timeout: how many seconds the store may take to answer.
        near: for how many seconds what a store said is used again without asking it; ``True`` for until it says that
            it has changed, which Redis and Valkey can. ``max_entries`` and ``max_bytes`` bound what is kept near.
        generators: for generator functions and async generator functions, which are refused without it: up to how many
            items of one generator are kept. Items reach the first caller as they are made, and callers that come meanwhile
            share them; a generator with more items is handed out and not kept.
        enabled: ``False`` leaves the function alone; a callable is asked at each call.

    Raises:
        ConfigurationError: at decoration, if a parameter is not what is said above, or if ``generators`` is given together
            with ``stale``, ``early``, ``on_error`` or ``cache_exceptions``, or for what is no generator function.
        ValueError: at a call, if a function for ``ttl`` does not say seconds.
        TypeError: at decoration, of generator functions without ``generators``; at a call, if an argument has neither a hash nor content that is
            known, if what ``key`` returned cannot be hashed, if the function returned something that is used up by going through it once, such as an iterator, or if a function for ``tags``
            does not give strings.
    """
    given_ttl: Any = ttl
    if target is MISSING or is_target(target):
        given_ttl = 60 if ttl is MISSING else ttl
    elif ttl is MISSING:
        target, given_ttl = MISSING, target
    else:
        message = "cache_result() got `ttl` twice, by position and by keyword"
        raise TypeError(message)
    parameters: dict[str, Any] = {"ttl": given_ttl, "max_entries": max_entries}
    if isinstance(ignore, list | set | frozenset):
        ignore = tuple(ignore)  # So that equal policies are equal, and a list may change.
    given = {
        "key": (key, None),
        "ignore": (ignore, ()),
        "typed": (typed, False),
        "namespace": (namespace, None),
        "version": (version, None),
        "max_bytes": (max_bytes, None),
        "jitter": (jitter, 0),
        "stale": (stale, None),
        "early": (early, 0),
        "on_error": (on_error, "raise"),
        "cache_exceptions": (cache_exceptions, None),
        "exception_ttl": (exception_ttl, 5),
        "copy": (copy, False),
        "tags": (tags, None),
        "store": (store, None),
        "serializer": (serializer, "auto"),
        "signing_key": (signing_key, None),
        "lease": (lease, 10),
        "store_timeout": (store_timeout, 0.5),
        "near": (near, False),
        "generators": (generators, None),
    }
    parameters |= {name: value for name, (value, default) in given.items() if value is not default}
    made: CachePolicy | Target = make("cache_result", target, parameters | {"enabled": enabled})
    return made
