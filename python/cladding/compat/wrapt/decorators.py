"""The universal decorator, with signature adapters and bound state, as wrapt has it."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from cladding._patching._functions import bound_wrapper
from cladding.compat.wrapt.__wrapt__ import (
    BaseObjectProxy,
    BoundFunctionWrapper,
    CallableObjectProxy,
    FunctionWrapper,
)
from cladding.compat.wrapt.arguments import formatargspec

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AdapterFactory", "adapter_factory", "bind_state_to_wrapper", "decorator"]


# ------------------------------------------------------------------------------------------------------------ adapters


def _of_adapter(name: str) -> Any:
    """A property that is the adapter's, in a proxy that has everything else from the wrapped object."""
    return property(lambda self: getattr(self._self_adapter, name))


def _signature_of_adapter(self: Any) -> inspect.Signature:
    return inspect.signature(self._self_adapter)


class _AdapterCode(CallableObjectProxy):
    """A code object with the parameters of another one."""

    def __init__(self, wrapped: Any, adapter: Any) -> None:
        CallableObjectProxy.__init__(self, wrapped)
        self._self_adapter = adapter

    co_argcount = _of_adapter("co_argcount")
    co_posonlyargcount = _of_adapter("co_posonlyargcount")
    co_kwonlyargcount = _of_adapter("co_kwonlyargcount")
    co_flags = _of_adapter("co_flags")
    co_varnames = _of_adapter("co_varnames")
    co_code = _of_adapter("co_code")


def _code_of_adapter(self: Any) -> _AdapterCode:
    return _AdapterCode(self.__wrapped__.__code__, self._self_adapter.__code__)


class _AdapterFunction(CallableObjectProxy):
    """A function with the parameters of another one."""

    def __init__(self, wrapped: Any, adapter: Any) -> None:
        CallableObjectProxy.__init__(self, wrapped)
        self._self_adapter = adapter

    __code__ = property(_code_of_adapter)
    __defaults__ = _of_adapter("__defaults__")
    __kwdefaults__ = _of_adapter("__kwdefaults__")
    __signature__ = property(_signature_of_adapter)


class _BoundAdapterFunctionWrapper(BoundFunctionWrapper):
    """A bound function wrapper that shows the parameters of its adapter."""

    @property
    def __func__(self) -> Any:
        return _AdapterFunction(self.__wrapped__.__func__, self._self_parent._self_adapter)

    @property
    def __signature__(self) -> inspect.Signature:
        return _signature_of_adapter(self._self_parent)


class _AdapterFunctionWrapper(FunctionWrapper):
    """A function wrapper that shows the parameters of its adapter."""

    __bound_function_wrapper__ = _BoundAdapterFunctionWrapper

    def __init__(self, wrapped: Any, wrapper: Any, enabled: Any, adapter: Any) -> None:
        FunctionWrapper.__init__(self, wrapped, wrapper, enabled)
        self._self_adapter = adapter

    @property
    def __code__(self) -> Any:
        return _code_of_adapter(self)

    __defaults__ = _of_adapter("__defaults__")
    __kwdefaults__ = _of_adapter("__kwdefaults__")
    __signature__ = property(_signature_of_adapter)


class AdapterFactory:
    """The base of what makes an adapter for each function that is decorated."""

    def __call__(self, wrapped: Any) -> Any:
        """Makes the adapter: a function, or a string or tuple that describes its parameters.

        Args:
            wrapped: what is decorated.
        """
        raise NotImplementedError


class adapter_factory(AdapterFactory):  # noqa: N801 - the name is wrapt's
    """Makes an adapter for each function that is decorated by calling a function.

    Args:
        factory: gets what is decorated; returns the adapter.
    """

    def __init__(self, factory: Callable[[Any], Any]) -> None:
        self.factory = factory

    def __call__(self, wrapped: Any) -> Any:
        """Calls the function."""
        return self.factory(wrapped)


def _prototype(adapter: Any) -> Any:
    """The function that an adapter is, or that has the parameters which it describes."""
    if callable(adapter):
        return adapter
    annotations: Any = {}
    if not isinstance(adapter, str):
        if len(adapter) == 7:  # with annotations, whose names mean nothing in the prototype's namespace
            *adapter, annotations = adapter
        adapter = formatargspec(*adapter)
    namespace: dict[str, Any] = {}
    # Annotations in the text are evaluated: this module's `from __future__` is not to be inherited.
    code = compile(f"def adapter{adapter}: pass", "<adapter>", "exec", dont_inherit=True)
    exec(code, namespace, namespace)  # noqa: S102 - the text is the decorator author's own
    prototype = namespace["adapter"]
    if annotations:
        prototype.__annotations__ = annotations
    return prototype


# ----------------------------------------------------------------------------------------------------------- decorator


def decorator(
    wrapper: Any = None, /, *, enabled: Any = None, adapter: Any = None, proxy: Callable[..., Any] = FunctionWrapper
) -> Any:
    """Makes a decorator of a wrapper function, ``(wrapped, instance, args, kwargs)``, or of a class of such callables.

    Args:
        wrapper: the wrapper function or class; without it, ``decorator`` with the parameters given.
        enabled: a bool is applied at decoration, ``False`` leaving the function alone; a callable is asked at each call.
        adapter: shows these parameters instead of those of the function: a prototype function, a text such as
            ``"(x, y=1)"``, a tuple as ``inspect.getfullargspec`` returns, or an :class:`AdapterFactory`.
        proxy: the type of function wrapper to use.
    """
    if wrapper is None:
        return functools.partial(decorator, enabled=enabled, adapter=adapter, proxy=proxy)

    def decorate(target: Any, make_wrapper: Callable[[], Any]) -> Any:
        if enabled is False:
            return target
        return _build(target, make_wrapper(), None if enabled is True else enabled, adapter, proxy)

    # The decorator is itself a function wrapper, because that knows how it was reached: as a function, through an
    # instance or through a class, which the wrapper function then is bound to.
    def apply(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if instance is None and inspect.isclass(wrapped):
            if args:
                return decorate(args[0], wrapped)
            return lambda target: decorate(target, lambda: wrapped(**kwargs))
        return decorate(args[0], lambda: bound_wrapper(wrapper, instance))

    return _build(wrapper, apply, None, decorator, FunctionWrapper)


def _build(target: Any, wrapper: Any, enabled: Any, adapter: Any, proxy: Callable[..., Any]) -> Any:
    if isinstance(adapter, AdapterFactory):
        adapter = adapter(target)
    if adapter:
        return _AdapterFunctionWrapper(target, wrapper, enabled, _prototype(adapter))
    return proxy(wrapped=target, wrapper=wrapper, enabled=enabled)


# --------------------------------------------------------------------------------------------------------- bound state


class bind_state_to_wrapper(BaseObjectProxy):  # noqa: N801 - the name is wrapt's
    """Decorates a method that is a decorator, so that what it decorates has the instance as an attribute.

    Args:
        name: the attribute's name.
    """

    def __init__(self, *, name: str = "state") -> None:
        BaseObjectProxy.__init__(self, None)
        self._self_name = name

    def __call__(self, method: Any) -> bind_state_to_wrapper:
        """Takes the method, which is a decorator already."""
        self.__wrapped__ = method
        return self

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        decorate = self.__wrapped__.__get__(instance, owner)

        def decorate_and_bind(function: Any) -> Any:
            wrapper = decorate(function)
            wrapper.__self_setattr__(self._self_name, instance)
            return wrapper

        return decorate_and_bind
