"""The proof that nothing was lost, token by token.

    ack 41   snap 41   tick 42   tick 43   skip 2   tick 46   hb sum
    base     last      last      last      44,45    last      sum of last + pending

Every tick that the server published since base was received, skipped (conflated
away and told) or gapped (out of the server's memory and told); the sum in each hb
says whether any went without a word.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional

_PROBLEMS_MAX = 16  # kept in words; all are counted


@dataclass
class Counters:
    """What came of the published ticks, over all tokens since the start."""

    received: int = 0
    skipped: int = 0
    gapped: int = 0
    feed_gapped: int = 0  # holes in the feed's own numbering
    lost: int = 0         # missing without a word
    doubled: int = 0      # came again; not passed on
    bad: int = 0          # frames that could not be read, or belong to no token
    conflated: int = 0    # received, then dropped for a slow consumer
    connects: int = 0


@dataclass
class Entry:
    """One token. It outlives connections; held is that of the present one."""

    token: str
    options: dict[str, Any] = field(default_factory=dict)
    held: bool = False
    epoch: Optional[int] = None  # in which last is valid; None = nothing known
    base: int = 0
    last: int = 0
    received: int = 0
    skipped: int = 0
    gapped: int = 0
    missed: int = 0      # told since the last tick that was passed on

    @property
    def balanced(self) -> bool:
        return self.base + self.received + self.skipped + self.gapped == self.last


class Ledger:
    """The tokens wanted and what is known of each."""

    def __init__(self) -> None:
        self.epoch: Optional[int] = None
        self.entries: dict[str, Entry] = {}
        self.refs: dict[int, Entry] = {}
        self.counters = Counters()
        self.problems: list[str] = []
        self.proved: Optional[bool] = None
        self._sound = True

    def complete(self) -> Optional[bool]:
        """True: the last hb of this connection proved that every tick came or was
        told missing. False: something was lost or doubled at some time. None: not
        proved yet."""
        return self.proved if self._sound else False

    def connected(self, epoch: Optional[int]) -> None:
        self.epoch = epoch
        self.refs.clear()
        self.proved = None
        for e in self.entries.values():
            e.held = False

    def want(self, token: str, options: dict[str, Any]) -> None:
        self.entries.setdefault(token, Entry(token)).options = options

    def drop(self, token: str) -> None:
        e = self.entries.pop(token, None)
        if e is not None:
            self.refs = {ref: other for ref, other in self.refs.items() if other is not e}

    def acked(self, token: str, ref: int, seq: int, resumed: bool) -> None:
        """A subscribe was done. A resume within the epoch goes on after last; what is
        held already is where it was."""
        e = self.entries.setdefault(token, Entry(token))
        if e.held and not resumed and seq >= e.last:
            self._lost(e, seq - e.last)
            e.last = seq
        elif not (resumed and e.epoch == self.epoch):
            if e.held:
                self.problem(f"{e.token}: ack {seq} after {e.last}")
            self._baseline(e, seq)
        e.held, e.epoch = True, self.epoch
        self.refs[ref] = e

    def snap(self, e: Entry, seq: int) -> bool:
        if seq > e.last:
            self._lost(e, seq - e.last - 1)
            self._received(e)
        elif seq < e.last:
            self.problem(f"{e.token}: snap {seq} after {e.last}")
        e.last = max(seq, e.last)
        return True

    def tick(self, e: Entry, seq: int) -> bool:
        """Says whether the tick is news."""
        if seq <= e.last:
            self.counters.doubled += 1
            self.problem(f"{e.token}: tick {seq} after {e.last}")
            return False
        self._lost(e, seq - e.last - 1)
        self._received(e)
        e.last = seq
        return True

    def skip(self, e: Entry, count: int, seq: int) -> None:
        """Of ticks that lack and are more than it counts, the others are lost; if it
        counts more than lack, all are."""
        lack = max(seq - 1 - e.last, 0)
        if count != lack or seq <= e.last:
            self.problem(f"{e.token}: skip of {count} before {seq} after {e.last}")
        told = count if 0 <= count <= lack else 0
        self._lost(e, lack - told)
        self._skipped(e, told)
        e.last += lack

    def gap(self, e: Entry, first: int, last: int, reason: str) -> None:
        count = max(last - first + 1, 0)
        e.missed += count
        if reason == "feed":
            self.counters.feed_gapped += count
            return
        if reason == "epoch":
            self._baseline(e, first - 1)
        elif first != e.last + 1:
            self.problem(f"{e.token}: gap from {first} after {e.last}")
            self._baseline(e, first - 1)
        e.gapped += count
        self.counters.gapped += count
        e.last = max(last, first - 1, 0)

    def heartbeat(self, total: int, pending: int) -> bool:
        mine = sum(e.last for e in self.entries.values() if e.held)
        self.proved = mine + pending == total
        if not self.proved:
            self.problem(f"hb: sum {total}, mine {mine} and {pending} pending")
        return self.proved

    def problem(self, words: str) -> None:
        self._sound = False
        if len(self.problems) < _PROBLEMS_MAX:
            self.problems.append(words)

    def _baseline(self, e: Entry, seq: int) -> None:
        e.base = e.last = max(seq, 0)
        e.received = e.skipped = e.gapped = 0

    def _received(self, e: Entry) -> None:
        e.received += 1
        self.counters.received += 1

    def _skipped(self, e: Entry, count: int) -> None:
        e.skipped += count
        e.missed += count
        self.counters.skipped += count

    def _lost(self, e: Entry, count: int) -> None:
        if count > 0:
            self.counters.lost += count
            e.missed += count
            self.problem(f"{e.token}: {count} ticks after {e.last} are missing")
