"""A tick, the same in every dialect."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Optional

_FIELDS = ("ltp", "bestbidprice", "bestaskprice")

Prices = tuple[Optional[Decimal], Optional[Decimal], Optional[Decimal]]


class Tick:
    """One price change of one token.

    token   the instrument; in the text dialect the data's own "token" field
    seq     counts the token's ticks within a run of the server; None in text
    ts      when the server took it in, Unix microseconds; None in text
    snap    the last tick before the subscription, or after a gap
    missed  ticks of this token left out just before: conflated by the server or
            by a slow consumer here, or lost in a gap
    frame   the text frame as received, which in the text dialect is the
            publisher's JSON unchanged; None for a binary record
    """

    __slots__ = ("token", "seq", "ts", "snap", "missed", "frame", "_data", "_prices")

    def __init__(self, token: str, data: Optional[dict[str, Any]] = None, *,
                 frame: Optional[str] = None, seq: Optional[int] = None,
                 ts: Optional[int] = None, snap: bool = False, missed: int = 0,
                 prices: Optional[Prices] = None):
        self.token = token
        self.seq = seq
        self.ts = ts
        self.snap = snap
        self.missed = missed
        self.frame = frame
        self._data = data
        self._prices = prices

    @property
    def data(self) -> dict[str, Any]:
        """The publisher's object. Mode ltp has only "ltp" in it, the binary
        dialect only token and prices."""
        if self._data is None:
            named = zip(_FIELDS, self._prices or ())
            self._data = {"token": self.token}
            self._data.update((k, float(v)) for k, v in named if v is not None)
        return self._data

    @property
    def ltp(self) -> Optional[Decimal]:
        """Last traded price, exact; None if there is none or it is no number."""
        return self._exact()[0]

    @property
    def bid(self) -> Optional[Decimal]:
        return self._exact()[1]

    @property
    def ask(self) -> Optional[Decimal]:
        return self._exact()[2]

    @property
    def time(self) -> Optional[datetime]:
        if self.ts is None:
            return None
        seconds, micros = divmod(self.ts, 1_000_000)
        return datetime.fromtimestamp(seconds, timezone.utc).replace(microsecond=micros)

    def _exact(self) -> Prices:
        """Prices are read from the frame again, because data has floats."""
        if self._prices is None:
            fields = self._data or {}
            if self.frame is not None:
                fields = json.loads(self.frame, parse_float=Decimal, parse_int=Decimal)
                if self.seq is not None:  # a typed event around the data
                    fields = fields.get("data", fields)
            ltp, bid, ask = (_number(fields.get(name)) for name in _FIELDS)
            self._prices = (ltp, bid, ask)
        return self._prices

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tick):
            return NotImplemented
        return (self.token, self.seq, self.ts, self.data) == \
            (other.token, other.seq, other.ts, other.data)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        number = "" if self.seq is None else f" #{self.seq}"
        return f"<Tick {self.token}{number} {self.data}>"


def _number(value: Any) -> Optional[Decimal]:
    if isinstance(value, bool):
        return None
    if isinstance(value, Decimal):
        return value
    if isinstance(value, (int, float)):
        return Decimal(str(value))
    return None
