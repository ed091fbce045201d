"""stamina's names over `cladding.retry`: its configuration and hooks are its own, taken from its sources."""

import os
from pathlib import Path

__path__.append(str(Path(os.environ["CLADDING_PEER_SOURCES"]) / "src" / "stamina"))

from . import _config, instrumentation
from ._config import is_active, is_testing, set_active
from ._core import AsyncRetryingCaller, Attempt, RetryingCaller, retry, retry_context, set_testing
