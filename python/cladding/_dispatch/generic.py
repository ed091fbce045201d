"""dispatch_on: makes a generic function of a function, in whose place the implementation for the arguments is called."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar, cast

from cladding import _overlay
from cladding._carrier import kind_of_call
from cladding._dispatch.precedence import names_of
from cladding._dispatch.table import Table
from cladding._errors import ConfigurationError
from cladding._making.telling import parameters_of, signature_of
from cladding._trampoline import Parameters, prefix_beside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

F = TypeVar("F", bound="Callable[..., Any]")
P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class GenericFunction(Protocol, Generic[P, R_co]):
    """What ``dispatch_on`` makes: a function of the same kind and parameters, with these attributes."""

    __name__: str
    default: Callable[..., Any]
    """The function as it was written, called where no implementation is registered."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...
    def __get__(self, instance: Any, owner: Any = None, /) -> Callable[..., R_co]: ...
    def register(self, *types: type) -> Callable[[F], F]:
        """Registers a function for arguments of these classes, one for each dispatch argument."""
        ...

    def dispatch(self, *types: type) -> Callable[..., Any]:
        """The implementation for arguments of these classes."""
        ...

    def dispatch_info(self, *types: type) -> list[tuple[str, ...]]:
        """The names of the combinations of classes that are asked for an implementation, in this order."""
        ...

    def implementations(self) -> Mapping[tuple[type, ...], Callable[..., Any]]:
        """What is registered now, by the classes it is for."""
        ...


def dispatch_on(*arguments: str) -> Callable[[Callable[P, R_co]], GenericFunction[P, R_co]]:
    """Makes a generic function: which implementation a call runs is decided by the types of the named arguments.

    The function itself is the default. An implementation is registered for one class for each named argument and also serves
    the classes that inherit from them. Where several fit, the one nearest in the method resolution order of the first
    argument's class is taken, then of the second's, and so on. An abstract class that a class is registered with, or that
    recognises it by its methods, counts as its last base. An implementation gets the arguments by position, but for
    keyword-only ones, so its parameters may have other names. It must be of the same kind (plain, coroutine, generator or
    async generator) and accept the arguments of the generic function.

    Args:
        arguments: names of parameters, at least one.

    Raises:
        ConfigurationError: no name is given, one is given twice, or the function has no such parameter, or it is ``*`` or
            ``**``.
        TypeError: what is decorated is no function; in ``register``, the number of classes or the implementation is wrong.
        AmbiguousDispatchError: a RuntimeError; in a call, a class has several unrelated virtual ancestors with an implementation.

    Example:
        >>> from cladding import dispatch_on
        >>> @dispatch_on("left", "right")
        ... def combine(left, right):
        ...     return f"{left} and {right}"
        >>> @combine.register(int, int)
        ... def _(left, right):
        ...     return left + right
        >>> combine(1, 2), combine(True, right=1), combine(1, "x")
        (3, 2, '1 and x')
    """
    if not arguments:
        message = "dispatch_on: arguments is empty; the names of one or more parameters are wanted"
        raise ConfigurationError(message)
    if len(set(arguments)) != len(arguments):
        message = f"dispatch_on: arguments={arguments!r} names a parameter twice"
        raise ConfigurationError(message)

    def decorate(func: Callable[P, R_co]) -> GenericFunction[P, R_co]:
        if not isinstance(func, types.FunctionType):
            message = f"dispatch_on cannot decorate {func!r}: a function is wanted; put other decorators above it"
            raise TypeError(message)
        return cast("GenericFunction[P, R_co]", _generic(func, arguments))

    return decorate


def _generic(func: types.FunctionType, arguments: tuple[str, ...]) -> types.FunctionType:
    parameters = parameters_of(func).parameters
    named = parameters.positional + parameters.keyword_only
    for argument in arguments:
        if argument not in named:
            message = (
                f"dispatch_on: arguments={argument!r} is no parameter of {func.__qualname__}; it has {', '.join(named)}"
            )
            raise ConfigurationError(message)
    table = Table(func.__qualname__, arguments, func)
    select = selector(func, parameters, table)
    generic: types.FunctionType = _overlay.overlay(func, lambda _wrapped: (select, None), "dispatch_on")
    kind = kind_of_call(func)
    calls = _plain_call(parameters)

    def register(*types: type) -> Callable[[F], F]:
        """Registers a function for arguments of these classes, one for each dispatch argument."""
        table.check_number(types)

        def add(implementation: F) -> F:
            _check(implementation, kind, calls, func.__qualname__)
            table.add(types, implementation)
            return implementation

        return add

    def dispatch_info(*types: type) -> list[tuple[str, ...]]:
        """The names of the combinations of classes that are asked for an implementation, in this order."""
        return [names_of(combination) for combination in table.combinations(*types)]

    def dispatch(*types: type) -> Callable[..., Any]:
        """The implementation for arguments of these classes."""
        table.check_number(types)
        return table.find(*types)

    def implementations() -> Mapping[tuple[type, ...], Callable[..., Any]]:
        """What is registered now, by the classes it is for."""
        return table.implementations

    tools = (register, dispatch, dispatch_info, implementations)
    generic.__dict__.update({tool.__name__: tool for tool in tools}, default=func)
    return generic


def selector(func: types.FunctionType, parameters: Parameters, table: Table) -> types.FunctionType:
    """A function with the parameters that another tells of, which calls the implementation for them."""
    prefix = prefix_beside(parameters.all)
    classes = ", ".join(f"{prefix}type({argument})" for argument in table.arguments)
    source = (
        f"def maker({prefix}find, {prefix}type):\n"
        f"    def selector({parameters.declaration()}):\n"
        f"        return {prefix}find({classes})({parameters.arguments()})\n"
        f"    return selector\n"
    )
    namespace: dict[str, Any] = {}
    exec(compile(source, "<cladding>", "exec", dont_inherit=True), namespace)  # noqa: S102 - only names vary, and they are code's
    made: types.FunctionType = namespace["maker"](table.find, type)
    made.__name__, made.__qualname__ = func.__name__, func.__qualname__
    _, made.__defaults__, made.__kwdefaults__ = parameters_of(func)
    return made


def _plain_call(parameters: Parameters) -> tuple[int, tuple[str, ...], bool]:
    """What every implementation is called with: so many by position, these by keyword, and whether more may come."""
    more = parameters.var_positional is not None or parameters.var_keyword is not None
    return len(parameters.positional), parameters.keyword_only, more


def _check(implementation: Any, kind: str, calls: tuple[int, tuple[str, ...], bool], name: str) -> None:
    """Demands that an implementation is what the generic function promises to its callers."""
    if not callable(implementation):
        message = f"{name} cannot register {implementation!r}: a function is wanted"
        raise TypeError(message)
    own = kind_of_call(implementation)
    # What another callable gives cannot always be told, and counts as a plain function's.
    if own != kind and (own != "function" or isinstance(implementation, types.FunctionType)):
        message = f"{name} is a {_WORDS[kind]}, and {implementation!r} is a {_WORDS[own]}"
        raise TypeError(message)
    try:
        signature = signature_of(implementation)
    except ValueError:
        return  # A builtin that does not tell.
    count, keywords, more = calls
    try:
        bind = signature.bind_partial if more else signature.bind
        bind(*range(count), **dict.fromkeys(keywords))
    except TypeError as error:
        message = (
            f"{name} calls its implementations with {count} argument(s){_and(keywords)}: {implementation!r}: {error}"
        )
        raise TypeError(message) from None


def _and(keywords: tuple[str, ...]) -> str:
    return f" and the keywords {', '.join(keywords)}" if keywords else ""


_WORDS = {
    "function": "plain function",
    "coroutine": "coroutine function",
    "generator": "generator function",
    "async_generator": "async generator function",
}
