"""Makes `import wrapt` and `import decorator` mean cladding's modules, submodules included; the real ones are hidden.

`CLADDING_PEERS=real` leaves the imports alone: what then fails is a wrong statement of the suite's, not of ours.
"""

import importlib
import os
import pkgutil
import sys


def put_in_place(name: str) -> None:
    """Registers the counterpart of a package, and of all that it holds, under the package's own name."""
    ours = importlib.import_module(f"cladding.compat.{name}")
    sys.modules[name] = ours
    for found in pkgutil.walk_packages(getattr(ours, "__path__", ()), f"{ours.__name__}."):
        sys.modules[name + found.name.removeprefix(ours.__name__)] = importlib.import_module(found.name)


if os.environ.get("CLADDING_PEERS") != "real":
    peer = os.environ["CLADDING_PEER"]
    assert peer not in sys.modules, f"{peer} was imported too early to be replaced"
    put_in_place(peer)
    assert importlib.import_module(peer).__name__ == f"cladding.compat.{peer}"
