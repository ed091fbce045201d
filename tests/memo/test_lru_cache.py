"""What ``lru_cache`` and ``cache`` are to their users: identity, errors, re-entrancy, memory and threads."""

from __future__ import annotations

import copy
import functools
import gc
import inspect
import os
import pickle
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import cladding
from cladding import ConfigurationError
from cladding._memo import cache, lru_cache

pytestmark = pytest.mark.usefixtures("cladding")


@lru_cache(maxsize=2)
def add(x: int, y: int = 1) -> int:
    """Adds."""
    return x + y


# -------------------------------------------------------------------------------------------------------- what it is


def test_identity_is_that_of_the_function() -> None:
    assert (add.__name__, add.__qualname__, add.__module__, add.__doc__) == ("add", "add", __name__, "Adds.")
    assert str(inspect.signature(add)) == "(x: 'int', y: 'int' = 1) -> 'int'"
    assert add.__wrapped__(1, 2) == 3
    assert "add" in repr(add)


def test_pickled_and_copied_it_is_itself() -> None:
    assert pickle.loads(pickle.dumps(add)) is add
    assert copy.copy(add) is add
    assert copy.deepcopy(add) is add
    assert weakref.ref(add)() is add


def test_local_functions_go_along_by_value() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    factor = 3

    @lru_cache(maxsize=7, typed=True)
    def scale(x: int) -> int:
        return factor * x

    scale.unit = "m"
    scale(1)
    revived = pickle.loads(cloudpickle.dumps(scale))
    assert revived is not scale
    assert (revived(2), revived.unit, revived.cache_parameters()) == (6, "m", {"maxsize": 7, "typed": True})
    assert revived.cache_info() == (0, 1, 7, 1)
    with pytest.raises((pickle.PicklingError, AttributeError), match="local"):
        pickle.dumps(scale)


def test_below_another_decorator_it_goes_along_by_value() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    names: dict[str, object] = {"__name__": "__main__", "cladding": cladding}
    exec("@cladding.timer\n@cladding.lru_cache(maxsize=3)\ndef double(x):\n    return 2 * x\n", names)
    revived = pickle.loads(cloudpickle.dumps(names["double"]))
    assert (revived(4), revived.__wrapped__.cache_info()) == (8, (0, 1, 3, 1))


def test_attributes_can_be_set() -> None:
    function = lru_cache(lambda x: x)
    function.note = "kept"
    assert function.note == "kept"
    assert vars(function)["note"] == "kept"


def test_cache_has_no_bound() -> None:
    function = cache(lambda x: x)
    for x in range(1000):
        function(x)
    assert function.cache_info() == (0, 1000, None, 1000)
    assert cache(per_instance=False)(len).cache_parameters() == {"maxsize": None, "typed": False}


def test_descriptors_are_decorated_within() -> None:
    class C:
        calls: list[Any] = []

        @lru_cache
        @classmethod
        def of_class(cls, x: int) -> Any:
            cls.calls.append(x)
            return cls, x

        @lru_cache(maxsize=None)
        @staticmethod
        def of_none(x: int) -> int:
            return x

    assert C.of_class(1) == C().of_class(1) == (C, 1)
    assert C.calls == [1]
    assert C.of_none(2) == C().of_none(2) == 2
    assert C.of_none.cache_info().hits == 1


# ------------------------------------------------------------------------------------------------------------ errors


async def _coroutine() -> None: ...


def _generator() -> Any:
    yield


async def _async_generator() -> Any:
    yield


class _Awaited:
    async def __call__(self) -> None: ...


@pytest.mark.parametrize(
    "function", [_coroutine, functools.partial(_coroutine), _Awaited(), functools.partial(_Awaited())]
)
def test_coroutine_functions_are_sent_to_what_can_do_it(function: Any) -> None:
    with pytest.raises(TypeError, match=r"cladding\.memoize or cladding\.cache_result"):
        lru_cache(function)


@pytest.mark.parametrize("function", [_generator, _async_generator, functools.partial(_generator)])
def test_generator_functions_are_refused(function: Any) -> None:
    with pytest.raises(TypeError, match="gone through once"):
        cache(function)


@pytest.mark.parametrize("maxsize", ["128", 1.5, []])
def test_maxsize_that_is_no_size(maxsize: Any) -> None:
    with pytest.raises(TypeError, match="maxsize must be an int, None or the function"):
        lru_cache(maxsize)


def test_parameters_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="per_instance must be a bool, not 1"):
        lru_cache(per_instance=1)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="cannot be called"):
        lru_cache(maxsize=3)(5)  # type: ignore[call-overload]


def test_exceptions_are_not_kept() -> None:
    @lru_cache
    def fail(x: int) -> None:
        raise ValueError(x)

    for _ in range(2):
        with pytest.raises(ValueError) as raised:
            fail(1)
        assert raised.value.__context__ is None
    assert fail.cache_info() == (0, 2, 128, 0)


def test_arguments_without_a_hash() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        add([])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unhashable"):
        add(1, y={})  # type: ignore[arg-type]


def test_methods_take_no_arguments() -> None:
    for method in (add.cache_info, add.cache_clear, add.cache_parameters):
        with pytest.raises(TypeError, match=rf"{method.__name__}\(\) takes no arguments \(1 given\)"):
            method(1)  # type: ignore[call-arg]


# ------------------------------------------------------------------------------------------------- code within the keys


class Key:
    """A key whose comparison does what it is told."""

    def __init__(self, name: str, compare: Callable[[], Any] = lambda: None) -> None:
        self.name = name
        self.compare = compare

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        self.compare()
        return isinstance(other, Key) and other.name == self.name


def test_comparison_that_fails_reaches_the_caller() -> None:
    def fail() -> None:
        raise LookupError("compared")

    function = lru_cache(lambda key: key.name)
    function(Key("a", fail))
    with pytest.raises(LookupError, match="compared"):
        function(Key("b"))
    function.cache_clear()
    assert function(Key("b")) == "b"


@pytest.mark.parametrize("maxsize", [1, 2, None])
def test_comparison_that_clears_the_cache(maxsize: int | None) -> None:
    function = lru_cache(maxsize)(lambda key: key.name)
    for name in "abcabc":
        assert function(Key(name, lambda: function.cache_clear())) == name
        assert function.cache_info().currsize <= (3 if maxsize is None else maxsize)


@pytest.mark.parametrize("maxsize", [1, 2, None])
def test_comparison_that_calls_the_function(maxsize: int | None) -> None:
    function = lru_cache(maxsize)(lambda key: key.name)
    numbers = iter(range(40))
    for name in "abcabcaabbcc":
        assert function(Key(name, lambda: (n := next(numbers, None)) and function(Key(f"inner {n}")))) == name


def test_hash_that_clears_the_cache() -> None:
    class Clears:
        def __hash__(self) -> int:
            function.cache_clear()
            return 1

    function = lru_cache(lambda x: x)
    key = Clears()
    assert function(key) is function(key) is key
    assert function.cache_info().currsize == 1


def test_finaliser_of_a_result_calls_the_function() -> None:
    class Result:
        def __del__(self) -> None:
            seen.append(function(-1))
            function.cache_clear()

    seen: list[Any] = []
    function = lru_cache(2)(lambda x: Result() if x >= 0 else x)
    for x in range(20):
        function(x)
    function.cache_clear()
    gc.collect()
    assert len(seen) == 20
    assert set(seen) == {-1}


def test_a_call_within_itself_with_equal_arguments() -> None:
    depth = 0

    @lru_cache(4)
    def function(x: int) -> int:
        nonlocal depth
        depth += 1
        return function(x) + 100 if depth < 3 else depth

    # The innermost result is the first that is kept, and then the one that counts, as in functools.
    assert function(1) == 3
    assert function.cache_info().currsize == 1


def test_recursion_without_end_is_an_error() -> None:
    @lru_cache(None)
    def function(x: int) -> int:
        return function(x + 1)

    with pytest.raises(RecursionError):
        function(0)


# ------------------------------------------------------------------------------------------------------------ memory


def test_cycles_through_the_cache_are_collected() -> None:
    class Node:
        pass

    def make() -> weakref.ref[Any]:
        node = Node()
        node.function = lru_cache(lambda x, key=None: node)  # type: ignore[attr-defined]
        node.function(1)  # type: ignore[attr-defined]
        node.function(node, key=node)  # type: ignore[attr-defined]
        return weakref.ref(node)

    reference = make()
    gc.collect()
    assert reference() is None


def test_keys_and_results_leave_when_they_are_evicted_or_cleared() -> None:
    class Thing:
        pass

    function = lru_cache(1)(lambda key, other=None: Thing())
    key = Thing()
    references = [weakref.ref(key), weakref.ref(function(key, other=key))]
    del key
    function(1)
    assert [reference() for reference in references] == [None, None]
    reference = weakref.ref(function(1))
    function.cache_clear()
    assert reference() is None


@pytest.mark.leak
def test_many_calls_leave_nothing() -> None:
    function = lru_cache(50)(lambda *args, **kwargs: object())
    failing = lru_cache(50)(lambda x: 1 // 0)
    keys = [Key(str(number)) for number in range(100)]

    def use(number: int) -> None:
        function(number)
        function(str(number), 1.5)
        function(keys[number % 100], name=keys[number % 7])
        for call in (lambda: failing(number), lambda: function([])):
            with pytest.raises((ZeroDivisionError, TypeError)):
                call()

    for number in range(300):
        use(number)
    gc.collect()
    blocks, references = sys.getallocatedblocks(), sys.getrefcount(keys[0])
    for number in range(3000):
        use(number)
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 500
    assert abs(sys.getrefcount(keys[0]) - references) < 5


# ----------------------------------------------------------------------------------------------------------- threads


def test_threads_share_a_cache() -> None:
    @lru_cache(maxsize=20)
    def square(x: Any, *, key: Any = None) -> Any:
        return x * x

    wrong: list[Any] = []
    start = threading.Barrier(5)

    def work(seed: int) -> None:
        start.wait()
        for step in range(2000):
            x = (step * seed) % 37
            if square(x) != x * x or square(x, key=Key(str(x))) != x * x:
                wrong.append(x)
            if step % 500 == 0:
                square.cache_clear()
                square.cache_info()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 3, 5, 7, 11)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
    assert square.cache_info().currsize <= 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_goes_on_with_the_cache() -> None:
    function = lru_cache(lambda x: os.getpid())
    parent = function(1)
    child = os.fork()
    if child == 0:
        os._exit(0 if function(1) == parent and function(2) == os.getpid() else 1)
    assert os.waitpid(child, 0)[1] == 0
