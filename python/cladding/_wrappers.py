"""What native function wrappers ask Python for: a face for tools that go by code, and whether a call was a method's.

A wrapper passes for the function that it wraps, and some tools take its code and leave the wrapper behind: cloudpickle,
numba, ``torch.compile``. The *face* is a genuine function whose code calls the wrapper; that is what such tools get.
"""

from __future__ import annotations

import functools
import types
from typing import TYPE_CHECKING, Any

from cladding import _carrier, _hooks, _kinds, _native, _trampoline

if TYPE_CHECKING:
    from collections.abc import Callable


class Unbound:
    """A wrapper in the closure of its face. It is pickled by its parts, since as a function it would be its own face."""

    __slots__ = ("wrapper",)

    def __init__(self, wrapper: _native.FunctionWrapper) -> None:
        self.wrapper = wrapper

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.wrapper(*args, **kwargs)

    def __reduce__(self) -> tuple[Callable[..., Unbound], tuple[Any, ...]]:
        wrapper = self.wrapper
        parts = (wrapper.__wrapped__, wrapper._self_wrapper, wrapper._self_enabled, wrapper._self_find_instance)
        return _again, (type(wrapper), *parts, wrapper.__self_dict__)


def _again(
    kind: type[_native.FunctionWrapper],
    wrapped: Any,
    wrapper: Any,
    enabled: Any,
    find_instance: bool,
    own: dict[str, Any],
) -> Unbound:
    made = kind(wrapped, wrapper, enabled)
    made._self_find_instance = find_instance
    made.__self_dict__.update(own)
    return Unbound(made)


def function_below(wrapper: Any) -> types.FunctionType | None:
    """The genuine function at the end of a chain of wrappers; None if it is none, or a chain without an end."""
    wrapped, passed = wrapper, set[int]()
    while issubclass(type(wrapped), _native.BaseObjectProxy):
        if id(wrapped) in passed:
            return None
        passed.add(id(wrapped))
        wrapped = wrapped.__wrapped__
    return wrapped if isinstance(wrapped, types.FunctionType) else None


def face(wrapper: _native.FunctionWrapper) -> types.FunctionType | None:
    """A genuine function that calls the wrapper, and reports the kind of its calls; None where no function is wrapped."""
    function = function_below(wrapper)
    if function is None:
        return None
    return carrier_over(Unbound(wrapper), wrapper, function, (), for_readers=True)


def carrier_over(
    callable_: Any,
    target: Any,
    function: types.FunctionType,
    policies: tuple[_native.BoundPolicy, ...],
    kind: str | None = None,
    *,
    for_readers: bool = False,
) -> types.FunctionType:
    """A plain carrier that calls ``callable_`` and looks like ``target``, which is ``function`` or a wrapper around it.

    ``for_readers`` says that it is not to be called but read.
    """
    bound = _native.bind(callable_, _carrier.target_of(function, kind or _kinds.kind_of(target)), policies, plain=True)
    carrier = _carrier.dress(_trampoline.for_function(function, bound, for_readers=for_readers), target)
    _carrier.finish(carrier, target, bound)
    if not (_trampoline.NATIVE_CALLS or for_readers) and "__signature__" not in carrier.__dict__:
        import inspect

        # The code takes anything there; readers of signatures that do not follow ``__wrapped__`` are told.
        carrier.__dict__["__signature__"] = inspect.signature(target)
    return carrier


def is_method_of(wrapper: _native.FunctionWrapper, first: Any) -> bool:
    """Whether a call with ``first`` in front is one of a method: whether the wrapper is in the class of ``first``.

    A carrier above the wrapper is a function; bound to an instance, it calls what is below with the instance in front.
    Then the class has the carrier among its attributes, which leads here. Static methods are called without an instance
    and lead nowhere.
    """
    if any(_leads_to(value, wrapper) for value in _attributes(type(first))):
        return True
    if not isinstance(first, type):
        return False
    held = (value.__func__ for value in _attributes(first) if isinstance(value, classmethod))
    return any(_leads_to(function, wrapper) for function in held)


# Read past a metaclass that has a ``__getattribute__`` of its own.
_MRO: Any = type.__dict__["__mro__"]
_DICT: Any = type.__dict__["__dict__"]


def _attributes(cls: type) -> list[Any]:
    return [value for owner in _MRO.__get__(cls) for value in tuple(_DICT.__get__(owner).values())]


def _leads_to(value: Any, wrapper: Any) -> bool:
    """Whether a call of an attribute gets to the wrapper."""
    passed: set[int] = set()  # Whatever users put into ``__wrapped__``, the search has an end.
    while value is not wrapper:
        kind = type(value)
        if id(value) in passed:
            return False
        passed.add(id(value))
        if issubclass(kind, property):
            return any(_leads_to(accessor, wrapper) for accessor in (value.fget, value.fset, value.fdel))
        if issubclass(kind, types.FunctionType):
            bound = _native.bound_in(value)
            value = value.__dict__.get("__wrapped__") if bound is None else bound.wrapped
        elif issubclass(kind, _native.Caller):
            value = value.__wrapped__
        elif issubclass(kind, _native.BaseObjectProxy) and not hasattr(kind, "__wrapped_get__"):
            # What a lazy proxy wraps is not made for this, and one that was never initialised wraps nothing.
            value = getattr(value, "__wrapped__", None)
        elif issubclass(kind, functools.partialmethod | functools.cached_property):
            value = value.func
        elif issubclass(kind, Unbound):
            value = value.wrapper
        else:
            return False
    return True


def _take_over(register: Any, own: Any, importing: Any) -> None:
    """Has the wrappers ask here at once: what would import this module first cannot while the interpreter ends."""
    if (before := register(own)) is not importing:
        register(before)


_take_over(_native.set_face_maker, face, _hooks.face)
_take_over(_native.set_instance_finder, is_method_of, _hooks.is_method_of)
