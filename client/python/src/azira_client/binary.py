"""Records of the dialect azira.v1.bin, one to a binary frame:

    kind u8            1 tick, 2 snap; bit 7: bid and ask absent
    ref, seq, ts       ULEB128; ts counts microseconds from the epoch
    exp                i8
    ltp                zigzag LEB128
    bid-ltp, ask-ltp   the same, unless bit 7

A price is n * 10**exp, and a Decimal here: exact, whatever the context.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple, Optional

_TICK, _SNAP, _LTP_ONLY = 1, 2, 0x80
_LEB_BYTES_MAX = 10
_COUNT_BITS = 53   # of ref, seq and ts: what every language's numbers hold
_PRICE_BITS = 63   # and a sign


class BadRecord(ValueError):
    """Bytes that are no record."""


class Record(NamedTuple):
    snap: bool
    ref: int
    seq: int
    since: int  # microseconds from the epoch
    ltp: Decimal
    bid: Optional[Decimal]
    ask: Optional[Decimal]


def parse(p: bytes) -> Record:
    """Reads one record, which must fill p."""
    if not p:
        raise BadRecord("empty")
    kind = p[0] & ~_LTP_ONLY
    if kind not in (_TICK, _SNAP):
        raise BadRecord(f"kind {kind}")
    ref, at = _unsigned(p, 1)
    seq, at = _unsigned(p, at)
    since, at = _unsigned(p, at)
    if max(ref, seq, since) >> _COUNT_BITS:
        raise BadRecord(f"count beyond {_COUNT_BITS} bits")
    if at >= len(p):
        raise BadRecord("cut")
    exp = p[at] - 256 if p[at] > 127 else p[at]
    last, at = _signed(p, at + 1)
    bid = ask = None
    if not p[0] & _LTP_ONLY:
        below, at = _signed(p, at)
        above, at = _signed(p, at)
        bid, ask = _price(last + below, exp), _price(last + above, exp)
    if at != len(p):
        raise BadRecord("bytes at the end")
    return Record(kind == _SNAP, ref, seq, since, _price(last, exp), bid, ask)


def _price(n: int, exp: int) -> Decimal:
    if not -1 << _PRICE_BITS <= n < 1 << _PRICE_BITS:
        raise BadRecord("price beyond 64 bits")
    return Decimal(f"{n}E{exp}")


def _unsigned(p: bytes, at: int) -> tuple[int, int]:
    n = shift = 0
    for i in range(at, min(len(p), at + _LEB_BYTES_MAX)):
        n |= (p[i] & 0x7F) << shift
        if p[i] < 0x80:
            if n >> 64:
                raise BadRecord("number beyond 64 bits")
            return n, i + 1
        shift += 7
    raise BadRecord("cut" if len(p) < at + _LEB_BYTES_MAX else "number too long")


def _signed(p: bytes, at: int) -> tuple[int, int]:
    n, at = _unsigned(p, at)
    return (n >> 1) ^ -(n & 1), at
