"""What may be asked for, checked before it is."""

from __future__ import annotations

from typing import Any, Iterable, Optional, Union
from urllib.parse import quote, urlencode

from .wire import Options

_NAME_BYTES_MAX = 64


def named(tokens: Iterable[Union[str, Iterable[str]]]) -> list[str]:
    """Takes "A", "B" and ["A", "B"] alike, and both mixed."""
    lists = [t.split(",") if isinstance(t, str) else t for t in tokens]
    return [name for names in lists for name in names]


def check_tokens(tokens: Union[str, Iterable[str]]) -> list[str]:
    """Takes "A,B" or ["A", "B"]; repeats go, a bad name is a ValueError."""
    if isinstance(tokens, str):
        tokens = tokens.split(",")
    names = dict.fromkeys(t.strip(" ") for t in tokens)
    if not names:
        raise ValueError("no tokens named")
    for name in names:
        if not 0 < len(name.encode()) <= _NAME_BYTES_MAX or not name.isprintable() or \
                any(c in ",|&" for c in name):
            raise ValueError(f"{name!r} is no token name")
    return list(names)


def check_options(mode: str, snapshot: bool, max_rate: Optional[float]) -> Options:
    """The fields of a subscribe; what is at its default is left out."""
    options: dict[str, Any] = {}
    if mode not in ("full", "ltp"):
        raise ValueError('mode must be "full" or "ltp"')
    if mode != "full":
        options["mode"] = mode
    if not snapshot:
        options["snapshot"] = False
    if max_rate:
        options["max_rate"] = max_rate
    return options


def stream_url(server: str, username: str, hb_ms: Optional[int],
               messages: Optional[bool] = None) -> str:
    """Turns http into ws, https into wss. Without a username, that of the bearer."""
    path = "/api/trigger/ws/" + quote(username, safe="") if username else "/api/v1/stream"
    query: dict[str, int] = {}
    if hb_ms is not None:
        query["hb_ms"] = int(hb_ms)
    if messages is not None:
        query["messages"] = int(messages)
    return "ws" + server[len("http"):] + path + ("?" + urlencode(query) if query else "")
