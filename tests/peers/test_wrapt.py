"""wrapt's own tests, from its source distribution, run against `cladding.compat.wrapt`."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import sdists, suites

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("cladding")]

VERSION = "2.5.*"

# Tests that cannot pass because they hard-code the name of the package. No other reason is accepted.
EXCEPTIONS = {
    "test_type_module_attribute.py": {
        "TestPythonSubclassTypeModuleAttribute.test_object_proxy_type_module_is_string": (
            "wants ObjectProxy.__module__ to be 'wrapt.proxies'"
        ),
    },
}

FILES = """
    adapter adapter_annotations adapter_kwonly annotations attribute_wrapper auto_object_proxy callable_binding_no_args
    callable_object_proxy class class_mro_entries copy decorator_state decorators deferred_patching
    descriptor_get_class_access descriptors enabled_bool_error entry_points find_wrapper formatargspec function
    function_wrapper inheritance inner_classmethod inner_staticmethod inplace_operators instancemethod lazy_object_proxy
    lru_cache memoize missing_sentinel monkey_patching nested_function object_proxy object_proxy_hook
    object_proxy_self_dict object_proxy_type_checks outer_classmethod outer_staticmethod pickle post_import_hooks
    proxy_doc_descriptor proxy_new_arguments proxy_operands pyerr_clear_propagation resolve_path runtime_type_hints
    scoped_function_wrapper synchronized_async synchronized_lock synchronized_markers transient_function_wrapper
    type_module_attribute uninitialized_wrapper unwrap_object update_attributes weak_function_proxy with_doc
    with_signature wrapper_chain
""".split()


@pytest.fixture(scope="module")
def sources() -> Path:
    return sdists.sources("wrapt", VERSION)


def test_every_file_is_listed(sources: Path) -> None:
    assert sorted(path.name for path in (sources / "tests" / "core").glob("test_*.py")) == [
        f"test_{name}.py" for name in FILES
    ]


@pytest.mark.parametrize("name", FILES)
def test_file(sources: Path, name: str) -> None:
    file = sources / "tests" / "core" / f"test_{name}.py"
    report = suites.run(file, sources, "peer_in_place", environment={"CLADDING_PEER": "wrapt"})
    suites.judge(report, EXCEPTIONS.get(file.name, {}))
