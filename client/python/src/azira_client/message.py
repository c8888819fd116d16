"""Messages to an account, from a stream or the inbox."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Mapping, Optional, Union

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Message:
    """id strictly increases in the whole server; ts is when it was accepted, in Unix µs.
    missed counts messages before it that are gone and that nobody had acknowledged.

    unread and expires (Unix µs) are told by the inbox only.
    """

    id: int
    sender: str
    ts: int
    kind: str
    content: bytes
    reply_to: Optional[int] = None
    group: Optional[str] = None  # the vendor to whose group it was sent; None: to this account
    redelivered: bool = False    # it may have come before, and was not acknowledged
    missed: int = 0
    unread: Optional[bool] = None
    expires: Optional[int] = None

    @property
    def text(self) -> str:
        """The content; what is not UTF-8 in it is replaced."""
        return self.content.decode("utf-8", "replace")

    @property
    def time(self) -> datetime:
        return _EPOCH + timedelta(microseconds=self.ts)


@dataclass(frozen=True)
class InboxPage:
    """next goes into after (or before, newest first) of the page that follows; None: there
    is none. unread and acked are of the whole inbox."""

    messages: list[Message] = field(default_factory=list)
    next: Optional[int] = None
    unread: int = 0
    acked: int = 0


def parse_message(event: Mapping[str, Any], missed: int = 0) -> Message:
    """Reads an event, or a message of the inbox. Another form is a ValueError, KeyError
    or TypeError."""
    content, encoding = event["content"], event.get("encoding")
    if encoding == "base64":
        raw = base64.b64decode(content, validate=True)
    elif encoding is None:
        raw = content.encode("utf-8", "replace")
    else:
        raise ValueError(f"content in {encoding!r}")
    number = event["id"]
    if not isinstance(number, int) or not isinstance(event["from"], str):
        raise TypeError("a message without id or sender")
    return Message(number, event["from"], int(event["ts"]), event["kind"], raw,
                   event.get("reply_to"), event.get("group"), bool(event.get("redelivered")),
                   missed, event.get("unread"), event.get("expires"))


def parse_page(answer: Mapping[str, Any]) -> InboxPage:
    return InboxPage([parse_message(m) for m in answer["messages"]], answer["next"],
                     answer["unread"], answer["acked"])


def content_fields(content: Union[str, bytes]) -> dict[str, str]:
    """The fields of a request with this content."""
    if isinstance(content, str):
        return {"content": content}
    try:
        return {"content": content.decode()}
    except UnicodeDecodeError:
        return {"content": base64.b64encode(content).decode(), "encoding": "base64"}
