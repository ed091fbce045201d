"""``partial`` says whose it is; ``wraps`` keeps what kind of function it is, and an override its own place."""

from __future__ import annotations

import asyncio
import copy
import functools
import inspect
import pickle
import sys
from typing import Any

import pytest

from cladding._memo import partial, update_wrapper, wraps

pytestmark = pytest.mark.usefixtures("cladding")


def scale(x: int, *, by: int = 1) -> int:
    """Scales."""
    return x * by


async def fetch(x: int) -> int:
    return x


# ----------------------------------------------------------------------------------------------------------- partial


def test_a_partial_says_whose_it_is() -> None:
    double = partial(scale, by=2)
    assert isinstance(double, functools.partial)
    assert double(4) == 8
    assert (double.__name__, double.__qualname__, double.__module__) == ("scale", "scale", __name__)
    assert double.__doc__ == "Scales."
    assert double.__wrapped__ is scale
    assert str(inspect.signature(double)) == "(x: 'int', *, by: 'int' = 2) -> 'int'"
    assert str(inspect.signature(partial(scale, 1))) == "(*, by: 'int' = 1) -> 'int'"
    with pytest.raises(AttributeError, match="'partial' object has no attribute 'nothing'"):
        double.nothing


def test_the_class_says_what_it_is() -> None:
    assert partial.__name__ == "partial"
    assert partial.__module__.startswith("cladding")
    assert partial.__doc__.startswith("A function with some of its arguments given")
    assert list(inspect.signature(partial).parameters) == ["func", "args", "keywords"]


def test_functions_that_say_nothing() -> None:
    class Callable:
        def __call__(self) -> int:
            return 1

    bare = partial(Callable())
    assert bare() == 1
    assert not hasattr(bare, "__name__")
    assert partial(dict.fromkeys, [1]).__name__ == "fromkeys"
    assert partial(print).__module__ == "builtins"


def test_partials_are_copied_pickled_and_nested() -> None:
    double = partial(scale, by=2)
    double.note = "kept"
    for twin in (copy.copy(double), copy.deepcopy(double), pickle.loads(pickle.dumps(double))):
        assert type(twin) is partial
        assert (twin(3), twin.__name__, twin.note) == (6, "scale", "kept")
    assert partial(partial(scale, 3), by=5)() == 15
    assert functools.partial(partial(scale, 3), by=5).func is scale


def test_a_partial_of_a_coroutine_function_is_one() -> None:
    assert inspect.iscoroutinefunction(partial(fetch, 1))
    assert asyncio.iscoroutinefunction(partial(fetch, 1))
    assert not inspect.iscoroutinefunction(partial(scale))
    assert asyncio.run(partial(fetch, 1)()) == 1


def test_as_a_base_class() -> None:
    class Named(partial):  # type: ignore[type-arg]
        """Own."""

    named = Named(scale, by=3)
    assert named(2) == 6
    assert named.__name__ == "scale"
    assert Named.__name__ == "Named"


# ------------------------------------------------------------------------------------------------------------- wraps


def test_wraps_keeps_what_functools_keeps() -> None:
    scale.note = ["kept"]  # type: ignore[attr-defined]

    @wraps(scale)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return scale(*args, **kwargs)

    assert (wrapper.__name__, wrapper.__qualname__, wrapper.__doc__) == ("scale", "scale", "Scales.")
    assert wrapper.__wrapped__ is scale  # type: ignore[attr-defined]
    assert wrapper.note is scale.note  # type: ignore[attr-defined]
    assert inspect.signature(wrapper) == inspect.signature(scale)
    assert not inspect.iscoroutinefunction(wrapper)


def test_a_plain_wrapper_of_a_coroutine_function_is_one() -> None:
    @wraps(fetch)
    def wrapper(x: int) -> Any:
        return fetch(x)

    assert asyncio.iscoroutinefunction(wrapper)
    if sys.version_info >= (3, 12):
        assert inspect.iscoroutinefunction(wrapper)

    @wraps(wrapper)
    def again(x: int) -> Any:
        return wrapper(x)

    assert asyncio.iscoroutinefunction(again)

    @wraps(functools.partial(fetch, 1))
    def of_partial() -> Any:
        return fetch(1)

    assert asyncio.iscoroutinefunction(of_partial)


def test_a_coroutine_wrapper_of_a_plain_function_stays_one() -> None:
    @wraps(scale)
    async def wrapper(x: int) -> int:
        return scale(x)

    assert inspect.iscoroutinefunction(wrapper)
    assert "_is_coroutine_marker" not in vars(wrapper)


def test_an_override_keeps_its_own_place() -> None:
    class Base:
        def method(self, x: int) -> str:
            """What it does."""
            return "base"

        method.unit = "m"  # type: ignore[attr-defined]

    class Derived(Base):
        @wraps(Base.method)
        def method(self, *args: Any) -> str:
            return "derived"

    method = Derived.method
    assert method.__qualname__ == f"{Derived.__qualname__}.method"
    assert (method.__name__, method.__doc__, method.unit) == ("method", "What it does.", "m")  # type: ignore[attr-defined]
    assert str(inspect.signature(method)) == "(self, x: 'int') -> 'str'"
    assert Derived().method(1) == "derived"


def test_update_wrapper_gives_the_wrapper() -> None:
    def wrapper() -> None: ...

    assert update_wrapper(wrapper, scale, assigned=("__doc__",), updated=()) is wrapper
    assert (wrapper.__name__, wrapper.__doc__) == ("wrapper", "Scales.")


@pytest.mark.skipif(sys.version_info < (3, 14), reason="annotations are lazy from 3.14 on")
def test_annotations_are_not_forced() -> None:
    space: dict[str, Any] = {"wraps": wraps}
    exec("def f(x: NotThere): ...\n@wraps(f)\ndef g(*args): ...", space)
    space["NotThere"] = int
    assert space["g"].__annotations__ == {"x": int}
