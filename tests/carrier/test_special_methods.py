"""SPEC A4: special methods, implicit class and static methods, and metaclasses go through the policies as well."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from .kinds import collect, finish

Decorate = Callable[[Any], Any]


def test_metaclass_methods(decorate: Decorate, counted: Callable[..., None]) -> None:
    class Meta(type):
        @decorate
        def __new__(mcs, name: str, bases: tuple[type, ...], names: dict[str, Any], **options: Any) -> Any:
            return super().__new__(mcs, name, bases, {**names, "options": options})

        @decorate
        def __init__(cls, name: str, bases: tuple[type, ...], names: dict[str, Any], **options: Any) -> None:
            super().__init__(name, bases, names)

        @decorate
        def __call__(cls, *args: Any) -> Any:
            return ["called", super().__call__(*args)]

        @classmethod
        @decorate
        def __prepare__(mcs, name: str, bases: tuple[type, ...], **options: Any) -> dict[str, Any]:
            return {"prepared": name}

        @decorate
        def __instancecheck__(cls, instance: Any) -> bool:
            return instance == 1

        @decorate
        def plain(cls) -> str:
            return cls.__name__

        @property
        @decorate
        def prop(cls) -> str:
            return cls.__name__.lower()

    class C(metaclass=Meta, level=3):
        pass

    assert C.options == {"level": 3}
    assert C.prepared == "C"
    assert type(C()[1]) is C
    assert C.plain() == "C"
    assert C.prop == "c"
    assert isinstance(1, C)
    counted(Meta.__new__, 1)
    counted(Meta.__call__, 1)


def test_implicit_classmethods_and_staticmethods(decorate: Decorate) -> None:
    seen: list[Any] = []

    class Base:
        @decorate
        def __new__(cls, *args: Any) -> Any:
            return super().__new__(cls)

        @decorate
        def __init_subclass__(cls, **options: Any) -> None:
            seen.append((cls.__name__, options))

        @decorate
        def __class_getitem__(cls, item: Any) -> Any:
            return (cls, item)

    class Derived(Base, option=1):
        pass

    assert seen == [("Derived", {"option": 1})]
    assert Derived[int] == (Derived, int)
    assert type(Derived(1)) is Derived
    assert type(Base.__dict__["__new__"]) is staticmethod
    assert type(Base.__dict__["__init_subclass__"]) is classmethod


def test_special_methods_in_a_hot_loop(decorate: Decorate, counted: Callable[..., None]) -> None:
    # The interpreter specialises each of these after a few calls; none may slip past the policy.
    class C:
        def __init__(self, x: int) -> None:
            self.x = x

        def __call__(self, y: int = 0) -> int:
            return self.x + y

        def __getitem__(self, key: int) -> int:
            return self.x + key

        def __getattr__(self, name: str) -> str:
            return name

        def __iter__(self) -> Iterator[int]:
            yield self.x

        def __lt__(self, other: Any) -> bool:
            return self.x < other.x

        def __contains__(self, item: int) -> bool:
            return item == self.x

        def __enter__(self) -> int:
            return self.x

        def __exit__(self, *exception: object) -> None:
            return None

        def value(self) -> int:
            return self.x

    names = [name for name, value in vars(C).items() if inspect.isfunction(value)]
    for name in names:
        setattr(C, name, decorate(vars(C)[name]))
    C.prop = property(C.value)
    times = 500
    total = 0
    for _ in range(times):
        c = C(1)
        with c as entered:
            total += c() + c[1] + len(c.missing) + sum(c) + (c < c) + (1 in c) + entered + c.value() + c.prop
    assert total == times * (1 + 2 + 7 + 1 + 0 + 1 + 1 + 1 + 1)
    for name in names:
        counted(vars(C)[name], times * (2 if name == "value" else 1), errors=0)


def test_patched_while_the_caller_is_already_specialised(decorate: Decorate, counted: Callable[..., None]) -> None:
    class C:
        def method(self) -> int:
            return 1

        def __getitem__(self, key: int) -> int:
            return key

    def caller(c: C, times: int) -> int:
        return sum(c.method() + c[0] for _ in range(times))

    assert caller(C(), 500) == 500
    C.method = decorate(C.method)  # type: ignore[method-assign]
    C.__getitem__ = decorate(C.__getitem__)  # type: ignore[method-assign]
    assert caller(C(), 500) == 500
    counted(C.method, 500)
    counted(C.__getitem__, 500)


def test_async_special_methods(decorate: Decorate) -> None:
    class C:
        @decorate
        async def __aenter__(self) -> str:
            return "entered"

        @decorate
        async def __aexit__(self, kind: Any, error: Any, traceback: Any) -> bool:
            return kind is ValueError

        @decorate
        async def __aiter__(self) -> AsyncIterator[int]:
            yield 1
            yield 2

        @decorate
        def __await__(self) -> Iterator[Any]:
            return "awaited"
            yield

    async def main() -> Any:
        async with C() as entered:
            items = await collect(C())
            raise ValueError
        return entered, items, await C()

    assert finish(main()) == ("entered", [1, 2], "awaited")


def test_set_name_is_passed_on(decorate: Decorate) -> None:
    class Named:
        @decorate
        def __set_name__(self, owner: type, name: str) -> None:
            self.owner, self.name = owner, name

        @decorate
        def __get__(self, instance: Any, owner: type) -> Any:
            return (self.owner, self.name, instance)

    class C:
        attribute = Named()

    assert C.attribute == (C, "attribute", None)
