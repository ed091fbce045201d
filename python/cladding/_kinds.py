"""What kind of function something is, told without importing ``inspect``; and the marks that say so."""

from __future__ import annotations

import functools
import sys
import types
from typing import Any

from cladding import _native
from cladding._trampoline import kind_of_code

STATED = "_self_kind"
"""Where a function wrapper keeps the kind that was stated of it."""

MARKS = ("_is_coroutine", "_is_coroutine_mark", "_is_coroutine_marker")
"""What ``inspect`` and ``asyncio`` set on a function that is to be taken for a coroutine function."""


def kind_of(target: Any) -> str:
    """What a call gives: ``function``, ``coroutine``, ``generator`` or ``async_generator``; ``class`` for a class.

    Sees through descriptors, partials, methods, wrappers and callable objects, and believes marks.
    """
    while True:
        kind = type(target)
        if _is_marked(target):
            return "coroutine"
        if issubclass(kind, classmethod | staticmethod | types.MethodType):
            target = target.__func__
        elif issubclass(kind, functools.partial):
            target = target.func
        elif issubclass(kind, _native.BaseObjectProxy):
            if (stated := getattr(target, STATED, None)) is not None:
                return str(stated)
            target = target.__wrapped__
        else:
            break
    if isinstance(target, type):
        return "class"
    code = getattr(target, "__code__", None)
    if code is None:
        code = getattr(getattr(type(target), "__call__", None), "__code__", None)  # noqa: B004 - the method is wanted
    return kind_of_code(code.co_flags) if isinstance(code, types.CodeType) else "function"


def mark_coroutine_function(target: Any) -> None:
    """Marks a callable as one whose calls are to be awaited, for ``inspect`` and ``asyncio`` to tell so.

    Up to 3.11 ``asyncio.iscoroutinefunction`` alone has such a mark.
    """
    if sys.version_info >= (3, 12):
        import inspect

        inspect.markcoroutinefunction(target)
    else:
        import asyncio.coroutines

        coroutines: Any = asyncio.coroutines  # whose mark has no public name
        target._is_coroutine = coroutines._is_coroutine


def _is_marked(target: Any) -> bool:
    # Asked only where the module that makes the mark has been imported: nobody else can have made it.
    inspect, coroutines = sys.modules.get("inspect"), sys.modules.get("asyncio.coroutines")
    # The second name is that of 3.12.
    mark = getattr(inspect, "_is_coroutine_mark", None) or getattr(inspect, "_is_coroutine_marker", None)
    if mark is not None and getattr(target, "_is_coroutine_marker", None) is mark:
        return True
    mark = getattr(coroutines, "_is_coroutine", None)
    return mark is not None and getattr(target, "_is_coroutine", None) is mark
