"""What a user's decorator returns: the function, class, wrapper or descriptor that a caller now stands around."""

from __future__ import annotations

import functools
import types
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from cladding import _carrier, _native, _overlay, _wrappers
from cladding._carrier import kind_of_call
from cladding._decorating import _around, _forms
from cladding._kinds import STATED
from cladding._native import strip_handled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cladding._decorating._forms import Form

# Functions that the interpreter takes for class methods by their names alone, and only if they are genuine functions;
# so that is what they stay.
_IMPLICIT_CLASS_METHODS = {"__init_subclass__", "__class_getitem__"}


class Around(NamedTuple):
    """All that is put around a target: the caller, its form, its parameters, and what the user says of the result."""

    name: str
    caller: Callable[..., Any]
    form: Form
    values: Mapping[str, Any]
    enabled: Callable[[], Any] | None
    kind: str | None
    adapt: Callable[[Any, Any], None] | None
    """Makes what was made say the signature that the user has stated; given that and the target."""


def decorate(target: Any, around: Around, *, static: bool = False) -> Any:
    """Puts a caller around anything that can be called or that holds something that can.

    ``static`` says that the target is what a static method holds, which is never called on an instance.
    """
    static = static or isinstance(target, staticmethod)
    if not _carrier.is_proxy(target):
        rebuilt = _carrier.rebuild(target, lambda inner: decorate(inner, around, static=static))
        if rebuilt is not None:
            return rebuilt
        if isinstance(target, type) and _carrier.can_watch(target):
            return _class(target, around)
    if not callable(target):
        raise TypeError(_carrier.cannot_decorate(around.name, target))
    made = _wrapper(target, around, static) if around.form.universal else _carrier_of(target, around)
    if around.adapt is not None:
        around.adapt(made, target)
    return made


def judge(target_kind: str, around: Around) -> str:
    """What a call of the decorated function gives its caller, judged by the caller and the target together."""
    if around.kind is not None:
        return around.kind
    if around.form.kind == "coroutine":
        return "coroutine"
    if around.form.kind == "async_generator" and target_kind == "function":
        return "coroutine"
    return target_kind


def runner(around: Around, target_kind: str, target: Any) -> Callable[..., Any]:
    """The caller as something that is called for each call and returns what that is to return.

    Plain and coroutine functions are that already. A generator stands around the call like a context manager, which
    takes a function of ours between; its parameters are in place then.
    """
    form, caller = around.form, around.caller
    if target_kind == "class" and form.kind in ("coroutine", "async_generator"):
        message = (
            f"{around.name} cannot decorate {target!r}: its caller is asynchronous, and a class is called without await"
        )
        raise TypeError(message)
    spans: dict[str, tuple[type, dict[str, Callable[..., Any]]]] = {
        "generator": (_around.Span, _around.IN_GENERATOR),
        "async_generator": (_around.AsyncSpan, _around.IN_ASYNC_GENERATOR),
    }
    if form.universal:
        caller = _forms.with_parameters(caller, form, around.values)
    if form.kind not in spans:
        return caller if form.universal else _forms.positional_only(caller)
    span, runs = spans[form.kind]
    if target_kind not in runs:
        message = (
            f"{around.name} cannot decorate {target!r}: its caller is an async generator, which cannot stand around a "
            f"generator that is not asynchronous"
        )
        raise TypeError(message)
    run = runs[target_kind]
    if form.universal:

        def run_universal(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
            try:
                return run(span(caller(wrapped, instance, args, kwargs)), wrapped, args, kwargs)
            except:
                strip_handled()
                raise

        return run_universal
    begin, first = _forms.positional_only(caller), tuple(around.values.values())

    def run_function(func: Any, /, *args: Any, **kw: Any) -> Any:
        try:
            return run(span(begin(func, *first, *args, **kw)), func, args, kw)
        except:
            strip_handled()
            raise

    return run_function


def _first(around: Around) -> tuple[Any, ...]:
    """The parameters that go between the function and its arguments at each call."""
    return () if around.form.universal or around.form.kind.endswith("generator") else tuple(around.values.values())


def _carrier_of(target: Any, around: Around) -> types.FunctionType:
    """The function form on a function or any other callable: a genuine function, whose call is native."""
    kind = kind_of_call(target)
    caller = _native.caller(runner(around, kind, target), target, _first(around), around.enabled)
    return _overlay.over(target, caller, judge(kind, around))


def _class(cls: type, around: Around) -> type:
    """Either form on a class, which stays the class: what makes its instances is what the caller is given."""
    below = cls.__dict__.get(_carrier.CLASS_KEY)
    make = functools.partial(type(cls).__call__, cls) if below is None else functools.partial(below)
    # Not the annotations: asking a class for them may make them.
    functools.update_wrapper(make, cls, ("__module__", "__name__", "__qualname__", "__doc__"), ())
    maker = _native.caller(
        runner(around, "class", cls), make, _first(around), around.enabled, universal=around.form.universal
    )
    make.__dict__["__around__"] = around
    info = _carrier.target_of_class(cls) if below is None else below.target
    return _carrier.watch(cls, _native.bind(cls, info, (), maker=maker))


def again(owner: type, maker: _native.Caller) -> None:
    """Puts the callers and policies of a class on one that was made again from its namespace."""
    make = maker.__wrapped__
    if isinstance(make.func, _native.BoundStack):
        below = make.func
        if below.maker is not None:
            again(owner, below.maker)
        if below.fused:
            _carrier.decorate(owner, [policy.policy for policy in below.fused])
    _class(owner, make.__dict__["__around__"])


def _wrapper(target: Any, around: Around, static: bool) -> Any:
    """The universal form on a function or any other callable: a wrapper that knows what it is bound to."""
    target_kind = kind_of_call(target)
    # What is called through an instance then passes it in front, which is found out; nothing has to be bound for a call.
    made = _native.FunctionWrapper if static or type(target) is not types.FunctionType else _native.MethodWrapper
    wrapper = made(target, runner(around, target_kind, target), around.enabled)
    if (kind := judge(target_kind, around)) != target_kind:
        setattr(wrapper, STATED, kind)
    wrapper._self_find_instance = not static
    if getattr(target, "__name__", None) in _IMPLICIT_CLASS_METHODS and isinstance(target, types.FunctionType):
        function = _wrappers.function_below(wrapper)
        return _wrappers.carrier_over(wrapper, wrapper, cast("types.FunctionType", function), ())
    return wrapper
