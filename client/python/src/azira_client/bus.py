"""The ZeroMQ bus behind the server: messages `TOPIC & JSON`."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Iterator, Optional, Sequence, Union

from .errors import AziraError

ENDPOINT = "tcp://127.0.0.1:5556"
_TOPIC_BYTES_MAX = 64
_DATA_BYTES_MAX = 16 << 10
_LOOK_MS = 100  # how soon stop() is noticed


class BadMessage(ValueError):
    """A message of the bus that is no tick; its word is the reason."""


class ZMQTestSubscriber:
    """Reads the bus itself, without a server: iterate it for (topic, dict).

    topics are exact names; none means all. Messages that are no ticks are counted
    by reason in bad. timeout ends the iteration after so many seconds of silence.
    The socket is opened at once and belongs to the thread that iterates; stop()
    may be called from any.
    """

    def __init__(self, endpoint: str = ENDPOINT, topics: Union[str, Sequence[str]] = (), *,
                 timeout: Optional[float] = None):
        try:
            import zmq
        except ImportError as e:
            raise AziraError("pyzmq is needed for the bus") from e
        self.endpoint = endpoint
        self.topics = frozenset([topics] if isinstance(topics, str) else topics)
        self.timeout = timeout
        self.messages = 0
        self.bad: Counter[str] = Counter()
        self._stopping = False
        self._again = zmq.Again
        self._socket = zmq.Context.instance().socket(zmq.SUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RCVTIMEO, _LOOK_MS)
        for topic in self.topics or ("",):
            self._socket.setsockopt_string(zmq.SUBSCRIBE, topic)
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as e:
            self._socket.close()
            raise AziraError(f"no endpoint: {endpoint!r} ({e})") from None

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        silent = 0
        while not self._stopping:
            try:
                frames = self._socket.recv_multipart()
            except self._again:
                silent += _LOOK_MS
                if self.timeout is not None and silent >= self.timeout * 1000:
                    return
                continue
            silent = 0
            self.messages += 1
            try:
                topic, data = parse_message(frames)
            except BadMessage as e:
                self.bad[str(e)] += 1
                continue
            if not self.topics or topic in self.topics:  # a SUB takes prefixes
                yield topic, data

    def stop(self) -> None:
        """Ends the iteration soon. Any thread."""
        self._stopping = True

    def close(self) -> None:
        self.stop()
        self._socket.close()

    def __enter__(self) -> ZMQTestSubscriber:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def parse_message(frames: Sequence[bytes]) -> tuple[str, dict[str, Any]]:
    """Reads a tick of one frame, split at the first " & ", or of two."""
    if len(frames) == 1:
        head, separator, body = frames[0].partition(b" & ")
        if not separator:
            raise BadMessage("no_separator")
    elif len(frames) == 2:
        head, body = frames
    else:
        raise BadMessage("frames")
    if not 0 < len(head) <= _TOPIC_BYTES_MAX:
        raise BadMessage("topic")
    if len(body) > _DATA_BYTES_MAX:
        raise BadMessage("too_long")
    try:
        topic = head.decode()
        data = json.loads(body.decode())
    except (ValueError, RecursionError):
        raise BadMessage("not_json") from None
    if not topic.isprintable():
        raise BadMessage("topic")
    if not isinstance(data, dict):
        raise BadMessage("not_object")
    return topic, data
