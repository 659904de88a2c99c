"""`holdfast backup` and what docs/operating.md says of restoring, upgrading and where a ledger may be."""

import base64
import os
import pathlib
import shutil
import sqlite3
import stat
import subprocess
import threading
import unittest

from support.service import Server, binary, clean_environment, command, event, eventually, make_key, scratch

HALL = event({"floor": 100_000}, "hall", hold_seconds=600)


def in_namespace(script, *arguments):
    """Run a shell script with mounts of its own; `None` where that is not allowed."""
    try:
        allowed = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        return None
    return subprocess.run(
        ["unshare", "-m", "--propagation", "private", "sh", "-ec", script, "sh", *map(str, arguments)],
        capture_output=True, text=True, env=clean_environment(), timeout=60, check=False)


class Buyers:
    """Buyers at several desks, who note what they were answered."""

    def __init__(self, server):
        """Begin to buy."""
        self.server, self.lock, self.bought, self.is_done = server, threading.Lock(), [], False
        self.threads = [threading.Thread(target=self.buy) for _ in range(4)]
        for thread in self.threads:
            thread.start()

    def buy(self):
        """Hold and complete until the end."""
        with self.server.connect() as connection:
            while not self.is_done:
                token = connection.ask("POST", "/buy_ticket/GA").json()["token"]
                if connection.ask("POST", f"/complete_purchase/{token}").status == 200:
                    with self.lock:
                        self.bought.append(token)

    def so_far(self):
        """Return the tokens of what was bought until now."""
        with self.lock:
            return list(self.bought)

    def stop(self):
        """End, and return all tokens."""
        self.is_done = True
        for thread in self.threads:
            thread.join()
        return self.so_far()


class Backups(unittest.TestCase):
    """A data directory that is copied and lost."""

    def setUp(self):
        self.room = scratch()
        self.addCleanup(shutil.rmtree, self.room, True)
        self.copy = os.path.join(self.room, "copy")

    def refused(self, done, status, *words):
        """Check that a command failed with this status and one sentence that has these words."""
        self.assertEqual(done.returncode, status, done)
        said = [line for line in done.stderr.splitlines() if line.startswith("holdfast: ")]
        self.assertEqual(len(said), 1, done.stderr)
        for word in words:
            self.assertIn(word, said[0])

    def test_restore(self):
        """A copy is made while it sells, then all data is lost. The restored service has everything that was answered before
        the copy, its tokens and operators' keys; tokens and numbers of later purchases are unknown, also when others have
        bought since."""
        with Server(HALL) as server:
            key = make_key(server, "viewer", "accounts")
            buyers = Buyers(server)
            self.assertTrue(eventually(lambda: len(buyers.so_far()) > 40))
            before = buyers.so_far()
            done = command("backup", self.copy, "--verify", *server.place, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""), done)
            self.assertIn("every rule holds", done.stdout)
            after = len(buyers.so_far())
            self.assertTrue(eventually(lambda: len(buyers.so_far()) > after + 10))
            everything = buyers.stop()
            names = sorted(os.listdir(self.copy))
            self.assertEqual(names, ["ledger.sqlite", "operators.sqlite", "token.keys"])
            self.assertEqual({stat.S_IMODE(os.stat(os.path.join(self.copy, name)).st_mode) for name in names}, {0o600})
            self.assertEqual(stat.S_IMODE(os.stat(self.copy).st_mode), 0o700)
            server.kill9()
            shutil.rmtree(server.data)
            # As docs/operating.md says it.
            shutil.copytree(self.copy, server.data)
            self.assertEqual(server.verify().returncode, 0)
            server.start()
            for token in before:
                self.assertEqual(server.complete(token).status, 200)
            known = {token for token in everything if server.complete(token).status == 200}
            lost = [token for token in everything if token not in known]
            self.assertTrue(lost)
            for _ in lost:
                self.assertEqual(server.buy().status, 200)
            self.assertEqual({server.complete(token).status for token in lost}, {404})
            # A shop completes by number. The numbers of lost holds are nobody's, also when others have held since.
            shop = make_key(server, "shop", "till")
            numbers = [f"H{int.from_bytes(base64.urlsafe_b64decode(token)[1:8], 'big')}" for token in lost]
            for number in numbers:
                answer = server.ask("POST", f"/v1/holds/{number}/purchase", [f"Authorization: Bearer {shop}"])
                self.assertEqual((answer.status, answer.json()["code"]), (404, "unknown-hold"), number)
            answer = server.ask("GET", "/v1/invariants", [f"Authorization: Bearer {key}"])
            self.assertTrue(answer.json()["holds_true"], answer)

    def test_refusals(self):
        """A place that is taken, inside the data, full or not there, and what is not a ledger: one sentence, the right status,
        nothing left behind."""
        with Server(HALL) as server:
            server.buy()
            data = server.data
            self.refused(command("backup", data, "--data", data), 73, "exists already")
            self.refused(command("backup", data + "/x", "--data", data), 73, "inside")
            self.refused(command("backup", self.room + "/a/b", "--data", data), 73, "there is no directory")
            self.refused(command("backup", self.copy, "--data", self.room + "/none"), 66, "there is no ledger")
            self.refused(command("backup", self.copy, "--data", data, "--token-keys", "/nowhere"), 66, "--token-keys")
            self.refused(command("backup", self.copy, "--store", "redis://127.0.0.1:1"), 64, "docs/redis.md")
            other = pathlib.Path(self.room, "other")
            other.mkdir()
            other.joinpath("ledger.sqlite").write_text("this is not a database, whatever its name says")
            self.refused(command("backup", self.copy, "--data", other), 78, "not a ledger")
            self.assertEqual(os.listdir(self.room), ["other"])
            full = in_namespace('mkdir "$3/full"; mount -t tmpfs -o size=96k none "$3/full"; '
                                '"$1" backup "$3/full/copy" --data "$2" && exit; status=$?; ls -A "$3/full"; exit $status',
                                binary(), data, self.room)
            if full is None:
                self.skipTest("no mounts of its own")
            self.refused(full, 73, "is full")
            self.assertEqual(full.stdout, "")
            shared = in_namespace('mkdir -p "$3/full"; mount -t tmpfs -o size=60m none "$3/full"; cp -a "$2" "$3/full/data"; '
                                  '"$1" backup "$3/full/copy" --data "$3/full/data" && exit; status=$?; '
                                  'ls -A "$3/full"; exit $status', binary(), data, self.room)
            self.refused(shared, 73, "64 MiB", "another disk")
            self.assertEqual(shared.stdout, "data\n")
            started = in_namespace('mkdir -p "$3/full"; mount -t tmpfs -o size=64k none "$3/full"; '
                                   'exec "$1" serve --port 0 --data "$3/full/data"', binary(), data, self.room)
            self.refused(started, 75, "full")

    def test_upgrade(self):
        """What a migration would change is said and tried without changing anything, also beside a service; then it is done.
        An earlier program refuses a newer ledger."""
        with Server(HALL) as server:
            server.buy()
            place = ["--data", server.data]
            self.assertIn("up to date", command("migrate", "--dry-run", *place).stdout)
            self.refused(command("migrate", *place), 69, "only one process")
            server.stop()
            self.change(server, "DROP TABLE hold_codes; DELETE FROM grdb_migrations WHERE identifier = '8 codes'")
            before = pathlib.Path(server.ledger).read_bytes()
            tried = command("migrate", "--dry-run", *place)
            self.assertEqual(tried.returncode, 0, tried)
            self.assertIn("8 codes", tried.stdout)
            self.assertIn("every rule holds", tried.stdout)
            self.assertEqual(pathlib.Path(server.ledger).read_bytes(), before)
            self.assertIn("Changed: 8 codes", command("migrate", *place).stdout)
            self.assertIn("up to date", command("migrate", *place).stdout)
            server.restart()
            server.stop()
            self.change(server, "INSERT INTO grdb_migrations (identifier) VALUES ('99 later')")
            for words in (["serve", "--port", "0"], ["migrate"], ["migrate", "--dry-run"], ["backup", self.copy]):
                self.refused(command(*words, *place), 78, "later release")

    def change(self, server, script):
        """Change the ledger of a service that is stopped."""
        connection = sqlite3.connect(server.ledger)
        connection.executescript(script)
        connection.close()

    def test_places(self):
        """A ledger of another user, and one that is mounted to be read only, are refused in one sentence with status 73."""
        with Server(HALL) as server:
            server.stop()
            serve = [binary(), "serve", "--port", "0", "--data", server.data]
            mounted = in_namespace('mount --bind "$3" "$3"; mount -o remount,ro,bind "$3"; exec "$1" serve --port 0 --data "$2"',
                                   binary(), server.data, server.data)
            if mounted is not None:
                self.refused(mounted, 73, "Read-only file system")
            if os.geteuid() != 0:
                self.skipTest("only root has files of another user")
            os.chown(server.ledger, 12_345, 12_345)
            self.refused(subprocess.run(serve, capture_output=True, text=True, env=clean_environment(), cwd=self.room,
                                        timeout=60, check=False), 73, "belongs to the user", "12345")
            os.chown(server.ledger, 0, 0)
            server.start()
            self.assertEqual(server.buy().status, 200)
