"""Decorating: what is made of a function, a class, a descriptor or any other callable."""

from __future__ import annotations

import functools
import types
from typing import TYPE_CHECKING, Any

from cladding import _kinds, _native, _trampoline
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
    if is_proxy(target):
        return _over_wrapper(target, chosen)
    if (rebuilt := rebuild(target, lambda inner: decorate(inner, chosen))) is not None:
        return rebuilt
    if isinstance(target, types.FunctionType):
        return _function(target, chosen)
    if isinstance(target, type):
        return _class(target, chosen)
    if callable(target):
        return _callable(target, chosen)
    raise TypeError(cannot_decorate(" and ".join(policy.name for policy in chosen), target))


def cannot_decorate(name: str, target: object) -> str:
    """The message for a target that is nothing to decorate."""
    return (
        f"{name} cannot decorate {target!r}: a function, a class, another callable, or a classmethod, staticmethod, "
        f"property, cached_property or partialmethod is wanted"
    )


def is_proxy(target: Any) -> bool:
    """Whether an object only passes for what it says it is."""
    return issubclass(type(target), _native.BaseObjectProxy)


def _over_wrapper(target: Any, policies: tuple[Policy, ...]) -> Any:
    """A carrier over a wrapper or another proxy of something callable."""
    from cladding import _wrappers

    function = _wrappers.function_below(target)
    if function is None:
        return _callable(target, policies)
    info = target_of(function, _kinds.kind_of(target))
    live = tuple(_native.BoundPolicy(policy, info) for policy in policies)
    return _wrappers.carrier_over(target, target, function, live)


def rebuild(target: Any, wrap: Callable[[Any], Any]) -> Any:
    """The same descriptor or bound method around what ``wrap`` makes of the function inside; None for anything else."""
    for kind, again in _REBUILDERS.items():
        if isinstance(target, kind):
            return again(target, wrap)
    return None


def bound_to(target: Any) -> BoundStack | None:
    """The stack on a callable, a class or a descriptor, if it has one."""
    if isinstance(target, types.MethodType | classmethod | staticmethod):
        return bound_to(target.__func__)
    if is_proxy(target):
        return bound_to(target.__wrapped__)
    if isinstance(target, types.FunctionType):
        bound = _native.bound_in(target)
        # A stack without policies is how a caller or another callable is put in place, and nothing to ask for.
        return bound if bound is not None and bound.policies else target.__dict__.get(HANDLE)
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
        return _native.bind(below.wrapped, below.target, live + below.fused, below.plain, below.maker)
    return _native.bind(wrapped, info, live, plain)


def finish(carrier: types.FunctionType, target: Any, bound: BoundStack) -> types.FunctionType:
    """What every carrier gets: the target's dictionary, the way down, the handle and the policies' own methods."""
    carrier.__dict__.update(getattr(target, "__dict__", {}))
    carrier.__dict__["__wrapped__"] = target
    if bound.policies:
        carrier.__dict__[HANDLE] = bound
    for policy in reversed(bound.policies):
        for name in policy.methods:
            carrier.__dict__[name] = getattr(policy, name)
    if bound.target.kind == "function" or bound.plain:
        _native.arm(carrier)
    return carrier


def _function(function: types.FunctionType, policies: tuple[Policy, ...]) -> types.FunctionType:
    below = _native.bound_in(function)
    info = below.target if below is not None else target_of(function)
    bound = _bind(function, below, info, policies)
    return finish(dress(_trampoline.for_function(function, bound), function), function, bound)


def target_of(function: types.FunctionType, kind: str | None = None) -> _native.Target:
    """What policies know of a Python function. ``kind`` is given where the calls of its carrier run in another way."""
    parameters = _trampoline.Parameters(function.__code__)
    return _native.Target(
        function.__module__ or "",
        function.__qualname__,
        kind or _trampoline.kind_of_code(function.__code__.co_flags),
        parameters.positional + parameters.keyword_only,
        len(parameters.positional),
        len(parameters.positional_only),
        _defaults(function, parameters.positional),
        parameters.var_positional is not None,
        parameters.var_keyword is not None,
    )


def dress(carrier: types.FunctionType, function: types.FunctionType) -> types.FunctionType:
    """Gives a carrier what a function tells of itself apart from its code."""
    carrier.__module__ = function.__module__
    carrier.__qualname__ = function.__qualname__
    carrier.__doc__ = function.__doc__
    # Attributes that came with later versions. From 3.14 on annotations are made by ``__annotate__`` when somebody asks;
    # asking here could fail on a name that is not there yet.
    lazy = hasattr(function, "__annotate__")
    for attribute in ("__type_params__", "__annotate__" if lazy else "__annotations__"):
        if (value := getattr(function, attribute, MISSING)) is not MISSING:
            setattr(carrier, attribute, value)
    return carrier


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
    bound = _bind(target, None, target_of_callable(target), policies, plain=True)
    return over_callable(target, bound, flags_told(target))


def target_of_callable(target: Any, kind: str | None = None) -> _native.Target:
    """What policies know of any callable that is neither a Python function nor a class."""
    name = name_of_callable(target)
    qualname = getattr(target, "__qualname__", name)
    kind = kind or kind_of_call(target)
    return _native.Target(getattr(target, "__module__", None) or "", qualname, kind, *_parameters_told(target))


def kind_of_call(target: Any) -> str:
    """What a call of any callable gives; one of a class that cannot be changed gives what a function may give."""
    kind = _kinds.kind_of(target)
    return "function" if kind == "class" else kind


def name_of_callable(target: Any) -> str:
    """The name of any callable: its own, its function's, or its type's."""
    name = getattr(target, "__name__", None) or getattr(_function_of(target), "__name__", None)
    return name if isinstance(name, str) and name != "__call__" else type(target).__name__


def over_callable(target: Any, bound: BoundStack, flags: int) -> types.FunctionType:
    """The carrier of a bound stack over any callable."""
    carrier = _trampoline.for_callable(name_of_callable(target), flags, bound)
    for attribute in ("__module__", "__doc__"):
        setattr(carrier, attribute, getattr(target, attribute, None))
    carrier.__qualname__ = bound.target.qualname
    # The bound methods of the callable's own type (such as ``cache_info`` of an ``lru_cache``) stay within reach.
    for attribute in dir(type(target)):
        if not attribute.startswith("_") and callable(method := getattr(target, attribute, None)):
            carrier.__dict__[attribute] = method
    finish(carrier, target, bound)
    if "__signature__" not in carrier.__dict__:
        import inspect

        try:  # noqa: SIM105 - contextlib would be imported for this line alone
            carrier.__dict__["__signature__"] = inspect.signature(target)
        except (NameError, TypeError, ValueError):
            pass  # Some builtins tell no signature; through ``__wrapped__`` the same error tells the user so.
    return carrier


def flags_told(target: Any) -> int:
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
    if not can_watch(cls):
        return _callable(cls, policies)
    below: BoundStack | None = cls.__dict__.get(CLASS_KEY)
    info = below.target if below is not None else target_of_class(cls)
    return watch(cls, _bind(cls, below, info, policies))


def can_watch(cls: type) -> bool:
    """Whether a class may be changed at all; the static types of C code may not, and are taken as any callable."""
    return bool(cls.__flags__ & _HEAP_TYPE and not cls.__flags__ & _IMMUTABLE_TYPE)


def target_of_class(cls: type) -> _native.Target:
    """What policies know of a class."""
    return _native.Target(cls.__module__, cls.__qualname__, "class", *_parameters_told(cls))


def watch(cls: type, bound: BoundStack) -> type:
    """Puts a bound stack on a class, with the handle and the policies' own methods."""
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
        if bound.maker is not None:
            from cladding._decorating import _carriers

            _carriers.again(owner, bound.maker)
        if bound.fused:
            _class(owner, tuple(policy.policy for policy in bound.fused))


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
