"""Hooks for imports: when they run, what they see, and what happens when they fail."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cladding import ConfigurationError
from cladding._patching import (
    discover_post_import_hooks,
    notify_module_loaded,
    register_post_import_hook,
    unregister_post_import_hook,
    when_imported,
)
from cladding._patching._imports import waiting

pytestmark = pytest.mark.usefixtures("cladding")

Write = Callable[[str, str], str]


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    before = dict(waiting)
    yield
    left = dict(waiting)
    waiting.clear()
    waiting.update(before)
    assert left == before


@pytest.fixture
def seen() -> list[Any]:
    return []


def test_before_and_after_the_import(write: Write, seen: list[Any]) -> None:
    write("hooked", "x = 1")

    @when_imported("hooked")
    def first(module: types.ModuleType) -> None:
        seen.append(("first", module.x))

    assert seen == []
    hooked = importlib.import_module("hooked")
    assert seen == [("first", 1)]
    register_post_import_hook(seen.append, "hooked")
    assert seen == [("first", 1), hooked]
    importlib.reload(hooked)
    importlib.import_module("hooked")
    assert len(seen) == 2
    assert callable(first)


def test_in_the_order_of_registration(write: Write, seen: list[Any]) -> None:
    write("hooked", "")
    for number in range(5):
        register_post_import_hook(lambda module, number=number: seen.append(number), "hooked")
    importlib.import_module("hooked")
    assert seen == [0, 1, 2, 3, 4]


def test_the_module_is_complete_and_its_own(write: Write, seen: list[Any]) -> None:
    write("hooked", "x = __spec__._initializing; y = type(__loader__)")

    def hook(module: types.ModuleType) -> None:
        seen.append((module.x, module.y, sys.modules["hooked"] is module))

    register_post_import_hook(hook, "hooked")
    module = importlib.import_module("hooked")
    assert seen == [(True, importlib.machinery.SourceFileLoader, True)]
    assert type(module.__spec__) is importlib.machinery.ModuleSpec
    assert type(module.__spec__.loader) is type(module.__loader__) is importlib.machinery.SourceFileLoader
    assert module.__spec__._initializing is False


def test_packages_and_their_modules(write: Write, seen: list[Any]) -> None:
    write("hooked_package.__init__", "from hooked_package import inner")
    write("hooked_package.inner", "x = 1")
    for name in ("hooked_package", "hooked_package.inner"):
        register_post_import_hook(lambda module: seen.append(module.__name__), name)
    importlib.import_module("hooked_package")
    assert seen == ["hooked_package.inner", "hooked_package"]
    del sys.modules["hooked_package.inner"]


def test_a_module_that_puts_something_else_in_its_place(write: Write, seen: list[Any]) -> None:
    write("hooked", "import sys, types\nmade = sys.modules[__name__] = types.SimpleNamespace(__name__='hooked')")
    register_post_import_hook(seen.append, "hooked")
    assert seen == [importlib.import_module("hooked")]
    assert type(seen[0]) is types.SimpleNamespace


def test_a_module_in_the_making(write: Write, seen: list[Any]) -> None:
    """Registered by the module itself or by what it imports: the hook waits for the end of its body."""
    write("hooked", "import hooked_inner\nx = 1")
    write(
        "hooked_inner",
        "from cladding._patching import register_post_import_hook\n"
        "register_post_import_hook('hooked_inner:hook', 'hooked')\n"
        "seen = []\n"
        "def hook(module): seen.append(module.x)\n",
    )
    importlib.import_module("hooked")
    assert sys.modules["hooked_inner"].seen == [1]


def test_a_module_in_the_making_by_another_thread(write: Write, seen: list[Any]) -> None:
    write("hooked", "import hooked_control\nhooked_control.begun.set()\nhooked_control.go.wait(20)\nx = 1")
    control = types.ModuleType("hooked_control")
    control.begun, control.go = threading.Event(), threading.Event()
    sys.modules["hooked_control"] = control
    thread = threading.Thread(target=importlib.import_module, args=("hooked",))
    thread.start()
    assert control.begun.wait(20)
    register_post_import_hook(lambda module: seen.append(module.x), "hooked")
    assert seen == []
    control.go.set()
    thread.join()
    del sys.modules["hooked_control"]
    assert seen == [1]


def test_other_threads_get_the_module_after_the_hooks(write: Write, seen: list[Any]) -> None:
    write("hooked", "x = 1")
    begun, go = threading.Event(), threading.Event()

    def hook(module: types.ModuleType) -> None:
        begun.set()
        go.wait(20)
        module.x = 2

    def use() -> None:
        seen.append(importlib.import_module("hooked").x)

    register_post_import_hook(hook, "hooked")
    threads = [threading.Thread(target=use)]
    threads[0].start()
    assert begun.wait(20)
    threads.append(threading.Thread(target=use))
    threads[1].start()
    threads[1].join(0.05)
    assert seen == []
    go.set()
    for thread in threads:
        thread.join()
    assert seen == [2, 2]


def test_hooks_that_register_hooks(write: Write, seen: list[Any]) -> None:
    write("hooked", "")

    def hook(module: types.ModuleType) -> None:
        seen.append("outer")
        register_post_import_hook(lambda module: seen.append("inner"), "hooked")
        thread = threading.Thread(target=register_post_import_hook, args=(seen.append, "hooked_never"))
        thread.start()
        thread.join(20)
        assert not thread.is_alive()

    register_post_import_hook(hook, "hooked")
    importlib.import_module("hooked")
    assert seen == ["outer", "inner"]
    assert unregister_post_import_hook(seen.append, "hooked_never")


# -------------------------------------------------------------------------------------------------------------- errors


def test_a_hook_that_fails(write: Write, seen: list[Any]) -> None:
    """The others run, the import fails, and the next one runs all of them again, for the new module."""
    write("hooked", "")
    failing = [True]

    @when_imported("hooked")
    def fails(module: types.ModuleType) -> None:
        if failing[0]:
            raise LookupError("no")

    register_post_import_hook(seen.append, "hooked")
    with pytest.raises(LookupError, match="no") as caught:
        importlib.import_module("hooked")
    assert len(seen) == 1
    assert caught.value.__notes__ == [f"raised by {fails.__qualname__}, which runs when 'hooked' has been imported"]
    assert "hooked" not in sys.modules
    failing[0] = False
    module = importlib.import_module("hooked")
    assert seen[1:] == [module]
    assert seen[0] is not module


def test_hooks_that_fail(write: Write) -> None:
    write("hooked", "")

    def fails(module: types.ModuleType) -> None:
        raise LookupError

    for _ in range(2):
        register_post_import_hook(fails, "hooked")
    with pytest.raises(ExceptionGroup, match="2 hooks failed that run when 'hooked' has been imported") as caught:
        importlib.import_module("hooked")
    assert [type(error) for error in caught.value.exceptions] == [LookupError, LookupError]
    assert unregister_post_import_hook(fails, "hooked")
    assert unregister_post_import_hook(fails, "hooked")
    assert not unregister_post_import_hook(fails, "hooked")
    importlib.import_module("hooked")


def test_an_interrupt_ends_it_at_once(write: Write, seen: list[Any]) -> None:
    write("hooked", "")

    def interrupted(module: types.ModuleType) -> None:
        raise KeyboardInterrupt

    register_post_import_hook(interrupted, "hooked")
    register_post_import_hook(seen.append, "hooked")
    with pytest.raises(KeyboardInterrupt):
        importlib.import_module("hooked")
    assert seen == []
    unregister_post_import_hook(interrupted, "hooked")
    importlib.import_module("hooked")
    assert len(seen) == 1


def test_a_hook_that_fails_at_once() -> None:
    with pytest.raises(ZeroDivisionError):
        register_post_import_hook(lambda module: 1 / 0, "sys")


def test_a_body_that_fails(write: Write, seen: list[Any], tmp_path: Path) -> None:
    write("hooked", "1 / 0")
    register_post_import_hook(seen.append, "hooked")
    with pytest.raises(ZeroDivisionError):
        importlib.import_module("hooked")
    assert seen == []
    (tmp_path / "hooked.py").write_text("x = 1  # longer than before")
    importlib.invalidate_caches()
    assert seen == [importlib.import_module("hooked")]


def test_a_module_that_is_not_there(seen: list[Any]) -> None:
    register_post_import_hook(seen.append, "hooked.never")
    for name in ("hooked.never", "hooked"):
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(name)
    assert unregister_post_import_hook(seen.append, "hooked.never")


# ------------------------------------------------------------------------------------------------------------ machinery


def test_a_hook_by_its_name(write: Write) -> None:
    write("hooked", "")
    write("hooked_hooks", "class hooks:\n    seen = []\n    hook = seen.append")
    register_post_import_hook("hooked_hooks:hooks.hook", "hooked")
    assert "hooked_hooks" not in sys.modules
    module = importlib.import_module("hooked")
    assert sys.modules["hooked_hooks"].hooks.seen == [module]


def test_a_hook_by_its_name_that_fails(write: Write) -> None:
    register_post_import_hook("hooked_never:hook", write("hooked", ""))
    with pytest.raises(ModuleNotFoundError) as caught:
        importlib.import_module("hooked")
    assert caught.value.__notes__ == ["raised by hooked_never:hook, which runs when 'hooked' has been imported"]
    del waiting["hooked"]


def test_entry_points(write: Write, tmp_path: Path) -> None:
    write("hooked", "")
    write("hooked_hooks", "seen = []\nhook = seen.append")
    information = tmp_path / "hooked_plugin-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: hooked-plugin\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[hooked.hooks]\nhooked = hooked_hooks:hook\n")
    discover_post_import_hooks("hooked.hooks")
    discover_post_import_hooks("hooked.none")
    assert "hooked_hooks" not in sys.modules
    module = importlib.import_module("hooked")
    assert sys.modules["hooked_hooks"].seen == [module]


def test_a_module_made_by_hand(seen: list[Any]) -> None:
    made = types.ModuleType("hooked_made")
    register_post_import_hook(seen.append, "hooked_made")
    notify_module_loaded(made)
    notify_module_loaded(made)
    notify_module_loaded(object())  # type: ignore[arg-type]
    assert seen == [made]


def test_finding_is_not_importing(write: Write, seen: list[Any]) -> None:
    write("hooked", "x = 1")
    register_post_import_hook(seen.append, "hooked")
    spec = importlib.util.find_spec("hooked")
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    assert seen == []
    importlib.import_module("hooked")
    assert len(seen) == 1


class Asking(importlib.abc.MetaPathFinder):
    """A finder that asks all finders for what it is asked for, as import hooks of other libraries do."""

    def __init__(self) -> None:
        self.asked = 0

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != "hooked":
            return None
        self.asked += 1
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(name, path, target)) is not None:
                return spec
        return None


def test_beside_finders_that_do_the_same(write: Write, seen: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    write("hooked", "")
    register_post_import_hook(seen.append, "hooked")
    asking = Asking()
    monkeypatch.setattr(sys, "meta_path", [asking, *sys.meta_path])
    importlib.import_module("hooked")
    assert len(seen) == 1
    assert asking.asked


def test_a_list_of_finders_that_was_made_anew(write: Write, seen: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    write("hooked", "")
    monkeypatch.setattr(sys, "meta_path", [importlib.machinery.PathFinder])
    register_post_import_hook(seen.append, "hooked")
    finder = sys.meta_path[0]
    sys.meta_path.insert(0, importlib.machinery.BuiltinImporter)
    register_post_import_hook(seen.append, "hooked")
    assert [index for index, other in enumerate(sys.meta_path) if other is finder] == [0]
    importlib.import_module("hooked")
    assert len(seen) == 2


@pytest.mark.skipif(sys.version_info >= (3, 15), reason="load_module is gone")
@pytest.mark.filterwarnings("ignore::ImportWarning")
def test_a_loader_of_the_old_form(seen: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    class Loader:
        extra = 1

        def load_module(self, name: str) -> types.ModuleType:
            return sys.modules.setdefault(name, types.ModuleType(name))

    class Finder(importlib.abc.MetaPathFinder):
        def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
            loader: Any = Loader()
            return importlib.machinery.ModuleSpec(name, loader) if name == "hooked_old" else None

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    register_post_import_hook(lambda module: seen.append(module.__name__), "hooked_old")
    importlib.import_module("hooked_old")
    assert seen == ["hooked_old"]
    assert sys.modules.pop("hooked_old").__spec__.loader.extra == 1


def test_specs_of_a_class_of_their_own(write: Write, seen: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    class Spec(importlib.machinery.ModuleSpec):
        pass

    class Finder(importlib.abc.MetaPathFinder):
        def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
            return Spec(name, importlib.machinery.SourceFileLoader(name, source)) if name == "hooked" else None

    write("hooked", "x = 1")
    source = str(Path(sys.path[0]) / "hooked.py")
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    register_post_import_hook(seen.append, "hooked")
    module = importlib.import_module("hooked")
    assert seen == [module]
    assert type(module.__spec__) is Spec


@pytest.mark.parametrize("hook", [3, None, "module", "module:", ":function", "module:a..b"])
def test_what_is_no_hook(hook: Any) -> None:
    with pytest.raises(ConfigurationError, match="hook must be callable or a string 'module:function', got"):
        register_post_import_hook(hook, "hooked")


@pytest.mark.parametrize("name", ["", None, sys])
def test_what_is_no_name(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="name must be the full name of a module, got"):
        register_post_import_hook(print, name)


def test_threads_run_each_hook_once(write: Write, seen: list[Any]) -> None:
    """Whether it is registered before, while or after the module is imported."""
    for round_ in range(30):
        write("hooked", f"x = {round_}")
        start = threading.Barrier(4)

        def register(number: int, start: threading.Barrier = start) -> None:
            start.wait()
            register_post_import_hook(lambda module: seen.append(number), "hooked")

        def load(start: threading.Barrier = start) -> None:
            start.wait()
            importlib.import_module("hooked")

        threads = [threading.Thread(target=register, args=(number,)) for number in range(3)]
        threads.append(threading.Thread(target=load))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(seen) == [0, 1, 2]
        seen.clear()
        del sys.modules["hooked"]
