"""Objects that functions share: each is one in a process, however often it is copied or unpickled there."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any

from cladding._forks import ForkSafeLock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

# By identity. What nobody uses any more is not kept.
_known: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
_lock = ForkSafeLock()


class Shared:
    """What is pickled by its configuration and its identity.

    Within a process every copy is the object itself, an unpickled one too. In another process there is one object of that
    configuration for all copies that come there, with a state of its own. A class has to have the slots ``__weakref__``
    and ``_identity``.
    """

    __slots__ = ()

    def _configuration(self) -> dict[str, Any]:
        """The arguments, by name, that make an object of the same configuration."""
        raise NotImplementedError

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        this: Any = self  # The slots are those of the class.
        with _lock:
            try:
                identity = this._identity
            except AttributeError:
                identity = this._identity = os.urandom(16).hex()
                _known[identity] = this
        return _revive, (type(self), identity, self._configuration())

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self._configuration().items())
        return f"{type(self).__name__}({told})"


def _revive(kind: type[Shared], identity: str, configuration: Mapping[str, Any]) -> Any:
    with _lock:
        known: Any = _known.get(identity)
        if known is None:
            known = kind(**configuration)
            known._identity = identity
            _known[identity] = known
        return known
