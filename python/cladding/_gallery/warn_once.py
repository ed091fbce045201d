"""``warn_once``: warnings that are given once."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cladding._gallery._checks import check_kind, check_number, wrong
from cladding._gallery._once import LIMIT, Once, Place, Seen
from cladding._gallery._wrapping import around

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

F = TypeVar("F")


class _WarnOnce:
    """Warns once for ever, or once for each key.

    The warning points at the line that called ``warn_once``, or one further out. ``warn_once.at_call(...)`` decorates:
    the warning is then given when a function is called. Keys are kept for the whole process, in all threads together; of
    more than 4,096 the one that was asked for least recently is forgotten. A warning that a filter turns into an
    exception is raised each time.

    Args:
        message: the warning's text.
        category: its class.
        key: what is warned of once, whatever the text then says; text and category together unless told.
        stacklevel: whose line it points at: 1 for the caller of ``warn_once``, 2 for that one's caller.

    Returns:
        Whether this was the first time.

    Raises:
        ConfigurationError: ``message`` is no string, ``category`` no class of warnings, or ``stacklevel`` below 1.
    """

    __name__ = "warn_once"
    __qualname__ = "warn_once"

    def __init__(self) -> None:
        self.seen = Seen(LIMIT)

    def __call__(
        self, message: str, category: type[Warning] = UserWarning, *, key: Hashable = None, stacklevel: int = 1
    ) -> bool:
        _check(message, category)
        check_number("warn_once", "stacklevel", stacklevel, 1)
        kept: Any = (category, message) if key is None else (_WarnOnce, key)
        if not self.seen.first(kept):
            return False
        try:
            warnings.warn(message, category, stacklevel=stacklevel + 1)
        except BaseException:
            self.seen.forget(kept)
            raise
        return True

    def at_call(
        self,
        message: str,
        category: type[Warning] = DeprecationWarning,
        *,
        key: Hashable | Callable[..., Hashable] = None,
    ) -> Callable[[F], F]:
        """A decorator: warns when the function, class or method is called, and points at the line that calls it.

        A coroutine function or generator warns when it begins to run. Where an event loop began it, the warning points at
        the function itself.

        Args:
            message: the warning's text.
            category: its class.
            key: unless told, each decorated function warns once for ever. A callable is called with the call's own
                arguments, and each value of it warns once for each function. Anything else is shared: all functions with that key warn once.

        Raises:
            ConfigurationError: as for ``warn_once`` itself.
            TypeError: what is decorated cannot be.
        """
        _check(message, category)

        def say(place: Place) -> bool:
            registry = place.names.setdefault("__warningregistry__", {})
            warnings.warn_explicit(message, category, place.file, place.line, place.module, registry)
            return True

        def decorate(target: F) -> F:
            decorated: F = around(
                target, lambda subject: Once(self, subject, key, say).caller(), name="warn_once.at_call"
            )
            return decorated

        return decorate

    def reset(self) -> None:
        """Forgets what was warned of, for tests."""
        self.seen.clear()

    def __repr__(self) -> str:
        return "<function warn_once>"

    def __reduce__(self) -> str:
        return "warn_once"


def _check(message: object, category: object) -> None:
    check_kind("warn_once", "message", message, str, "a string")
    if not isinstance(category, type) or not issubclass(category, Warning):
        raise wrong("warn_once", "category", "a class that derives from Warning", category)


warn_once: Final = _WarnOnce()
