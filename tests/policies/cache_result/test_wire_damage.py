"""`cache_result`: records that are cut off, changed, forged or of somebody else are recognised, and nothing of them is read."""

from __future__ import annotations

import hashlib
import hmac
import os
import pathlib
import pickle
import resource
import struct
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cladding._native import CacheWire

from .portable import nested, plain_keys, plain_leaves, wire

KEY = "a key of 16 bytes"
NAME = b"space\x000123456789abcdef"
VALUE = {"a": [1, -2, 1.5, None, (True, b"bytes")], 2: {"set"}, "big": 2**80}


class Unsigned:
    """As a program would write it that does not care."""

    dumps = staticmethod(pickle.dumps)
    loads = staticmethod(pickle.loads)


def sealed(made: CacheWire, value: Any = VALUE, **note: Any) -> bytes:
    return made.seal(NAME, value, served_for=60.0, tags=["red", "blue"], **note)


def refused(made: CacheWire, record: bytes, name: bytes = NAME, exceptions: Any = None) -> str:
    with pytest.raises(ValueError) as raised:
        made.open(name, record, exceptions)
    assert type(raised.value) is ValueError
    return str(raised.value)


wires = pytest.mark.parametrize(
    "made",
    [wire(), wire(signing_key=KEY), wire(serializer="pickle", signing_key=KEY), wire(serializer=Unsigned)],
    ids=["auto", "signed", "pickle", "given"],
)


@wires
def test_cut_off_anywhere(made: CacheWire) -> None:
    record = sealed(made)
    assert made.open(NAME, record)[0] == VALUE
    for length in range(len(record)):
        refused(made, record[:length])
        refused(made, record[length:] if length else b"")
    refused(made, record + b"\0")


@wires
def test_any_bit_changed(made: CacheWire) -> None:
    record = sealed(made)
    for place in range(len(record)):
        for bit in range(8):
            changed = bytearray(record)
            changed[place] ^= 1 << bit
            refused(made, bytes(changed))


@wires
def test_under_another_name(made: CacheWire) -> None:
    record = sealed(made)
    for name in (b"", NAME[:-1], NAME + b"\0", NAME.upper()):
        assert refused(made, record, name) == "its check is wrong"


def test_names_and_records_do_not_run_into_each_other() -> None:
    made = wire()
    record = made.seal(b"name", 1)
    refused(made, b"e" + record, b"nam")
    refused(made, record[1:], b"namec")


def test_of_another_key_or_serializer() -> None:
    signed, other, unsigned = wire(signing_key=KEY), wire(signing_key=KEY + "x"), wire()
    assert refused(other, sealed(signed)) == "its check is wrong"
    assert refused(unsigned, sealed(signed)) == "it is signed"
    assert refused(signed, sealed(unsigned)) == "it is not signed"
    assert refused(wire(serializer=Unsigned), sealed(unsigned)) == "it is of another serializer"
    assert refused(wire(serializer="pickle", signing_key=KEY), sealed(signed)) == "it is of another serializer"


def test_signatures_are_hmac_of_sha_256() -> None:
    record = sealed(wire(signing_key=KEY))
    message = struct.pack("<Q", len(NAME)) + NAME + record[:-32]
    assert record[-32:] == hmac.new(KEY.encode(), message, hashlib.sha256).digest()


@given(st.binary(max_size=200))
@example(b"cldr")
@example(b"cldr\1\0\0\0")
@example(b"cldr\1\1\1\0" + bytes(60))
def test_any_bytes(record: bytes) -> None:
    for made in (wire(), wire(signing_key=KEY), wire(serializer="pickle", signing_key=KEY)):
        refused(made, record)


class Gadget:
    """Writes a file when it is unpickled."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_pickles_without_the_right_signature_are_never_loaded(tmp_path: pathlib.Path) -> None:
    trace = tmp_path / "ran"
    made = wire(serializer="pickle", signing_key=KEY)
    genuine = made.seal(NAME, Gadget(trace))
    # As whoever can write to the store, but does not have the key, would make them.
    unsigned = wire(serializer=Unsigned).seal(NAME, Gadget(trace))
    forged = wire(serializer="pickle", signing_key="another key of somebody").seal(NAME, Gadget(trace))
    for record in (
        unsigned,
        forged,
        unsigned[:5] + b"\1" + unsigned[6:],
        genuine[:-32] + bytes(32),
        genuine[:6] + b"\0" + genuine[7:],
        pickle.dumps(Gadget(trace)),
    ):
        refused(made, record)
        refused(wire(), record)
        assert not trace.exists()
    refused(made, genuine, NAME + b"x")
    assert not trace.exists()
    # The trap itself works.
    made.open(NAME, genuine)
    assert trace.exists()


# --------------------------------------------------------------------------- bodies that nobody wrote, under a right check


def passed(body: bytes) -> bytes:
    """A record of this body with a signature that is right, as only a mistake of ours, or the key's owner, could make it."""
    head = sealed(wire(signing_key=KEY), None)[:-33]
    message = struct.pack("<Q", len(NAME)) + NAME + head + body
    return head + body + hmac.new(KEY.encode(), message, hashlib.sha256).digest()


def test_bodies_pass_that_are_right() -> None:
    assert wire(signing_key=KEY).open(NAME, passed(b"\x93\1\2\3"))[0] == [1, 2, 3]


@given(st.binary(max_size=300))
def test_any_body(body: bytes) -> None:
    try:
        wire(signing_key=KEY).open(NAME, passed(body))
    except ValueError:
        pass


@given(nested(plain_leaves, plain_keys), st.integers(0), st.binary(min_size=1, max_size=3))
def test_bodies_with_a_piece_replaced(value: Any, place: int, piece: bytes) -> None:
    body = wire().seal(NAME, value)[34:-16]
    place %= len(body)
    changed = body[:place] + piece + body[place + len(piece) :]
    for each in (changed, body[:place], body[:place] + piece + body[place:]):
        try:
            wire(signing_key=KEY).open(NAME, passed(each))
        except ValueError:
            pass


def big(length: int) -> bytes:
    return struct.pack(">I", length)


def extension(kind: int, body: bytes) -> bytes:
    return b"\xc9" + big(len(body)) + bytes([kind]) + body


def tuples(depth: int) -> bytes:
    body = b"\xc0"
    for _ in range(depth):
        body = extension(3, b"\x91" + body)
    return body


LARGEST = 0xFFFF_FFFF
HUGE = {
    "text": b"\xdb" + big(LARGEST),
    "bytes": b"\xc6" + big(LARGEST) + b"a" * 100,
    "list": b"\xdd" + big(LARGEST),
    "lists": (b"\xdd" + big(9_000_000)) * 100 + bytes(10_000_000),
    "dict": b"\xdf" + big(LARGEST) + b"\xc0" * 100,
    "extension": b"\xc9" + big(LARGEST) + b"\3\x90",
    "tuple": extension(3, b"\xdd" + big(LARGEST) + b"\xc0"),
    "array": extension(8, b"\3<f8\2" + struct.pack("<QQ", 2**40, 2**40)),
    "array of nothing": extension(8, b"\3<f8\2" + struct.pack("<QQ", 2**63, 0)),
    "too much": extension(8, b"\3<f8\1" + struct.pack("<Q", 1) + bytes(16)),
    "dimensions": extension(8, b"\3<f8\xff"),
    "item size": extension(8, b"\x0e<f999999999999\1" + struct.pack("<Q", 1)),
    "objects": extension(9, b"\x93\xa7objects" + extension(3, b"\x91\xce" + big(LARGEST)) + b"\x90"),
    "image": extension(9, b"\x96\xa9PIL.Image\xa3RGB\x92" + b"\xce\x0f\xff\xff\xff" * 2 + b"\xc4\0\xc0\x80"),
    "depth": b"\x91" * 100_000 + b"\xc0",
    "depth of tuples": tuples(1000),
}


@pytest.mark.parametrize("name", HUGE)
def test_lengths_are_not_believed(name: str) -> None:
    made, record = wire(signing_key=KEY), passed(HUGE[name])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(made, record)
    # A byte can be an item, whose place in a list takes eight, and a list that grows is there twice.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000 + 24 * len(record) // 1024


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\xca\0\0\0\0",
        b"\xa1\xff",
        b"\x81\x90\xc0",
        b"\xc7\1\x63a",
        b"\xc7\1\2\xff",
        b"\xc7\2\3\x90\xc0",
        b"\xc7\1\3\xc0",
        b"\xd7\7" + bytes(8),
        b"\xc7\1\x09\x90",
        b"\xc7\2\x09\x91\xc0",
        b"\xc7\3\x09\x91\xa1x",
        b"\xc7\6\x09\x91\xa4date",
        b"\xc7\x07\x09\x91\xa5range",
        b"\xc7\2\x04\x91\x90",
        b"\1\1",
    ],
    ids=lambda body: body.hex() or "nothing",
)
def test_bodies_that_make_no_sense(body: bytes) -> None:
    refused(wire(signing_key=KEY), passed(body))


def test_objects_are_not_read_from_memory() -> None:
    np = pytest.importorskip("numpy")
    body = wire().seal(NAME, np.zeros(2, "M8[s]"))[34:-16]
    made = wire(signing_key=KEY)
    assert made.open(NAME, passed(extension(9, body[6:])))[0].dtype == "M8[s]"
    assert (
        refused(made, passed(extension(9, body[6:].replace(b"\xa6<M8[s]", b"\xa2|O"))))
        == "ValueError: memory is no objects"
    )


def test_what_is_signed_but_no_exception() -> None:
    made = wire(signing_key=KEY)
    for body in (b"\xc0", b"\x90", b"\xc7\1\3\x90", b"\xc7\5\3\x94\xc0\xc0\xc0\xc0"):
        head = bytearray(passed(b"")[:-32])
        head[6] |= 2
        message = struct.pack("<Q", len(NAME)) + NAME + bytes(head) + body
        record = bytes(head) + body + hmac.new(KEY.encode(), message, hashlib.sha256).digest()
        refused(made, record, exceptions=Exception)


def test_nothing_of_it_crashes_without_libraries(tmp_path: pathlib.Path) -> None:
    """A result that came from a library which is not installed here is a miss."""
    np = pytest.importorskip("numpy")
    record = wire().seal(NAME, np.arange(3)), wire().seal(NAME, np.array(["a"]))
    program = f"""
import sys
sys.modules["numpy"] = None
from cladding import cache_result
from cladding._native import CacheWire
for record in {record!r}:
    try:
        CacheWire({{}}, cache_result(lambda: 0).cladding.target).open({NAME!r}, record)
    except ValueError as error:
        print(type(error).__name__, error)
"""
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert process.stdout.count("ValueError ModuleNotFoundError") == 2
