"""``log_once``: log records that are written once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cladding._gallery._checks import check_number, level_number, wrong
from cladding._gallery._once import LIMIT, Once, Place, Seen
from cladding._gallery._wrapping import around

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, MutableMapping

F = TypeVar("F")


class _LogOnce:
    """Logs once for ever, or once for each key.

    Unless told a key, the message and its arguments together are logged once by each logger at each level, as the
    ``warning_once`` of model libraries does. The record says that it comes from the caller of ``log_once``.
    ``log_once.at_call(...)`` decorates: the record is then written when a function is called. What the logger does not take
    because of its level does not count. Keys are kept for the whole process, in all threads together; of more than 4,096
    the one that was asked for least recently is forgotten.

    Args:
        logger: a logger, a logger adapter, or the name of a logger.
        level: a number or a name such as ``"warning"``.
        msg: the message, with ``%`` places for the arguments.
        args: the arguments.
        key: what is logged once by the logger, whatever the message then says: any value that can be hashed, or a callable
            that makes one of ``args``.
        stacklevel: whom the record names: 1 for the caller of ``log_once``, 2 for that one's caller.
        exc_info: as for the logger's own methods.
        extra: as for the logger's own methods.

    Returns:
        Whether it was logged.

    Raises:
        ConfigurationError: ``logger``, ``level`` or ``stacklevel`` is of the wrong kind.
    """

    __name__ = "log_once"
    __qualname__ = "log_once"

    def __init__(self) -> None:
        self.seen = Seen(LIMIT)

    def __call__(
        self,
        logger: logging.Logger | logging.LoggerAdapter[Any] | str,
        level: int | str,
        msg: object,
        *args: Any,
        key: Hashable | Callable[..., Hashable] = None,
        stacklevel: int = 1,
        exc_info: Any = None,
        extra: Mapping[str, object] | None = None,
    ) -> bool:
        found, number = _logger(logger), level_number("log_once", level)
        check_number("log_once", "stacklevel", stacklevel, 1)
        if not found.isEnabledFor(number):
            return False
        kept: Any
        made = key(*args) if callable(key) else key
        # 1, 1.0 and True are equal, but not what they make of a message.
        kept = (found.name, number, msg, args, *map(type, args)) if made is None else (found.name, made)
        if not self.seen.first(kept):
            return False
        try:
            found.log(number, msg, *args, exc_info=exc_info, extra=extra, stacklevel=stacklevel + 1)
        except BaseException:
            self.seen.forget(kept)
            raise
        return True

    def at_call(
        self,
        logger: logging.Logger | logging.LoggerAdapter[Any] | str,
        level: int | str,
        msg: object,
        *,
        key: Hashable | Callable[..., Hashable] = None,
    ) -> Callable[[F], F]:
        """A decorator: logs when the function, class or method is called; the record names the line that calls it.

        A coroutine function or generator logs when it begins to run. Where an event loop began it, the record names the
        function itself.

        Args:
            logger: a logger, a logger adapter, or the name of a logger.
            level: a number or a name such as ``"warning"``.
            msg: the message.
            key: unless told, each decorated function logs once for ever. A callable is called with the call's own
                arguments, and each value of it is logged once for each function. Anything else is shared: all functions with that key log once.

        Raises:
            ConfigurationError: as for ``log_once`` itself.
            TypeError: what is decorated cannot be.
        """
        found, number = _logger(logger), level_number("log_once", level)

        def say(place: Place) -> bool:
            if not found.isEnabledFor(number):
                return False
            _write(found, number, msg, place)
            return True

        def decorate(target: F) -> F:
            decorated: F = around(
                target, lambda subject: Once(self, subject, key, say).caller(), name="log_once.at_call"
            )
            return decorated

        return decorate

    def reset(self) -> None:
        """Forgets what was logged, for tests."""
        self.seen.clear()

    def __repr__(self) -> str:
        return "<function log_once>"

    def __reduce__(self) -> str:
        return "log_once"


def _logger(logger: object) -> logging.Logger | logging.LoggerAdapter[Any]:
    if isinstance(logger, str):
        return logging.getLogger(logger)
    if not isinstance(logger, logging.Logger | logging.LoggerAdapter):
        raise wrong("log_once", "logger", "a logger, a logger adapter or the name of a logger", logger)
    return logger


def _write(logger: Any, level: int, msg: object, place: Place) -> None:
    """Writes a record that names a place; an adapter adds what it adds."""
    more: MutableMapping[str, Any] = {}
    while isinstance(logger, logging.LoggerAdapter):
        msg, more = logger.process(msg, more)
        logger = logger.logger
    record = logger.makeRecord(
        logger.name, level, place.file, place.line, msg, (), None, func=place.function, extra=more.get("extra")
    )
    logger.handle(record)


log_once: Final = _LogOnce()
