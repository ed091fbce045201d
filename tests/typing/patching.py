"""What type checkers see of patches and import hooks. Never run: `tests/test_typing.py` gives it to the checkers."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, assert_type

from cladding import (
    FunctionWrapper,
    function_wrapper,
    is_wrapped_by,
    patch_function_wrapper,
    register_post_import_hook,
    scoped_function_wrapper,
    unregister_post_import_hook,
    when_imported,
)


@patch_function_wrapper(json, "dumps", enabled=lambda: True)
def traced(wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    return str(wrapped(*args, **kwargs))


# A wrapper function stays what it is.
assert_type(traced(len, None, (), {}), str)
assert_type(function_wrapper(traced), FunctionWrapper)
assert_type(scoped_function_wrapper("json", "dumps", traced), AbstractContextManager[None])
assert_type(is_wrapped_by(json.dumps, traced), bool)


@when_imported("json")
def hook(module: ModuleType) -> int:
    return len(module.__name__)


assert_type(hook(json), int)
register_post_import_hook(hook, "json")
register_post_import_hook("package.hooks:hook", "json")
assert_type(unregister_post_import_hook(hook, "json"), bool)
