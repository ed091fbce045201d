"""Coroutines, generators and async generators: what a policy that does nothing costs each call and each item."""

from __future__ import annotations

from collections.abc import Iterator

from . import subjects
from .result import BARE, Case, Row, Target
from .subjects import nothing
from .timing import ASYNC, ASYNC_ONCE, ONCE, Effort, EventLoop, Variant, drive

AWAIT = Target(150)
ITEM = Target(40)
# Stepping a coroutine by hand, as the innermost part of an event loop does.
STEP = """try:
    f(1).send(None)
except StopIteration:
    pass"""


def kinds(effort: Effort) -> Iterator[Row]:
    """Calls that live on after they return."""
    coroutines = three(subjects.coroutine_function, subjects.async_closure)
    yield from case("coroutine, stepped", [Variant(n, {"f": f}, STEP) for n, f in coroutines], AWAIT).run(effort)
    awaited = [Variant(n, {"f": f}, "await f(1)", ASYNC, drive) for n, f in coroutines]
    yield from case("coroutine, awaited", awaited, AWAIT).run(effort)
    with EventLoop() as run:
        awaited = [Variant(n, {"f": f}, "await f(1)", ASYNC, run) for n, f in coroutines]
        yield from case("coroutine, in asyncio", awaited, AWAIT).run(effort)
        tasks = [Variant(n, {"f": f, "task": run_as_task}, "await task(f(1))", ASYNC, run) for n, f in coroutines]
        yield from case("coroutine, as a task", tasks, None).run(effort)

    generators = three(subjects.generator_function, subjects.generator_closure)
    items = [Variant(n, {"f": f}, "for _ in f(number): pass", ONCE) for n, f in generators]
    yield from case("generator, an item", items, ITEM).run(effort)
    whole = [Variant(n, {"f": f}, "for _ in f(1): pass") for n, f in generators]
    yield from case("generator, begun and ended", whole, None).run(effort)

    generators = three(subjects.async_generator_function, subjects.async_generator_closure)
    items = [Variant(n, {"f": f}, "async for _ in f(number): pass", ASYNC_ONCE, drive) for n, f in generators]
    yield from case("async generator, an item", items, None).run(effort)


def three(make, closure):
    """The function bare, decorated, and in a closure."""
    return [(BARE, make()), ("cladding", nothing()(make())), ("closure", closure(make()))]


def case(name, variants, target):
    return Case("kinds", name, variants, targets={"cladding": target} if target else None)


def run_as_task(coroutine):
    import asyncio

    return asyncio.get_running_loop().create_task(coroutine)
