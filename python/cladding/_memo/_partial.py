"""``partial``: that of ``functools``, which also says whose it is."""

from __future__ import annotations

import functools
import sys
from typing import Any, TypeVar

from cladding._memo._doc import DocOfFunction

T = TypeVar("T")


# That of the standard library, also where ours is put in its place.
_standard = functools.partial

_FROM_FUNCTION = ("__name__", "__qualname__", "__annotations__", "__type_params__")


class _Signature:
    """What ``inspect`` takes for the parameters of the class, and on a partial those that are left of its function's."""

    def __get__(self, instance: Any, owner: type) -> Any:
        import inspect

        if instance is not None:
            return instance._signature()
        if owner is not partial:
            message = f"type object {owner.__name__!r} has no attribute '__signature__'"
            raise AttributeError(message)

        def parameters(func: Any, /, *args: Any, **keywords: Any) -> None: ...

        return inspect.signature(parameters, eval_str=False).replace(return_annotation=inspect.Signature.empty)


class partial(functools.partial[T]):  # noqa: N801 - the standard name
    """A function with some of its arguments given: that of ``functools``, whose subclass it is, and whose it is.

    It has the ``__name__``, ``__qualname__``, ``__module__``, ``__doc__`` and ``__annotations__`` of its function (where
    that has them), which is its ``__wrapped__``; ``inspect.signature`` tells the parameters that are left. It is reported
    as a coroutine function where its function is one. It is called, copied, pickled, compared and nested as that of
    ``functools``.

    >>> from cladding import partial
    >>> def scale(x, by):
    ...     return x * by
    >>> double = partial(scale, by=2)
    >>> double(21), double.__name__
    (42, 'scale')

    Args:
        func: the function; another partial is taken apart.
        args: arguments that come before those of the call.
        keywords: arguments that the call may replace.

    Raises:
        TypeError: ``func`` cannot be called.
    """

    __doc__: Any = DocOfFunction(__doc__, "func")  # pyright: ignore[reportUnboundVariable] - the text above
    __signature__ = _Signature()

    if sys.version_info < (3, 13):

        def __repr__(self) -> str:
            # There the base names subclasses by their name alone, and itself in full, as which this one stands.
            text = super().__repr__()
            return f"functools.{text}" if type(self) is partial and text != "..." else text

    def __getattribute__(self, name: str) -> Any:
        # A class has to have its module as text, so no descriptor can tell another one on its instances.
        if name == "__module__":
            return getattr(self.func, "__module__", None)
        return super().__getattribute__(name)

    def __getattr__(self, name: str) -> Any:
        if name == "__wrapped__":
            return self.func
        if name in _FROM_FUNCTION:
            return getattr(self.func, name)
        message = f"{type(self).__name__!r} object has no attribute {name!r}"
        raise AttributeError(message, name=name, obj=self)

    def _signature(self) -> Any:
        # Without it ``inspect`` would tell the parameters of what is wrapped.
        import inspect

        try:
            return inspect.signature(_standard(self.func, *self.args, **self.keywords))
        except (TypeError, ValueError) as error:
            message = f"the signature of {self.func!r} is not known"
            raise AttributeError(message, name="__signature__", obj=self) from error
