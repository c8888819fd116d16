"""Accounts and credentials over the HTTP API, with the standard library only."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any, Iterator, Mapping, Optional, Union
from urllib.parse import quote, urlencode, urlsplit

from .errors import ApiError, AziraError, ConnectError, clean
from .message import InboxPage, content_fields, parse_page

SERVER = "http://127.0.0.1:8000"
_BODY_BYTES_MAX = 8 << 20
_RENEW_BEFORE = 60.0  # seconds before a bearer's end


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: credentials go nowhere but to the server named."""

    def redirect_request(self, *_: Any) -> None:
        return None


def parse_server(server: str) -> str:
    """Checks a server's address and takes a slash at its end off."""
    u = urlsplit(server)
    if u.scheme not in ("http", "https") or not u.hostname or u.query or u.fragment:
        raise ValueError("server must look like http://127.0.0.1:8000")
    if u.username is not None or u.password is not None:
        raise ValueError("server must look like http://127.0.0.1:8000, without a password in it")
    return f"{u.scheme}://{u.netloc}{u.path.rstrip('/')}"


class AuthClient:
    """Asks a server for accounts and credentials.

    It remembers the bearer of the last login or token, for calls that need one and
    are given none. A refusal is an ApiError, a server that cannot be reached a
    ConnectError. Calls block; they may be made from any thread.
    """

    def __init__(self, server: str = SERVER, *, timeout: float = 15.0):
        self.server = parse_server(server)
        self.timeout = timeout
        self._bearer: Optional[str] = None
        self._opener = urllib.request.build_opener(_Stay())

    def __repr__(self) -> str:
        return f"AuthClient({self.server!r})"

    def register(self, username: str, password: str) -> dict[str, Any]:
        """Makes an account. A name in use is an ApiError of status 400."""
        return self._call("register", "POST", "/api/v1/users/register",
                          {"username": username, "password": password})

    def login(self, username: str, password: str) -> dict[str, Any]:
        """The answer's ["access_token"]["access_token"] is the bearer."""
        answer = self._call("login", "POST", "/api/v1/users/login",
                            {"username": username, "password": password})
        self._bearer = bearer_of(answer)
        return answer

    def token(self, username: Optional[str] = None, password: Optional[str] = None, *,
              refresh_token: Optional[str] = None) -> dict[str, Any]:
        """A pair {"access_token","refresh_token","expires_in",…}, by the password
        grant or, given refresh_token, by the refresh grant (RFC 6749)."""
        if refresh_token is not None:
            form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        else:
            form = {"grant_type": "password", "username": username or "",
                    "password": password or ""}
        answer = self._call("token", "POST", "/api/v1/token", form=form)
        self._bearer = bearer_of(answer)
        return answer

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """Trades a refresh token for a new pair. It works once: using it again ends
        the session."""
        answer = self._call("refresh", "POST", "/api/v1/users/refresh",
                            {"refresh_token": refresh_token})
        self._bearer = bearer_of(answer)
        return answer

    def logout(self, bearer: Optional[str] = None) -> None:
        """Ends the bearer's session, with its refresh token and streams."""
        self._call("logout", "POST", "/api/v1/users/logout", bearer=self._with(bearer))
        if bearer is None or bearer == self._bearer:
            self._bearer = None

    def ticket(self, bearer: Optional[str] = None) -> str:
        """A credential for one opening of a stream within a minute."""
        answer = self._call("ticket", "POST", "/api/v1/stream/ticket", bearer=self._with(bearer))
        return str(answer["ticket"])

    def sessions(self, bearer: Optional[str] = None) -> list[dict[str, Any]]:
        """The caller's open streams."""
        answer = self._call("sessions", "GET", "/api/v1/sessions", bearer=self._with(bearer))
        return list(answer["sessions"])

    def close_session(self, session: str, bearer: Optional[str] = None) -> None:
        path = "/api/v1/sessions/" + quote(session, safe="")
        self._call("close session", "DELETE", path, bearer=self._with(bearer))

    def tokens(self, bearer: Optional[str] = None) -> list[str]:
        """The tokens that the server knows."""
        answer = self._call("tokens", "GET", "/api/v1/tokens", bearer=self._with(bearer))
        return list(answer["tokens"])

    def tick(self, token: str, bearer: Optional[str] = None) -> dict[str, Any]:
        """The last tick of a token: {"token","seq","ts","data"}."""
        path = "/api/v1/ticks/" + quote(token, safe="")
        return self._call("tick", "GET", path, bearer=self._with(bearer))

    def send(self, to: str, content: Union[str, bytes], *, kind: Optional[str] = None,
             reply_to: Optional[int] = None, ttl: Optional[float] = None,
             key: Optional[str] = None, bearer: Optional[str] = None) -> dict[str, Any]:
        """Sends a message; the answer {"id","ts"} says that it is on the server's disk.

        ttl is in seconds. With a key, the same message sent again within a day is the
        same message: so it is safe to call again after a ConnectError or a status of 503.
        """
        body: dict[str, Any] = {"username": to, **content_fields(content)}
        for name, value in (("type", kind), ("reply_to", reply_to), ("ttl_s", ttl)):
            if value is not None:
                body[name] = value
        headers = {} if key is None else {"Idempotency-Key": key}
        return self._call("send", "POST", "/api/v1/messages", body, bearer=self._with(bearer),
                          headers=headers)

    def inbox(self, *, bearer: Optional[str] = None, **query: Any) -> InboxPage:
        """One page of the inbox, the oldest messages first. query may have after and before
        (ids), since and until (Unix µs, or text by RFC 3339), limit (up to 500) and
        order="newest"."""
        path = "/api/v1/messages" + ("?" + urlencode(query) if query else "")
        answer = self._call("inbox", "GET", path, bearer=self._with(bearer))
        try:
            return parse_page(answer)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ConnectError("inbox: the answer is not what the protocol says") from None

    def inbox_pages(self, *, bearer: Optional[str] = None, **query: Any) -> Iterator[InboxPage]:
        """The pages from query on. Nothing comes twice and nothing is missed, whatever is
        sent meanwhile."""
        while True:
            page = self.inbox(bearer=bearer, **query)
            yield page
            if page.next is None:
                return
            query["before" if query.get("order") == "newest" else "after"] = page.next

    def ack_inbox(self, message: int, bearer: Optional[str] = None) -> None:
        """Acknowledges the messages up to this id, for all streams of the account."""
        self._call("ack", "POST", "/api/v1/messages/ack", {"message": message},
                   bearer=self._with(bearer))

    def keeper(self, username: str, password: str) -> Keeper:
        """Logs in and returns a callable that always gives a fresh bearer."""
        return Keeper(self, self.token(username, password))

    def _with(self, bearer: Optional[str]) -> str:
        bearer = bearer or self._bearer
        if bearer is None:
            raise AziraError("log in first, or give a bearer")
        return bearer

    def _call(self, op: str, method: str, path: str, body: Any = None, *,
              form: Optional[Mapping[str, str]] = None, bearer: Optional[str] = None,
              headers: Mapping[str, str] = {}) -> dict[str, Any]:
        request = urllib.request.Request(self.server + path, method=method,
                                         headers=dict(headers))
        request.add_header("User-Agent", "azira-client-python")
        request.add_header("Accept", "application/json")
        if form is not None:
            request.data = urlencode(form).encode()
            request.add_header("Content-Type", "application/x-www-form-urlencoded")
        elif body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        elif method == "POST":
            request.data = b""
        if bearer is not None:
            request.add_unredirected_header("Authorization", "Bearer " + bearer)
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                return self._read(op, answer.read(_BODY_BYTES_MAX + 1))
        except urllib.error.HTTPError as e:
            with e:
                raise _refusal(op, e) from None
        except urllib.error.URLError as e:
            raise ConnectError(f"{op}: {self.server}: {e.reason}") from None
        except (OSError, http.client.HTTPException) as e:
            raise ConnectError(f"{op}: {self.server}: {e!r}") from None

    @staticmethod
    def _read(op: str, body: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(body) if len(body) <= _BODY_BYTES_MAX else None
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise ConnectError(f"{op}: the answer is not what the protocol says")
        return answer


class Keeper:
    """Gives a bearer that is always fresh: call it. It keeps the refresh token, not
    the password. Any thread."""

    def __init__(self, auth: AuthClient, pair: Mapping[str, Any]):
        self.auth = auth
        self._lock = threading.Lock()
        self._take(pair)

    def __repr__(self) -> str:
        return f"Keeper({self.auth!r})"

    def __call__(self) -> str:
        with self._lock:
            if time.monotonic() >= self._renew_at:
                self._take(self.auth.refresh(self._refresh_token))
            return self._bearer

    def refused(self) -> None:
        """The bearer was refused before its time: the next call renews it."""
        with self._lock:
            self._renew_at = 0.0

    def logout(self) -> None:
        self.auth.logout(self())

    def _take(self, pair: Mapping[str, Any]) -> None:
        life = float(pair.get("expires_in", 0))
        self._bearer = bearer_of(pair)
        self._refresh_token = str(pair["refresh_token"])
        self._renew_at = time.monotonic() + max(life - _RENEW_BEFORE, life / 2)


def bearer_of(answer: Any) -> str:
    """Finds the bearer in an answer of login or token; a text is one itself."""
    while isinstance(answer, Mapping):
        answer = answer.get("access_token")
    if not isinstance(answer, str) or not answer:
        raise ConnectError("no bearer in the answer")
    return answer


def retry_after_of(headers: Any) -> Optional[float]:
    """Seconds of Retry-After; a date is not understood."""
    value = (headers.get("Retry-After") or "").strip() if headers is not None else ""
    return float(value) if value.isascii() and value.isdigit() else None


def status_words(status: int) -> str:
    try:
        return HTTPStatus(status).phrase.lower()
    except ValueError:
        return "unexpected answer"


def detail_of(body: bytes) -> str:
    """Reads {"detail": text} or {"detail": [{"loc","msg"}…]}."""
    try:
        answer = json.loads(body)
    except ValueError:
        return ""
    detail = answer.get("detail") if isinstance(answer, dict) else None
    if isinstance(detail, str):
        return clean(detail)
    if not isinstance(detail, list):
        words = answer.get("error_description", "") if isinstance(answer, dict) else ""
        return clean(str(words))
    parts = []
    for field in detail:
        if isinstance(field, dict):
            loc = field.get("loc") or [""]
            parts.append(f"{loc[-1]}: {field.get('msg', '')}")
    return clean("; ".join(parts))


def _refusal(op: str, e: urllib.error.HTTPError) -> ApiError:
    try:
        body = e.read(_BODY_BYTES_MAX)
    except (OSError, http.client.HTTPException):
        body = b""
    return ApiError(op, e.code, detail_of(body) or status_words(e.code),
                    retry_after_of(e.headers))
