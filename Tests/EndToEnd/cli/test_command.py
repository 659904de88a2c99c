"""The command: help, settings, refusals and their exit statuses, stopping, logs and files."""

import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
import unittest

from support.service import Server, binary, clean_environment, command, event, eventually, free_ports, rows
from support.wire import request


class Command(unittest.TestCase):
    """The program's output and exit statuses."""

    def one_line(self, run, status, *words):
        """Check the exit status, and that standard error is one line with these words."""
        self.assertEqual(run.returncode, status, run)
        lines = run.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, run.stderr)
        for word in words:
            self.assertIn(word, lines[0])
        self.assertEqual(run.stdout, "")

    def room(self):
        """Return a directory that goes with the test."""
        room = tempfile.TemporaryDirectory(prefix="holdfast-test-")
        self.addCleanup(room.cleanup)
        return room.name

    @staticmethod
    def full_pipe():
        """Return both ends of a pipe that takes nothing more."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        try:
            while os.write(writer, b"x" * 4096):
                pass
        except BlockingIOError:
            os.set_blocking(writer, True)
        return reader, writer

    def test_help_and_version(self):
        """--help shows commands, flags and examples; --version is one line."""
        shown = command("--help")
        self.assertEqual(shown.returncode, 0)
        for word in ("serve", "verify", "config", "EXAMPLES", "--version"):
            self.assertIn(word, shown.stdout)
        serve = command("serve", "--help")
        self.assertEqual(serve.returncode, 0)
        for flag in ("host", "port", "data", "config", "event", "classic-event", "durability"):
            self.assertIn(f"--{flag}", serve.stdout)
        self.assertIn("EXAMPLES", serve.stdout)
        version = command("--version")
        self.assertEqual((version.returncode, version.stderr), (0, ""))
        self.assertRegex(version.stdout, r"\A\d+\.\d+\.\d+\S*\n\Z")

    def test_config_tells_where_each_value_came_from(self):
        """`config` shows flag before environment before file before default, and makes no files."""
        room = self.room()
        pathlib.Path(room, "config.json").write_text(json.dumps({
            "port": 1111, "log": {"level": "error"}, "durability": "relaxed", "limits": {"connections": 7}}))
        run = command("config", "--port", 3333, cwd=room,
                      env={"HOLDFAST_PORT": "2222", "HOLDFAST_DURABILITY": "full"})
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        lines = {line.split()[0]: line.split(maxsplit=2)[1:] for line in run.stdout.splitlines()}
        self.assertEqual(lines["port"], ["3333", "flag --port"])
        self.assertEqual(lines["durability"], ["full", "environment HOLDFAST_DURABILITY"])
        self.assertEqual(lines["log.level"], ["error", "file config.json"])
        self.assertEqual(lines["limits.connections"], ["7", "file config.json"])
        self.assertEqual(lines["host"], ["127.0.0.1", "default"])
        self.assertEqual(os.listdir(room), ["config.json"])
        as_json = command("config", "--json", cwd=room)
        self.assertEqual(as_json.returncode, 0)
        json.loads(as_json.stdout)

    def test_wrong_values_stop_the_start(self):
        """A wrong value ends with 64 and one line that names key, value and what is allowed; nothing is
        made."""
        room = self.room()
        for key, flag, value, allowed in (
                ("port", "--port", "70000", "65535"), ("port", "--port", "-1", "65535"),
                ("port", "--port", "x", "65535"), ("durability", "--durability", "some", "relaxed"),
                ("log.level", "--log-level", "loud", "trace"),
                ("limits.connections", "--limits-connections", "0", "1000000"),
                ("timeouts.idle_seconds", "--timeouts-idle-seconds", "1.5", "3600"),
                ("classic.event", "--classic-event", "a b", "A-Z"), ("host", "--host", "a b", "host"),
                ("threads", "--threads", "99999999999999999999", "256")):
            for verb in ("serve", "config"):
                with self.subTest(flag=flag, value=value, verb=verb):
                    self.one_line(command(verb, flag, value, cwd=room), 64, key, value, allowed, flag)
        wrong = command("serve", cwd=room, env={"HOLDFAST_PORT": "no"})
        self.one_line(wrong, 64, "port", "no", "HOLDFAST_PORT")
        self.one_line(command("serve", cwd=room, env={"HOLDFAST_PROT": "1"}), 64, "HOLDFAST_PROT")
        pathlib.Path(room, "config.json").write_text('{"prot": 1}')
        self.one_line(command("serve", cwd=room), 64, "prot", "port")
        pathlib.Path(room, "config.json").write_text('{"port": ')
        self.one_line(command("serve", cwd=room), 78, "config.json")
        self.assertEqual(os.listdir(room), ["config.json"])
        self.assertNotEqual(command("serve", "--no-such-flag").returncode, 0)
        self.assertEqual(command("serve", "--no-such-flag").returncode, 64)

    def test_event_files_that_cannot_be_used(self):
        """An event file that is missing, not JSON, or wrong ends with 78; every mistake is shown with its place."""
        room = self.room()

        def refused(text, *words):
            path = pathlib.Path(room, "event.json")
            path.write_bytes(text if isinstance(text, bytes) else json.dumps(text).encode())
            run = command("serve", "--port", 0, "--data", f"{room}/data", "--event", path, cwd=room)
            self.assertEqual(run.returncode, 78, run)
            self.assertEqual(run.stdout, "")
            for word in ("event.json",) + words:
                self.assertIn(word, run.stderr)

        gone = command("serve", "--port", 0, "--event", f"{room}/none.json", cwd=room)
        self.one_line(gone, 78, "none.json")
        self.assertEqual(command("serve", "--port", 0, "--event", room, cwd=room).returncode, 78)
        refused(b"")
        refused(b"{")
        refused(b"\xff\xfe")
        refused(b"[" * 100_000)
        refused({}, "id", "pools", "types")
        refused(event(5) | {"colour": "red", "hold_seconds": 0, "currency": "euro", "max_extensions": -1},
                "/colour", "/hold_seconds", "/currency", "/max_extensions")
        refused({"id": "a b", "pools": {"x": -1}, "types": [{"code": "GA", "pools": ["y"]}, {"code": "GA"}]},
                "/id", "/pools/x", "/types/0/pools", "/types/1")
        refused(event(5, hold_seconds="300"), "/hold_seconds")
        both = [pathlib.Path(room, name) for name in ("one.json", "two.json")]
        for path in both:
            path.write_text(json.dumps(event(5)))
        doubled = command("serve", "--event", both[0], "--event", both[1], cwd=room)
        self.one_line(doubled, 78, "one.json", "two.json")

    def test_unknown_classic_event(self):
        """A classic event that is not sold ends with 78, and the message lists the events."""
        room = self.room()
        run = command("serve", "--port", 0, "--data", f"{room}/d", "--classic-event", "gala", cwd=room)
        self.one_line(run, 78, "classic.event", "gala", "main")

    def test_ledger_in_use(self):
        """A second process on a ledger ends with 69 and names the first, which goes on selling."""
        with Server(event(5)) as server:
            token = server.buy().json()["token"]
            run = command("serve", "--port", 0, "--data", server.data)
            self.one_line(run, 69, server.data, str(server.process.pid))
            self.assertEqual(server.complete(token).status, 200)

    def test_data_directory_that_cannot_be_made(self):
        """A data directory that cannot be made or used ends with 73 and one line that names it."""
        room = self.room()
        pathlib.Path(room, "file").write_text("in the way")
        for data in (f"{room}/file", f"{room}/file/data", "/proc/holdfast", "/dev/null/x"):
            with self.subTest(data=data):
                self.one_line(command("serve", "--port", 0, "--data", data, cwd=room), 73, data)

    def test_default_event_is_the_one_of_the_contract(self):
        """With nothing configured it sells GA 44,000, VIP 1,000 and ONE_DAY 5,000 for five minutes, and
        says so."""
        with Server() as server:
            self.assertEqual(server.get("/remaining_tickets").json(), {
                "num_tickets": 50_000, "types": {"GA": 44_000, "VIP": 1_000, "ONE_DAY": 5_000}})
            said = server.stdout()
            self.assertEqual(said.count("curl "), 3)
            for word in (server.ledger, f"127.0.0.1:{server.port}", "full", "GA 44,000", "5 min"):
                self.assertIn(word, said)

    def test_several_events_and_the_classic_one(self):
        """With several events the classic calls sell the configured one, or else the first."""
        events = (event(5, "friday"), event(7, "saturday"))
        with Server(*events) as server:
            self.assertEqual(server.remaining(), 5)
            server.settings["classic_event"] = "saturday"
            server.restart()
            self.assertEqual(server.remaining(), 7)

    def test_errors_that_cannot_be_told(self):
        """If standard error is full, closed or not read, a failure has the same exit status, and soon."""
        def failed(**streams):
            ran = subprocess.run([binary(), "verify", "/none"], env=clean_environment(), timeout=60,
                                 **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL} | streams)
            self.assertEqual(ran.returncode, 66)

        with open("/dev/full", "wb") as full:
            failed(stderr=full)
        reader, writer = self.full_pipe()
        self.addCleanup(os.close, writer)
        failed(stderr=writer)
        os.close(reader)
        failed(stderr=writer)
        failed(stderr=subprocess.DEVNULL, preexec_fn=lambda: os.close(2))

    def test_closed_standard_streams_are_no_files(self):
        """Started without standard streams, the service sells, and none of its output gets into one of its files."""
        def close():
            for descriptor in range(3):
                os.close(descriptor)

        with Server(event(5), port=free_ports(1)[0]) as server:
            server.stop()
            server.port = server.settings["port"]
            server.before = close
            server.launch()
            self.assertTrue(eventually(lambda: self.listens(server)))
            if os.path.exists("/proc/self/fd"):
                files = [os.readlink(f"/proc/{server.process.pid}/fd/{descriptor}") for descriptor in range(3)]
                self.assertEqual(files, ["/dev/null"] * 3)
            self.assertEqual(server.buy().status, 200)
            self.assertEqual(server.stop(), 0)
            self.assertEqual(server.verify().returncode, 0)

    def test_output_that_nobody_reads(self):
        """With standard output and the log in a full pipe, the service starts, sells and stops."""
        reader, writer = self.full_pipe()
        self.addCleanup(os.close, reader)
        with Server(event(50), port=free_ports(1)[0], log_level="trace") as server:
            server.stop()
            server.port = server.settings["port"]
            server.process = subprocess.Popen(server.arguments(), cwd=server.room, env=clean_environment(),
                                              stdin=subprocess.DEVNULL, stdout=writer, stderr=writer)
            os.close(writer)
            self.assertTrue(eventually(lambda: self.listens(server)))
            for _ in range(20):
                self.assertEqual(server.buy().status, 200)
            self.assertEqual(server.get("/health/ready").status, 200)
            self.assertEqual(server.stop(), 0)

    def listens(self, server):
        """Return whether the service answers."""
        try:
            return server.get("/health/live").status == 200
        except OSError:
            return False

    def test_stops_on_signals(self):
        """SIGTERM and SIGINT end the service with 0 at once, also with open connections, and the ledger is whole."""
        for number in (signal.SIGTERM, signal.SIGINT):
            # A stop that waited for the connections would take two minutes.
            with self.subTest(number=number), Server(event(50), timeouts_drain_seconds=120) as server:
                token = server.buy().json()["token"]
                idle = [server.connect() for _ in range(20)]
                idle[0].ask("GET", "/remaining_tickets")
                idle[1].ask("GET", "/health/live")
                self.assertEqual(server.stop(number), 0)
                for connection in idle:
                    connection.close()
                with self.assertRaises(OSError):
                    server.connect()
                self.assertEqual(server.verify().returncode, 0)
                server.start()
                self.assertEqual(server.complete(token).status, 200)

    def test_stop_answers_what_is_under_way(self):
        """Requests that arrived before the signal are answered and kept; then each connection is closed."""
        with Server(event(100_000), timeouts_drain_seconds=60) as server:
            connections = [server.connect() for _ in range(20)]
            for connection in connections:
                connection.send(request("POST", "/buy_ticket/GA", ["Content-Length: 5"]) + b"hel")
            self.assertTrue(eventually(server.has_read_everything))
            server.process.send_signal(signal.SIGTERM)
            self.assertTrue(eventually(server.is_stopping))
            for connection in connections:
                connection.send(b"lo")
            tokens = []
            for connection in connections:
                answer = connection.answer()
                self.assertEqual(answer.status, 200)
                tokens.append(answer.json()["token"])
                connection.expect_closed()
                connection.close()
            self.assertEqual(server.process.wait(60), 0)
            self.assertEqual(rows(server.ledger, "SELECT count(*) FROM holds"), [(20,)])
            server.start()
            for token in tokens:
                self.assertEqual(server.complete(token).status, 200)

    def test_stop_is_not_held_up_for_ever(self):
        """A client that never finishes its request delays a stop by no more than the drain time."""
        with Server(event(10), timeouts_drain_seconds=1, timeouts_request_seconds=120) as server, server.connect() as connection:
            connection.send(request("POST", "/buy_ticket/GA", ["Content-Length: 5"]) + b"hel")
            self.assertTrue(eventually(server.has_read_everything))
            self.assertEqual(server.stop(), 0)

    def test_stop_under_load_loses_nothing(self):
        """Every hold that was answered around a SIGTERM is in the ledger, and exit is 0 in time."""
        with Server(event(100_000), timeouts_drain_seconds=30) as server:
            tokens = []

            def ask():
                try:
                    with server.connect() as connection:
                        while True:
                            answer = connection.ask("POST", "/buy_ticket/GA", body=b"")
                            if answer.status == 200:
                                tokens.append(answer.json()["token"])
                except (OSError, AssertionError):
                    pass

            threads = [threading.Thread(target=ask) for _ in range(8)]
            for thread in threads:
                thread.start()
            self.assertTrue(eventually(lambda: len(tokens) > 300))
            status = server.stop()
            for thread in threads:
                thread.join()
            self.assertEqual(status, 0)
            self.assertGreaterEqual(rows(server.ledger, "SELECT count(*) FROM holds")[0][0], len(tokens))
            server.start()
            with server.connect() as connection:
                for token in tokens[:100] + tokens[-200:]:
                    answer = connection.ask("POST", f"/complete_purchase/{token}", body=b"")
                    self.assertEqual(answer.status, 200)
            self.assertEqual(server.verify().returncode, 0)

    def test_secrets_stay_secret(self):
        """Only the owner can read the keys, and no log, ledger or error contains a key or a token."""
        with Server(event(50, hold_seconds=1, grace_seconds=0), log_level="trace") as server:
            tokens = [server.buy().json()["token"] for _ in range(4)]
            server.complete(tokens[0])
            server.complete(tokens[0])
            server.ask("GET", f"/complete_purchase/{tokens[1]}")
            server.ask("POST", f"/complete_purchase/{tokens[1]}/x", body=b"")
            server.ask("POST", f"/nothing?token={tokens[1]}", ["Authorization: Bearer " + tokens[2]], b"")
            time.sleep(1.1)
            server.complete(tokens[3])
            with server.connect() as connection:
                connection.send(request("POST", f"/complete_purchase/{tokens[2]}", ["Content-Length: x"]))
                connection.answers_until_closed()
            server.stop()
            server.start()
            server.kill9()
            server.start()
            keys = pathlib.Path(server.data, "token.keys")
            self.assertEqual(stat.S_IMODE(keys.stat().st_mode), 0o600)
            self.assertEqual(stat.S_IMODE(os.stat(server.data).st_mode) & 0o077, 0)
            secret = keys.read_text().split()[1]
            self.assertGreaterEqual(len(secret), 64)
            server.stop()
            said = server.everything_said()
            self.assertGreater(len(said), 200)
            kept = b"".join(path.read_bytes() for path in pathlib.Path(server.data).iterdir() if path != keys)
            for hidden in tokens + [secret, secret[:32]]:
                self.assertNotIn(hidden, said)
                self.assertNotIn(hidden.encode(), kept)

    def test_log_is_json_lines_off_a_terminal(self):
        """Without a terminal each log line is one JSON object with time, level and message."""
        with Server(event(5)) as server:
            server.stop()
            lines = server.stderr().splitlines()
            self.assertTrue(lines)
            for line in lines:
                entry = json.loads(line)
                self.assertTrue(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["time"]))
                self.assertIn("message", entry)
                self.assertIn("level", entry)

    def test_ready_only_while_it_sells(self):
        """The program listens only when it can sell, and by default only on the loopback."""
        with Server(event(5)) as server:
            self.assertEqual(server.get("/health/ready").status, 200)
            self.assertTrue(eventually(server.is_alive))
            outside = socket.gethostbyname(socket.gethostname())
            if not outside.startswith("127."):
                with self.assertRaises(OSError):
                    socket.create_connection((outside, server.port), timeout=2)
