"""Generators in the background: items through a bounded queue, closed by whoever stops reading."""

from __future__ import annotations

import gc
import threading
from collections.abc import Generator, Iterator

import pytest

from cladding._gallery._handles import Stream
from cladding._gallery.background import background

from .work import Failure

LONG = 20


class Source:
    """A generator that says how far it has come, and when it was closed."""

    def __init__(self) -> None:
        self.made = 0
        self.closed = threading.Event()

    @background(buffer=2)
    def items(self, n: int) -> Generator[int, None, str]:
        try:
            for x in range(n):
                self.made += 1
                yield x
            return "end"
        finally:
            self.closed.set()


def test_items_in_order_and_the_result() -> None:
    stream = Source().items(50)
    assert isinstance(stream, Stream)
    assert list(stream) == list(range(50))
    assert stream.result(LONG) == "end"
    assert list(stream) == []


def test_it_runs_ahead_by_no_more_than_the_buffer() -> None:
    source = Source()
    with source.items(1000) as stream:
        assert next(stream) == 0
        assert source.made <= 5
    assert source.closed.wait(LONG)
    assert source.made <= 6


def test_closed_when_nobody_reads_any_more() -> None:
    source = Source()
    stream = source.items(1000)
    next(stream)
    del stream
    gc.collect()
    assert source.closed.wait(LONG)


def test_cancel_closes() -> None:
    source = Source()
    stream = source.items(1000)
    assert next(stream) == 0
    assert stream.cancel()
    assert source.closed.wait(LONG)
    assert stream.result(LONG) is None
    assert list(stream) == []


def test_an_error_comes_after_the_items_before_it() -> None:
    @background
    def fail() -> Iterator[int]:
        yield 1
        yield 2
        raise Failure("mine")

    stream, got = fail(), []
    with pytest.raises(Failure, match="mine"):
        for item in stream:
            got.append(item)
    assert got == [1, 2]


def test_many_streams_at_once() -> None:
    streams = [Source().items(10) for _ in range(60)]
    assert [list(stream) for stream in streams] == [list(range(10))] * 60
