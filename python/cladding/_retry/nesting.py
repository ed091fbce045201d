"""Warns where retried calls are inside retried calls."""

from __future__ import annotations

import warnings

_warned: set[tuple[str, str]] = set()
_MOST_WARNED = 1000


def warn(inner: str, outer: str) -> None:
    """Warns that the attempts of two functions multiply, once for each pair."""
    pair = (inner, outer)
    if pair in _warned or len(_warned) >= _MOST_WARNED:
        return
    _warned.add(pair)
    message = (
        f"retry of {inner} inside a retry of {outer}: their attempts multiply. "
        f'nested="outer" on {inner} leaves the retries to {outer}; nested="allow" says that this is meant'
    )
    warnings.warn(message, RuntimeWarning, stacklevel=2)
