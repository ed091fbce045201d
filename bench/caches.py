"""cache_result in memory: hits and misses of every shape, beside those who do the same."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from itertools import count

from . import cache_peers as peers
from .peers import here
from .result import BARE, Case, Row, Target
from .subjects import coroutine_function, scalar
from .timing import ASYNC, Effort, EventLoop, Variant

LRU = "lru_cache"
NO_SLOWER = Target(1, ratio=True)
SMALL, LARGE = 256, 25_000_000  # elements of 4 bytes
READING = "read once"


def hits(effort: Effort) -> Iterator[Row]:
    """Hits of several shapes. All times are those of the whole call, since the function is not called at all."""
    shapes = [
        ("one int", scalar, "f(1)", {}),
        ("one str of 32", scalar, "f(s)", {"s": "x" * 32}),
        ("two, one keyword", any_arguments, "f(1, 2, k=3)", {}),
    ]
    for shape, make, statement, names in shapes:
        variants = {name: {"f": wrap(make()), **names} for name, wrap in in_memory().items()}
        yield from whole("hits", shape, statement, variants, {"cladding": NO_SLOWER}, effort)
    methods = {LRU: peers.lru_cache(), "cladding": peers.cladding_cache()}
    variants = {name: {"o": with_method(wrap)} for name, wrap in methods.items()}
    yield from whole("hits", "a method", "o.method(1)", variants, {"cladding": Target(1.3, ratio=True)}, effort)


def misses(effort: Effort) -> Iterator[Row]:
    """Calls with a new argument, in a cache that is full."""
    variants = {name: {"f": wrap(scalar()), "n": count()} for name, wrap in in_memory(room=1_000).items()}
    targets = {"cladding": Target(1.5, ratio=True)}
    yield from whole("misses", "one int", "f(next(n))", variants, targets, effort)


def awaited_hits(effort: Effort) -> Iterator[Row]:
    """Hits of a coroutine function, over awaiting a bare one."""
    others = here(**{"async-lru": peers.async_lru_cache}, cachebox=peers.cachebox_cache)
    caches = {"cladding": peers.cladding_cache(), **others}
    calls = {BARE: coroutine_function(), **{name: wrap(coroutine_function()) for name, wrap in caches.items()}}
    with EventLoop() as run:
        variants = [Variant(name, {"f": f}, "await f(1)", ASYNC, run) for name, f in calls.items()]
        yield from Case("awaited", "hit", variants, "async-lru", {"cladding": Target(100)}).run(effort)


def content_keys(effort: Effort) -> Iterator[Row]:
    """Hits whose key is the content of an argument."""
    for name, argument in {"list of 3": [1, 2, 3], "dict of 3": {"a": 1, "b": 2, "c": 3}}.items():
        variants = {"cladding": {"f": peers.cladding_cache()(any_arguments()), "x": argument}}
        yield from whole("content", name, "f(x)", variants, {}, effort)
    try:
        import numpy as np
    except ImportError:
        return
    with tempfile.TemporaryDirectory(prefix="cladding-bench-") as folder:
        caches = {"cladding": peers.cladding_cache(), **here(joblib=lambda: peers.joblib_cache(folder))}
        small = np.arange(SMALL, dtype=np.float32)
        variants = {name: {"f": wrap(length), "x": small} for name, wrap in caches.items()}
        yield from whole("content", "array of 1 KB", "f(x)", variants, {"cladding": Target(400)}, effort, "joblib")
        yield from large_array(caches, effort)


def large_array(caches: dict[str, Callable], effort: Effort) -> Iterator[Row]:
    """Beside the fastest ways to read it that are at hand: a search for a byte that is not there, and the maximum."""
    import numpy as np

    memory = bytearray(b"\x01") * (4 * LARGE)
    array = np.frombuffer(memory, np.float32)
    few = Effort(rounds=max(5, effort.rounds // 20), slice_ns=effort.slice_ns)  # a call takes longer than a slice
    variants = [
        Variant(BARE, {}, "pass"),
        Variant(f"{READING}: memchr", {"data": memory}, "data.find(0)"),
        Variant(f"{READING}: max()", {"x": array}, "x.max()"),
        *(Variant(name, {"f": wrap(length), "x": array}, "f(x)") for name, wrap in caches.items()),
    ]
    case = Case("content", "array of 100 MB", variants)
    samples = case.samples(few)
    fastest = min((variant.name for variant in variants[1:3]), key=samples.least)
    case = Case(case.group, case.name, variants, fastest, {"cladding": Target(1 / 0.8, ratio=True)})
    yield from list(case.rows(samples))[1:]


def in_memory(room: int = peers.ROOM) -> dict[str, Callable]:
    """What keeps the results of plain functions in memory."""
    others = here(cachetools=lambda: peers.cachetools_cache(room), cachebox=lambda: peers.cachebox_cache(room))
    return {LRU: peers.lru_cache(room), "cladding": peers.cladding_cache(room), **others}


def whole(
    group: str,
    shape: str,
    statement: str | dict[str, str],
    variants: dict[str, dict[str, object]],
    targets: dict[str, Target],
    effort: Effort,
    yardstick: str = LRU,
) -> Iterator[Row]:
    """Whole calls: what is subtracted is an empty loop, which is not shown. The statement is one for all or for each."""
    statements = dict.fromkeys(variants, statement) if isinstance(statement, str) else statement
    alike = [Variant(BARE, {}, "pass"), *(Variant(name, names, statements[name]) for name, names in variants.items())]
    yield from list(Case(group, f"{shape} (in all)", alike, yardstick, targets).run(effort))[1:]


def length(x: object) -> int:
    """Says as little of a large argument as possible; joblib needs a function that has a file."""
    return len(x)  # type: ignore[arg-type]


def any_arguments() -> Callable:
    """A new function, so that each cache is its own."""

    def f(a: object, b: object = 0, k: object = 0) -> object:
        return a

    return f


def with_method(wrap: Callable) -> object:
    """An instance of a class with a method that is cached."""

    class Owner:
        def method(self, a: object) -> object:
            return a

        method = wrap(method)

    return Owner()
