"""cache_result with a store that processes share: hits and misses, beside the store's own client doing the least."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count

import cladding

from . import cache_peers as peers
from . import servers
from .caches import NO_SLOWER, whole
from .peers import here
from .result import BARE, Case, Row, Target
from .subjects import coroutine_function, scalar
from .timing import ASYNC, Effort, EventLoop, Variant

GET = "redis-py: GET"
GET_AND_SET = "redis-py: GET, SET"
MEMORY = "in memory"
NEAR = Target(1.5, ratio=True)
WARM_UP_SECONDS = 5


def stores(effort: Effort) -> Iterator[Row]:
    """All times are those of the whole call, but for the awaited ones."""
    yield from file_store(effort)
    if servers.binary() is None:
        print(f"stores: neither of {', '.join(servers.BINARIES)} is installed: without Redis", file=sys.stderr)
        return
    with servers.redis_server() as port:
        url = f"redis://127.0.0.1:{port}"
        yield from near(url, effort)
        try:
            import redis
        except ImportError:
            print("stores: redis-py is not installed: without hits in Redis", file=sys.stderr)
            return
        with redis.Redis(port=port) as client:
            yield from in_redis(client, url, effort)
            yield from in_redis_awaited(client, port, url, effort)


def stored(url: str, namespace: str, **options: object) -> Callable:
    return cladding.cache_result(peers.TTL, store=url, namespace=f"bench.{namespace}", **options)


def file_store(effort: Effort) -> Iterator[Row]:
    """Beside the library that does this with a database file too, and pickles."""
    with tempfile.TemporaryDirectory(prefix="cladding-bench-") as folder:
        others = here(diskcache=lambda: peers.diskcache_cache(f"{folder}/diskcache"))
        caches = {"cladding": stored(f"file://{folder}/cache.db", "file"), **others}
        functions = {name: wrap(scalar()) for name, wrap in caches.items()}
        variants = {name: {"f": f} for name, f in functions.items()}
        yield from whole("stores", "file, hit", "f(1)", variants, {"cladding": NO_SLOWER}, effort, "diskcache")
        variants = {name: {"f": f, "n": count(2)} for name, f in functions.items()}
        yield from whole("stores", "file, miss", "f(next(n))", variants, {}, effort, "diskcache")


def near(url: str, effort: Effort) -> Iterator[Row]:
    """What the store said, kept in memory."""
    caches = {
        MEMORY: peers.cladding_cache(),
        "near=True": stored(url, "told", near=True),
        "near=60": stored(url, "timed", near=60),
    }
    functions = {name: wrap(scalar()) for name, wrap in caches.items()}
    wait_until_near(functions["near=True"])
    variants = {name: {"f": f} for name, f in functions.items()}
    targets = {"near=True": NEAR, "near=60": NEAR}
    yield from whole("stores", "near, hit", "f(1)", variants, targets, effort, MEMORY)


def wait_until_near(f: Callable) -> None:
    """Nothing is near before the server has been asked to tell of changes, which is done beside the calls."""
    limit = time.monotonic() + WARM_UP_SECONDS
    while cladding.of(f).cache_result.stats["entries"] == 0 and time.monotonic() < limit:
        f(1)
        time.sleep(0.01)


def in_redis(client: object, url: str, effort: Effort) -> Iterator[Row]:
    """Hits beside a GET of the very record. A miss also takes and ends a lease, of which nothing was promised."""
    f = stored(url, "sync")(scalar())
    f(1)
    variants = {GET: {"get": client.get, "k": key_of(client, "sync")}, "cladding": {"f": f}}
    statements = {GET: "get(k)", "cladding": "f(1)"}
    yield from whole("stores", "Redis, hit", statements, variants, {"cladding": NO_SLOWER}, effort, GET)
    variants = {
        GET_AND_SET: {"get": client.get, "set": client.set, "n": count()},
        "cladding": {"f": f, "n": count(2)},
    }
    statements = {GET_AND_SET: "k = next(n)\nget(k)\nset(k, b'1', ex=60)", "cladding": "f(next(n))"}
    yield from whole("stores", "Redis, miss", statements, variants, {}, effort, GET_AND_SET)


def in_redis_awaited(client: object, port: int, url: str, effort: Effort) -> Iterator[Row]:
    """Hits of a coroutine function, over awaiting a bare one."""
    import redis.asyncio

    f = stored(url, "async")(coroutine_function())
    with EventLoop() as run:
        run(f(1))
        other = redis.asyncio.Redis(port=port)
        names = {"get": other.get, "k": key_of(client, "async")}
        variants = [
            Variant(BARE, {"f": coroutine_function()}, "await f(1)", ASYNC, run),
            Variant(GET, names, "await get(k)", ASYNC, run),
            Variant("cladding", {"f": f}, "await f(1)", ASYNC, run),
        ]
        yield from Case("stores", "Redis, hit awaited", variants, GET, {"cladding": NO_SLOWER}).run(effort)
        run(other.aclose())


def key_of(client: object, namespace: str) -> bytes:
    """The name of the one record there is."""
    (key,) = client.scan_iter(f"cladding:bench.{namespace}*")  # type: ignore[attr-defined]
    return key
