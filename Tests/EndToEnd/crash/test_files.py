"""The ledger's files: who may read them, what happens when they vanish during a sale, and starts that find only some."""

import glob
import os
import pathlib
import shutil
import stat
import subprocess
import unittest

from support.service import Server, command, embedded_only, event, eventually, rows


class Files(unittest.TestCase):
    """A directory that another program changes."""

    def sell(self, server, count):
        """Sell so many tickets; return their tokens."""
        tokens = [server.buy().json()["token"] for _ in range(count)]
        for token in tokens:
            self.assertEqual(server.complete(token).status, 200)
        return tokens

    def refused(self, server, *words):
        """Check that the service does not start and says why in one sentence."""
        run = subprocess.run(server.arguments(), capture_output=True, text=True, timeout=60, check=False, cwd=server.room)
        self.assertEqual(run.returncode, 66, run)
        said = [line for line in run.stderr.splitlines() if line.startswith("holdfast: ")]
        self.assertEqual(len(said), 1, run.stderr)
        for word in (*words, "--accept-losses"):
            self.assertIn(word, said[0])

    @embedded_only
    def test_files_are_their_owners(self):
        """Only their owner can read ledger, log and index, also in an older directory: what others could read is closed to
        them, and a group keeps its rights."""
        with Server(event(5)) as server:
            server.stop()
            shutil.rmtree(server.data)
            os.mkdir(server.data, 0o755)
            server.start()
            server.buy()

            def modes():
                return {stat.S_IMODE(os.stat(server.ledger + suffix).st_mode) for suffix in ("", "-wal", "-shm")}

            self.assertEqual(modes(), {0o600})
            server.kill9()
            for suffix in ("", "-wal", "-shm"):
                os.chmod(server.ledger + suffix, 0o644)
            server.start()
            self.assertEqual(modes(), {0o640})

    @embedded_only
    def test_files_that_go_while_it_sells(self):
        """If any file of the ledger is removed or replaced during a sale, selling stops within a moment, readiness and the
        log say why, and everything that was answered is in the ledger or in a copy of it."""
        for name in ("ledger.sqlite-wal", "ledger.sqlite-shm", "lock", "ledger.sqlite", "replaced"):
            with self.subTest(name), Server(event(50)) as server:
                tokens = self.sell(server, 3)
                path = os.path.join(server.data, "ledger.sqlite" if name == "replaced" else name)
                if name == "replaced":
                    shutil.copy(path, path + ".copy")
                    os.rename(path + ".copy", path)
                else:
                    os.unlink(path)
                # Sales before the service notices count, too.
                tokens += self.sell(server, 1)
                self.assertTrue(eventually(lambda: server.get("/health/ready").status == 503))
                self.assertIn("ledger-files-lost", server.get("/health/ready").body.decode())
                refused = server.buy()
                self.assertEqual((refused.status, refused.json()["code"]), (503, "temporary-reduced-capacity"))
                self.assertEqual(server.get("/remaining_tickets").status, 200)
                self.assertTrue(eventually(lambda: "Every answered fact" in server.stderr()))
                self.assertIn(os.path.basename(path), server.stderr())
                self.assertEqual(server.stop(), 0)
                saved = glob.glob(os.path.join(server.data, "ledger.rescued-*"))
                self.assertEqual(bool(saved), path == server.ledger)
                if saved:
                    self.assertEqual(stat.S_IMODE(os.stat(saved[0]).st_mode), 0o600)
                    for old in glob.glob(server.ledger + "*"):
                        os.unlink(old)
                    os.rename(saved[0], server.ledger)
                checked = server.verify()
                self.assertEqual(checked.returncode, 0, checked)
                server.start()
                self.assertEqual(server.remaining(), 46)
                for token in tokens:
                    self.assertEqual(server.complete(token).status, 200)

    @embedded_only
    def test_a_directory_that_is_made_anew(self):
        """If the whole directory is removed, the service writes everything answered into a new one, at its stop at the
        latest; if that fails, the stop says so and its status is not 0."""
        for made, status in (("selling", 0), ("at the stop", 0), ("never", 73)):
            with self.subTest(made), Server(event(50)) as server:
                self.sell(server, 3)
                shutil.rmtree(server.data)
                if made == "selling":
                    self.assertTrue(eventually(lambda: "could not be saved" in server.stderr()))
                    os.mkdir(server.data)
                    self.assertTrue(eventually(lambda: "is in a copy" in server.stderr()))
                if made == "never":
                    pathlib.Path(server.data).write_text("in the way")
                self.assertEqual(server.stop(), status)
                self.assertEqual("every answer that was given is kept" in server.stderr(), status == 0)
                if status == 0:
                    saved, = glob.glob(os.path.join(server.data, "ledger.rescued-*"))
                    self.assertEqual(rows(saved, "SELECT count(*) FROM purchases"), [(3,)])
                    # A plain start would sell these places again.
                    self.refused(server, f"{os.path.basename(saved)} has its facts")
                else:
                    self.assertIn("could not be saved", server.stderr().splitlines()[-1])

    @embedded_only
    def test_a_directory_that_comes_back(self):
        """The sale stops while its directory is moved away, and goes on with everything when it is back."""
        with Server(event(50)) as server:
            tokens = self.sell(server, 2)
            os.rename(server.data, server.data + ".away")
            self.assertTrue(eventually(lambda: server.get("/health/ready").status == 503))
            os.rename(server.data + ".away", server.data)
            self.assertTrue(eventually(lambda: server.get("/health/ready").status == 200))
            tokens += self.sell(server, 1)
            self.assertEqual(server.stop(), 0)
            self.assertEqual(server.verify().returncode, 0)
            server.start()
            self.assertEqual(server.remaining(), 47)
            for token in tokens:
                self.assertEqual(server.complete(token).status, 200)

    @embedded_only
    def test_keys_that_go_while_it_sells(self):
        """Without its key files the service goes on selling, and the log says that they are missing."""
        with Server(event(50)) as server:
            # The service looks once a second, and reports only files that it has seen before.
            self.sell(server, 1)
            facts = server.rows("SELECT max(seq) FROM purchases")[0][0]
            self.assertTrue(eventually(lambda: f" {facts} " in pathlib.Path(server.data, "lock").read_text()))
            for name in ("token.keys", "operators.sqlite"):
                kept = pathlib.Path(server.data, name).read_bytes()
                os.unlink(os.path.join(server.data, name))
                self.assertTrue(eventually(lambda: f"/{name}" in server.stderr()))
                self.sell(server, 1)
                pathlib.Path(server.data, name).write_bytes(kept)

    @embedded_only
    def test_half_a_directory(self):
        """A start that finds a ledger without keys, keys without a ledger, or less than was on the disk refuses with a
        sentence; with the flag it goes on with what is there."""
        def without_ledger(server):
            for path in glob.glob(server.ledger + "*"):
                os.unlink(path)

        def with_an_empty_ledger(server):
            without_ledger(server)
            pathlib.Path(server.ledger).touch()

        def with_keys_alone(server):
            without_ledger(server)
            os.unlink(os.path.join(server.data, "lock"))

        def without_keys(server):
            os.unlink(os.path.join(server.data, "token.keys"))

        def without_log(server):
            os.unlink(server.ledger + "-wal")

        def with_an_older_copy(server):
            for path in glob.glob(server.ledger + "*"):
                os.unlink(path)
            shutil.copy(os.path.join(server.room, "older"), server.ledger)

        def with_another_ledger(server):
            with Server(event(10)) as other:
                other.stop()
                with_an_older_copy(server)
                shutil.copy(other.ledger, server.ledger)

        cases = [(without_ledger, "ledger.sqlite is missing", 10), (with_an_empty_ledger, "ledger.sqlite is missing", 10),
                 (with_keys_alone, "token.keys", 10), (without_keys, "token.keys is missing", 7),
                 (without_log, "its log is gone", None), (with_an_older_copy, "an older copy", 9),
                 (with_another_ledger, "not the ledger", 10)]
        for break_it, words, left in cases:
            with self.subTest(break_it.__name__), Server(event(10)) as server:
                self.sell(server, 1)
                server.stop()
                shutil.copy(server.ledger, os.path.join(server.room, "older"))
                server.start()
                self.sell(server, 2)
                lock = os.path.join(server.data, "lock")
                # The service notes once a second what is on the disk.
                facts = server.rows("SELECT max(seq) FROM purchases")[0][0]
                self.assertTrue(eventually(lambda: f" {facts} " in pathlib.Path(lock).read_text()))
                server.kill9()
                break_it(server)
                before = sorted(os.listdir(server.data))
                self.refused(server, words)
                self.refused(server, words)
                if break_it.__name__ != "without_log":
                    self.assertLessEqual({name for name in os.listdir(server.data) if not name.startswith("ledger")},
                                         set(before) | {"lock"})
                server.settings["accept_losses"] = True
                server.start()
                if left is not None:
                    self.assertEqual(server.remaining(), left)
                self.sell(server, 1)
                del server.settings["accept_losses"]
                server.restart()
                self.assertEqual(command("verify", server.data).returncode, 0)
