"""Reading a caller: which of the two forms it is written in, and what parameters the decorator gets from it."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, NamedTuple

from cladding import _native, _trampoline
from cladding._policy import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_UNIVERSAL = ("wrapped", "instance", "args", "kwargs")

_FORMS = (
    "a caller is written as (wrapped, instance, args, kwargs) or as (func, *args, **kw); parameters of the decorator "
    "follow `kwargs`, or follow `func` with a default, or are keyword-only"
)


class Form(NamedTuple):
    """What was read from a caller."""

    universal: bool
    """``(wrapped, instance, args, kwargs)`` rather than ``(func, *args, **kw)``."""
    unbound: bool
    """The caller is a method that still wants its own ``self`` in front."""
    kind: str
    """What a call of it returns: that of a plain function, coroutine function, generator or async generator function."""
    parameters: Mapping[str, Any]
    """The decorator's parameters with their defaults, in order; `MISSING` for one that has to be given."""
    positional: int
    """How many of the parameters can be given by position."""


def read(caller: Any) -> Form:
    """Reads a function, a method, or an object or class with ``__call__``.

    Raises:
        TypeError: it is none of these, or its parameters fit neither form.
    """
    function, skipped = _function_in(caller)
    if function is None:
        message = f"decorator() cannot use {caller!r} as a caller: a Python function, method, or an object or class with __call__ is wanted"
        raise TypeError(message)
    parameters = _trampoline.Parameters(function.__code__)
    defaults = _defaults(function, parameters)
    positional = parameters.positional[skipped:]
    required = sum(name not in defaults for name in positional)
    universal = parameters.var_positional is None and parameters.var_keyword is None
    if universal:
        unbound = positional[1:5] == _UNIVERSAL and not isinstance(caller, type)
        own = 4 + unbound
        fits = required >= own
    else:
        unbound = required == 2 and skipped == 0
        own = 1 + unbound
        fits = required == own and None not in (parameters.var_positional, parameters.var_keyword)
    if not fits:
        message = f"decorator() cannot use {function.__qualname__}({parameters.declaration()}) as a caller: {_FORMS}"
        raise TypeError(message)
    names = positional[own:]
    offered = {name: defaults.get(name, MISSING) for name in (*names, *parameters.keyword_only)}
    return Form(universal, unbound, _trampoline.kind_of_code(function.__code__.co_flags), offered, len(names))


def read_class(cls: type) -> Form:
    """Reads a class whose instances are callers; the decorator's parameters are those of its ``__init__``."""
    form = read(cls)
    if form.parameters:
        message = f"decorator() cannot use {cls!r} as a caller: its __call__ takes parameters, which belong to __init__"
        raise TypeError(message)
    init = getattr(cls, "__init__", None)
    if not isinstance(init, types.FunctionType):
        return form
    parameters = _trampoline.Parameters(init.__code__)
    defaults = _defaults(init, parameters)
    names = parameters.positional[1:]
    offered = {name: defaults.get(name, MISSING) for name in (*names, *parameters.keyword_only)}
    return form._replace(parameters=offered, positional=len(names))


def _function_in(caller: Any) -> tuple[types.FunctionType | None, int]:
    """The Python function that a caller runs, and how many of its first parameters are filled already."""
    if isinstance(caller, types.FunctionType):
        return caller, 0
    function: Any
    if isinstance(caller, types.MethodType):
        function = caller.__func__
    else:
        function = getattr(caller if isinstance(caller, type) else type(caller), "__call__", None)  # noqa: B004
    return (function, 1) if isinstance(function, types.FunctionType) else (None, 0)


def _defaults(function: types.FunctionType, parameters: _trampoline.Parameters) -> dict[str, Any]:
    values = function.__defaults__ or ()
    found = dict(zip(reversed(parameters.positional), reversed(values), strict=False))
    return found | (function.__kwdefaults__ or {})


def settle(name: str, form: Form, positional: tuple[Any, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """The value of each of a decorator's parameters that was given, by name.

    Raises:
        TypeError: there is no such parameter, or it was given twice.
    """
    if len(positional) > form.positional:
        message = f"{name}() takes {form.positional} parameters by position, but {len(positional)} were given"
        raise TypeError(message)
    values = dict(zip(form.parameters, positional, strict=False))
    for key, value in given.items():
        if key not in form.parameters:
            known = ", ".join(form.parameters) or "none"
            message = f"{name}() has no parameter {key!r}; it has: {known}"
            raise TypeError(message)
        if key in values:
            message = f"{name}() got its parameter {key!r} twice"
            raise TypeError(message)
        values[key] = value
    return values


def complete(name: str, form: Form, values: Mapping[str, Any]) -> dict[str, Any]:
    """The value of every parameter, in order.

    Raises:
        TypeError: one that has no default was not given.
    """
    lacking = [key for key, default in form.parameters.items() if default is MISSING and key not in values]
    if lacking:
        message = f"{name}() needs the parameter {lacking[0]!r}: @{name}({lacking[0]}=...)"
        raise TypeError(message)
    return {key: values.get(key, default) for key, default in form.parameters.items()}


def with_parameters(caller: Callable[..., Any], form: Form, values: Mapping[str, Any]) -> Callable[..., Any]:
    """A universal caller with its parameters in place, so that a call takes the four alone and costs no more."""
    if not values:
        return caller
    if isinstance(caller, types.MethodType):
        return types.MethodType(with_parameters(caller.__func__, form, values), caller.__self__)
    if not isinstance(caller, types.FunctionType) or _native.bound_in(caller) is not None:
        return lambda wrapped, instance, args, kwargs: caller(wrapped, instance, args, kwargs, **values)
    names = tuple(form.parameters)
    code = caller.__code__
    defaults = tuple(values[name] for name in names[: form.positional])
    made = types.FunctionType(code, caller.__globals__, caller.__name__, defaults, caller.__closure__)
    made.__kwdefaults__ = {name: values[name] for name in names[form.positional :]}
    return _like(made, caller)


def positional_only(caller: Callable[..., Any]) -> Callable[..., Any]:
    """A caller of the function form whose named parameters can only be given by position.

    So the decorated function may have parameters of any name, ``func`` and the decorator's own included: what a call
    gives by keyword ends up in ``**kw``. Keyword-only parameters follow the others then, which leaves the order of the
    code's variables as it is.
    """
    if isinstance(caller, types.MethodType):
        return types.MethodType(positional_only(caller.__func__), caller.__self__)
    if not isinstance(caller, types.FunctionType) or _native.bound_in(caller) is not None:
        return _spread(caller)
    code = caller.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    code = code.replace(co_argcount=count, co_posonlyargcount=count, co_kwonlyargcount=0)
    return _like(types.FunctionType(code, caller.__globals__, caller.__name__, None, caller.__closure__), caller)


def _spread(caller: Callable[..., Any]) -> Callable[..., Any]:
    form = read(caller)
    keyword_only = tuple(form.parameters)[form.positional :]
    if not keyword_only:
        return caller
    first = 1 + form.positional

    def spread(*args: Any, **kw: Any) -> Any:
        last = first + len(keyword_only)
        named = dict(zip(keyword_only, args[first:last], strict=True))
        return caller(*args[:first], *args[last:], **named, **kw)

    return spread


def _like(made: types.FunctionType, caller: types.FunctionType) -> types.FunctionType:
    made.__qualname__ = caller.__qualname__
    made.__module__ = caller.__module__
    made.__doc__ = caller.__doc__
    made.__dict__.update(caller.__dict__)
    return made
