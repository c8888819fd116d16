"""python -m azira_client: accounts and ticks from the command line."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from typing import Any, Optional, Sequence

from . import __version__
from .asking import BINARY, JSON, TEXT
from .auth import SERVER, AuthClient, bearer_of
from .bus import ENDPOINT, ZMQTestSubscriber
from .errors import AziraError, clean
from .stream import SubscribeToToken
from .tick import Tick

_ABOUT = """\
Speaks to an Azira server as its users do.

  register         make an account
  login            print a bearer; nothing is stored
  watch TOKENS     log in and print ticks: watch NSE:26009,NSE:26000
  bus [TOPICS]     print ticks of the ZeroMQ bus itself

The password is read from --password-file (- is standard input), else from
AZIRA_PASSWORD, else asked for."""


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Returns the exit status: 0, 1 for an error, 2 for wrong usage, 130 for Ctrl-C."""
    args = _parser().parse_args(argv)
    try:
        run = {"register": _register, "login": _login, "watch": _watch, "bus": _bus}[args.verb]
        run(args)
        sys.stdout.flush()
    except (AziraError, ValueError, OSError) as e:
        if isinstance(e, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        print(f"azira_client: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m azira_client", description=_ABOUT,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--version", action="version", version=__version__)
    verbs = p.add_subparsers(dest="verb", required=True, metavar="register|login|watch|bus")
    account = argparse.ArgumentParser(add_help=False)
    account.add_argument("--server", default=os.environ.get("AZIRA_SERVER", SERVER))
    account.add_argument("--user", default=os.environ.get("AZIRA_USER"))
    account.add_argument("--password-file", metavar="FILE")
    show = argparse.ArgumentParser(add_help=False)
    show.add_argument("--count", type=int, default=0, help="end after so many ticks")
    show.add_argument("--raw", action="store_true", help="print the publisher's JSON")
    verbs.add_parser("register", parents=[account])
    login = verbs.add_parser("login", parents=[account])
    login.add_argument("--json", action="store_true", help="print the server's whole answer")
    watch = verbs.add_parser("watch", parents=[account, show])
    watch.add_argument("tokens")
    watch.add_argument("--dialect", choices=[TEXT, JSON, BINARY], default=TEXT)
    bus = verbs.add_parser("bus", parents=[show])
    bus.add_argument("topics", nargs="?", default="")
    bus.add_argument("--endpoint", default=ENDPOINT)
    return p


def _who(args: argparse.Namespace) -> tuple[str, str]:
    name = args.user or input("User: ")
    if args.password_file == "-":
        return name, sys.stdin.readline().rstrip("\r\n")
    if args.password_file:
        with open(args.password_file, encoding="utf-8") as f:
            return name, f.readline().rstrip("\r\n")
    return name, os.environ.get("AZIRA_PASSWORD") or getpass.getpass()


def _register(args: argparse.Namespace) -> None:
    name, password = _who(args)
    print(AuthClient(args.server).register(name, password)["message"])


def _login(args: argparse.Namespace) -> None:
    name, password = _who(args)
    answer = AuthClient(args.server).login(name, password)
    print(json.dumps(answer, ensure_ascii=False) if args.json else bearer_of(answer))


def _watch(args: argparse.Namespace) -> None:
    name, password = _who(args)
    keeper = AuthClient(args.server).keeper(name, password)
    show = _Show(args)

    def on_tick(tick: Tick) -> None:
        show.line(tick.token, tick.data, tick)
        if show.done:
            stream.stop()

    stream = SubscribeToToken(args.server, name, keeper, args.tokens, on_tick,
                              dialect=args.dialect)
    try:
        stream.run()
    finally:
        lost = stream.counters.conflated
        if lost:
            print(f"{lost} ticks were left out: the output was slower than the feed",
                  file=sys.stderr)
        try:
            keeper.logout()
        except AziraError:
            pass  # the session ends by itself


def _bus(args: argparse.Namespace) -> None:
    topics = [t.strip() for t in args.topics.split(",") if t.strip()]
    show = _Show(args)
    with ZMQTestSubscriber(args.endpoint, topics) as bus:
        for topic, data in bus:
            show.line(topic, data)
            if show.done:
                break
        for reason, count in bus.bad.items():
            print(f"{count} bad messages: {reason}", file=sys.stderr)


class _Show:
    """Prints ticks, one to a line."""

    def __init__(self, args: argparse.Namespace):
        self._raw = args.raw
        self._most: int = args.count
        self._count = 0

    @property
    def done(self) -> bool:
        return self._most > 0 and self._count >= self._most

    def line(self, token: str, data: dict[str, Any], tick: Optional[Tick] = None) -> None:
        if self.done:
            return
        self._count += 1
        if self._raw:
            as_sent = tick.frame if tick is not None and tick.seq is None else None
            print(as_sent or json.dumps(data, ensure_ascii=False), flush=True)
            return
        tick = tick or Tick(token, data)
        words = [clean(token)]
        for name, price in (("ltp", tick.ltp), ("bid", tick.bid), ("ask", tick.ask)):
            if price is not None:
                words += [name, str(price)]
        if len(words) == 1:
            words.append(clean(json.dumps(data, ensure_ascii=False)))
        print(" ".join(words), flush=True)


if __name__ == "__main__":
    sys.exit(main())
