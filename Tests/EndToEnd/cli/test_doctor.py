"""`holdfast doctor`, and what the service says to the service manager that started it."""

import json
import os
import resource
import shutil
import socket
import subprocess
import time
import unittest

from support.service import RedisServer, Server, binary, clean_environment, command, event, scratch


class Manager:
    """A socket on which a service says how it is, as systemd has one."""

    def __init__(self, name):
        """Listen; a name that begins with @ is in no file system."""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self.socket.settimeout(60)

    def heard(self):
        """Return the next message, line by line."""
        return self.socket.recv(4_096).decode().split("\n")

    def hears(self, line):
        """Wait for a message with this line; return the message."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            message = self.heard()
            if line in message:
                return message
        raise AssertionError(f"no {line}")

    def close(self):
        """Listen no more."""
        self.socket.close()


class Doctors(unittest.TestCase):
    """A place for a service, and what is wrong with it."""

    def setUp(self):
        self.room = scratch()
        self.addCleanup(shutil.rmtree, self.room, True)
        self.data = os.path.join(self.room, "data")

    def findings(self, *words, status=0, limit=None):
        """Run it; return the findings by subject, each with its state."""
        before = None if limit is None else lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        done = subprocess.run(
            [binary(), "doctor", "--json", *words], capture_output=True, text=True, env=clean_environment(), cwd=self.room,
            timeout=60, preexec_fn=before, check=False)
        self.assertEqual(done.returncode, status, done)
        document = json.loads(done.stdout)
        self.assertEqual(document["promises_hold"], status == 0)
        found = {}
        for finding in document["findings"]:
            self.assertEqual(finding["advice"] is None, finding["state"] == "fine", finding)
            found.setdefault(finding["subject"], set()).add(finding["state"])
        return found

    def test_queue(self):
        """A queue that one program can fill is named, unless there is a quota."""
        event = os.path.join(self.room, "event.json")
        with open(event, "w", encoding="utf-8") as file:
            json.dump({"id": "rush", "pools": {"floor": 9}, "queue": {},
                       "types": [{"code": "GA", "pools": ["floor"]}]}, file)
        place = ("--data", self.data, "--port", "0", "--event", event)
        self.assertEqual(self.findings(*place)["queues"], {"look"})
        self.assertNotIn("queues", self.findings(*place, "--quota-per-second", "20"))

    def test_before_the_first_start(self):
        """Where nothing is wrong yet it says so, and makes nothing."""
        found = self.findings("--data", self.data, "--port", "0")
        self.assertEqual({subject: found[subject] for subject in ("configuration", "space", "ledger", "descriptors", "port")},
                         {subject: {"fine"} for subject in ("configuration", "space", "ledger", "descriptors", "port")})
        self.assertEqual(os.listdir(self.room), [])
        # A name without a folder is in the working directory.
        self.assertEqual(self.findings("--data", "d", "--port", "0")["ledger"], {"fine"})
        table = command("doctor", "--data", self.data, "--port", "0")
        self.assertEqual((table.returncode, table.stderr), (0, ""))
        self.assertIn("ledger", table.stdout)

    def test_beside_a_service(self):
        """Beside a service that runs, its port is not an obstacle: it says how the service is."""
        with Server(event(5)) as server:
            place = ["--data", server.data, "--port", str(server.port)]
            found = self.findings(*place)
            self.assertEqual((found["service"], found["ledger"], found["token keys"]), ({"fine"}, {"fine"}, {"fine"}))
            # Another service has the port.
            self.assertEqual(self.findings("--data", self.data, "--port", str(server.port), status=1)["port"], {"wrong"})
            os.chmod(os.path.join(server.data, "token.keys"), 0o644)
            self.assertEqual(self.findings(*place, status=1)["token keys"], {"wrong"})
            if os.geteuid() == 0:
                os.chown(os.path.join(server.data, "operators.sqlite"), 12_345, 12_345)
                self.assertEqual(self.findings(*place, status=1)["owner"], {"wrong"})

    def test_what_is_wrong(self):
        """What breaks a promise is said with what to do, and the status is 1."""
        place = ["--data", self.data, "--port", "0"]
        self.assertEqual(self.findings("--port", "99999", status=1), {"configuration": {"wrong"}})
        self.assertEqual(self.findings(*place, limit=1_024, status=1)["descriptors"], {"wrong"})
        self.assertEqual(self.findings(*place, "--token-keys", self.room + "/none", status=1)["token keys"], {"wrong"})
        with open(self.room + "/event.json", "w", encoding="utf-8") as file:
            file.write('{"id": "main"}')
        self.assertEqual(self.findings(*place, "--event", self.room + "/event.json", status=1)["events"], {"wrong"})
        none = ["--tls-certificate", self.room + "/none", "--tls-key", self.room + "/none"]
        self.assertEqual(self.findings(*place, *none, status=1)["certificate"], {"wrong"})
        self.assertEqual(self.findings(*place, "--durability", "relaxed")["durability"], {"look"})
        file, socket_ = self.room + "/event.json", self.room + "/socket"
        long = ["--listen", "unix:" + self.room + "/" + "x" * 200]
        self.assertEqual(self.findings("--data", self.data, *long, status=1), {"configuration": {"wrong"}})
        for path in (file, self.room + "/none/socket"):
            self.assertEqual(self.findings("--data", self.data, "--listen", "unix:" + path, status=1)["port"], {"wrong"}, path)
        self.assertEqual(self.findings("--data", self.data, "--listen", "unix:" + socket_)["port"], {"fine"})
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(socket_)
            other.listen()
            self.assertEqual(self.findings("--data", self.data, "--listen", "unix:" + socket_, status=1)["port"], {"wrong"})
        # Its process is gone, so a start replaces it; a look does not.
        self.assertEqual(self.findings("--data", self.data, "--listen", "unix:" + socket_)["port"], {"fine"})
        self.assertTrue(os.path.exists(socket_))
        if os.path.isdir("/dev/shm"):
            found = self.findings("--data", f"/dev/shm/holdfast-{os.getpid()}", "--port", "0", status=1)
            self.assertEqual(found["file system"], {"wrong"})

    def test_redis(self):
        """Of Redis it says version, settings and latency; a server that answers before it has synced breaks a promise."""
        with open(self.room + "/token.keys", "w", encoding="utf-8") as file:
            file.write("1 " + "ab" * 32)
        os.chmod(self.room + "/token.keys", 0o600)
        words = ["--port", "0", "--token-keys", self.room + "/token.keys", "--store"]
        fit = RedisServer(self.room, "--appendonly", "yes", "--appendfsync", "always", "--maxmemory", "64mb")
        self.addCleanup(fit.kill9)
        found = self.findings(*words, fit.address)
        self.assertEqual((found["redis"], found["answers"]), ({"fine"}, {"fine"}))
        self.assertTrue(found["redis latency"] <= {"fine", "look"})
        fit.ask("CONFIG", "SET", "appendfsync", "everysec")
        self.assertEqual(self.findings(*words, fit.address, status=1)["redis"], {"fine", "wrong"})
        fit.kill9()
        self.assertEqual(self.findings(*words, fit.address, status=1)["redis"], {"wrong"})


class ServiceManagers(unittest.TestCase):
    """A service that somebody else starts and watches."""

    def test_notices(self):
        """It says that it is ready when it answers, again and again that it works, and that it stops; in a file system and in
        Linux's names without one."""
        room = scratch()
        self.addCleanup(shutil.rmtree, room, True)
        for name in (room + "/notify", f"@holdfast-{os.getpid()}"):
            with self.subTest(name):
                manager = Manager(name)
                self.addCleanup(manager.close)
                server = Server(event(5), environment={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "300000"})
                self.addCleanup(server.__exit__)
                server.launch()
                self.assertEqual(manager.heard()[0], "READY=1")
                for _ in range(3):
                    manager.hears("WATCHDOG=1")
                self.assertEqual(server.stop(), 0)
                self.assertIn("STOPPING=1", manager.hears("STOPPING=1"))

    def test_another_process(self):
        """A watchdog that is meant for another process is none of its business."""
        room = scratch()
        self.addCleanup(shutil.rmtree, room, True)
        manager = Manager(room + "/notify")
        self.addCleanup(manager.close)
        with Server(event(5), environment={
                "NOTIFY_SOCKET": room + "/notify", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}) as server:
            self.assertEqual(manager.heard()[0], "READY=1")
            server.stop()
            self.assertEqual(manager.heard()[0], "STOPPING=1")
