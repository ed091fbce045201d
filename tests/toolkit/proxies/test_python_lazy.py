"""Proxies that make their object when it is first needed."""

from __future__ import annotations

import collections.abc
import copy
import os
import pickle
import signal
import sys
import threading
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cladding import ConfigurationError
from cladding._proxies import LazyObjectProxy, lazy_import

pytestmark = pytest.mark.usefixtures("cladding")


def test_made_once_when_needed() -> None:
    made: list[Any] = []

    def factory() -> list[int]:
        made.append(1)
        return [1, 2]

    lazy = LazyObjectProxy(factory)
    assert callable(lazy) is False
    assert type(lazy) is LazyObjectProxy
    assert made == []
    assert len(lazy) == 2
    assert lazy == [1, 2]
    assert list(lazy) == [1, 2]
    assert isinstance(lazy, list)
    assert made == [1]


def test_one_of_many_threads_makes_it() -> None:
    made: list[int] = []
    seen: list[object] = []
    begun, go = threading.Event(), threading.Event()

    def factory() -> object:
        made.append(1)
        begun.set()
        go.wait(20)
        return object()

    lazy = LazyObjectProxy(factory)
    threads = [threading.Thread(target=lambda: seen.append(lazy.__wrapped__)) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert begun.wait(20)
    threads[-1].join(0.02)
    go.set()
    for thread in threads:
        thread.join()
    assert made == [1]
    assert seen == [lazy.__wrapped__] * 4


def test_a_factory_that_fails_is_asked_again() -> None:
    answers: Any = iter([LookupError("not yet"), AttributeError("nor now"), KeyboardInterrupt(), 42])

    def factory() -> Any:
        answer = next(answers)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    lazy = LazyObjectProxy(factory)
    with pytest.raises(LookupError, match="not yet"):
        lazy + 1
    with pytest.raises(AttributeError, match="nor now"):
        lazy.real
    with pytest.raises(KeyboardInterrupt):
        int(lazy)
    assert lazy + 1 == 43


def test_a_factory_that_needs_its_own_proxy() -> None:
    lazy: Any = LazyObjectProxy(lambda: lazy + 1)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="uses the lazy proxy that it makes the object of"):
            lazy + 1
    lazy.__wrapped__ = 1
    assert lazy + 1 == 2


def test_nothing_is_made_of_what_is_set() -> None:
    lazy: Any = LazyObjectProxy(lambda: 1 / 0)
    lazy.__wrapped__ = 3
    assert lazy + 1 == 4


def test_none_is_an_object() -> None:
    made: list[int] = []
    lazy = LazyObjectProxy(lambda: made.append(1))
    assert not lazy
    assert lazy == None
    assert made == [1]


@pytest.mark.parametrize(
    "interface, name",
    [
        (collections.abc.Callable, "__call__"),
        (typing.Callable, "__call__"),
        (typing.Callable[[int], str], "__call__"),
        (collections.abc.Iterable, "__iter__"),
        (list[int], "__iter__"),
        (Path, "__fspath__"),
    ],
)
def test_an_interface_is_there_before_the_object(interface: Any, name: str) -> None:
    lazy: Any = LazyObjectProxy(lambda: None, interface=interface)
    assert any(name in vars(base) for base in type(lazy).__mro__)
    lazy.__wrapped__
    assert not any(name in vars(base) for base in type(lazy).__mro__)


class Configured(LazyObjectProxy[Any]):
    made = 0

    def __wrapped_factory__(self) -> Any:
        type(self).made += 1
        return {"configured": True}


def test_a_factory_of_the_class() -> None:
    lazy = Configured()
    assert lazy["configured"]
    assert lazy["configured"]


def test_wrong_parameters() -> None:
    with pytest.raises(ConfigurationError, match="callback must be a function without parameters, got None"):
        LazyObjectProxy()
    with pytest.raises(ConfigurationError, match="callback must be a function without parameters, got 3"):
        LazyObjectProxy(3)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="interface must be a class, got 'callable'"):
        LazyObjectProxy(list, interface="callable")
    with pytest.raises(ConfigurationError, match=r"name must be the full name of a module, got 'a\.\.b'"):
        lazy_import("a..b")
    with pytest.raises(ConfigurationError, match="attribute must be the name of an attribute of 'a', got ''"):
        lazy_import("a", "")


@pytest.mark.parametrize("make", [lambda: LazyObjectProxy(dict), Configured])
def test_pickled_before_and_after(make: Callable[[], Any]) -> None:
    lazy = make()
    lazy._self_note = "kept"
    before = pickle.loads(pickle.dumps(lazy))
    assert type(before) is type(lazy)
    assert before._self_note == "kept"
    before["x"] = 1
    lazy["y"] = 2
    after = pickle.loads(pickle.dumps(lazy))
    assert (dict(after)["y"], after._self_note, "x" in after, type(after)) == (2, "kept", False, type(lazy))


# ------------------------------------------------------------------------------------------------------------- imports


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module that has not been imported."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "lazily_here.py").write_text("class Owner:\n    def method(x): return x + 1\ntext = 'abc'")
    yield "lazily_here"
    sys.modules.pop("lazily_here", None)


def test_modules(later: str) -> None:
    lazy = lazy_import(later)
    assert later not in sys.modules
    assert lazy.text == "abc"
    assert lazy.__wrapped__ is sys.modules[later]


def test_attributes(later: str) -> None:
    method = lazy_import(later, "Owner.method")
    text = lazy_import(later, "text", interface=collections.abc.Iterable)
    assert callable(method)
    assert not callable(text)
    assert later not in sys.modules
    assert method(1) == 2
    assert list(text) == ["a", "b", "c"]


@pytest.mark.parametrize("needed", [False, True])
def test_modules_are_pickled_and_copied_by_their_names(later: str, needed: bool) -> None:
    lazy = lazy_import(later)
    method = lazy_import(later, "Owner.method")
    if needed:
        assert (lazy.text, method(1)) == ("abc", 2)
    for again in (pickle.loads(pickle.dumps((lazy, method))), copy.deepcopy((lazy, method))):
        assert (later in sys.modules) == needed
        assert callable(again[1])
    for again in (copy.copy(lazy), copy.deepcopy(lazy)):
        assert (later in sys.modules) == needed
        assert type(again) is LazyObjectProxy
    assert again.text == "abc"


def test_a_module_that_is_missing(later: str) -> None:
    lazy = lazy_import("lazily_not_here")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="lazily_not_here"):
            lazy.text
    with pytest.raises(AttributeError, match="nothing"):
        lazy_import(later, "nothing")()


def test_an_import_in_two_directions_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread imports a module that needs the proxy, another needs the proxy, which imports the module."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "lazily_both.py").write_text(
        "import lazily_control as c\nc.begun.set()\nc.go.wait(20)\nx = 1\ntry: y = c.lazy.x\nexcept AttributeError: y = 0"
    )
    control: Any = type(sys)("lazily_control")
    control.begun, control.go, control.lazy = threading.Event(), threading.Event(), lazy_import("lazily_both")
    sys.modules["lazily_control"] = control
    seen: list[int] = []
    threads = [
        threading.Thread(target=lambda: __import__("lazily_both")),
        threading.Thread(target=lambda: seen.append(control.lazy.x), daemon=True),
    ]
    threads[0].start()
    assert control.begun.wait(20)
    threads[1].start()
    threads[1].join(0.05)
    control.go.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert seen == [1]
    assert sys.modules.pop("lazily_both").y == 1
    del sys.modules["lazily_control"]


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy])
def test_a_copy_is_of_the_object(make: Callable[[Any], Any]) -> None:
    lazy = LazyObjectProxy(lambda: [[1]])
    lazy._self_note = "kept"
    made = make(lazy)
    assert type(made) is type(lazy)
    assert (made.__wrapped__, made._self_note) == ([[1]], "kept")
    assert made.__wrapped__ is not lazy.__wrapped__
    assert (made[0] is lazy[0]) == (make is copy.copy)
    assert copy.copy(made) == [[1]]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_while_another_thread_makes_the_object() -> None:
    """The child has no such thread: it makes the object itself, rather than wait for ever."""
    begun, go = threading.Event(), threading.Event()
    parent = os.getpid()

    def factory() -> int:
        if os.getpid() == parent:
            begun.set()
            go.wait(20)
        return os.getpid()

    lazy = LazyObjectProxy(factory)
    thread = threading.Thread(target=lambda: lazy.__wrapped__)
    thread.start()
    assert begun.wait(20)
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        os._exit(0 if lazy == os.getpid() else 1)
    status = os.waitpid(child, 0)[1]
    go.set()
    thread.join()
    assert status == 0
    assert lazy == parent
