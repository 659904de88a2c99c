"""kill -9 at any moment, a full disk, a disk that fails to sync: nothing that was answered is lost."""

import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
import unittest

from support import crowd
from support.service import Server, event, eventually, rows
from support.strace import Strace
from support.wire import PATIENCE, request


class Books:
    """The answers that clients got, and the requests without one."""

    def __init__(self):
        self.held = {}
        self.bought = {}
        self.holds_unanswered = 0
        self.purchases_unanswered = set()

    def buyer(self, case, chance, is_over):
        """Hold, often purchase, sometimes repeat; after a broken connection go on with something new."""
        while not is_over():
            hold = yield crowd.post("/buy_ticket/GA")
            if hold is None or hold.status == 503:
                self.holds_unanswered += hold is None or hold["code"] == "outcome-unknown"
                yield 0.02
                continue
            case.assertEqual(hold.status, 200, hold.body)
            token = hold["token"]
            case.assertNotIn(token, self.held)
            self.held[token] = time.monotonic()
            if chance.random() < 0.2:
                continue
            for _ in range(1 + (chance.random() < 0.2)):
                done = yield crowd.post(f"/complete_purchase/{token}")
                if done is None or done.status == 503:
                    self.purchases_unanswered.add(token)
                    yield 0.02
                    continue
                case.assertEqual(done.status, 200, done.body)
                case.assertEqual(self.bought.setdefault(token, done["purchase"]), done["purchase"])

    def check(self, case, server):
        """Compare the books with the service and its ledger. This purchases every answered hold."""
        holds = rows(server.ledger, "SELECT count(*) FROM holds")[0][0]
        case.assertGreaterEqual(holds, len(self.held))
        case.assertLessEqual(holds, len(self.held) + self.holds_unanswered)
        kept = {f"P{hold}" for hold, in rows(server.ledger, "SELECT hold FROM purchases")}
        case.assertEqual(len(set(self.bought.values())), len(self.bought))
        case.assertLessEqual(set(self.bought.values()), kept)
        perhaps = self.purchases_unanswered - set(self.bought)
        case.assertLessEqual(len(kept), len(self.bought) + len(perhaps))
        case.assertEqual(server.remaining(), server.events[0]["pools"]["floor"] - holds)
        said = []
        with server.connect() as connection:
            for token in self.held:
                answer = connection.ask("POST", f"/complete_purchase/{token}", body=b"")
                case.assertEqual(answer.status, 200, "an answered hold is lost")
                said.append(answer.json()["purchase"])
                case.assertEqual(said[-1], self.bought.get(token, said[-1]))
        case.assertEqual(len(set(said)), len(said))
        if server.is_alive():
            case.assertEqual(server.stop(), 0)
        checked = server.verify()
        case.assertEqual(checked.returncode, 0, checked)


class Crashes(unittest.TestCase):
    """The process is killed."""

    def test_kill_under_load(self):
        """Five times kill -9 at a random moment under load and a start again: the books agree to the last
        hold."""
        seed = random.SystemRandom().randrange(1 << 32)
        print(f"(seed {seed})", end=" ", flush=True)
        chance = random.Random(seed)
        with Server(event(1_000_000)) as server:
            books = Books()
            over = threading.Event()
            port = [server.port]
            failures = []

            def crash():
                try:
                    for number in range(5):
                        time.sleep(chance.uniform(0.1, 0.7))
                        eventually(lambda: len(books.held) > 110 * (number + 1))
                        port[0] = None
                        server.kill9()
                        server.start()
                        port[0] = server.port
                    time.sleep(0.2)
                except BaseException as error:
                    failures.append(error)
                finally:
                    over.set()

            crasher = threading.Thread(target=crash)
            crasher.start()
            try:
                crowd.Crowd(lambda: port[0]).run(
                    [books.buyer(self, random.Random(seed + n), over.is_set) for n in range(24)])
            finally:
                crasher.join()
            self.assertEqual(failures, [])
            self.assertEqual(server.starts, 6)
            self.assertGreater(len(books.held), 500)
            books.check(self, server)

    def test_kill_while_it_starts(self):
        """A service that is killed several times while it starts has every sale when it has started."""
        with Server(event(50)) as server:
            tokens = [server.buy().json()["token"] for _ in range(10)]
            for token in tokens[:5]:
                server.complete(token)
            chance = random.Random(3)
            for _ in range(10):
                server.kill9()
                server.launch()
                time.sleep(chance.uniform(0, 0.12))
            server.kill9()
            server.start()
            self.assertEqual(server.remaining(), 40)
            for token in tokens:
                self.assertEqual(server.complete(token).status, 200)
            self.assertEqual(server.verify().returncode, 0)

    def test_copy_taken_at_any_moment(self):
        """A copy of the files of a killed service, whole or with the end of its log cut off, opens and
        verifies."""
        with Server(event(1000)) as server:
            for _ in range(60):
                server.complete(server.buy().json()["token"])
            server.kill9()
            log = os.path.getsize(server.ledger + "-wal")
            for cut in (0, 1, 100, 4096, 5000, log // 2, log - 40):
                with self.subTest(cut=cut):
                    copy = os.path.join(server.room, f"copy-{cut}")
                    # Without the file in which the last process noted the ledger's length, which would show the cut.
                    shutil.copytree(server.data, copy, ignore=shutil.ignore_patterns("lock"))
                    os.truncate(os.path.join(copy, "ledger.sqlite-wal"), log - cut)
                    # The cut may remove the definition itself; then the event is defined again.
                    with Server(event(1000), data=copy) as other:
                        sold = rows(other.ledger, "SELECT count(*) FROM purchases")[0][0]
                        self.assertLessEqual(sold, 60)
                        self.assertEqual(other.verify().returncode, 0)
                        if cut == 0:
                            self.assertEqual((sold, other.remaining()), (60, 940))

    def test_copy_put_back(self):
        """After an older copy of the ledger is put back, its holds keep their tokens, and a newer token is worth nothing,
        although another buyer has the hold of that number by now."""
        with Server(event(10)) as server:
            early = server.buy().json()["token"]
            server.stop()
            copy = os.path.join(server.room, "yesterday")
            shutil.copytree(server.data, copy)
            server.start()
            lost = server.buy().json()["token"]
            self.assertEqual(server.complete(lost).status, 200)
            server.stop()
            with Server(event(10), data=copy) as other:
                late = other.buy().json()["token"]
                # The key's number and the hold's, in six bytes and more of the eight.
                self.assertEqual(late[:10], lost[:10])
                self.assertNotEqual(late, lost)
                self.assertEqual(other.complete(lost).status, 404)
                self.assertEqual(other.complete(early).status, 200)
                self.assertEqual(other.complete(late).status, 200)
                other.kill9()
                other.start()
                self.assertEqual(other.complete(late).status, 200)

    def test_series_is_on_disk_though_relaxed(self):
        """The mark of a start's tokens is on the disk before the first token, with either durability: a power cut that
        loses holds must not lose the mark."""
        for durability in ("relaxed", "full"):
            with self.subTest(durability), Server(event(10), durability=durability) as server:
                server.stop()
                server.start()
                mark = rows(server.ledger, "SELECT mark FROM series")
                server.kill9()
                # With `relaxed` the log may not be on the disk.
                synced = os.path.join(server.room, "synced.sqlite")
                shutil.copy(server.ledger, synced)
                if durability == "full":
                    shutil.copy(server.ledger + "-wal", synced + "-wal")
                self.assertEqual(rows(synced, "SELECT mark FROM series"), mark)
                server.start()
                again = rows(server.ledger, "SELECT mark FROM series")
                self.assertEqual(len(again), 1, "no hold was given out, so there is one series")
                self.assertNotEqual(again, mark)


class FullDisk(unittest.TestCase):
    """The disk has no room."""

    def setUp(self):
        """Make a small disk, or skip."""
        self.server = Server(event(1_000_000))
        self.addCleanup(self.server.__exit__)
        os.mkdir(self.server.data)
        if os.geteuid() != 0 or subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=3m,mode=700", "tmpfs", self.server.data],
                capture_output=True).returncode != 0:
            self.skipTest("a small disk cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.server.data], capture_output=True)

    def test_full_disk(self):
        """On a full disk holds get 503 with Retry-After, reads go on, selling resumes with space, nothing
        is lost."""
        server = self.server
        ballast = pathlib.Path(server.data, "ballast")
        ballast.write_bytes(b"x" * 1_500_000)
        server.start()
        books = Books()
        ends = time.monotonic() + 120
        full = threading.Event()

        def buyer(number):
            def is_over():
                return full.is_set() or time.monotonic() > ends

            yield from books.buyer(self, random.Random(number), is_over)

        def watch():
            while not full.is_set() and time.monotonic() < ends:
                if server.get("/health/ready").status == 503:
                    full.set()
                time.sleep(0.02)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            crowd.Crowd(lambda: server.port).run([buyer(number) for number in range(8)])
        finally:
            full_in_time = full.is_set()
            full.set()
            watcher.join()
        self.assertTrue(full_in_time, "the disk never got full")
        time.sleep(0.6)
        with open(pathlib.Path(server.data, "more-ballast"), "wb", buffering=0) as more:
            try:
                while more.write(b"x" * 4096) == 4096:
                    pass
            except OSError:
                pass
        refused = server.buy()
        if refused.status == 200:
            books.held[refused.json()["token"]] = time.monotonic()
            for _ in range(100):
                refused = server.buy()
                if refused.status != 200:
                    break
                books.held[refused.json()["token"]] = time.monotonic()
        self.assertEqual(refused.status, 503, refused)
        books.holds_unanswered += refused.json()["code"] == "outcome-unknown"
        self.assertRegex(refused.header("retry-after") or "", r"\A[1-9]\d?\Z")
        self.assertIn(refused.json()["code"], ("temporary-reduced-capacity", "outcome-unknown"))
        self.assertEqual(server.get("/remaining_tickets").status, 200)
        self.assertEqual(server.get("/health/live").status, 200)
        ready = server.get("/health/ready")
        self.assertEqual((ready.status, ready.json()["code"]), (503, "not-ready"))
        self.assertNotEqual(server.complete(next(iter(books.held))).status, 404)
        ballast.unlink()
        pathlib.Path(server.data, "more-ballast").unlink()
        is_ready = eventually(lambda: server.get("/health/ready").status == 200)
        self.assertTrue(is_ready, server.stderr()[-2000:])
        again = server.buy()
        self.assertEqual(again.status, 200)
        books.held[again.json()["token"]] = time.monotonic()
        books.check(self, server)

    def test_idle_on_a_full_disk(self):
        """Readiness reports a full disk without any request, and reports space again, too."""
        server = self.server
        server.start()
        ballast = pathlib.Path(server.data, "ballast")
        with open(ballast, "wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096) == 4096:
                    pass
            except OSError:
                pass
        self.assertTrue(eventually(lambda: server.get("/health/ready").status == 503))
        self.assertIn("disk-full", server.get("/health/ready").json()["detail"])
        ballast.unlink()
        self.assertTrue(eventually(lambda: server.get("/health/ready").status == 200))
        self.assertEqual(server.buy().status, 200)

    def test_stop_on_a_full_disk(self):
        """On a full disk a SIGTERM ends the service in time, and with space again everything answered is there."""
        server = self.server
        server.start()
        tokens = [server.buy().json()["token"] for _ in range(20)]
        with open(pathlib.Path(server.data, "ballast"), "wb", buffering=0) as ballast:
            try:
                while ballast.write(b"x" * 4096) == 4096:
                    pass
            except OSError:
                pass
        for _ in range(200):
            answer = server.buy()
            if answer.status != 200:
                break
            tokens.append(answer.json()["token"])
        server.stop()
        os.unlink(pathlib.Path(server.data, "ballast"))
        server.start()
        for token in tokens:
            self.assertEqual(server.complete(token).status, 200)
        self.assertEqual(server.verify().returncode, 0)


@unittest.skipUnless(shutil.which("strace"), "strace is not here")
class Syncs(unittest.TestCase):
    """What reaches the disk before an answer leaves."""

    def syncs_of(self, durability, asked):
        """Return how many syncs so many sequential holds cost."""
        with Server(event(1000), durability=durability) as server, server.connect() as connection:
            connection.ask("POST", "/buy_ticket/GA", body=b"")
            with Strace(server, "-e", "trace=fsync,fdatasync,sync_file_range") as strace:
                for _ in range(asked):
                    self.assertEqual(connection.ask("POST", "/buy_ticket/GA", body=b"").status, 200)
            return strace.count(r"f(?:data)?sync\(")

    def test_full_durability_syncs_each_sequential_hold(self):
        """With durability full each of 50 holds, one after the other, costs at least one sync of its own."""
        self.assertGreaterEqual(self.syncs_of("full", 50), 50)

    def test_relaxed_durability_does_not(self):
        """With durability relaxed it does not, so the count above is able to fail."""
        self.assertLess(self.syncs_of("relaxed", 50), 25)

    def test_slow_disk_lets_nothing_gather(self):
        """While an answer waits for a slow disk, the service does not keep what the client sends after an offer to
        upgrade."""
        with Server(event(100)) as server, server.connect() as connection:
            before = server.memory()
            with Strace(server, "-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_exit=3000000"):
                connection.send(request("POST", "/buy_ticket/GA", ["Connection: Upgrade", "Upgrade: x"], b""))
                connection.socket.settimeout(1)
                try:
                    for _ in range(200):
                        connection.send(b"\0" * (1 << 20))
                except OSError:
                    pass
                self.assertLess(server.memory() - before, 48 << 20)
                # Nothing is sold while the disk hangs, and readiness says so without any request.
                self.assertTrue(eventually(
                    lambda: "disk-stalled" in server.get("/health/ready").json().get("detail", "")))
            self.assertTrue(eventually(lambda: server.get("/health/ready").status == 200))

    def test_a_second_signal_does_not_wait_for_the_disk(self):
        """After two signals while the disk hangs, the service ends soon, says that the outcome of the last requests is
        unknown, and keeps what was answered before."""
        with Server(event(100), timeouts_drain_seconds=1) as server, server.connect() as connection:
            token = server.buy().json()["token"]
            # Longer than everything below may take.
            with Strace(server, "-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=300000000") as disk:
                connection.send(request("POST", "/buy_ticket/GA", [], b""))
                self.assertTrue(eventually(lambda: disk.count("fdatasync")))
                server.process.send_signal(signal.SIGTERM)
                self.assertTrue(eventually(server.is_stopping))
                server.process.send_signal(signal.SIGTERM)
                self.assertTrue(eventually(lambda: "may be done or not" in server.stderr()))
            # The process ends only when strace has let go of its waiting thread.
            self.assertEqual(server.process.wait(PATIENCE), 75)
            self.assertNotIn("is kept", server.stderr())
            server.start()
            self.assertEqual(server.complete(token).status, 200)

    def disturbed(self, *options, reads=False):
        """Sell on a disk that fails, with a reader that stays if `reads`; check that selling resumed and the books agree."""
        with Server(event(1_000_000)) as server:
            books = Books()
            over = threading.Event()
            reader = sqlite3.connect(f"file:{server.ledger}?mode=ro", uri=True)
            if reads:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM holds").fetchone()

            def later():
                time.sleep(2.5)
                # Something was disturbed, and buyers have felt it.
                eventually(lambda: strace.count("INJECTED") and books.holds_unanswered + len(books.purchases_unanswered))
                over.set()

            with Strace(server, "-e", "trace=fsync,fdatasync,pwrite64,ftruncate", *options) as strace:
                timer = threading.Thread(target=later)
                timer.start()
                crowd.Crowd(lambda: server.port).run(
                    [books.buyer(self, random.Random(n), over.is_set) for n in range(6)])
                timer.join()
            self.assertGreater(strace.count("INJECTED"), 0, "nothing was disturbed")
            self.assertTrue(server.is_alive(), server.stderr()[-2000:])
            self.assertGreater(books.holds_unanswered + len(books.purchases_unanswered), 0)
            self.assertTrue(eventually(lambda: server.get("/health/ready").status == 200))
            self.assertEqual(server.buy().status, 200)
            books.holds_unanswered += 1
            reader.close()
            books.check(self, server)

    def test_failing_syncs(self):
        """If a sync fails with EIO, the outcomes are unknown; selling resumes when syncs work, and nothing is lost."""
        self.disturbed("-e", "inject=fdatasync:error=EIO:when=5..9")

    def test_failing_syncs_while_somebody_reads(self):
        """Every 40th sync fails while a reader keeps the ledger open: selling resumes each time, and everything answered in
        between is kept."""
        self.disturbed("-e", "inject=fdatasync:error=EIO:when=20+40", reads=True)

    def test_a_failing_sync_of_the_database_while_somebody_reads(self):
        """If a checkpoint beside a reader cannot be synced, nothing is sold until the reader has left; then the whole log is
        checkpointed again, and every answer is kept."""
        with Server(event(1000)) as server:
            tokens = [server.buy().json()["token"] for _ in range(20)]
            reader = sqlite3.connect(f"file:{server.ledger}?mode=ro", uri=True)
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM holds").fetchone()
            tokens += [server.buy().json()["token"] for _ in range(20)]
            # A commit fails, so the log is checkpointed; the log's sync works, the database's does not.
            with Strace(server, "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=1..3+2"):
                server.buy()
                self.assertTrue(eventually(lambda: "every other program closes" in server.stderr()))
            self.assertEqual(server.get("/health/ready").status, 503)
            self.assertEqual(server.buy().status, 503)
            with open(server.ledger, "r+b") as ledger:
                # The disk loses this.
                ledger.seek(4096)
                ledger.write(bytes(os.path.getsize(server.ledger) - 4096))
            reader.close()
            self.assertTrue(eventually(lambda: server.get("/health/ready").status == 200))
            for token in tokens:
                self.assertEqual(server.complete(token).status, 200)
            self.assertEqual(server.stop(), 0)
            self.assertEqual(server.verify().returncode, 0)

    def test_a_stop_after_a_failed_sync_of_the_database(self):
        """A service that stops before the sync of the database was repeated says so, and the next start has everything."""
        with Server(event(1000)) as server:
            reader = sqlite3.connect(f"file:{server.ledger}?mode=ro", uri=True)
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM holds").fetchone()
            tokens = [server.buy().json()["token"] for _ in range(20)]
            with Strace(server, "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=1..3+2"):
                server.buy()
                self.assertTrue(eventually(lambda: "every other program closes" in server.stderr()))
            self.assertEqual(server.stop(), 0)
            self.assertNotIn("every answer that was given is kept", server.stderr())
            self.assertIn("start again when no other program has the ledger open", server.stderr())
            reader.close()
            server.start()
            for token in tokens:
                self.assertEqual(server.complete(token).status, 200)

    def test_failing_writes(self):
        """Failed writes, without space or with another error, lose nothing that was answered."""
        for error in ("ENOSPC", "EIO"):
            with self.subTest(error=error):
                self.disturbed("-e", f"inject=pwrite64:error={error}:when=30..36")
