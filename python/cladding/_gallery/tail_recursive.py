"""``tail_recursive``: calls in tail position take no stack."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any, TypeVar

from cladding._errors import ConfigurationError
from cladding._gallery._checks import refuse
from cladding._gallery._tail_calls import TailCall, tail_calls
from cladding._gallery._wrapping import Subject, around

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType, FrameType

    F = TypeVar("F", bound=Callable[..., Any] | classmethod[Any, Any, Any] | staticmethod[Any, Any])


def tail_recursive(target: F, /) -> F:
    """Makes calls in tail position take no stack, so that recursion by them has no limit.

    A call is in tail position if its result is at once what the function returns: ``return f(n - 1, n * total)``, but
    not ``return n * f(n - 1)``, nor one inside ``try`` or ``with``. Calls by the function's name, and by attributes such as
    ``self.f``, of this function or of another one that is ``tail_recursive`` are run by a loop in place of the function that
    made them. All other calls are ordinary ones: those that are not in tail position, those with ``*`` or ``**``, those
    that something else makes (``map``), and those through a decorator that was put above this one.

    Functions that a loop has left are missing in tracebacks, and their local variables are gone.

    Args:
        target: a function, or a class or static method.

    Raises:
        TypeError: anything else; a coroutine function or generator; a function that is decorated already.
        ConfigurationError: the function has no call by name in tail position.
    """
    if not isinstance(target, types.FunctionType | classmethod | staticmethod):
        raise refuse("tail_recursive", target, "a Python function, a classmethod or a staticmethod is wanted")

    decorated: F = around(target, lambda subject: _Recursion(subject).caller(), name="tail_recursive")
    return decorated


class _Again:
    """What a function returns in place of a tail call's result, to the loop that runs it."""

    __slots__ = ("args", "kwargs", "recursion")

    def __init__(self, recursion: _Recursion, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.recursion = recursion
        self.args = args
        self.kwargs = kwargs


class _Recursion:
    """A function whose tail calls are run by a loop."""

    def __init__(self, subject: Subject) -> None:
        function = subject.target
        if not isinstance(function, types.FunctionType) or hasattr(function, "__wrapped__"):
            raise refuse("tail_recursive", function, "put it directly on a Python function, below other decorators")
        if subject.kind != "function":
            raise refuse(
                "tail_recursive", function, f"a {subject.kind.replace('_', ' ')} function has no calls in tail position"
            )
        self.subject = subject
        self.function = function
        self.code: CodeType = function.__code__
        self.tail_calls: Mapping[int, TailCall] = tail_calls(self.code)
        if not self.tail_calls:
            message = (
                f"tail_recursive: {subject.name} has no call in tail position, which is `return {function.__name__}(...)` "
                f"outside of try and with: give it an argument that gathers the result"
            )
            raise ConfigurationError(message)

    def caller(self) -> Callable[..., Any]:
        """What is called for each call."""

        def caller(func: Any, /, *args: Any, **kw: Any) -> Any:
            del func  # The loop calls the function itself.
            return _Again(self, args, kw) if _in_tail_of_loop(self, sys._getframe(1)) else _loop(self, args, kw)

        return caller

    def is_called_at(self, call: TailCall, frame: FrameType) -> bool:
        """Whether what is called by name at a place is this."""
        found = call.callee(frame)
        if isinstance(found, classmethod | staticmethod):
            found = found.__func__
        return found is self.subject.decorated


def _loop(recursion: _Recursion, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    while True:
        result = recursion.function(*args, **kwargs)
        if type(result) is not _Again:
            return result
        recursion, args, kwargs = result.recursion, result.args, result.kwargs
        del result


_LOOP = _loop.__code__


def _in_tail_of_loop(recursion: _Recursion, frame: FrameType | None) -> bool:
    """Whether a call is the last thing that a function does that a loop has called."""
    carrier = recursion.subject.decorated.__code__
    # Without native calls the carrier has a frame of its own.
    while frame is not None and (
        frame.f_code is carrier or frame.f_globals.get("__name__", "").startswith("cladding.")
    ):
        frame = frame.f_back
    if frame is None or frame.f_back is None or frame.f_back.f_code is not _LOOP:
        return False
    running: _Recursion = frame.f_back.f_locals["recursion"]
    call = running.tail_calls.get(frame.f_lasti) if running.code is frame.f_code else None
    return call is not None and recursion.is_called_at(call, frame)
