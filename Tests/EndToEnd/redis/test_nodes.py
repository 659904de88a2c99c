"""Several services on one Redis: no service keeps anything that another one needs."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
import unittest

from support import crowd
from support.service import RedisServer, Server, command, event, eventually, make_key, scratch


class Nodes:
    """A Redis server and services on it, for one test."""

    def __init__(self, count, *events, settings=()):
        self.room = scratch()
        self.redis = RedisServer(self.room, *settings)
        keys = os.path.join(self.room, "token.keys")
        pathlib.Path(keys).write_text("1 " + os.urandom(32).hex() + "\n")
        shared = {"store": self.redis.address, "token_keys": keys}
        self.nodes = [Server(*(events if number == 0 else ()), **shared) for number in range(count)]

    def __enter__(self):
        try:
            for node in self.nodes:
                node.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            node.__exit__()
        self.redis.kill9()


class Sharing(unittest.TestCase):
    """A hold of one node is bought on another."""

    def test_hold_buy_release_on_three(self):
        """Hold on one node, buy on a second, release on a third; all three count the same."""
        with Nodes(3, event(10)) as all_of_them:
            one, two, three = all_of_them.nodes
            tokens = [one.buy().json()["token"] for _ in range(2)]
            bought = two.complete(tokens[0])
            self.assertEqual(bought.status, 200, bought)
            self.assertEqual(three.complete(tokens[0]).json(), bought.json())
            held = one.ask("POST", "/v1/events/main/holds", ["Content-Type: application/json", "Idempotency-Key: held-on-the-first-node"],
                           b'{"lines":[{"type":"GA","quantity":3}]}').json()
            token = [f"Authorization: Bearer {held['token']}"]
            released = three.ask("DELETE", f"/v1/holds/{held['id']}", token)
            self.assertEqual(released.status, 200, released)
            self.assertEqual(two.ask("GET", f"/v1/holds/{held['id']}", token).json()["state"], "released")
            for node in (one, two, three):
                self.assertTrue(eventually(lambda node=node: node.remaining() == 8), node.remaining())

    def test_event_made_on_one_is_sold_on_another(self):
        """An event that one node defines is sold by another at once; so it is with changes and removal."""
        with Nodes(2, event(10)) as all_of_them:
            one, two = all_of_them.nodes
            operator = [f"Authorization: Bearer {make_key(one)}", "Content-Type: application/json"]
            for number in range(5):
                body = json.dumps(event(3, f"new-{number}")).encode()
                made = one.ask("PUT", f"/v1/events/new-{number}", operator, body)
                self.assertEqual(made.status, 201, made)
                hold = two.ask("POST", f"/v1/events/new-{number}/holds", [
                    "Content-Type: application/json", f"Idempotency-Key: {number:016}"],
                    json.dumps({"lines": [{"type": "GA", "quantity": 2}]}).encode())
                self.assertEqual(hold.status, 201, hold)
                gone = one.ask("DELETE", f"/v1/events/new-{number}", [*operator, "If-Match: *"])
                self.assertEqual(gone.status, 409, gone)

    def test_stream_hears_of_other_nodes(self):
        """A listener on one node hears what another one sells."""
        with Nodes(2, event(10)) as all_of_them:
            one, two = all_of_them.nodes
            with two.connect() as connection:
                connection.send(b"GET /v1/events/main/availability/stream HTTP/1.1\r\nHost: t\r\n\r\n")
                heard = b""
                self.assertEqual(one.buy().status, 200)
                while b'"free":9' not in heard:
                    heard += connection.socket.recv(4096)
                self.assertIn(b'"free":9', heard)


class Failing(unittest.TestCase):
    """A node or the server is killed at any moment."""

    def sale(self, nodes, disturb, seconds=4):
        """Sell through all nodes while `disturb` runs; return the answered purchases, and the requests without an answer."""
        told, lost, stop = {}, [], time.monotonic() + seconds

        def buyer(number):
            while (now := time.monotonic()) < stop or len(told) <= 100 and now < stop + 60:
                hold = yield crowd.post("/buy_ticket/GA")
                if hold is None or hold.status != 200:
                    lost.append("hold")
                    yield 0.02
                    continue
                done = yield crowd.post(f"/complete_purchase/{hold['token']}")
                if done is None or done.status != 200:
                    lost.append("purchase")
                    yield 0.02
                    continue
                self.assertNotIn(done["purchase"], told)
                told[done["purchase"]] = hold["token"]

        threads = [threading.Thread(target=lambda node=node: crowd.Crowd(lambda: node.port).run(
            [buyer(number) for number in range(16)])) for node in nodes]
        threads.append(threading.Thread(target=disturb))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return told, lost

    def check(self, node, told, lost):
        """Compare the answers with what is kept: all of them are there, and at most the unanswered ones besides."""
        node.redis = True
        kept = {purchase["id"] for purchase in node.purchases()}
        self.assertGreater(len(told), 100)
        self.assertLessEqual(set(told), kept)
        self.assertLessEqual(len(kept), len(told) + lost.count("purchase"))
        verdict = node.verify()
        node.redis = None
        self.assertEqual(verdict.returncode, 0, verdict)

    def test_node_is_killed(self):
        """kill -9 of a node under load: everything it answered is there, the others go on selling, and it comes back."""
        with Nodes(3, event(5_000_000)) as all_of_them:
            victim = all_of_them.nodes[1]

            def disturb():
                for _ in range(2):
                    time.sleep(0.8)
                    victim.kill9()
                    victim.start()

            told, lost = self.sale(all_of_them.nodes, disturb)
            self.check(all_of_them.nodes[0], told, lost)

    def test_server_is_killed(self):
        """kill -9 of a Redis server that syncs before it answers: every answered purchase is there afterwards."""
        with Nodes(2, event(5_000_000)) as all_of_them:
            def disturb():
                for _ in range(2):
                    time.sleep(0.8)
                    all_of_them.redis.kill9()
                    all_of_them.redis.start()

            told, lost = self.sale(all_of_them.nodes, disturb)
            self.assertTrue(eventually(lambda: all_of_them.nodes[0].buy().status == 200))
            self.check(all_of_them.nodes[0], told, lost)

    def test_operator_looks_while_server_is_away(self):
        """Operators' reads are refused for now and are no failure of the service; then they work again."""
        with Nodes(1, event(10)) as all_of_them:
            node = all_of_them.nodes[0]
            self.assertEqual(node.complete(node.buy().json()["token"]).status, 200)
            key = f"Authorization: Bearer {make_key(node)}"
            asked = [(path, [key]) for path in ("/v1/invariants", "/v1/audit", "/v1/events/main/purchases",
                                                "/v1/events/main/reconciliation")]
            asked.append(("/v1/events/main/purchases", [key, "Accept: text/csv"]))
            all_of_them.redis.kill9()
            for path, headers in asked:
                refused = node.ask("GET", path, headers)
                self.assertEqual((refused.status, refused.json()["code"]), (503, "temporary-reduced-capacity"), refused)
                self.assertIsNotNone(refused.header("retry-after"))
            all_of_them.redis.start()
            for path, headers in asked:
                self.assertTrue(eventually(lambda p=path, h=headers: node.ask("GET", p, h).status == 200), path)

    def test_server_stalls(self):
        """A Redis server stalls and goes on: nothing is sold twice, nothing answered is lost."""
        with Nodes(2, event(5_000_000)) as all_of_them:
            def disturb():
                for _ in range(3):
                    time.sleep(0.5)
                    all_of_them.redis.process.send(signal.SIGSTOP)
                    time.sleep(0.4)
                    all_of_them.redis.process.send(signal.SIGCONT)

            told, lost = self.sale(all_of_them.nodes, disturb)
            self.check(all_of_them.nodes[0], told, lost)


class TokenKeys(unittest.TestCase):
    """A key number always has the same key, whichever node starts."""

    def refused(self, server):
        """Check that the service does not start and names the key that differs."""
        run = subprocess.run(server.arguments(), capture_output=True, text=True, timeout=60, check=False, cwd=server.room)
        self.assertEqual(run.returncode, 78, run)
        self.assertIn("token key 1 in ", run.stderr)

    def keys(self, server, *lines):
        """Give a stopped service these keys."""
        path = os.path.join(server.room, "own.keys")
        pathlib.Path(path).write_text("".join(lines))
        server.settings["token_keys"] = path

    def test_nodes_with_different_keys(self):
        """A node that could not read the others' tokens does not start; keys are rotated node by node."""
        with Nodes(2, event(10)) as all_of_them:
            one, two = all_of_them.nodes
            first = pathlib.Path(one.settings["token_keys"]).read_text()
            second, third = (f"2 {os.urandom(32).hex()}\n" for _ in range(2))
            two.stop()
            self.keys(two, f"1 {os.urandom(32).hex()}\n")
            self.refused(two)
            self.keys(two, first, second)
            two.start()
            tokens = [one.buy().json()["token"], two.buy().json()["token"]]
            one.stop()
            self.keys(one, first, third)
            run = subprocess.run(one.arguments(), capture_output=True, text=True, timeout=60, check=False, cwd=one.room)
            self.assertEqual(run.returncode, 78, run)
            self.keys(one, first, second)
            one.start()
            for token in tokens:
                for node in (one, two):
                    self.assertEqual(node.complete(token).status, 200)

    def test_another_key_beside_the_data(self):
        """A service that comes back with another key does not start, with either store."""
        with Server(event(10)) as server:
            token = server.buy().json()["token"]
            server.stop()
            first = pathlib.Path(server.data, "token.keys").read_text()
            self.keys(server, f"1 {os.urandom(32).hex()}\n")
            self.refused(server)
            self.keys(server, first, f"2 {os.urandom(32).hex()}\n")
            server.start()
            self.assertEqual(server.complete(token).status, 200)


class Impostor:
    """A server with one answer to the first request of a connection, and another one to all others."""

    def __init__(self, *answers):
        self.answers = answers
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.address = f"redis://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()

    def _listen(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self._answer(connection)

    def _answer(self, connection):
        asked = 0
        try:
            while data := connection.recv(65536):
                # Clients send each request as an array of texts.
                for _ in re.findall(rb"^\*\d+\r\n", data, re.MULTILINE):
                    connection.sendall(self.answers[min(asked, len(self.answers) - 1)])
                    asked += 1
        except OSError:
            pass


class Starting(unittest.TestCase):
    """A service that cannot keep its promises does not start and says why."""

    def serve(self, *arguments):
        return command("serve", "--port", "0", *arguments)

    def test_wrong_address(self):
        """A malformed address is a wrong setting."""
        for store, status in (("redis:/x", 64), ("postgres://h", 64), ("redis://", 78), ("redis://h:0", 78),
                              ("redis://h/x", 78), ("redis+cluster://h/1", 78)):
            told = self.serve("--store", store)
            self.assertEqual(told.returncode, status, (store, told.stderr))

    def test_nobody_there(self):
        """If nothing listens, the exit status is 69, after a bounded time."""
        told = self.serve("--store", "redis://:secret@127.0.0.1:1")
        self.assertEqual(told.returncode, 69, told.stderr)
        self.assertNotIn("secret", told.stderr + told.stdout)
        self.assertIn("cannot be asked: nobody listens at 127.0.0.1:1; see that the server runs", told.stderr)
        self.assertNotIn("errno", told.stderr)

    def test_wrong_version(self):
        """A server that is too old, does not describe itself or speaks another protocol is reported in one sentence."""
        info = b"$%d\r\n%s\r\n"
        for answer, status, sentence in (
                (b"redis_version:6.0.20\r\n", 78, "is Redis 6.0.20; 6.2 is the oldest that the functions run on"),
                (b"redis_version:5.0.14\r\n", 78, "is Redis 5.0.14; 6.2 is the oldest"),
                (b"role:master\r\n", 78, "does not say what it is; Redis 6.2 or later, or Valkey, is needed")):
            with Impostor(b"%0\r\n", info % (len(answer), answer)) as impostor:
                told = self.serve("--store", impostor.address, "--durability", "relaxed")
                self.assertEqual(told.returncode, status, (answer, told.stderr))
                self.assertIn(f"127.0.0.1:{impostor.port} {sentence}", told.stderr)
                self.assertNotIn("Listening", told.stdout)
        with Impostor(b"HTTP/1.1 400 Bad Request\r\n\r\n") as impostor:
            told = self.serve("--store", impostor.address, "--durability", "relaxed")
            self.assertEqual(told.returncode, 69, told.stderr)
            self.assertIn("the Redis servers cannot be asked", told.stderr)

    def test_unfit(self):
        """A server that evicts keys or syncs late is refused with a sentence; a setting makes that a warning."""
        room = scratch()
        redis = RedisServer(room, "--appendonly", "no", "--maxmemory-policy", "allkeys-lru")
        try:
            told = self.serve("--store", redis.address)
            self.assertEqual(told.returncode, 78, told.stderr)
            self.assertIn("maxmemory-policy allkeys-lru", told.stderr)
            self.assertIn("appendonly no", told.stderr)
            redis.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
            with Server(event(5), store=redis.address, durability="relaxed") as server:
                self.assertEqual(server.buy().status, 200)
                self.assertIn("relaxed: an answered purchase is in the memory", server.stdout())
                worth = server.get("/health/ready").json()["durability"]
                self.assertIn("relaxed: an answered purchase is in the memory", worth["purchases"])
                self.assertEqual(worth["holds"], "relaxed, as purchases are")
        finally:
            redis.kill9()


if __name__ == "__main__":
    unittest.main()
