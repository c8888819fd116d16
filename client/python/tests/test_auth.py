"""Accounts, against a fake of the HTTP API."""

import json
import threading
import time
import traceback
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import support

from azira_client import ApiError, AuthClient, AziraError, ConnectError
from azira_client.auth import bearer_of

SECRETS = ("correct horse", "head.body.sign", "refresh-1")
PAIR = {"access_token": SECRETS[1], "token_type": "bearer", "expires_in": 1800,
        "refresh_token": SECRETS[2]}


class Api(BaseHTTPRequestHandler):
    """Answers from a table {"METHOD path": (status, headers, body)}."""

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length).decode()
        self.server.seen.append((f"{self.command} {self.path}", self.headers, body))
        status, headers, answer = self.server.table[f"{self.command} {self.path}"]
        answer = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


class Auth(unittest.TestCase):
    def setUp(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
        self.server.seen, self.server.table = [], {}
        thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(self.server.shutdown)
        self.auth = AuthClient(f"http://127.0.0.1:{self.server.server_port}/")

    def says(self, call, status, answer, **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        self.server.table[call] = (status, headers, answer)

    def seen(self):
        call, headers, body = self.server.seen[-1]
        return call, headers.get("Authorization"), body

    def test_the_whole_way(self):
        users, bearer = "POST /api/v1/users/", "Bearer " + SECRETS[1]
        self.says(users + "register", 200, {"message": "User registered successfully"})
        self.assertEqual(self.auth.register("Zoë", SECRETS[0])["message"],
                         "User registered successfully")
        self.assertEqual(json.loads(self.seen()[2]), {"username": "Zoë", "password": SECRETS[0]})
        with self.assertRaises(AziraError):
            self.auth.sessions()
        self.says(users + "login", 200, {"message": "User Zoë logged in successfully",
                  "access_token": {"id": 1, "access_token": SECRETS[1]}, "token_type": "bearer"})
        answer = self.auth.login("Zoë", SECRETS[0])
        self.assertEqual(answer["access_token"]["access_token"], SECRETS[1])
        self.assertEqual(bearer_of(answer), SECRETS[1])
        self.says("POST /api/v1/token", 200, PAIR)
        self.assertEqual(self.auth.token("Zoë", "a&b"), PAIR)
        self.assertEqual(self.seen()[2], "grant_type=password&username=Zo%C3%AB&password=a%26b")
        self.auth.token(refresh_token=SECRETS[2])
        self.assertEqual(self.seen()[2], "grant_type=refresh_token&refresh_token=refresh-1")
        self.says(users + "refresh", 200, PAIR)
        self.assertEqual(self.auth.refresh(SECRETS[2]), PAIR)
        self.says("POST /api/v1/stream/ticket", 200, {"ticket": "t1", "expires_in": 60})
        self.assertEqual(self.auth.ticket(), "t1")
        self.assertEqual(self.seen()[1], bearer)
        self.says("GET /api/v1/sessions", 200, {"sessions": [{"id": "s/1"}]})
        self.assertEqual(self.auth.sessions("other"), [{"id": "s/1"}])
        self.assertEqual(self.seen()[1], "Bearer other")
        self.says("DELETE /api/v1/sessions/s%2F1", 200, {"message": "closed"})
        self.auth.close_session("s/1")
        self.says("GET /api/v1/tokens", 200, {"tokens": ["A", "B"]})
        self.assertEqual(self.auth.tokens(), ["A", "B"])
        self.says("GET /api/v1/ticks/A%2FB", 200, {"token": "A/B", "seq": 1})
        self.assertEqual(self.auth.tick("A/B")["seq"], 1)
        self.says(users + "logout", 200, {"message": "out"})
        self.auth.logout()
        self.assertEqual(self.seen(), (users + "logout", bearer, ""))
        with self.assertRaises(AziraError):
            self.auth.ticket()

    def test_refusals(self):
        call = "POST /api/v1/users/login"
        fields = [{"loc": ["body", "password"], "msg": "field required", "type": "x"}]
        for status, body, headers, detail, retry in [
                (400, {"detail": "Invalid username or password"}, {},
                 "Invalid username or password", None),
                (422, {"detail": fields}, {}, "password: field required", None),
                (503, {"detail": "The server is busy"}, {"Retry_After": "2"},
                 "The server is busy", 2.0),
                (429, b"<html>", {"Retry_After": "soon"}, "too many requests", None),
                (307, b"", {"Location": "http://127.0.0.1:1/"}, "temporary redirect", None)]:
            self.says(call, status, body, **headers)
            with self.assertRaises(ApiError) as caught:
                self.auth.login("u", SECRETS[0])
            e = caught.exception
            self.assertEqual((e.op, e.status, e.detail, e.retry_after),
                             ("login", status, detail, retry))
            words = "".join(traceback.format_exception(e)) + repr(e) + repr(self.auth)
            self.assertFalse([s for s in SECRETS if s in words])

    def test_no_answer_and_nonsense(self):
        for body in (b"", b"[1]", b"\xff"):
            self.says("POST /api/v1/users/login", 200, body)
            self.assertRaises(ConnectError, self.auth.login, "u", "p")
        nobody = AuthClient(f"http://127.0.0.1:{support.unused_port()}")
        self.assertRaises(ConnectError, nobody.login, "u", "p")
        for bad in ("", "127.0.0.1:8000", "ftp://h", "http://u:p@h", "http://h?q"):
            self.assertRaises(ValueError, AuthClient, bad)

    def test_keeper(self):
        self.says("POST /api/v1/token", 200, PAIR)
        keeper = self.auth.keeper("u", SECRETS[0])
        self.assertEqual(keeper(), SECRETS[1])
        self.assertEqual(len(self.server.seen), 1)
        second = {**PAIR, "access_token": "b2", "refresh_token": "refresh-2", "expires_in": 0.2}
        self.says("POST /api/v1/users/refresh", 200, second)
        keeper.refused()
        self.assertEqual(keeper(), "b2")
        self.assertEqual(json.loads(self.seen()[2]), {"refresh_token": SECRETS[2]})
        time.sleep(0.15)
        self.assertEqual(keeper(), "b2")
        self.assertEqual(json.loads(self.seen()[2]), {"refresh_token": "refresh-2"})
        self.assertFalse([s for s in (*SECRETS, "b2") if s in repr(keeper)])


if __name__ == "__main__":
    unittest.main()
