"""The typed face of ``decorator``, and the decorators that it makes."""

from __future__ import annotations

import functools
import types
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

from cladding import _trampoline
from cladding._decorating import _carriers, _forms
from cladding._errors import ConfigurationError
from cladding._policy import MISSING, is_target

if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable, Mapping

    from cladding._decorating._forms import Form
    from cladding._policy import Target

    F = TypeVar("F", bound=Target)

P = ParamSpec("P")
S = TypeVar("S")


class _Options(Protocol):
    """``decorator`` with its options given, still without its caller."""

    @overload
    def __call__(
        self, caller: Callable[Concatenate[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any], P], Any], /
    ) -> Decorator[P]: ...
    @overload
    def __call__(self, caller: Callable[Concatenate[Callable[..., Any], P], Any], /) -> Decorator[P]: ...
    @overload
    def __call__(self, caller: Callable[..., Any], /) -> Decorator[...]: ...


class Decorator(Generic[P]):
    """A decorator made by :func:`decorator`.

    It is used bare (``@trace``), or with its parameters (``@trace(level="debug")``), and then on functions of every kind,
    methods, descriptors around them, classes and other callables. Parameters are given by keyword; one may come by position
    if it is not callable, since a callable would be taken for what is to be decorated.
    """

    __module__ = "cladding"

    def __init__(self, caller: Any, options: Mapping[str, Any], form: Form, values: Mapping[str, Any]) -> None:
        self._caller = caller
        self._options = options
        self._form = form
        self._values = values
        functools.update_wrapper(self, caller, updated=())

    @overload
    def __call__(self, target: F, /) -> F: ...  # type: ignore[overload-overlap] # a callable in front is the target
    @overload
    def __call__(self, *, enabled: bool | Callable[[], bool]) -> Decorator[[]]: ...
    @overload
    def __call__(self, *parameters: P.args, **named: P.kwargs) -> Decorator[[]]: ...
    def __call__(self, *parameters: Any, **named: Any) -> Any:
        """Decorates, or takes parameters.

        Raises:
            TypeError: a parameter is unknown, missing or given twice, or what is to be decorated cannot be.
            ConfigurationError: ``enabled`` is neither a bool nor callable.
        """
        name: str = getattr(self, "__name__", type(self._caller).__name__)
        target = MISSING
        if parameters and is_target(parameters[0]):
            target, parameters = parameters[0], parameters[1:]
        options = dict(self._options)
        if "enabled" in named and "enabled" not in self._form.parameters:
            options["enabled"] = _checked_enabled(name, named.pop("enabled"))
        given = _forms.settle(name, self._form, tuple(parameters), named)
        if target is MISSING:
            return Decorator(self._caller, options, self._form, {**self._values, **given})
        if options["enabled"] is False:
            return target
        if self._form.unbound:
            message = f"{name} is a method that decorates: use it through an instance of its class"
            raise TypeError(message)
        return _carriers.decorate(target, self._around(name, options, {**self._values, **given}))

    def _around(self, name: str, options: Mapping[str, Any], given: Mapping[str, Any]) -> _carriers.Around:
        values = _forms.complete(name, self._form, given)
        caller, form = self._caller, self._form
        if isinstance(caller, type):
            positional = tuple(values[key] for key in tuple(values)[: form.positional])
            named = {key: values[key] for key in tuple(values)[form.positional :]}
            caller, values = caller(*positional, **named), {}
            form = form._replace(parameters={}, positional=0)
        enabled = options["enabled"]
        return _carriers.Around(
            name, caller, form, values, enabled if callable(enabled) else None, options["kind"], options["adapt"]
        )

    def __get__(self, instance: object, owner: type | None = None) -> Decorator[P]:
        """A method that decorates is bound to its instance; any other decorator is what it is."""
        if instance is None or not self._form.unbound:
            return self
        bound = types.MethodType(self._caller, instance)
        return Decorator(bound, self._options, self._form._replace(unbound=False), self._values)

    def __repr__(self) -> str:
        given = ", ".join(f"{key}={value!r}" for key, value in self._values.items())
        return f"<decorator {getattr(self, '__qualname__', self._caller)}({given})>"

    def __reduce__(self) -> Any:
        """By name where that leads here, else by parts."""
        if _found_by_name(self):
            return self.__qualname__
        return Decorator, (self._caller, self._options, self._form, self._values)

    __qualname__: str = "Decorator"


def _found_by_name(made: Decorator[...]) -> bool:
    import sys

    found: Any = sys.modules.get(made.__module__)
    for part in made.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is made


@overload
def decorator(
    caller: Callable[Concatenate[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any], P], Any], /
) -> Decorator[P]: ...
@overload
def decorator(
    caller: Callable[Concatenate[S, Callable[..., Any], Any, tuple[Any, ...], dict[str, Any], P], Any], /
) -> Decorator[P]: ...
@overload
def decorator(caller: Callable[Concatenate[Callable[..., Any], P], Any], /) -> Decorator[P]: ...
@overload
def decorator(caller: Callable[..., Any], /) -> Decorator[...]: ...
@overload
def decorator(
    *,
    kind: str | None = None,
    signature: Callable[..., Any] | inspect.Signature | str | None = None,
    signature_factory: Callable[[Any], Any] | None = None,
    enabled: bool | Callable[[], bool] = True,
) -> _Options: ...
def decorator(
    caller: Any = MISSING,
    /,
    *,
    kind: str | None = None,
    signature: Callable[..., Any] | inspect.Signature | str | None = None,
    signature_factory: Callable[[Any], Any] | None = None,
    enabled: bool | Callable[[], bool] = True,
) -> Any:
    """Makes a decorator of a *caller*: one function that is given what it decorates, and calls it.

    A caller is written in either of two forms:

    * ``(func, *args, **kw)``: the function and the arguments as they were given. What it decorates becomes a genuine
      function.
    * ``(wrapped, instance, args, kwargs)``: with the instance that the call is bound to: the object for methods, the class
      for class methods, None for functions, static methods and classes. ``wrapped`` is bound already.

    Parameters with defaults after these (before ``*args`` in the first form, or keyword-only in both) are the decorator's
    own, and its parentheses are optional.

    A caller that is a generator stands around the call like a context manager: it yields once, is sent the result or
    thrown the exception there, and if it swallows that, what it returns is the result. It covers the whole life of
    coroutines and generators. A coroutine function as caller makes a coroutine function of whatever it decorates; an async
    generator stands around as a generator does, with awaits. A caller may also be a method, which decorates when it is used
    through an instance, or a class whose instances are callers and whose ``__init__`` takes the parameters.

    Args:
        caller: the function, when used without parentheses.
        kind: what the decorated function reports to be where caller and function together do not tell: ``"function"``,
            ``"coroutine"``, ``"generator"`` or ``"async_generator"``.
        signature: the signature that the decorated function really has, where the caller changes it: a prototype function, a
            signature, or an argument list such as ``"(a, b=1)"``.
        signature_factory: makes such a signature; it is given what is decorated.
        enabled: ``False`` leaves functions alone; a callable is asked at each call. The decorator's own ``enabled=`` overrides
            it for one function.

    Raises:
        TypeError: the caller has neither form.
        ConfigurationError: an option has a value that is not allowed.
    """
    if kind is not None and kind not in _trampoline.KINDS:
        allowed = ", ".join(map(repr, _trampoline.KINDS))
        message = f"decorator: kind must be one of {allowed}, not {kind!r}"
        raise ConfigurationError(message)
    if signature is not None and signature_factory is not None:
        message = "decorator: signature and signature_factory cannot both be given"
        raise ConfigurationError(message)
    options = {
        "kind": kind,
        "adapt": _adapter(signature, signature_factory),
        "enabled": _checked_enabled("decorator", enabled),
    }

    def make(caller: Any) -> Decorator[Any]:
        if isinstance(caller, staticmethod):
            caller = caller.__func__
        form = _forms.read_class(caller) if isinstance(caller, type) else _forms.read(caller)
        return Decorator(caller, options, form, {})

    return make if caller is MISSING else make(caller)


def _checked_enabled(name: str, enabled: Any) -> bool | Callable[[], Any]:
    if not isinstance(enabled, bool) and not callable(enabled):
        message = f"{name}: enabled must be a bool or callable, not {enabled!r}"
        raise ConfigurationError(message)
    checked: bool | Callable[[], Any] = enabled
    return checked


def _adapter(signature: Any, factory: Any) -> Any:
    if signature is None and factory is None:
        return None

    def adapt(made: Any, target: Any) -> None:
        from cladding._overrides.decorators import tell

        tell(made, target, signature if factory is None else factory(target))

    return adapt
