"""Decorating: what is made of a function, a class, a descriptor or any other callable."""

from __future__ import annotations

import functools
import types
from typing import TYPE_CHECKING, Any

from cladding import _native, _trampoline
from cladding._policy import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cladding._native import BoundPolicy, BoundStack, Policy

CLASS_KEY = "__cladding__"
HANDLE = "cladding"


def decorate(target: Any, policies: Iterable[Policy]) -> Any:
    """Puts policies, outermost first, around anything that can be called or that holds something that can.

    Policies that were given ``enabled=False`` are left out; where none is left the target itself is returned.
    """
    chosen = tuple(policy for policy in policies if policy.parameters.get("enabled", True) is not False)
    if not chosen:
        return target
    for kind, rebuild in _REBUILDERS.items():
        if isinstance(target, kind):
            return rebuild(target, lambda inner: decorate(inner, chosen))
    if isinstance(target, types.FunctionType):
        return _function(target, chosen)
    if isinstance(target, type):
        return _class(target, chosen)
    if callable(target):
        return _callable(target, chosen)
    names = " and ".join(policy.name for policy in chosen)
    message = (
        f"{names} cannot decorate {target!r}: a function, a class, another callable, or a classmethod, staticmethod, "
        f"property, cached_property or partialmethod is wanted"
    )
    raise TypeError(message)


def bound_to(target: Any) -> BoundStack | None:
    """The stack on a callable, a class or a descriptor, if it has one."""
    if isinstance(target, types.MethodType | classmethod | staticmethod):
        return bound_to(target.__func__)
    if isinstance(target, types.FunctionType):
        return _native.bound_in(target) or target.__dict__.get(HANDLE)
    if isinstance(target, type):
        return target.__dict__.get(CLASS_KEY)
    if isinstance(target, property):
        return bound_to(target.fget)
    if isinstance(target, functools.cached_property | functools.partialmethod):
        return bound_to(target.func)
    return None


def _bind(
    wrapped: Any, below: BoundStack | None, info: _native.Target, policies: tuple[Policy, ...], *, plain: bool = False
) -> BoundStack:
    """Live policies in front of those that are there already, over the innermost callable."""
    live: tuple[BoundPolicy, ...] = tuple(_native.BoundPolicy(policy, info) for policy in policies)
    if below is not None:
        return _native.bind(below.wrapped, below.target, live + below.policies, below.plain)
    return _native.bind(wrapped, info, live, plain)


def _finish(carrier: types.FunctionType, target: Any, bound: BoundStack) -> types.FunctionType:
    """What every carrier gets: the target's dictionary, the way down, the handle and the policies' own methods."""
    carrier.__dict__.update(getattr(target, "__dict__", {}))
    carrier.__dict__["__wrapped__"] = target
    carrier.__dict__[HANDLE] = bound
    for policy in reversed(bound.policies):
        for name in policy.methods:
            carrier.__dict__[name] = getattr(policy, name)
    if bound.target.kind == "function" or bound.plain:
        _native.arm(carrier)
    return carrier


def _function(function: types.FunctionType, policies: tuple[Policy, ...]) -> types.FunctionType:
    below = _native.bound_in(function)
    parameters = _trampoline.Parameters(function.__code__)
    info = (
        below.target
        if below is not None
        else _native.Target(
            function.__module__ or "",
            function.__qualname__,
            _trampoline.kind_of_code(function.__code__.co_flags),
            parameters.positional + parameters.keyword_only,
            len(parameters.positional),
            len(parameters.positional_only),
            _defaults(function, parameters.positional),
            parameters.var_positional is not None,
            parameters.var_keyword is not None,
        )
    )
    bound = _bind(function, below, info, policies)
    carrier = _trampoline.for_function(function, bound)
    carrier.__module__ = function.__module__
    carrier.__qualname__ = function.__qualname__
    carrier.__doc__ = function.__doc__
    # Attributes that came with later versions. From 3.14 on annotations are made by ``__annotate__`` when somebody asks;
    # asking here could fail on a name that is not there yet.
    lazy = hasattr(function, "__annotate__")
    for attribute in ("__type_params__", "__annotate__" if lazy else "__annotations__"):
        if (value := getattr(function, attribute, MISSING)) is not MISSING:
            setattr(carrier, attribute, value)
    return _finish(carrier, function, bound)


def _defaults(function: types.FunctionType, positional: tuple[str, ...]) -> dict[str, Any]:
    """The defaults of a function's parameters, by name."""
    values = function.__defaults__ or ()
    return dict(zip(reversed(positional), reversed(values), strict=False)) | (function.__kwdefaults__ or {})


def _parameters_told(
    target: Any,
) -> tuple[tuple[str, ...], int | None, int, dict[str, Any], bool, bool]:
    """The parameter list that ``inspect`` tells of any callable, as ``Target`` takes it. Some callables tell none."""
    import inspect

    try:
        parameters = inspect.signature(target).parameters.values()
    except (NameError, TypeError, ValueError):
        return (), None, 0, {}, True, True
    of_kind = {kind: tuple(each.name for each in parameters if each.kind is kind) for kind in inspect._ParameterKind}
    positional_only, either, var_positional, keyword_only, var_keyword = of_kind.values()
    defaults = {each.name: each.default for each in parameters if each.default is not inspect.Parameter.empty}
    positional = positional_only + either
    parts = (positional + keyword_only, len(positional), len(positional_only), defaults)
    return (*parts, bool(var_positional), bool(var_keyword))


def _callable(target: Any, policies: tuple[Policy, ...]) -> types.FunctionType:
    function = _function_of(target)
    kind = _trampoline.kind_of_code(function.__code__.co_flags) if function is not None else "function"
    name = getattr(target, "__name__", None) or getattr(function, "__name__", None) or type(target).__name__
    if name == "__call__":
        name = type(target).__name__
    qualname = getattr(target, "__qualname__", name)
    info = _native.Target(getattr(target, "__module__", None) or "", qualname, kind, *_parameters_told(target))
    bound = _bind(target, None, info, policies, plain=True)
    carrier = _trampoline.for_callable(name, _flags_told(target), bound)
    for attribute in ("__module__", "__doc__"):
        setattr(carrier, attribute, getattr(target, attribute, None))
    carrier.__qualname__ = qualname
    # The bound methods of the callable's own type (such as ``cache_info`` of an ``lru_cache``) stay within reach.
    for attribute in dir(type(target)):
        if not attribute.startswith("_") and callable(method := getattr(target, attribute, None)):
            carrier.__dict__[attribute] = method
    _finish(carrier, target, bound)
    if "__signature__" not in carrier.__dict__:
        import inspect

        try:  # noqa: SIM105 - contextlib would be imported for this line alone
            carrier.__dict__["__signature__"] = inspect.signature(target)
        except (NameError, TypeError, ValueError):
            pass  # Some builtins tell no signature; through ``__wrapped__`` the same error tells the user so.
    return carrier


def _flags_told(target: Any) -> int:
    """The code flags of what ``inspect`` says that a callable is, which for a partial is what its function is."""
    import inspect

    asked = (
        (inspect.iscoroutinefunction, _trampoline.CO_COROUTINE),
        (inspect.isgeneratorfunction, _trampoline.CO_GENERATOR),
        (inspect.isasyncgenfunction, _trampoline.CO_ASYNC_GENERATOR),
    )
    return sum(flag for ask, flag in asked if ask(target))


def _function_of(target: Any) -> types.FunctionType | None:
    """The Python function that a call of some callable ends in, if that can be told."""
    while isinstance(target, functools.partial):
        target = target.func
    if isinstance(target, types.MethodType):
        target = target.__func__
    if not isinstance(target, types.FunctionType):
        target = getattr(type(target), "__call__", None)  # noqa: B004 - the method is wanted
    return target if isinstance(target, types.FunctionType) else None


def _class(cls: type, policies: tuple[Policy, ...]) -> Any:
    if not cls.__flags__ & _HEAP_TYPE or cls.__flags__ & _IMMUTABLE_TYPE:
        return _callable(cls, policies)
    below: BoundStack | None = cls.__dict__.get(CLASS_KEY)
    info = (
        below.target
        if below is not None
        else _native.Target(cls.__module__, cls.__qualname__, "class", *_parameters_told(cls))
    )
    bound = _bind(cls, below, info, policies)
    type.__setattr__(cls, CLASS_KEY, bound)
    for name, value in [(HANDLE, bound), *((n, getattr(p, n)) for p in reversed(bound.policies) for n in p.methods)]:
        if not isinstance(cls.__dict__.get(name, bound), _native.BoundStack | _PolicyMethod):
            continue  # The class has something of its own under this name.
        type.__setattr__(cls, name, value)
    return cls


_HEAP_TYPE = 1 << 9
_IMMUTABLE_TYPE = 1 << 8
_PolicyMethod: type = _native.PolicyMethod


def adopt(owner: type, name: str, bound: BoundStack) -> None:
    """Decorates a class that was made again from the namespace of a decorated one, as ``dataclass(slots=True)`` does."""
    if name == CLASS_KEY and bound.wrapped is not owner:
        type.__delattr__(owner, CLASS_KEY)
        _class(owner, tuple(policy.policy for policy in bound.policies))


Inner = Any


def _keep_dict(new: Any, old: Any) -> Any:
    """Carries over what was set on a descriptor besides what its constructor sets."""
    for key, value in getattr(old, "__dict__", {}).items():
        if key not in getattr(new, "__dict__", {}):
            new.__dict__[key] = value
    return new


def _rebuild_simple(old: Any, wrap: Callable[[Inner], Inner]) -> Any:
    return _keep_dict(type(old)(wrap(old.__func__)), old)


def _rebuild_property(old: property, wrap: Callable[[Inner], Inner]) -> property:
    accessors = [None if accessor is None else wrap(accessor) for accessor in (old.fget, old.fset, old.fdel)]
    own_doc = old.__doc__ if old.__doc__ != getattr(old.fget, "__doc__", None) else None
    kind: Any = type(old)
    new: property = kind(*accessors, own_doc)
    return new


def _rebuild_cached_property(old: functools.cached_property[Any], wrap: Callable[[Inner], Inner]) -> Any:
    new = type(old)(wrap(old.func))
    new.attrname = old.attrname
    new.__doc__ = old.__doc__
    return new


def _rebuild_partialmethod(old: functools.partialmethod[Any], wrap: Callable[[Inner], Inner]) -> Any:
    return _keep_dict(type(old)(wrap(old.func), *old.args, **old.keywords), old)


def _rebuild_method(old: types.MethodType, wrap: Callable[[Inner], Inner]) -> types.MethodType:
    return types.MethodType(wrap(old.__func__), old.__self__)


def _refuse_dispatch(old: object, wrap: Callable[[Inner], Inner]) -> Any:
    del wrap
    message = (
        f"{old!r} cannot be decorated as a whole: put the decorator below @singledispatchmethod, and on each "
        f"implementation that is registered"
    )
    raise TypeError(message)


_REBUILDERS: dict[type, Callable[[Any, Callable[[Inner], Inner]], Any]] = {
    classmethod: _rebuild_simple,
    staticmethod: _rebuild_simple,
    property: _rebuild_property,
    functools.cached_property: _rebuild_cached_property,
    functools.partialmethod: _rebuild_partialmethod,
    functools.singledispatchmethod: _refuse_dispatch,
    types.MethodType: _rebuild_method,
}
