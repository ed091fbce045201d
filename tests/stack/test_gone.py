"""What is kept of policies that are gone."""

from __future__ import annotations

import gc

import cladding


def test_policies_that_are_gone_leave_nothing() -> None:
    kept = [cladding.timer(lambda x: x) for _ in range(700)]

    def make() -> None:
        cladding.timer(lambda x: x)(1)

    for _ in range(100):
        make()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(500):
        make()
    gc.collect()
    assert len(gc.get_objects()) - before < 10
    assert len(kept) == 700
