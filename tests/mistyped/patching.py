"""Mistakes with patches and import hooks. Each line that is wrong says what mypy and what pyright calls it."""

from __future__ import annotations

import json
from typing import Any

from cladding import patch_function_wrapper, register_post_import_hook, when_imported, wrap_function_wrapper


@patch_function_wrapper(json, "dumps")
def traced(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    return str(wrapped(*args, **kwargs))


traced()  # expect: call-arg reportCallIssue
wrap_function_wrapper(json, "dumps", "traced")  # expect: arg-type reportArgumentType
patch_function_wrapper(json, 3)  # expect: arg-type reportArgumentType
when_imported(json)  # expect: arg-type reportArgumentType
register_post_import_hook(3, "json")  # expect: arg-type reportArgumentType
