"""stamina's own tests, from its source distribution, with its loop and its schedule replaced by cladding's retry.

The hooks, their records and the switches are stamina's own, taken from its sources; what decides, waits and repeats is
cladding's. Only tests that fail when cladding's retry is sabotaged are counted as passed through it.
"""

from __future__ import annotations

import pytest

from . import shimmed

# Its tests of coroutines run under asyncio and trio, by a plugin of anyio's.
pytest.importorskip("anyio")
pytest.importorskip("trio")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("cladding")]

AFTER_ITEMS = (
    "begins a generator again that has yielded, so that its consumer has items twice: cladding lets the exception pass "
    "once something was yielded"
)
BASE_EXCEPTION = "retries BaseException, a task's cancellation and KeyboardInterrupt among them: cladding refuses to"
NO_ANSWER = (
    "takes a hook's None for False, with a warning: to cladding it is an error, which names the hook and its answer"
)
STRUCTLOG = "about the shape of what stamina writes to structlog"
INSIDE = "looks into stamina's own loop"

FILES = {
    "test_async.py": shimmed.File(
        cases=227,
        through_cladding=226,
        noticing=106,
        left_out={
            "TestAsyncRetryingCaller.test_ok": BASE_EXCEPTION,
            "TestAsyncGeneratorFunctionDecoration.test_retries_also_after_yields": AFTER_ITEMS,
            "TestAsyncGeneratorFunctionDecoration.test_forwards_athrow": AFTER_ITEMS,
        },
    ),
    "test_config.py": shimmed.File(cases=8, through_cladding=0, noticing=0),
    "test_instrumentation.py": shimmed.File(
        cases=17,
        through_cladding=6,
        noticing=6,
        left_out={
            "test_instrumentation.test_structlog_detected": STRUCTLOG,
            "TestLogging.test_sync_generator_function": AFTER_ITEMS,
            "TestLogging.test_async_generator_function": AFTER_ITEMS,
            "TestSetOnRetryHooks.test_context_manager_hooks_with_sync_generator_function": AFTER_ITEMS,
            "TestSetOnRetryHooks.test_context_manager_hooks_with_async_generator_function": AFTER_ITEMS,
        },
    ),
    "test_sync.py": shimmed.File(
        cases=112,
        through_cladding=111,
        noticing=50,
        left_out={
            "TestRetryingCaller.test_ok": BASE_EXCEPTION,
            "TestGeneratorFunctionDecoration.test_retries_also_after_yields": AFTER_ITEMS,
            "TestGeneratorFunctionDecoration.test_forwards_throw": AFTER_ITEMS,
            "TestBackoffHookSync.test_backoff_hook_returns_none": NO_ANSWER,
            "TestMakeStop.test_never": INSIDE,
            "test_sync.test_attempt_next_wait": INSIDE,
            "test_sync.test_backoff_computation_clamps": INSIDE,
            "test_sync.test_backoff_no_overflow_on_high_attempt_numbers": INSIDE,
        },
    ),
}

NOT_RUN = {
    "test_packaging.py": "asks for the version of the installed package",
    "test_structlog.py": STRUCTLOG,
}


def test_every_file_is_listed() -> None:
    assert shimmed.STAMINA.files() == sorted(FILES.keys() | NOT_RUN.keys())


@pytest.mark.parametrize("name", FILES)
def test_file(name: str) -> None:
    shimmed.judge(shimmed.run(shimmed.STAMINA, name), FILES[name])


@pytest.mark.parametrize("name", FILES)
def test_the_suite_reaches_ours(name: str) -> None:
    shimmed.judge_sabotage(shimmed.STAMINA, name, FILES[name])
