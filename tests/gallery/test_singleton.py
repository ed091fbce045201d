"""`singleton`: one instance under threads, and the class stays the class."""

from __future__ import annotations

import copy
import inspect
import os
import pickle
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cladding import timer
from cladding._gallery.singleton import singleton

LONG = 20


@singleton
class Settings:
    """Its docstring."""

    def __init__(self, path: str = "default") -> None:
        self.path = path


class Child(Settings): ...


@singleton
class DecoratedChild(Settings): ...


@singleton
@dataclass
class Data:
    x: int = 1


@singleton
class Slots:
    __slots__ = ("x",)


@pytest.fixture(autouse=True)
def fresh() -> None:
    for cls in (Settings, DecoratedChild, Data, Slots):
        singleton.reset(cls)


def test_one_instance() -> None:
    one = Settings("mine")
    assert Settings() is one
    assert one.path == "mine"
    assert isinstance(one, Settings)
    assert isinstance(Settings, type)
    assert type(Settings) is type
    assert Settings.__doc__ == "Its docstring."
    assert str(inspect.signature(Settings)) == "(path: 'str' = 'default') -> 'None'"


@pytest.mark.parametrize("cls", [Data, Slots])
def test_of_other_sorts(cls: Any) -> None:
    assert cls() is cls()


def test_later_arguments_are_refused() -> None:
    one = Settings("mine")
    for call in (lambda: Settings("mine"), lambda: Settings(path="other")):
        with pytest.raises(TypeError, match="later calls take no arguments"):
            call()
    assert Settings() is one
    assert one.path == "mine"


def test_subclasses_make_instances_of_their_own() -> None:
    one = Settings()
    assert Child() is not Child()
    assert Child("x").path == "x"
    assert DecoratedChild() is DecoratedChild()
    assert DecoratedChild() is not one
    assert type(DecoratedChild()) is DecoratedChild


@pytest.mark.parametrize("cls", [Settings, DecoratedChild, Data, Slots])
def test_copies_and_pickles_are_the_one(cls: Any) -> None:
    one = cls()
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(one, protocol)) is one
    assert copy.copy(one) is one
    assert copy.deepcopy([one])[0] is one


def test_copies_of_subclasses_are_copies() -> None:
    child = Child("x")
    for other in (copy.copy(child), copy.deepcopy(child), pickle.loads(pickle.dumps(child))):
        assert type(other) is Child
        assert other is not child
        assert other.path == "x"


def test_a_reduce_of_ones_own_is_kept() -> None:
    @singleton
    class Own:
        def __reduce__(self) -> Any:
            return str, ("mine",)

    assert pickle.loads(pickle.dumps(Own())) == "mine"


def test_unpickled_elsewhere_it_is_the_one_there() -> None:
    code = (
        "import pickle, sys; from tests.gallery.test_singleton import Settings; "
        f"one = pickle.loads({pickle.dumps(Settings('mine'))!r}); print(one is Settings(), one.path)"
    )
    root = Path(__file__).resolve().parents[2]
    module = Settings.__module__
    code = code.replace("tests.gallery.test_singleton", module)
    path = os.pathsep.join(map(str, (root, root / "tests")))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.stdout == "True default\n"


def test_one_thread_makes_it_and_others_wait() -> None:
    made: list[object] = []
    go = threading.Event()

    @singleton
    class Slow:
        def __init__(self) -> None:
            made.append(self)
            assert go.wait(LONG)

    got: list[object] = []
    threads = [threading.Thread(target=lambda: got.append(Slow())) for _ in range(10)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert {id(one) for one in got} == {id(made[0])}


def test_making_it_may_fail_and_is_tried_again() -> None:
    fails = True

    @singleton
    class Fails:
        def __init__(self) -> None:
            if fails:
                raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        Fails()
    fails = False
    assert Fails() is Fails()


def test_asking_for_itself_on_the_way() -> None:
    @singleton
    class Loop:
        def __init__(self) -> None:
            Loop()

    with pytest.raises(RuntimeError, match="asks for itself"):
        Loop()


def test_an_instance_that_is_none_of_its_class() -> None:
    made = []

    @singleton
    class Strange:
        def __new__(cls) -> Any:
            made.append(cls)

    assert Strange() is None
    assert Strange() is None
    assert len(made) == 1


def test_between_other_decorators() -> None:
    @timer
    @singleton
    @timer
    class Both: ...

    assert Both() is Both()


def test_reset() -> None:
    one = Settings()
    singleton.reset(Settings)
    assert Settings() is not one
    for wrong in (Child, int, 1):
        with pytest.raises(TypeError, match="is no singleton"):
            singleton.reset(wrong)  # type: ignore[arg-type]


def test_wrong_targets() -> None:
    class Meta(type):
        def __call__(cls) -> Any: ...

    class WithMeta(metaclass=Meta): ...

    for wrong in (len, 1, int):
        with pytest.raises(TypeError):
            singleton(wrong)  # type: ignore[type-var]
    with pytest.raises(TypeError, match="metaclass"):
        singleton(WithMeta)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_child_of_a_fork_makes_what_another_thread_was_making() -> None:
    begun, go_on = threading.Event(), threading.Event()
    parent = os.getpid()

    @singleton
    class Slow:
        def __init__(self) -> None:
            if os.getpid() == parent:
                begun.set()
                go_on.wait()

    thread = threading.Thread(target=Slow)
    thread.start()
    assert begun.wait(LONG)
    child = os.fork()
    if child == 0:
        os._exit(0 if Slow() is Slow() else 1)
    go_on.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
