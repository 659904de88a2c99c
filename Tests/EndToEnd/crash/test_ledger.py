"""The ledger: reading it, recounting it, damage, and restarts."""

import os
import pathlib
import shutil
import sqlite3
import subprocess
import time
import unittest

from support.service import Server, binary, command, event, eventually, make_key, rows
from support.wire import request


class Recount(unittest.TestCase):
    """`holdfast verify` on ledgers that are good, gone, or tampered with."""

    @classmethod
    def setUpClass(cls):
        """Sell a little: purchases, a live hold, and an expired one before the last fact."""
        definition = event({"floor": 20, "box": 3}, hold_seconds=6, grace_seconds=0, types=[
            {"code": "GA", "price": 8900, "pools": ["floor"]},
            {"code": "BOX", "price": 100, "pools": ["box"]}])
        cls.server = Server(definition)
        cls.addClassCleanup(cls.server.__exit__)
        cls.server.start()
        cls.server.buy("BOX")
        bought = [cls.server.buy().json()["token"] for _ in range(5)]
        for token in bought:
            assert cls.server.complete(token).status == 200
        time.sleep(6.1)
        last = cls.server.buy().json()["token"]
        assert cls.server.complete(last).status == 200
        cls.server.buy()
        cls.server.stop()

    def copy(self):
        """Return the path of a copy of the ledger that is removed after the test."""
        room = os.path.join(self.server.room, f"copy-{time.monotonic_ns()}")
        os.mkdir(room)
        self.addCleanup(shutil.rmtree, room, True)
        return shutil.copy(self.server.ledger, room)

    def tamper(self, *statements):
        """Return what verify says about the ledger after these statements."""
        path = self.copy()
        connection = sqlite3.connect(path)
        with connection:
            for statement in statements:
                self.assertGreater(connection.execute(statement).rowcount, 0, statement)
        connection.close()
        return command("verify", path)

    def test_good_ledger(self):
        """A good ledger gives 0 and its counts, by file and by directory, and the recount does not change it."""
        path = self.copy()
        before = pathlib.Path(path).read_bytes()
        for argument in (path, os.path.dirname(path)):
            run = command("verify", argument)
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            self.assertIn("8 holds", run.stdout)
            self.assertIn("6 purchases", run.stdout)
            self.assertRegex(run.stdout, r"pool floor of main: 20 places = \d+ free \+ \d+ held \+ 6 sold")
            self.assertIn("every rule holds", run.stdout)
        self.assertEqual(pathlib.Path(path).read_bytes(), before)

    def test_no_ledger(self):
        """A missing ledger gives 66 and another file 78, with one sentence; nothing is made there. The service does not make
        a ledger of another file either."""
        room = os.path.join(self.server.room, "none")
        os.mkdir(room)
        pathlib.Path(room, "text").write_text("not a database, but long enough to look at" * 50)
        pathlib.Path(room, "empty").write_text("")
        sqlite3.connect(os.path.join(room, "other")).execute("CREATE TABLE x (y)")
        for name, status in (("missing", 66), ("text", 78), ("empty", 78), ("other", 78), ("", 66)):
            with self.subTest(name=name):
                run = command("verify", os.path.join(room, name))
                self.assertEqual(run.returncode, status, run)
                self.assertEqual(len(run.stderr.strip().splitlines()), 1, run.stderr)
                self.assertNotIn("every rule holds", run.stdout)
                self.assertNotIn("file:", run.stderr)
        self.assertEqual(sorted(os.listdir(room)), ["empty", "other", "text"])
        for name in ("text", "other"):
            data = os.path.join(room, f"data-{name}")
            os.mkdir(data)
            before = pathlib.Path(shutil.copy(os.path.join(room, name), os.path.join(data, "ledger.sqlite"))).read_bytes()
            run = command("serve", "--port", 0, "--data", data)
            self.assertEqual((run.returncode, "is not a ledger" in run.stderr), (78, True), run)
            self.assertEqual(pathlib.Path(data, "ledger.sqlite").read_bytes(), before)

    def test_other_releases(self):
        """A later release's ledger gives 78 with verify and with the service; verify recounts an earlier one's."""
        path = self.copy()
        with sqlite3.connect(path) as connection:
            connection.execute("INSERT INTO grdb_migrations VALUES ('9 from the future')")
        connection.close()
        for run in (command("verify", path), command("serve", "--port", 0, "--data", os.path.dirname(path))):
            self.assertEqual((run.returncode, "later release" in run.stderr), (78, True), run)
        path = self.copy()
        with sqlite3.connect(path) as connection:
            connection.execute("DELETE FROM grdb_migrations WHERE identifier = '3 series'")
            connection.execute("DROP TABLE series")
        connection.close()
        before = pathlib.Path(path).read_bytes()
        run = command("verify", path)
        self.assertEqual((run.returncode, "every rule holds" in run.stdout), (0, True), run)
        self.assertEqual(pathlib.Path(path).read_bytes(), before)
        self.assertEqual(os.listdir(os.path.dirname(path)), ["ledger.sqlite"])

    def test_verify_leaves_nothing(self):
        """verify reads everything of a stopped service, a killed one, a copy with its log and a read-only directory, as the
        owner and as another user, and adds no byte or file."""
        with Server(event(10)) as server:
            server.complete(server.buy().json()["token"])
            server.stop()
            self.check_untouched(server, server.data, 1)
            server.start()
            server.complete(server.buy().json()["token"])
            server.kill9()
            self.check_untouched(server, server.data, 2)
            copy = os.path.join(server.room, "copy")
            os.mkdir(copy)
            for suffix in ("", "-wal"):
                os.chmod(shutil.copy(server.ledger + suffix, copy), 0o444)
            self.check_untouched(server, copy, 2)
            os.chmod(copy, 0o555)
            self.check_untouched(server, copy, 2)

    def check_untouched(self, server, room, holds):
        """Verify as the owner and as a user who may only read, and compare the directory before and after."""
        def look():
            # The index is only for current readers.
            return {path.name: (path.stat().st_ino, None if path.name.endswith("-shm") else path.read_bytes())
                    for path in pathlib.Path(room).iterdir()}

        before = look()
        others = []
        if os.geteuid() == 0 and shutil.which("setpriv"):
            others = [["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"]]
            os.chmod(server.room, 0o755)
            os.chmod(room, os.stat(room).st_mode | 0o555)
            for name in before:
                os.chmod(os.path.join(room, name), os.stat(os.path.join(room, name)).st_mode | 0o444)
        for reader in [[], *others]:
            with self.subTest(room=room, holds=holds, reader=reader):
                run = subprocess.run([*reader, binary(), "verify", room], capture_output=True, text=True, cwd="/",
                                     timeout=60, check=False)
                self.assertEqual((run.returncode, run.stderr), (0, ""), run)
                self.assertIn(f" {holds} holds", run.stdout)
                self.assertEqual(look(), before)

    def test_damaged_file(self):
        """A file with an overwritten or missing page gives 1 and a sentence, whichever page it is."""
        size = os.path.getsize(self.server.ledger)
        for page in range(1, size // 4096):
            with self.subTest(page=page):
                path = self.copy()
                with open(path, "r+b") as file:
                    file.seek(page * 4096)
                    was = file.read(4096)
                    file.seek(page * 4096)
                    file.write(bytes(byte ^ 0x5A for byte in was))
                run = command("verify", path)
                self.assertEqual(run.returncode, 1, (page, run))
                self.assertTrue(run.stderr.strip())
        path = self.copy()
        os.truncate(path, size // 2)
        self.assertEqual(command("verify", path).returncode, 1)

    def test_tampering_is_found(self):
        """verify finds each change of the facts made by another program, with 1 and the broken rule."""
        cases = {
            "a hold is gone": ["DELETE FROM holds WHERE id = 3"],
            "a purchase is gone": ["DELETE FROM purchases WHERE hold = 3"],
            "a hold is doubled": [
                "INSERT INTO holds SELECT 9, 99, at, event, deadline, type, quantity, price, more_lines, "
                "buyer FROM holds WHERE id = 8"],
            "quantity is doubled": ["UPDATE holds SET quantity = 12 WHERE id = 8"],
            "more than there is": ["UPDATE holds SET quantity = 4 WHERE id = 1"],
            "quantity is none": ["UPDATE holds SET quantity = 0 WHERE id = 8"],
            "an expired hold is bought": [
                "INSERT INTO purchases SELECT 1, max(seq) + 1, max(at), 0, NULL FROM holds"],
            "a purchase comes after the deadline": ["UPDATE holds SET deadline = at + 1 WHERE id = 2"],
            "a deadline is moved": ["UPDATE holds SET deadline = deadline + 100000 WHERE id = 8"],
            "a price is changed": ["UPDATE holds SET price = price - 1 WHERE id = 4"],
            "a type is changed": ["UPDATE holds SET type = 1 WHERE id = 4"],
            "a type is unknown": ["UPDATE holds SET type = 7 WHERE id = 4"],
            "an event is unknown": ["UPDATE holds SET event = 3 WHERE id = 4"],
            "a fact is missing": ["UPDATE purchases SET seq = seq + 50 WHERE hold = 7"],
            "two facts have one number": ["UPDATE purchases SET seq = (SELECT seq FROM holds WHERE id = 7) "
                                          "WHERE hold = 7"],
            "the clock runs backwards": [
                "UPDATE holds SET at = at - 5000, deadline = deadline - 5000 WHERE id = 8"],
            "a purchase of nothing": [
                "INSERT INTO purchases SELECT 77, max(seq) + 1, at, 0, NULL FROM holds"],
            "a release of what was bought": [
                "INSERT INTO releases SELECT 3, max(seq) + 1, max(at) FROM holds"],
            "the definition is gone": ["DELETE FROM definitions"],
            "the definition is no JSON": ["UPDATE definitions SET document = substr(document, 2)"],
            "the capacity is lowered after the fact": [
                "UPDATE definitions SET document = replace(replace(document, '\"floor\": 20', "
                "'\"floor\": 2'), '\"floor\":20', '\"floor\":2')"],
            "a late purchase without a payment": ["UPDATE purchases SET late = 1 WHERE hold = 3"],
            "one payment for two": ["UPDATE purchases SET payment = 'A' WHERE hold IN (3, 4)"],
        }
        for name, statements in cases.items():
            with self.subTest(case=name):
                run = self.tamper(*statements)
                self.assertEqual(run.returncode, 1, (name, run.stdout, run.stderr))
                self.assertEqual(len(run.stderr.strip().splitlines()), 1, run.stderr)
                self.assertTrue(run.stderr.startswith("holdfast: "), run.stderr)

    def test_service_does_not_start_on_damage(self):
        """The service refuses a ledger whose rows contradict each other, with a sentence and without a crash."""
        for statement in ("DELETE FROM holds WHERE id = 3", "UPDATE holds SET type = 7 WHERE id = 4",
                          "UPDATE definitions SET document = 'x'", "DELETE FROM definitions",
                          "UPDATE holds SET event = 3 WHERE id = 4",
                          "UPDATE holds SET quantity = -1 WHERE id = 8",
                          "UPDATE holds SET quantity = 99999999999 WHERE id = 8",
                          "UPDATE holds SET type = -1 WHERE id = 4",
                          "UPDATE holds SET event = -1 WHERE id = 4",
                          "DROP TABLE purchases"):
            with self.subTest(statement=statement):
                path = self.copy()
                connection = sqlite3.connect(path)
                with connection:
                    connection.execute(statement)
                connection.close()
                run = command("serve", "--port", 0, "--data", os.path.dirname(path))
                self.assertIn(run.returncode, (1, 73), run)
                self.assertTrue(run.stderr.strip())
                self.assertNotIn("Fatal error", run.stderr)
                checked = command("verify", path)
                self.assertEqual(checked.returncode, 1, checked)


def moment():
    """Return the second that it is, as the ledger's views write it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())


class ReadableLedger(unittest.TestCase):
    """The views, read with sqlite3 while the service sells."""

    def test_views_agree_with_the_service(self):
        """`sales`, `live_holds` and `pools` can be read while the service runs, and agree with the API."""
        def definition(seconds):
            return event({"floor": 50, "lounge": 5}, hold_seconds=seconds, grace_seconds=0, types=[
                {"code": "GA", "price": 8900, "pools": ["floor"]},
                {"code": "VIP", "price": 24900, "pools": ["lounge", "floor"]}])

        began = moment()
        with Server(definition(60)) as server:
            tokens = [server.buy(kind).json()["token"] for kind in ("GA", "GA", "GA", "GA", "VIP")]
            bought = {server.complete(token).json()["purchase"] for token in (tokens[0], tokens[4])}

            def agree(held):
                left = server.get("/remaining_tickets").json()["types"]
                pools = {pool: rest for pool, *rest in server.rows(
                    "SELECT pool, capacity, free, held, sold FROM pools WHERE event = 'main'")}
                self.assertEqual(pools["floor"], [50, 48 - held, held, 2])
                self.assertEqual(pools["lounge"], [5, 4, 0, 1])
                self.assertEqual(left["GA"], pools["floor"][1])
                self.assertEqual(left["VIP"], min(pools["floor"][1], pools["lounge"][1]))

            agree(3)
            sales = server.rows("SELECT purchase, event, type, quantity, price, amount, sold_at FROM sales")
            self.assertEqual({row[0] for row in sales}, bought)
            self.assertEqual(sorted(row[1:6] for row in sales),
                             [("main", "GA", 1, 8900, 8900), ("main", "VIP", 1, 24900, 24900)])
            for row in sales:
                self.assertRegex(row[6], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
                self.assertTrue(began <= row[6][:19] <= moment(), row)
            live = server.rows("SELECT type, quantity, seconds_left FROM live_holds")
            self.assertEqual([row[:2] for row in live], [("GA", 1)] * 3)
            self.assertTrue(all(0 < row[2] <= 60 for row in live), live)
            # Those that end are short; nothing has to be done with them before.
            server.events = (definition(1),)
            server.restart()
            for _ in range(4):
                self.assertEqual(server.buy().status, 200)
            agree(7)
            time.sleep(1.1)
            agree(3)
            self.assertEqual(server.rows("SELECT count(*) FROM live_holds"), [(3,)])

    def test_reader_does_not_stop_selling(self):
        """A reader that keeps a transaction open does not stop holds and purchases, nor the restart after."""
        with Server(event(1000)) as server:
            reader = sqlite3.connect(f"file:{server.ledger}?mode=ro", uri=True)
            try:
                reader.execute("BEGIN")
                before = reader.execute("SELECT count(*) FROM holds").fetchone()
                for _ in range(50):
                    self.assertEqual(server.complete(server.buy().json()["token"]).status, 200)
                self.assertEqual(reader.execute("SELECT count(*) FROM holds").fetchone(), before)
                self.assertEqual(server.stop(), 0)
            finally:
                reader.close()
            server.start()
            self.assertEqual(server.remaining(), 950)


    def test_reader_does_not_stop_a_start_after_a_crash(self):
        """A reader that keeps a transaction open through a kill -9 does not keep the service from starting."""
        with Server(event(1000)) as server:
            server.buy()
            reader = sqlite3.connect(f"file:{server.ledger}?mode=ro", uri=True)
            try:
                reader.execute("BEGIN")
                self.assertEqual(reader.execute("SELECT count(*) FROM holds").fetchone(), (1,))
                for _ in range(20):
                    server.buy()
                server.kill9()
                server.start()
                self.assertEqual(server.remaining(), 979)
                self.assertEqual(server.complete(server.buy().json()["token"]).status, 200)
            finally:
                reader.close()
            self.assertEqual(server.stop(), 0)
            self.assertEqual(server.verify().returncode, 0)


class StartingAgain(unittest.TestCase):
    """What a restart keeps, and what it may change."""

    def test_restart_keeps_sales_and_holds(self):
        """Sales stay sold, live holds stay live with the recovery grace, tokens stay valid; stopped or
        killed."""
        for end in ("stop", "kill9"):
            with self.subTest(end=end), Server(event(10, hold_seconds=6, grace_seconds=0),
                                               recovery_grace_seconds=60) as server:
                sold, held, late = (server.buy().json()["token"] for _ in range(3))
                asked = time.monotonic()
                purchase = server.complete(sold).body
                getattr(server, end)()
                time.sleep(4)
                server.start()
                self.assertEqual(server.complete(sold).body, purchase)
                self.assertEqual(server.remaining(), 7)
                # Without the grace the hold, six seconds long, would be gone by now.
                time.sleep(max(0, asked + 6.1 - time.monotonic()))
                self.assertEqual(server.complete(held).status, 200)
                self.assertTrue(eventually(lambda: server.remaining() == 8))
                self.assertEqual(server.complete(late).status, 410)
                self.assertEqual(server.verify().returncode, 0)

    def test_expired_stays_expired(self):
        """A hold that an answer called expired is not alive again after a kill and a restart."""
        with Server(event(2, hold_seconds=1, grace_seconds=0)) as server:
            token = server.buy().json()["token"]
            time.sleep(1.1)
            self.assertEqual(server.complete(token).status, 410)
            server.kill9()
            server.start()
            self.assertEqual(server.complete(token).status, 410)
            self.assertEqual(server.remaining(), 2)

    def test_definition_is_changed_by_its_file(self):
        """A changed event file is in force after a restart: more places, another price, another hold time."""
        with Server(event(2)) as server:
            first = server.buy().json()["token"]
            server.complete(first)
            server.buy()
            self.assertEqual(server.buy().status, 409)
            server.events = (event({"floor": 5, "box": 2}, hold_seconds=10, types=[
                {"code": "GA", "price": 500, "pools": ["floor"]}, {"code": "BOX", "pools": ["box"]}]),)
            server.restart()
            self.assertEqual(server.get("/remaining_tickets").json()["types"], {"GA": 3, "BOX": 2})
            hold = server.buy().json()
            self.assertTrue(0 < hold["expires_in_ms"] <= 10_000, hold)
            self.assertEqual(server.complete(first).status, 200)
            self.assertEqual(server.verify().returncode, 0)
            self.assertEqual(rows(server.ledger, "SELECT price FROM holds ORDER BY id"), [(0,), (0,), (500,)])
            # With fewer places than are promised, the promises are kept and nothing is free.
            server.events = (event({"floor": 1}, types=[{"code": "GA", "pools": ["floor"]}]),)
            server.restart()
            self.assertEqual(server.get("/remaining_tickets").json(), {"num_tickets": 0, "types": {"GA": 0}})
            self.assertEqual(server.buy().status, 409)
            self.assertEqual(server.complete(hold["token"]).status, 200)
            self.assertEqual(server.verify().returncode, 0)

    def test_restart_without_the_file_sells_what_it_knew(self):
        """A restart without event files goes on with the ledger's events."""
        with Server(event(7, "gala")) as server:
            server.buy()
            server.events = ()
            server.restart()
            self.assertEqual(server.remaining(), 6)


class LongRecounts(unittest.TestCase):
    """Recounts of a ledger with many facts."""

    def test_a_recount_ends_with_its_client(self):
        """A recount over the API ends when its client leaves, and the next one is not refused because of it."""
        with Server(event(10), log_level="debug") as server:
            server.buy()
            server.stop()
            with sqlite3.connect(server.ledger) as connection:
                connection.execute(
                    "WITH RECURSIVE n (id) AS (SELECT 2 UNION ALL SELECT id + 1 FROM n WHERE id < 60000) "
                    "INSERT INTO holds SELECT n.id, 2 * n.id - 1, at + n.id, event, deadline + n.id, type, quantity, "
                    "price, more_lines, buyer FROM n, holds WHERE holds.id = 1")
                connection.execute("INSERT INTO releases SELECT id, seq + 1, at FROM holds WHERE id > 1")
            connection.close()
            server.start()
            key = f"Authorization: Bearer {make_key(server, 'viewer')}"
            with server.connect() as leaving:
                leaving.send(request("GET", "/v1/invariants", [key]))
            self.assertTrue(eventually(lambda: "A recount ended with its client" in server.stderr()))
            answer = server.ask("GET", "/v1/invariants", [key])
            self.assertEqual((answer.status, answer.json()["broken"]), (200, None), answer)
            self.assertGreater(answer.json()["facts"], 119_999)
