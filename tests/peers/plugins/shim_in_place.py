"""Makes `import tenacity` and `import stamina` mean the packages in `shims/`, whose retries are cladding's.

`CLADDING_SABOTAGE=raise` puts something that always fails in the place of cladding's retry: what still passes has nothing to do
with it. `CLADDING_SABOTAGE=once` makes a retry of it that never tries again.
"""

import importlib
import os
import sys
import types
from pathlib import Path

import cladding

SHIMS = Path(__file__).parent.parent / "shims"


class SabotagedError(Exception):
    """What a sabotaged retry raises."""


class Sabotaged:
    """A retry that does not do what it should."""

    def __init__(self, real):
        self._real = real
        self._kind = os.environ["CLADDING_SABOTAGE"]

    def _weakened(self, parameters):
        if self._kind == "raise":
            raise SabotagedError
        return parameters | {"max_retries": 0}

    def __call__(self, **parameters):
        return self._real(**self._weakened(parameters))

    def attempts(self, **parameters):
        return self._real.attempts(**self._weakened(parameters))


if "CLADDING_SABOTAGE" in os.environ:
    cladding.retry = Sabotaged(cladding.retry)

peer = os.environ["CLADDING_PEER"]
assert peer not in sys.modules, f"{peer} was imported too early to be replaced"
sys.path.insert(0, str(SHIMS))
if peer == "stamina":
    # It stands on tenacity: here there is nothing to stand on. One of its tests wants a name to be there.
    sys.modules["tenacity"] = types.ModuleType("tenacity")
    # With structlog its default hook is another one; which of the two it is has nothing to do with retrying.
    sys.modules["structlog"] = None
assert Path(importlib.import_module(peer).__file__).parent == SHIMS / peer
