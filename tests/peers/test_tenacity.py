"""tenacity's own tests, from its source distribution, with its loop replaced by cladding's retry.

The strategies (`stop_*`, `wait_*`, `retry_*`), the functions that log and the names are tenacity's own, taken from its
sources; `shims/tenacity` puts cladding's questions to them. Only tests that fail when cladding's retry is sabotaged are
counted as passed through it: the others are about the strategies alone.
"""

from __future__ import annotations

import pytest

from . import shimmed

pytest.importorskip("trio")  # which one of its tests runs under

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("cladding")]

FILES = {
    "test_after.py": shimmed.File(cases=3, through_cladding=0, noticing=0),
    "test_asyncio.py": shimmed.File(cases=30, through_cladding=25, noticing=18),
    "test_issue_478.py": shimmed.File(cases=2, through_cladding=2, noticing=2),
    "test_tenacity.py": shimmed.File(
        cases=141,
        through_cladding=72,
        noticing=44,
        left_out={"TestBase.test_callstate_repr": "the text that tenacity shows of its own record of a call"},
    ),
    "test_utils.py": shimmed.File(cases=2, through_cladding=0, noticing=0),
}

NOT_RUN = {
    "test_tornado.py": (
        "tornado's generator-based coroutines, which return futures from plain functions: cladding awaits what coroutine "
        "functions return"
    ),
}


def test_every_file_is_listed() -> None:
    assert shimmed.TENACITY.files() == sorted(FILES.keys() | NOT_RUN.keys())


@pytest.mark.parametrize("name", FILES)
def test_file(name: str) -> None:
    shimmed.judge(shimmed.run(shimmed.TENACITY, name), FILES[name])


@pytest.mark.parametrize("name", FILES)
def test_the_suite_reaches_ours(name: str) -> None:
    shimmed.judge_sabotage(shimmed.TENACITY, name, FILES[name])
