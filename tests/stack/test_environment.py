"""Policies switched off by `CLADDING_DISABLED`."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys

import pytest


def started_with(value: str | None, *options: str) -> subprocess.CompletedProcess[str]:
    """What a new interpreter prints of the switches of a function, started with a value of ``CLADDING_DISABLED``."""
    program = inspect.cleandoc("""
        import cladding

        @cladding.timer
        @cladding.retry
        def function(): ...

        function()
        print(*[policy.stats["calls"] for policy in function.cladding.policies])
        cladding.configure()
        function()
        print(*[policy.stats["calls"] for policy in function.cladding.policies])
    """)
    environment = {name: text for name, text in os.environ.items() if name != "CLADDING_DISABLED"}
    if value is not None:
        environment["CLADDING_DISABLED"] = value
    command = [sys.executable, *options, "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("value", "first"),
    [
        (None, "1 1"),
        ("", "1 1"),
        (" , ", "1 1"),
        ("timer", "0 1"),
        (" retry , timer,", "0 0"),
        ("__main__.function:retry", "1 0"),
        ("__main__.function", "0 0"),
        ("1", "0 0"),
        ("all", "0 0"),
        ("ALL", "0 0"),
        ("true", "0 0"),
        (" True ", "0 0"),
        ("0", "1 1"),
        ("false", "1 1"),
        ("FALSE", "1 1"),
        ("0,retry", "1 0"),
        ("retry,All", "0 0"),
    ],
)
def test_the_environment(value: str | None, first: str) -> None:
    process = started_with(value, "-W", "error")
    assert process.stderr == ""
    before, after = process.stdout.splitlines()
    assert before == first
    # A configuration in code takes the place of the environment's.
    assert after == " ".join(str(int(count) + 1) for count in first.split())


def test_a_wrong_name_in_the_environment_is_warned_about_and_the_others_hold() -> None:
    process = started_with("timr,retry")
    assert process.returncode == 0
    assert process.stdout.splitlines()[0] == "1 0"
    assert process.stderr.startswith(
        "<string>:1: RuntimeWarning: CLADDING_DISABLED: a name in it must be 'all', one of "
    )
    assert "got 'timr'" in process.stderr
    assert "decorated function" not in process.stderr
    assert "noop" not in process.stderr


@pytest.mark.parametrize("value", ["Retry", "2", "yes", "__main__.function:Retry"])
def test_names_are_spelt_as_they_are(value: str) -> None:
    process = started_with(value)
    assert process.stdout.splitlines()[0] == "1 1"
    assert f"got {value!r}" in process.stderr
