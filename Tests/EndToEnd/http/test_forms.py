"""Other ways of writing requests: by clients, proxies and editors."""

import json

from support.service import Server, ServiceCase, command, event, make_key
from support.wire import request

JSON = "Content-Type: application/json"
BODY = json.dumps({"lines": [{"type": "GA", "quantity": 1}]}).encode()


class Forms(ServiceCase):
    """Requests against v1."""

    events = (event(1000),)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bearer = "Authorization: Bearer " + make_key(cls.server)

    def test_unknown_members_of_a_query(self):
        """An unknown member of a query is refused by name, since the answer would be to another question. Probes and static
        documents ignore it."""
        for method, path in (("GET", "/v1/events"), ("GET", "/v1/events/main"), ("PATCH", "/v1/events/main"),
                             ("GET", "/v1/events/main/availability"), ("GET", "/v1/events/main/availability/stream"),
                             ("POST", "/v1/events/main/holds"), ("GET", "/v1/holds/H1"), ("DELETE", "/v1/holds/H1"),
                             ("POST", "/v1/holds/H1/purchase"), ("GET", "/v1/events/main/purchases"),
                             ("GET", "/v1/audit"), ("GET", "/v1/invariants"), ("POST", "/v1/purchases/P1/return")):
            with self.subTest(path=path):
                answer = self.server.ask(method, path + "?payment_reference=x", [self.bearer])
                self.assert_problem(answer, 400, "malformed-request")
                self.assertIn("payment_reference", answer.json()["detail"])
                self.assertEqual(answer.json()["instance"], path)
        purchases = "/v1/events/main/purchases"
        self.assertEqual(self.server.ask("GET", purchases + "?limit=1", [self.bearer]).status, 200)
        for query in ("limit=1&limit=2", "limit=1&Cursor=x"):
            self.assert_problem(self.server.ask("GET", f"{purchases}?{query}", [self.bearer]), 400, "malformed-request")
        for path in ("/health/live", "/health/ready", "/openapi.json", "/docs", "/problems/sold-out"):
            self.assertEqual(self.server.get(path + "?v=2").status, 200)

    def test_one_path_in_many_forms(self):
        """Needless percent-encoding and a slash at the end make no other path, whichever call it is."""
        for path, same in (("/v1/events/main", "/v1/ev%65nts/m%61in/"), ("/v1/events", "/v1/events/"),
                           ("/v1/events/main/availability", "/v1/events/%6d%61%69%6E/availability/"),
                           ("/health/live", "/health/live/"), ("/problems/sold-out", "/problems/sold%2Dout")):
            with self.subTest(path=path):
                one, other = self.server.get(path), self.server.get(same)
                self.assertEqual((other.status, other.body), (200, one.body))
        self.assert_problem(self.server.get("/v1/events/ma%2Fin"), 404, "unknown-event")

    def test_weak_tags(self):
        """A weak form of a tag, as compressing proxies make it, names the same state."""
        tag = self.server.get("/v1/events/main").header("etag")
        answer = self.server.ask("PATCH", "/v1/events/main", [self.bearer, JSON, f"If-Match: W/{tag}"], b'{"name": "B"}')
        self.assertEqual((answer.status, answer.json()["definition"]["name"]), (200, "B"))
        now = answer.header("etag")
        for stale in (tag, "W/" + tag):
            answer = self.server.ask("PATCH", "/v1/events/main", [self.bearer, JSON, f"If-Match: {stale}"], b"{}")
            self.assert_problem(answer, 412, "precondition-failed")
            self.assertIn(now, answer.json()["detail"])
        free = self.server.get("/v1/events/main/availability").header("etag")
        with self.server.connect() as connection:
            connection.send(request("GET", "/v1/events/main/availability/stream", [f"Last-Event-ID: W/{free}"]))
            connection.head()
            self.assertEqual(self.server.ask("POST", "/buy_ticket/GA").status, 200)
            self.assertTrue(connection.until(b"\n\n").startswith(b"retry"))
            self.assertIn(b"event: change", connection.until(b"\n\n"))

    def test_bodies_in_a_coding(self):
        """A body with a Content-Encoding is refused as unsupported and not read."""
        for method, path in (("POST", "/v1/events/main/holds"), ("PATCH", "/v1/events/main"), ("POST", "/buy_ticket/GA")):
            for coding in ("gzip", "br, identity", "GZIP "):
                with self.subTest(path=path, coding=coding), self.server.connect() as connection:
                    answer = connection.ask(method, path, [self.bearer, JSON, f"Content-Encoding: {coding}"], b"abc")
                    self.assert_problem(answer, 415, "unsupported-media-type")
                    self.assertEqual(answer.header("accept-encoding"), "identity")
                    connection.expect_closed()
        answer = self.server.ask("POST", "/v1/events/main/holds",
                                 [JSON, "Idempotency-Key: forms-of-bodies-0001", "Content-Encoding: Identity"], BODY)
        self.assertEqual(answer.status, 201)
        self.assertEqual(self.server.ask("GET", "/v1/events", ["Content-Encoding: gzip"]).status, 200)

    def test_lengths_and_expectations_with_blanks(self):
        """Blanks after a value do not belong to it, whichever header it is."""
        with self.server.connect() as connection:
            for name, status in (("/buy_ticket/NO", 404), ("/nothing", 404)):
                connection.send(request("POST", name, ["Content-Length: 3 ", "Expect: 100-continue "]) + b"abc")
                answer = connection.answer()
                self.assertEqual((answer.status, answer.interim), (status, [100]))

    def test_byte_order_mark(self):
        """A byte order mark before a body or a file, as Windows editors write it, is ignored."""
        answer = self.server.ask("POST", "/v1/events/main/holds", [JSON, "Idempotency-Key: byte-order-mark-0001"],
                                 b"\xef\xbb\xbf" + BODY)
        self.assertEqual(answer.status, 201)
        with Server(event(5)) as server:
            key = make_key(server)
            for path, text in (("key", key + "\r\n"), ("event.json", json.dumps(event(7, "second"))),
                               ("config.json", '{"log": {"level": "error"}}')):
                with open(f"{server.room}/{path}", "w", encoding="utf-8-sig") as file:
                    file.write(text)
            with open(f"{server.data}/token.keys", encoding="utf-8") as file:
                keys = file.read()
            with open(f"{server.data}/token.keys", "w", encoding="utf-8-sig") as file:
                file.write(keys)
            url = f"http://127.0.0.1:{server.port}"
            done = command("event", "define", f"{server.room}/event.json", "--url", url, "--key-file",
                           f"{server.room}/key")
            self.assertEqual(done.returncode, 0, done.stderr)
            token = server.buy().json()["token"]
            server.files, server.settings["config"] = [f"{server.room}/event.json"], f"{server.room}/config.json"
            server.restart()
            self.assertEqual(server.complete(token).status, 200)

    def test_no_chunks_for_old_clients(self):
        """HTTP/1.0 knows no chunks: an answer of unknown length ends with its connection; one to HEAD has no body."""
        export = "/v1/events/main/purchases"
        token = self.server.buy().json()["token"]
        self.assertEqual(self.server.complete(token).status, 200)
        accept = [self.bearer, "Accept: application/x-ndjson"]
        told = self.server.ask("GET", export, accept).body
        self.assertIn(b'"purchased"', told)
        for headers in ([], ["Connection: keep-alive"], ["Connection: close"]):
            with self.subTest(headers=headers), self.server.connect() as connection:
                live = request("GET", "/health/live", version="1.0")
                connection.send(request("GET", export, accept + headers, version="1.0") + live)
                while connection.more():
                    pass
                head, _, body = connection.rest.partition(b"\r\n\r\n")
                self.assertEqual(head.split()[1], b"200")
                self.assertNotIn(b"transfer-encoding", head.lower())
                self.assertIn(b"connection: close", head.lower())
                self.assertEqual(body, told)
        with self.server.connect() as connection:
            for _ in range(2):
                live = request("GET", "/health/live", ["Connection: keep-alive"], version="1.0")
                connection.send(live)
                self.assertEqual((connection.answer().status, connection.rest), (200, b""))
        with self.server.connect() as connection:
            for _ in range(2):
                self.assertEqual(connection.ask("HEAD", export, accept).status, 200)
                self.assertEqual(connection.rest, b"")

    def test_tokens_at_wrong_places(self):
        """No problem repeats a token or a key that a client put into a path."""
        token, key = self.server.buy().json()["token"], self.bearer.split()[-1]
        for secret in (token, key, "x" + token, "%41" + token[1:]):
            for path in (f"/v1/holds/{secret}", f"/v1/holds/{secret}/purchase", f"/complete_purchase/{secret}/x",
                         f"/x/{secret}.html", f"/v1/events/{secret}/holds", f"/buy_ticket/{secret}"):
                for method in ("GET", "POST", "DELETE"):
                    with self.subTest(path=path[:20], method=method):
                        answer = self.server.ask(method, path, [self.bearer], b"" if method == "POST" else None)
                        self.assertNotIn(secret[3:].encode(), answer.body)
        self.assertEqual(self.server.get(f"/v1/holds/{token}").json()["instance"], "/v1/holds/***")
        self.assertEqual(self.server.get("/v1/events/main/holdss").json()["instance"], "/v1/events/main/holdss")

    def test_an_offer_to_upgrade_is_passed_over(self):
        """A client that offers HTTP/2 with each request, as Java's does, keeps its connection, whatever it sends next."""
        offer = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"]
        for words in (offer, ["Upgrade: websocket", "Connection: keep-alive, Upgrade"]):
            with self.subTest(words=words), self.server.connect() as connection:
                for _ in range(3):
                    self.assertEqual(connection.ask("GET", "/remaining_tickets", words).status, 200)
                    answer = connection.ask("POST", "/v1/events/main/holds", [JSON, *words], BODY)
                    self.assert_problem(answer, 400, "idempotency-key-missing")
                    self.assertEqual(connection.ask("GET", "/v1/events", words).status, 200)
                live = request("GET", "/health/live", words)
                left = request("GET", "/remaining_tickets", words)
                connection.send((live + left) * 20)
                self.assertEqual([connection.answer().status for _ in range(40)], [200] * 40)
                # Cut anywhere, also in the middle of the next request.
                data = left + live + left
                for cut in range(1, len(data), 7):
                    connection.send(data[:cut])
                    connection.send(data[cut:])
                    self.assertEqual([connection.answer().status for _ in range(3)], [200] * 3)
        # Bytes that the decoder may read in another way end the connection.
        with self.server.connect() as connection:
            self.assertTrue(connection.ask("GET", "/remaining_tickets", ["Upgrade: h2c"]).closes)
            connection.expect_closed()
