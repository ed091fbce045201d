"""The public names of decorator 5.3: change ``import decorator`` to ``from cladding.compat import decorator``.

The behaviour is that of the original where its own tests say so, its traps included: arguments become positional unless
``kwsyntax=True``, defaults are those at decoration, unknown parameters of a decorator are ignored. ``docs/migrating.md``
tells what cladding's own tools do instead. A call binds its arguments in compiled code instead of ``Signature.bind``.
"""

from __future__ import annotations

import functools
import inspect
import keyword
import re
from inspect import getfullargspec, iscoroutinefunction, isgeneratorfunction
from typing import TYPE_CHECKING, Any, TypeVar

from cladding import _making, _native
from cladding._contexts.managers import GeneratorContextManager
from cladding._dispatch import generic, precedence, table
from cladding._making.telling import parameters_of, told_by
from cladding._making.telling import signature_of as inspect_sig
from cladding._trampoline import prefix_beside

if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Generator, Iterator

__version__ = "5.3.1"

__all__ = [
    "ContextManager",
    "FunctionMaker",
    "append",
    "contextmanager",
    "decorate",
    "decorator",
    "decoratorx",
    "dispatch_on",
    "fix",
    "getfullargspec",
    "inspect_sig",
    "iscoroutinefunction",
    "isgeneratorfunction",
]

F = TypeVar("F", bound="Callable[..., Any]")
T_co = TypeVar("T_co", covariant=True)

POS = inspect.Parameter.POSITIONAL_OR_KEYWORD
EMPTY = inspect.Parameter.empty


class FunctionMaker(_making.FunctionMaker):
    """`cladding.FunctionMaker`, which keeps the source by default, and awaits a coroutine function called ``_call_``."""

    @classmethod
    def create(
        cls,
        obj: str | Callable[..., Any],
        body: str,
        evaldict: dict[str, Any],
        defaults: tuple[Any, ...] | None = None,
        doc: str | None = None,
        module: str | None = None,
        addsource: bool = True,
        **attrs: Any,
    ) -> types.FunctionType:
        """Makes a function from its body; see `cladding.FunctionMaker.create`."""
        waits = iscoroutinefunction(evaldict.get("_call_"))
        if waits:
            body = re.sub(r"\breturn\b", "return await", body)
        return super().create(obj, body, evaldict, defaults, doc, module, addsource, asynchronous=waits, **attrs)


def fix(
    args: tuple[Any, ...], kwargs: dict[str, Any], sig: inspect.Signature
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments as the signature has them: positional where they can be, defaults filled in."""
    bound = sig.bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args, bound.kwargs


def decorate(func: F, caller: Callable[..., Any], extras: tuple[Any, ...] = (), kwsyntax: bool = False) -> F:
    """Decorates a function with a caller of the form ``(func, *args, **kw)``.

    Args:
        func: the function, or another callable that tells its signature.
        caller: what is called instead, with the function in front. If it is a coroutine function or a generator function,
            so is the result.
        extras: arguments for the caller between the function and its arguments.
        kwsyntax: leave arguments that are given by name in ``kw``, instead of making them positional.
    """
    signature = inspect_sig(func)
    if isinstance(func, functools.partial):
        functools.update_wrapper(func, func.func)
    call = functools.partial(caller, func, *extras) if kwsyntax else _binding(func, signature, caller, extras)
    decorated = _of_kind_of(caller, call)
    decorated.__dict__.update(getattr(func, "__dict__", {}))
    # Builtins lack some of these.
    for attribute in ("__doc__", "__qualname__", "__defaults__", "__kwdefaults__", "__module__", "__name__"):
        if hasattr(func, attribute):
            setattr(decorated, attribute, getattr(func, attribute))
    _annotate(decorated, func)
    decorated.__dict__.update(__wrapped__=func, __signature__=signature)
    return decorated  # type: ignore[return-value]


def _annotate(decorated: types.FunctionType, func: Any) -> None:
    """Shares the annotations, unless they name what is not there yet: then they are made when somebody asks."""
    try:
        annotations = getattr(func, "__annotations__", None)
    except NameError:
        decorated.__annotate__ = func.__annotate__  # type: ignore[attr-defined, unused-ignore]
    else:
        if annotations is not None:
            decorated.__annotations__ = annotations


def _binding(
    func: Callable[..., Any], signature: inspect.Signature, caller: Callable[..., Any], extras: tuple[Any, ...]
) -> Callable[..., Any]:
    """A function with the parameters of a signature that hands them to the caller, positional where they can be."""
    parameters, defaults, keyword_defaults = told_by(signature)
    if not all(name.isidentifier() and not keyword.iskeyword(name) for name in parameters.all):

        def bound_slowly(*args: Any, **kw: Any) -> Any:
            args, kw = fix(args, kw, signature)
            return caller(func, *extras, *args, **kw)

        return bound_slowly
    maker = _maker(parameters.declaration(), parameters.arguments(), parameters.all, bool(extras))
    bound: types.FunctionType = maker(caller, func, extras)
    bound.__name__ = bound.__qualname__ = str(getattr(func, "__qualname__", "function"))
    bound.__defaults__, bound.__kwdefaults__ = defaults, keyword_defaults
    return bound


@functools.lru_cache(maxsize=1024)
def _maker(declaration: str, arguments: str, names: tuple[str, ...], extras: bool) -> Callable[..., types.FunctionType]:
    """What makes the functions of :func:`_binding` with these parameters."""
    p = prefix_beside(names)
    given = ", ".join(part for part in (f"{p}func", f"*{p}extras" if extras else "", arguments) if part)
    source = (
        f"def maker({p}caller, {p}func, {p}extras):\n"
        f"    def bound({declaration}):\n"
        f"        return {p}caller({given})\n"
        f"    return bound\n"
    )
    namespace: dict[str, Any] = {}
    exec(compile(source, "<cladding>", "exec", dont_inherit=True), namespace)  # noqa: S102 - only names vary, all checked
    maker: Callable[..., types.FunctionType] = namespace["maker"]
    return maker


def _of_kind_of(caller: Any, call: Callable[..., Any]) -> types.FunctionType:
    """A function that takes anything, of the kind of the caller."""

    async def coroutine(*args: Any, **kw: Any) -> Any:
        return await call(*args, **kw)

    def generator(*args: Any, **kw: Any) -> Any:
        yield from call(*args, **kw)

    bound = _native.bind(call, _native.Target("", "", "function", (), 0, 0, {}, True, True), (), True)

    def function(*args: Any, **kw: Any) -> Any:
        return bound(*args, **kw)

    made: Any = function
    if iscoroutinefunction(caller):
        made = coroutine
    elif isgeneratorfunction(caller):
        made = generator
    else:
        _native.arm(made)
    decorated: types.FunctionType = made
    return decorated


def decoratorx(caller: Callable[..., Any]) -> Callable[[F], F]:
    """As ``decorator(caller)``, for tools that read the code object: it has the function's own parameters."""

    def dec(func: F) -> F:
        body = "return _call_(_func_, %(shortsignature)s)"
        names = {"_call_": caller, "_func_": func}
        made: Any = FunctionMaker.create(func, body, names, __wrapped__=func, __qualname__=func.__qualname__)
        result: F = made
        return result

    return dec


def decorator(caller: Callable[..., Any], _func: Callable[..., Any] | None = None, kwsyntax: bool = False) -> Any:
    """Makes a decorator of a caller of the form ``(func, *args, **kw)``.

    Parameters of the caller with defaults, between ``func`` and ``*args``, are parameters of the decorator, which is then
    used with or without parentheses.

    Args:
        caller: the function, or a class that is made with the same arguments.
        _func: a function to decorate at once; ``decorate`` is the better way.
        kwsyntax: as that of ``decorate``.
    """
    if _func is not None:
        return decorate(_func, caller, (), kwsyntax)
    signature = inspect_sig(caller)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind is POS]

    def dec(func: Callable[..., Any] | None = None, *args: Any, **kw: Any) -> Any:
        rest = (parameter for parameter in own[len(args) + 1 :] if parameter.default is not EMPTY)
        extras = args + tuple(kw.get(parameter.name, parameter.default) for parameter in rest)
        if func is None:
            return lambda func: decorate(func, caller, extras, kwsyntax)
        return decorate(func, caller, extras, kwsyntax)

    if not isinstance(caller, type):
        dec.__dict__.update(getattr(caller, "__dict__", {}))
    for attribute in ("__name__", "__doc__", "__qualname__", "__kwdefaults__"):
        if hasattr(caller, attribute):
            setattr(dec, attribute, getattr(caller, attribute))
    dec.__dict__.update(__wrapped__=caller, __signature__=signature.replace(parameters=own))
    return dec


class ContextManager(GeneratorContextManager[T_co]):
    """A context manager made from a generator function; it also decorates functions, which keep their signature."""

    def __init__(self, g: Callable[..., Generator[T_co, None, None]], *a: Any, **k: Any) -> None:
        super().__init__(g, a, k)

    def again(self) -> Callable[[], ContextManager[T_co]]:
        """What makes another such context manager."""
        return functools.partial(type(self), self.func, *self.args, **self.kwds)


def contextmanager(func: Callable[..., Iterator[T_co]]) -> Callable[..., ContextManager[T_co]]:
    """Makes a factory of context managers from a generator function with one ``yield``."""
    made: Any = decorate(func, ContextManager)
    factory: Callable[..., ContextManager[T_co]] = made
    return factory


def append(a: type, vancestors: list[type]) -> None:
    """Puts a class in a list of virtual ancestors, in the place of its own ancestors, unless a descendant is there."""
    precedence.keep_most_specific(a, vancestors)


def dispatch_on(*dispatch_args: str) -> Callable[[Callable[..., Any]], Any]:
    """Makes a generic function, which dispatches on the types of the named arguments; see `cladding.dispatch_on`."""
    assert dispatch_args, "No dispatch args passed"
    written = f"({', '.join(dispatch_args)},)"

    def gen_func_dec(func: Callable[..., Any]) -> Any:
        if not set(dispatch_args) <= set(getfullargspec(func).args):
            message = f"Unknown dispatch arguments {written}"
            raise NameError(message)
        return _generic(func, dispatch_args)

    gen_func_dec.__name__ = f"dispatch_on{written}"
    return gen_func_dec


def _generic(func: Any, names: tuple[str, ...]) -> Any:
    known = table.Table(func.__name__, names, func)
    typemap: dict[tuple[type, ...], Callable[..., Any]] = {}
    made = generic.selector(func, parameters_of(func).parameters, known)
    _annotate(made, func)
    made.__doc__, made.__module__ = func.__doc__, func.__module__

    def register(*types: type) -> Callable[[F], F]:
        """Registers an implementation for arguments of these types."""
        known.check_number(types)

        def dec(f: F) -> F:
            given = len(getfullargspec(f).args)
            if given < len(names):
                message = f"Expected {len(names)} arguments, got {given} in {f.__name__}"
                raise TypeError(message)
            typemap[types] = f
            known.add(types, f)
            return f

        return dec

    def vancestors(*types: type) -> list[set[type]]:
        """The virtual ancestors of each of these types that have an implementation."""
        known.check_number(types)
        registered = zip(*typemap, strict=True) if typemap else [()] * len(names)
        return [set(precedence.virtual_ancestors(*pair)) for pair in zip(types, registered, strict=True)]

    def dispatch_info(*types: type) -> list[tuple[str, ...]]:
        """The names of the types that are asked for an implementation, in this order."""
        return [precedence.names_of(combination) for combination in known.combinations(*types)]

    made.__dict__.update(func.__dict__)
    tools = (register, vancestors, dispatch_info)
    made.__dict__.update({tool.__name__: tool for tool in tools})
    made.__dict__.update(ancestors=known.ancestors, default=func, typemap=typemap, __wrapped__=func)
    return made
