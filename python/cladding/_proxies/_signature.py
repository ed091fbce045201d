"""The signatures of proxy classes, which ``inspect`` looks for on what a class wraps, up to 3.12."""

from __future__ import annotations

import inspect
from typing import Any


class OwnSignature:
    """``__signature__``: on a class that of its ``__init__``, on a proxy that of what it wraps, if that has one."""

    def __get__(self, instance: Any, owner: type[Any]) -> Any:
        if instance is not None:
            return instance.__wrapped__.__signature__
        signature = inspect.signature(owner.__init__)
        return signature.replace(parameters=list(signature.parameters.values())[1:])
