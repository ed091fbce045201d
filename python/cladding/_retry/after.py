"""Finds what an exception's answer asks to wait: the ``Retry-After`` of HTTP, the pushback of gRPC."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cladding import _native

# What gRPC servers send beside a failure, in milliseconds; a negative number asks for no retry at all, which a wait cannot say.
PUSHBACK = "grpc-retry-pushback-ms"
FIELD = "retry-after"


def seconds(error: Any) -> float | None:
    """The seconds that the answer behind ``error`` asks to wait, or ``None``.

    Looks at ``error.response.headers`` (requests, httpx), ``error.headers`` (aiohttp, urllib), and the trailing metadata
    of gRPC. Nothing of those packages is imported: what looks like headers is taken for headers.
    """
    response = _attribute(error, "response")
    for carrier in (response, error):
        asked = _of_headers(_attribute(carrier, "headers"))
        if asked is not None:
            return asked
    # Some have plain dictionaries there: the headers themselves, or as botocore keeps them.
    for headers in (response, _item(_item(response, "ResponseMetadata"), "HTTPHeaders")):
        asked = _of_headers(headers)
        if asked is not None:
            return asked
    return _of_metadata(_attribute(error, "trailing_metadata"))


def _item(mapping: Any, key: str) -> Any:
    return mapping.get(key) if isinstance(mapping, dict) else None


def _attribute(owner: object, name: str) -> Any:
    try:
        return getattr(owner, name, None)
    except Exception:  # noqa: BLE001 - whatever a property raises
        return None  # A property that fails says nothing about waiting.


def _of_headers(headers: Any) -> float | None:
    get = _attribute(headers, "get")
    if not callable(get):
        return None
    for name in (FIELD, "Retry-After"):  # Most mappings of headers do not mind the case; plain dictionaries do.
        try:
            value = get(name)
        except Exception:  # noqa: BLE001 - it is the response's own code
            return None
        if value is not None:
            return _parsed(value)
    return None


def _of_metadata(trailing: Any) -> float | None:
    try:
        pairs: Any = trailing() if callable(trailing) else trailing
        fields = {str(key).lower(): value for key, value in pairs or ()}
    except Exception:  # noqa: BLE001 - it is the call's own code
        return None
    if PUSHBACK in fields:
        milliseconds = _parsed(fields[PUSHBACK])
        return None if milliseconds is None else milliseconds / 1000
    return _parsed(fields[FIELD]) if FIELD in fields else None


def _parsed(value: object) -> float | None:
    try:
        if isinstance(value, bytes):
            value = value.decode("ascii", "replace")
        if isinstance(value, timedelta):
            return max(0.0, value.total_seconds())
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value) if 0 <= value < float("inf") else None
        return _native.retry_after_seconds(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None  # A number that no float holds, or text that has no encoding.
