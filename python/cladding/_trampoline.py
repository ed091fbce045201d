"""The code of carriers: a function of the wrapped one's kind and parameters that hands its call to a bound stack.

A trampoline is compiled from a template with the wrapped function's own parameter list, and gets its names, file and
first line. Binding errors are therefore the bare function's. Its handler takes its own entry off the traceback, which a
bare ``raise`` does not add again.
"""

from __future__ import annotations

import functools
import sys
import types
from typing import TYPE_CHECKING, Any

from cladding._native import Driver

if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable, Iterable

    from cladding._native import BoundStack

_FUNCTION = """\
def maker({p}bound):
    def trampoline({parameters}):
        try:
            return {p}bound({arguments})
        except:
            {p}bound.leave()
            raise
    return trampoline
"""

_COROUTINE = """\
def maker({p}bound, {p}driver_type, {p}type):
    async def trampoline({parameters}):
        try:
            {p}result = {p}bound({arguments})
        except:
            {p}bound.leave()
            raise
        if {p}type({p}result) is not {p}driver_type:
            return {p}result
        {forget}
        while True:
            try:
                await {p}result
                return {p}result.take()
            except:
                if {p}result.leave():
                    raise
    return trampoline
"""

_GENERATOR = """\
def maker({p}bound):
    def trampoline({parameters}):
        {p}driver = {p}bound({arguments})
        {forget}
        while True:
            try:
                yield from {p}driver
                return {p}driver.take()
            except:
                if {p}driver.leave():
                    raise
    return trampoline
"""

_ASYNC_GENERATOR = """\
def maker({p}bound):
    async def trampoline({parameters}):
        {p}driver = {p}bound({arguments})
        {forget}
        try:
            await {p}driver
            while {p}driver.open:
                try:
                    {p}driver.sent((yield {p}driver.take()))
                except BaseException as {p}thrown:
                    {p}driver.threw({p}thrown)
                await {p}driver
        except:
            if {p}driver.leave():
                raise
    return trampoline
"""

_TEMPLATES = {
    "function": _FUNCTION,
    "coroutine": _COROUTINE,
    "generator": _GENERATOR,
    "async_generator": _ASYNC_GENERATOR,
}


# The flags of code objects, which ``inspect`` has too; importing that costs more than all of cladding.
CO_VARARGS = 0x04
CO_VARKEYWORDS = 0x08
CO_NESTED = 0x10
CO_GENERATOR = 0x20
CO_COROUTINE = 0x80
CO_ITERABLE_COROUTINE = 0x100
CO_ASYNC_GENERATOR = 0x200


KIND_FLAGS = {
    "function": 0,
    "class": 0,
    "coroutine": CO_COROUTINE,
    "generator": CO_GENERATOR,
    "async_generator": CO_ASYNC_GENERATOR,
}


# The kinds that a function can report, which classes have no part in.
KINDS = tuple(kind for kind in KIND_FLAGS if kind != "class")


def kind_of_code(flags: int) -> str:
    """The call kind that a code object's flags tell."""
    if flags & CO_COROUTINE:
        return "coroutine"
    if flags & CO_ASYNC_GENERATOR:
        return "async_generator"
    if flags & CO_GENERATOR:
        return "generator"
    return "function"


class Parameters:
    """A parameter list: that of a code object, or one that was told of."""

    positional_only: tuple[str, ...]
    positional: tuple[str, ...]
    """Those that can be given by position, the positional-only ones first."""
    keyword_only: tuple[str, ...]
    var_positional: str | None
    var_keyword: str | None

    def __init__(self, code: types.CodeType) -> None:
        names = code.co_varnames
        positional, keyword_only = code.co_argcount, code.co_kwonlyargcount
        self.positional_only = names[: code.co_posonlyargcount]
        self.positional = names[:positional]
        self.keyword_only = names[positional : positional + keyword_only]
        rest = iter(names[positional + keyword_only :])
        self.var_positional = next(rest) if code.co_flags & CO_VARARGS else None
        self.var_keyword = next(rest) if code.co_flags & CO_VARKEYWORDS else None

    @classmethod
    def of(cls, signature: inspect.Signature) -> Parameters:
        """The parameter list of a signature."""
        self = cls.__new__(cls)
        parameters = signature.parameters.values()
        # The kinds are numbers, in the order of the language's reference, from positional-only to ``**``.
        named = [tuple(each.name for each in parameters if each.kind == kind) for kind in range(5)]
        self.positional_only = named[0]
        self.positional = named[0] + named[1]
        self.var_positional = next(iter(named[2]), None)
        self.keyword_only = named[3]
        self.var_keyword = next(iter(named[4]), None)
        return self

    @property
    def all(self) -> tuple[str, ...]:
        """Every name, in the order of a code object."""
        rest = (name for name in (self.var_positional, self.var_keyword) if name is not None)
        return (*self.positional, *self.keyword_only, *rest)

    def declaration(self) -> str:
        """The list as it is written in a ``def``. Defaults are the function object's business."""
        parts = list(self.positional)
        if self.positional_only:
            parts.insert(len(self.positional_only), "/")
        if self.var_positional is not None:
            parts.append(f"*{self.var_positional}")
        elif self.keyword_only:
            parts.append("*")
        parts += self.keyword_only
        if self.var_keyword is not None:
            parts.append(f"**{self.var_keyword}")
        return ", ".join(parts)

    def arguments(self) -> str:
        """The list as it is written in a call that hands everything on."""
        parts = list(self.positional)
        if self.var_positional is not None:
            parts.append(f"*{self.var_positional}")
        parts += [f"{name}={name}" for name in self.keyword_only]
        if self.var_keyword is not None:
            parts.append(f"**{self.var_keyword}")
        return ", ".join(parts)


def prefix_beside(names: Iterable[str]) -> str:
    """The beginning of names that clash with none of these."""
    prefix = "_cladding_"
    while any(name.startswith(prefix) for name in names):
        prefix += "_"
    return prefix


@functools.lru_cache(maxsize=1024)
def _compile(kind: str, declaration: str, arguments: str, names: tuple[str, ...]) -> types.CodeType:
    """The code of a trampoline, still under its own names."""
    prefix = prefix_beside(names)
    source = _TEMPLATES[kind].format(
        p=prefix,
        parameters=declaration,
        arguments=arguments,
        forget=f"del {', '.join(names)}" if names else "pass",
    )
    module = compile(source, "<cladding>", "exec", dont_inherit=True)
    maker = next(const for const in module.co_consts if isinstance(const, types.CodeType))
    return next(const for const in maker.co_consts if isinstance(const, types.CodeType))


def _one_line(code: types.CodeType) -> bytes:
    """A line table that puts all of a code object on its first line, without columns.

    The format is that of CPython's ``InternalDocs/code_objects.md``: an entry covers up to eight code units, and form 13
    holds a line difference (here 0) and no columns.
    """
    units = len(code.co_code) // 2
    table = bytearray()
    while units > 0:
        length = min(units, 8)
        table += bytes((0x80 | 13 << 3 | length - 1, 0))
        units -= length
    return bytes(table)


# Flags that a wrapped function's code has for reasons other than its kind and its parameters.
_FOREIGN_FLAGS = CO_NESTED | CO_ITERABLE_COROUTINE


def _closure(code: types.CodeType, bound: BoundStack) -> tuple[types.CellType, ...]:
    """The cells of a trampoline; the interpreter keeps them in the order of their names, and ``bound`` is first."""
    contents = (bound, Driver, type)
    return tuple(map(types.CellType, contents[: len(code.co_freevars)]))


# Whether a carrier's call is native, so that the trampoline of a plain one never runs.
NATIVE_CALLS = sys.version_info >= (3, 12)

_ANY = ("*args, **kwargs", "*args, **kwargs", ("args", "kwargs"))


def for_function(function: types.FunctionType, bound: BoundStack, *, for_readers: bool = False) -> types.FunctionType:
    """A carrier for a Python function, with its parameters, names and place.

    A plain one hands on what comes as it was given, whatever kind it reports; its trampoline has the function's
    parameters for those who read code, except on 3.11, which runs it. ``for_readers`` says that it is made to be read.
    """
    original = function.__code__
    parameters = Parameters(original)
    kind = "function" if bound.plain else kind_of_code(original.co_flags)
    lists = (parameters.declaration(), parameters.arguments(), parameters.all)
    code = _compile(kind, *(_ANY if bound.plain and not (NATIVE_CALLS or for_readers) else lists))
    told = KIND_FLAGS[bound.target.kind] if bound.plain else 0
    code = code.replace(
        co_name=original.co_name,
        co_qualname=original.co_qualname,
        co_filename=original.co_filename,
        co_firstlineno=original.co_firstlineno,
        co_linetable=_one_line(code),
        co_flags=code.co_flags & ~_FOREIGN_FLAGS | original.co_flags & _FOREIGN_FLAGS | told,
    )
    closure = _closure(code, bound)
    carrier = types.FunctionType(code, function.__globals__, function.__name__, function.__defaults__, closure)
    carrier.__kwdefaults__ = function.__kwdefaults__
    return carrier


def for_callable(name: str, flags: int, bound: BoundStack) -> types.FunctionType:
    """A carrier for any other callable, whose parameters only it knows: it takes what comes and hands it on at once.

    ``flags`` says what a call returns; the carrier is a plain function that says the same.
    """
    code = _compile("function", *_ANY)
    code = code.replace(
        co_name=name,
        co_qualname=name,
        co_linetable=_one_line(code),
        co_flags=code.co_flags & ~CO_NESTED | flags,
    )
    return types.FunctionType(code, {"__builtins__": __builtins__}, name, None, _closure(code, bound))


async def _coroutine(driver: Any) -> Any:
    while True:
        try:
            await driver
            return driver.take()
        except:  # noqa: E722 - as in the templates
            if driver.leave():
                raise


def _generator(driver: Any) -> Any:
    while True:
        try:
            yield from driver
            return driver.take()
        except:  # noqa: E722 - as in the templates
            if driver.leave():
                raise


async def _async_generator(driver: Any) -> Any:
    try:
        await driver
        while driver.open:
            try:
                driver.sent((yield driver.take()))
            except BaseException as thrown:  # noqa: BLE001
                driver.threw(thrown)
            await driver
    except:  # noqa: E722
        if driver.leave():
            raise


_CARRYING_ON: dict[str, Callable[[Any], Any]] = {
    "coroutine": _coroutine,
    "generator": _generator,
    "async_generator": _async_generator,
}


def carry_on(driver: object, inner: Any, kind: str) -> Any:
    """What a plain function gives its caller in place of ``inner``, which it has returned: the same kind and name."""
    outer = _CARRYING_ON[kind](driver)
    # Not everything that can be awaited has a name.
    outer.__name__ = getattr(inner, "__name__", type(inner).__name__)
    outer.__qualname__ = getattr(inner, "__qualname__", type(inner).__qualname__)
    return outer
