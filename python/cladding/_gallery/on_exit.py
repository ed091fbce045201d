"""``on_exit``: functions that are called once, when the program ends."""

from __future__ import annotations

import atexit
import os
from typing import TYPE_CHECKING, Any, TypeVar, overload

from cladding._kinds import kind_of
from cladding._policy import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


@overload
def on_exit(target: F, /) -> F: ...
@overload
def on_exit(*args: object, **kw: object) -> Callable[[F], F]: ...
def on_exit(target: Any = MISSING, /, *args: Any, **kw: Any) -> Any:
    """Calls a function when the program ends, with the arguments that are told here. The function itself stays as it is.

    Functions are called in the reverse order of their decoration, as :mod:`atexit` does: at the end of the main thread,
    when others have ended, and not where the process is killed or ends in ``os._exit``. Each is called once, in the process
    that decorated it: not in children that were forked since.

    Args:
        target: the function, when used without parentheses. In parentheses, the first of the function's arguments; one
            that is callable is taken for the function, so give it by its name.
        args: the function's further arguments.
        kw: its arguments by name.

    Raises:
        TypeError: the function cannot be called with these arguments; it is a coroutine function or a generator function,
            whose call alone would do nothing; or it is a class.
    """
    if target is not MISSING and callable(target):
        if args or kw:
            message = f"on_exit: give arguments that are callable by name, as {target!r} is taken for the function"
            raise TypeError(message)
        return _register(target, (), {})
    given = () if target is MISSING else (target, *args)
    return lambda function: _register(function, given, kw)


def _register(target: Any, args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
    kind = kind_of(target)
    if kind != "function" or not callable(target):
        what = {"class": "it is a class", "function": "it cannot be called"}.get(
            kind, f"it is a {kind.replace('_', ' ')} function, whose call alone would do nothing"
        )
        message = f"on_exit cannot decorate {target!r}: {what}"
        raise TypeError(message)
    _check(target, args, kw)
    atexit.register(_call, os.getpid(), target, args, kw)
    return target


def _check(target: Any, args: tuple[Any, ...], kw: dict[str, Any]) -> None:
    import inspect

    try:
        signature = inspect.signature(target)
    except (TypeError, ValueError):
        return  # Some builtins tell none.
    try:
        signature.bind(*args, **kw)
    except TypeError as error:
        message = f"on_exit cannot call {target!r} with what it was told: {error}"
        raise TypeError(message) from None


def _call(process: int, target: Callable[..., Any], args: tuple[Any, ...], kw: dict[str, Any]) -> None:
    if os.getpid() == process:
        target(*args, **kw)
