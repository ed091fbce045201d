"""SPEC A5 on classes: making an instance goes through the policies, and the class stays the class it was."""

from __future__ import annotations

import abc
import copy
import dataclasses
import enum
import inspect
import pickle
import subprocess
import sys
import threading
import typing
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import pytest

from .kinds import Outcome

Decorate = Callable[[Any], Any]
Counted = Callable[..., None]
T = TypeVar("T")


class Plain:
    """A class at the top of a module, for pickle."""

    __match_args__ = ("x", "y")

    def __init__(self, x: int, y: int = 2) -> None:
        self.x = x
        self.y = y

    def total(self) -> int:
        return self.x + self.y


@pytest.fixture
def plain(decorate: Decorate, monkeypatch: pytest.MonkeyPatch) -> type[Plain]:
    """A fresh class with the name and the contents of `Plain`, decorated, in its place in this module."""
    names = {name: value for name, value in vars(Plain).items() if name not in ("__dict__", "__weakref__")}
    decorated = decorate(type("Plain", (), names))
    monkeypatch.setitem(globals(), "Plain", decorated)
    return decorated


def test_stays_a_class(decorate: Decorate) -> None:
    class C:
        """Documented."""

        def __init__(self, x: int, *, y: str = "y") -> None:
            self.x = x

    before = dict(vars(C))
    decorated = decorate(C)
    assert decorated is C
    assert type(decorated) is type
    assert inspect.isclass(decorated)
    assert decorated.__name__ == "C"
    assert decorated.__doc__ == "Documented."
    assert decorated.__mro__ == (C, object)
    assert str(inspect.signature(decorated)) == "(x: 'int', *, y: 'str' = 'y') -> 'None'"
    assert set(vars(C)) - set(before) <= {"cladding", "__cladding__"}
    assert repr(decorated).endswith(".C'>")


def test_instances(plain: Any, counted: Counted) -> None:
    instance = plain(1)
    assert (instance.x, instance.y) == (1, 2)
    assert type(instance) is plain
    assert isinstance(instance, plain)
    assert issubclass(plain, plain)
    assert issubclass(plain, object)
    assert plain(1, y=5).total() == 6
    args, kwargs = [3], {"y": 4}
    assert plain(*args, **kwargs).total() == 7
    counted(plain, 3, errors=0)


def test_wrong_calls(decorate: Decorate) -> None:
    class Bare:
        def __init__(self, x: int) -> None:
            pass

    class Empty:
        pass

    for cls in (Bare, Empty, int.__class__("Sub", (int,), {})):
        calls = [lambda: cls(), lambda: cls(1, 2, 3), lambda: cls(wrong=1), lambda: cls(*(1, 2), **{"x": 1})]
        before = [Outcome.of(call).error for call in calls]
        decorate(cls)
        assert [Outcome.of(call).error for call in calls] == before


def test_match_and_except(plain: Any, decorate: Decorate, counted: Counted) -> None:
    match plain(1, 5):
        case Plain(x, 5):
            assert x == 1
        case _:
            pytest.fail("the class pattern did not match")

    @decorate
    class Broken(ValueError):
        def __init__(self, code: int = 7) -> None:
            super().__init__(f"code {code}")
            self.code = code

    for raise_ in (lambda: (_ for _ in ()).throw(Broken(3)), lambda: (_ for _ in ()).throw(Broken)):
        try:
            raise_()
        except Broken as error:
            assert error.code in (3, 7)
    with pytest.raises(ValueError, match="code 7"):
        raise Broken
    counted(Broken, 3)


def test_pickle_and_copy(plain: Any, counted: Counted) -> None:
    instance = plain(1, 5)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(instance, protocol))
        assert type(again) is plain
        assert vars(again) == vars(instance)
    assert pickle.loads(pickle.dumps(plain)) is plain
    assert vars(copy.copy(instance)) == vars(copy.deepcopy(instance)) == vars(instance)
    counted(plain, 1)


def test_subclasses_are_not_counted(plain: Any, counted: Counted) -> None:
    class Sub(plain):
        def __init__(self, z: int) -> None:
            super().__init__(z, y=z)
            self.z = z

    class Silent(plain):
        pass

    for _ in range(200):
        assert Sub(3).total() == 6
        assert Silent(3).total() == 5
        assert isinstance(Sub(3), plain)
    counted(plain, 0)
    plain(1)
    counted(plain, 1)


def test_subclass_decorated_as_well(decorate: Decorate, counted: Counted) -> None:
    @decorate
    class Base:
        pass

    @decorate
    class Derived(Base):
        pass

    for _ in range(50):
        Base()
        Derived()
        Derived()
    counted(Base, 50)
    counted(Derived, 100)


def test_subclass_with_another_metaclass(plain: Any, counted: Counted) -> None:
    class Abstract(plain, abc.ABC):
        @abc.abstractmethod
        def needed(self) -> int: ...

    class Concrete(Abstract):
        def needed(self) -> int:
            return 1

    with pytest.raises(TypeError, match="abstract"):
        Abstract(1)
    assert Concrete(1).total() == 3
    assert type(Concrete) is abc.ABCMeta

    class Mixed(plain, dict):  # type: ignore[misc]
        pass

    assert Mixed(1).x == 1
    counted(plain, 0)


def test_abstract_class_itself(decorate: Decorate, counted: Counted) -> None:
    @decorate
    class Base(abc.ABC):
        @abc.abstractmethod
        def needed(self) -> int: ...

    class Concrete(Base):
        def needed(self) -> int:
            return 1

    with pytest.raises(TypeError, match="abstract"):
        Base()
    assert Concrete().needed() == 1
    Base.register(int)
    assert isinstance(3, Base)


@pytest.mark.parametrize("size", ["no init", "init", "defaults", "new"])
def test_hot_loop_counts_every_call(decorate: Decorate, counted: Counted, size: str) -> None:
    # CPython 3.11 to 3.13 specialise calls of classes in several ways; warm each call site up before decorating, too.
    class C:
        if size == "init":

            def __init__(self) -> None:
                self.x = 1
        elif size == "defaults":

            def __init__(self, x: int = 1, *, y: int = 2) -> None:
                self.x = x
        elif size == "new":

            def __new__(cls) -> Any:
                return super().__new__(cls)

    def make(times: int) -> None:
        for _ in range(times):
            C()

    make(1_000)
    decorate(C)
    make(10_000)
    counted(C, 10_000, errors=0)


def test_hot_loop_of_builtin_subclasses(decorate: Decorate, counted: Counted) -> None:
    class Text(str):
        pass

    class Pair(tuple):
        pass

    def make(times: int) -> None:
        for index in range(times):
            assert Text(index) == str(index)
            assert Pair((index,)) == (index,)

    make(100)
    decorate(Text)
    decorate(Pair)
    make(1_000)
    counted(Text, 1_000)
    counted(Pair, 1_000)


def test_dataclasses(decorate: Decorate, counted: Counted) -> None:
    @decorate
    @dataclasses.dataclass(order=True)
    class Above:
        x: int
        y: list[int] = dataclasses.field(default_factory=list)

    @dataclasses.dataclass(frozen=True)
    @decorate
    class Below:
        x: int = 3

    assert Above(1) == Above(1, [])
    assert Above(1) < Above(2)
    assert dataclasses.replace(Above(1), x=5).x == 5
    assert dataclasses.asdict(Above(1, [2])) == {"x": 1, "y": [2]}
    assert Below().x == 3
    assert hash(Below(1)) == hash(Below(1))
    counted(Above, 7)
    counted(Below, 3)


def test_slotted_dataclass_is_a_new_class(decorate: Decorate) -> None:
    # `slots=True` builds another class from the decorated one; the policy stays behind, nothing may break.
    @dataclasses.dataclass(slots=True)
    @decorate
    class Slotted:
        x: int = 3

    assert Slotted(4).x == 4
    assert not hasattr(Slotted(4), "__dict__")


def test_named_tuple_and_typed_classes(decorate: Decorate, counted: Counted) -> None:
    @decorate
    class Point(NamedTuple):
        x: int
        y: int = 0

    assert Point(1) == (1, 0)
    assert Point(1)._replace(y=3) == (1, 3)
    assert typing.get_type_hints(Point) == {"x": int, "y": int}
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)


def test_generic_classes(decorate: Decorate, counted: Counted) -> None:
    @decorate
    class Box(Generic[T]):
        def __init__(self, item: T) -> None:
            self.item = item

    assert Box[int](3).item == 3
    assert Box(3).item == 3
    assert Box[int] is Box[int]
    assert typing.get_origin(Box[int]) is Box
    counted(Box, 2)


def test_enum_is_refused_or_keeps_working(decorate: Decorate) -> None:
    class Colour(enum.Enum):
        RED = 1
        BLUE = 2

    try:
        decorated = decorate(Colour)
    except TypeError as refused:
        assert "Enum" in str(refused) or "metaclass" in str(refused)
        decorated = Colour
    assert decorated.RED is Colour.RED
    assert decorated(1) is Colour.RED
    assert list(decorated) == [Colour.RED, Colour.BLUE]


def test_metaclass_with_its_own_call_is_counted_or_refused(decorate: Decorate, counted: Counted) -> None:
    # Such a class is called through its metaclass, past the type's own slot: silence would lose the policy.
    class Singleton(type):
        made: dict[type, Any] = {}

        def __call__(cls, *args: Any) -> Any:
            if cls not in cls.made:
                cls.made[cls] = super().__call__(*args)
            return cls.made[cls]

    class C(metaclass=Singleton):
        pass

    try:
        decorate(C)
    except TypeError:
        assert C() is C()
        return
    assert C() is C()
    counted(C, 2)


def test_new_that_returns_something_else(decorate: Decorate) -> None:
    @decorate
    class Number:
        def __new__(cls, x: int) -> Any:
            return x

        def __init__(self, x: int) -> None:
            pytest.fail("not an instance: __init__ must not run")

    assert Number(5) == 5


def test_failing_init(decorate: Decorate, counted: Counted) -> None:
    @decorate
    class C:
        def __init__(self) -> None:
            raise KeyError("inside")

    for _ in range(100):
        with pytest.raises(KeyError, match="inside"):
            C()
    counted(C, 100, errors=100)


def test_attributes_methods_and_late_changes(plain: Any, counted: Counted) -> None:
    assert plain(1).total() == 3
    plain.late = lambda self: "late"
    plain.__init__ = lambda self, x, y=100: self.__dict__.update(x=x, y=y)
    assert plain(1).total() == 101
    assert plain(1).late() == "late"
    counted(plain, 3)
    assert plain.__call__(1).total() == 101


def test_used_as_a_factory(plain: Any, counted: Counted) -> None:
    assert [instance.x for instance in map(plain, range(5))] == list(range(5))
    assert type(typing.cast(Any, type.__call__)(plain, 1)) is plain
    assert {key: plain for key in "ab"}["a"] is plain


def test_decorated_more_than_once(decorate: Decorate, cladding: Any) -> None:
    class C:
        pass

    decorate(C)
    once = len(C.cladding.policies)  # type: ignore[attr-defined]
    decorate(C)
    assert len(C.cladding.policies) == 2 * once  # type: ignore[attr-defined]
    assert type(C()) is C


def test_methods_and_class_together(decorate: Decorate, counted: Counted) -> None:
    @decorate
    class C:
        @decorate
        def __init__(self, x: int) -> None:
            self.x = x

        @decorate
        @classmethod
        def make(cls, x: int) -> Any:
            return cls(x)

    assert C.make(3).x == 3
    counted(C, 1)
    counted(C.__init__, 1)


def test_instances_made_in_threads(plain: Any, counted: Counted) -> None:
    def work() -> None:
        for _ in range(1_000):
            plain(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted(plain, 4_000, errors=0)


def test_handle_is_of_the_class_alone(cladding: Any) -> None:
    @cladding.timer
    class Made:
        pass

    class Below(Made):
        pass

    assert Made.cladding is Made().cladding is cladding.of(Made)
    assert not hasattr(Below, "cladding")
    with pytest.raises(TypeError):
        cladding.of(Below)
    assert {"timer", "policies"} <= set(dir(Made.cladding))


def test_pickled_by_value_it_keeps_its_policies(cladding: Any) -> None:
    cloudpickle = pytest.importorskip("cloudpickle")

    @cladding.timer
    class Made:
        def __init__(self, x: int) -> None:
            self.x = x

    program = (
        "import pickle, sys, cladding\n"
        "Made = pickle.loads(sys.stdin.buffer.read())\n"
        "print(Made(3).x, cladding.of(Made).timer.stats['calls'])"
    )
    payload = cloudpickle.dumps(Made)
    run = subprocess.run([sys.executable, "-c", program], input=payload, capture_output=True, timeout=60, check=False)
    assert run.stdout.split() == [b"3", b"1"], run.stderr
