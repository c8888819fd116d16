"""Client of Azira, a WebSocket server of market data ticks.

    AuthClient ──── HTTP ──────▶ accounts and bearers
    SubscribeToToken ─ WebSocket ▶ ticks of tokens, reconnecting
    ZMQTestSubscriber ─ ZeroMQ ──▶ the bus behind the server

Accounts need the standard library only; streams the package websockets, the bus
pyzmq, each imported when it is used.
"""

from .asking import BINARY, JSON, TEXT
from .auth import AuthClient, Keeper
from .bus import ZMQTestSubscriber
from .errors import (ApiError, AziraError, ConnectError, DialectError, Refused, StreamClosed,
                     reconnects)
from .ledger import Counters
from .message import InboxPage, Message
from .stream import SubscribeToToken
from .tick import Tick
from .wire import Ack

__version__ = "0.1.0"

__all__ = [
    "AuthClient", "SubscribeToToken", "ZMQTestSubscriber", "Keeper", "Tick", "Ack", "Counters",
    "Message", "InboxPage",
    "AziraError", "ApiError", "ConnectError", "StreamClosed", "Refused", "DialectError",
    "reconnects", "TEXT", "JSON", "BINARY",
]
