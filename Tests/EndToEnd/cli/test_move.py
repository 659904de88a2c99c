"""`holdfast export sale` and `import sale`: a sale moves in the middle, and nothing is lost."""

import contextlib
import json
import os
import pathlib
import shutil
import sqlite3
import stat
import unittest

from support.service import RedisServer, Server, command, event, make_key, scratch

HALL = event({"floor": 100}, "hall", hold_seconds=600, types=[{"code": "GA", "price": 500, "pools": ["floor"]}])
OTHER = event({"floor": 50}, "other", hold_seconds=600, types=[{"code": "GA", "price": 700, "pools": ["floor"]}])


class Moves(unittest.TestCase):
    """A service that sells a little and is moved."""

    def setUp(self):
        self.room = scratch()
        self.addCleanup(shutil.rmtree, self.room, True)
        self.file = os.path.join(self.room, "season.sale")

    def call(self, server, method, target, body=None, token=None, key=None):
        """Ask; return the answer and its JSON."""
        fields = ["Content-Type: application/json", *([f"Authorization: Bearer {token}"] if token else []),
                  *([f"Idempotency-Key: {key}"] if key else [])]
        answer = server.ask(method, target, fields, body=b"" if body is None else json.dumps(body).encode())
        return answer, json.loads(answer.body) if answer.body else None

    def hold(self, server, key, hall="hall", quantity=2):
        """Hold; return the hold."""
        answer, told = self.call(server, "POST", f"/v1/events/{hall}/holds",
                                 {"lines": [{"type": "GA", "quantity": quantity}]}, key=f"key-of-the-move-{key}")
        self.assertEqual(answer.status, 201, told)
        return told

    def buy(self, server, hold, payment):
        """Complete a hold with its token; return the answer and the purchase."""
        return self.call(server, "POST", f"/v1/holds/{hold['id']}/purchase", {"payment_reference": payment},
                         token=hold["token"])

    def test_season(self):
        """Tokens, numbers, keys, lists and reports are the same in another directory and on Redis; both go on."""
        with Server(HALL, OTHER) as first:
            bought, live, released = (self.hold(first, number) for number in range(3))
            elsewhere = self.hold(first, 3, "other", 4)
            self.assertEqual(self.buy(first, bought, "pay-1")[0].status, 200)
            self.call(first, "DELETE", f"/v1/holds/{released['id']}", token=released["token"])
            self.assertEqual(self.buy(first, released, "owed")[0].status, 409)
            refused = command("export", "sale", self.file, "--data", first.data)
            self.assertEqual(refused.returncode, 69, refused)
            self.assertFalse(os.path.exists(self.file))
            looks = make_key(first, "viewer", "accounts")
            before = self.books(first, looks)
            first.stop()
            done = command("export", "sale", self.file, "--data", first.data)
            self.assertEqual((done.returncode, done.stderr), (0, ""), done)
            self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)
            self.assertIn("every rule holds", command("verify", self.file).stdout)
            keys = os.path.join(first.data, "token.keys")
            redis = RedisServer(self.room)
            self.addCleanup(redis.kill9)
            for place, settings in (("directory", {}), ("redis", {"store": redis.address})):
                with self.subTest(place):
                    data = os.path.join(self.room, place)
                    where = ["--store", redis.address] if settings else ["--data", data]
                    done = command("import", "sale", self.file, *where)
                    self.assertEqual(done.returncode, 0, done)
                    again = command("import", "sale", self.file, *where)
                    self.assertEqual(again.returncode, 73, again)
                    with Server(data=data, token_keys=keys, **settings) as second:
                        looks = make_key(second, "viewer", "accounts")
                        self.assertEqual(self.books(second, looks), before)
                        replayed = self.hold(second, 1)
                        self.assertEqual((replayed["id"], replayed["token"]), (live["id"], live["token"]))
                        answer, told = self.buy(second, live, "pay-2")
                        self.assertEqual((answer.status, told["id"]), (200, live["id"]), told)
                        self.assertEqual(self.buy(second, bought, "pay-1")[0].status, 200)
                        self.assertEqual(self.buy(second, elsewhere, "pay-1")[0].status, 409)
                        self.assertEqual(self.buy(second, elsewhere, "pay-3")[0].status, 200)
                        fresh = self.hold(second, 9)
                        self.assertNotIn(fresh["id"], {one["id"] for one in (bought, live, released, elsewhere)})
                        self.assertEqual(self.buy(second, fresh, "pay-4")[0].status, 200)
                        _, listed = self.call(second, "GET", "/v1/events/hall/purchases", token=looks)
                        self.assertEqual([one["id"] for one in listed["purchases"]],
                                         ["P" + one["id"][1:] for one in (bought, live, fresh)])
                        _, counted = self.call(second, "GET", "/v1/invariants", token=looks)
                        self.assertTrue(counted["holds_true"], counted)
                        later = self.hold(second, 10)
                        last = self.books(second, looks)
            self.back(redis, keys, last, live, later)

    def back(self, redis, keys, books, bought, held):
        """From Redis into a directory: no node starts there any more, and the directory has the same books and tokens."""
        file, data = os.path.join(self.room, "back.sale"), os.path.join(self.room, "back")
        done = command("export", "sale", file, "--store", redis.address)
        self.assertEqual(done.returncode, 0, done)
        refused = command("export", "sale", file + "2", "--store", redis.address)
        self.assertEqual(refused.returncode, 78, refused)
        self.assertIn("export sale --undo", refused.stderr)
        self.assertIn("every rule holds", command("verify", file).stdout)
        self.assertEqual(command("import", "sale", file, "--data", data).returncode, 0)
        with Server(data=data, token_keys=keys) as third:
            looks = make_key(third, "viewer", "accounts")
            self.assertEqual(self.books(third, looks), books)
            replayed = self.hold(third, 10)
            self.assertEqual((replayed["id"], replayed["token"]), (held["id"], held["token"]))
            self.assertEqual(self.buy(third, bought, "pay-2")[0].status, 200)
            self.assertEqual(self.buy(third, held, "pay-5")[0].status, 200)
            self.assertEqual(self.buy(third, self.hold(third, 11), "pay-6")[0].status, 200)
            answer, found = self.call(third, "GET", f"/v1/search?hold={held['id']}", token=looks)
            self.assertEqual([one["id"] for one in found["holds"]], [held["id"]], answer)
            _, counted = self.call(third, "GET", "/v1/invariants", token=looks)
            self.assertTrue(counted["holds_true"], counted)
        done = command("export", "sale", "--undo", "--store", redis.address)
        self.assertEqual(done.returncode, 0, done)
        with Server(store=redis.address, token_keys=keys) as again:
            self.assertEqual(self.call(again, "GET", f"/v1/holds/{held['id']}", token=held["token"])[0].status, 200)

    def books(self, server, key):
        """Return what lists and reports say."""
        books = []
        for name in ("hall", "other"):
            books.append(self.call(server, "GET", f"/v1/events/{name}/purchases", token=key)[1])
            report = self.call(server, "GET", f"/v1/events/{name}/report", token=key)[1]
            books.append({part: report[part] for part in ("holds", "totals", "by_type", "by_day", "tickets_held")})
        for path in ("/v1/reconciliation", "/v1/reconciliation/unconfirmed"):
            books.append([(one["payment_reference"], one["hold"], one["total"], one["reason"])
                          for one in self.call(server, "GET", path, token=key)[1]["refunds"]])
        return books

    def later_and_elsewhere(self, whole, place):
        """A later release's file, and no store takes one that it must not: Redis neither, and no store that sells."""
        redis = RedisServer(self.room)
        self.addCleanup(redis.kill9)
        half = whole[:len(whole) // 2]
        for content, statement, status in ((whole, "UPDATE archive SET format = 2", 78), (half, None, 1), (b"no sale", None, 78),
                                           (whole, "UPDATE holds SET quantity = 3", 1)):
            pathlib.Path(self.file).write_bytes(content)
            if statement:
                with contextlib.closing(sqlite3.connect(self.file)) as archive, archive:
                    archive.execute(statement)
            for where in (["--data", place], ["--store", redis.address]):
                run = command("import", "sale", self.file, *where)
                self.assertEqual((run.returncode, len(run.stderr.splitlines())), (status, 1), run)
            self.assertEqual([name for name in os.listdir(place) if name != "lock"], [], run)
            self.assertEqual(redis.ask("KEYS", "*"), [], run)
        pathlib.Path(self.file).write_bytes(whole)
        for settings in ({}, {"store": redis.address}):
            with Server(OTHER, **settings) as selling:
                where = ["--store", redis.address] if settings else ["--data", selling.data]
                held = self.hold(selling, 1, "other")
                run = command("import", "sale", self.file, *where)
                # The lock of a directory says it first.
                self.assertEqual(run.returncode, 73 if settings else 69, run)
                self.assertRegex(run.stderr.splitlines()[-1], "^holdfast: (there are events|.* is held by another)", run)
                answer, told = self.buy(selling, held, "pay-1")
                self.assertEqual(answer.status, 200, told)

    def test_unfit_files(self):
        """A file that is missing, no sale, cut off or changed is refused with its status; nothing is made."""
        with Server(HALL) as server:
            self.hold(server, 1)
            server.stop()
            self.assertEqual(command("export", "sale", self.file, "--data", server.data).returncode, 0)
            taken = command("export", "sale", self.file, "--data", server.data)
            self.assertEqual(taken.returncode, 73, taken)
        whole = pathlib.Path(self.file).read_bytes()
        place = os.path.join(self.room, "new")
        for content, status in ((b"", 66), (b"no sale at all" * 99, 78), (whole[:len(whole) // 2], 1),
                                (whole.replace(b"hall", b"hull", 1), 1)):
            pathlib.Path(self.file).write_bytes(content)
            run = command("import", "sale", self.file, "--data", place)
            self.assertEqual(run.returncode, status, run)
            self.assertEqual([name for name in os.listdir(place) if name != "lock"], [], run)
        self.later_and_elsewhere(whole, place)
        self.assertEqual(command("import", "sale", self.file + ".no", "--data", place).returncode, 66)
        self.assertEqual(command("export", "sale", self.file + ".x", "--data", place).returncode, 66)
        self.assertEqual(command("export", "sale", self.file + ".x", "--store", "redis://127.0.0.1:1").returncode, 69)
        self.assertEqual(command("export", "sale", "--data", place).returncode, 64)
        self.assertEqual(command("export", "sale", self.file, "--undo", "--data", place).returncode, 64)
