"""`holdfast event` and `holdfast export` without a service, with another server, and with one that breaks off."""

import contextlib
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import threading
import time
import unittest

from support.service import binary, clean_environment, command, event, eventually
from support.stand_in import Room, stand_in
from support.wire import PATIENCE


class WithoutAService(Room, unittest.TestCase):
    """The commands without a service, with another server, and with one that breaks off."""

    key = "hfk_abcdefgh_" + "S" * 43

    def run_it(self, url, *arguments, **more):
        """Run a command against this address."""
        return command(*arguments, env={"HOLDFAST_URL": url, "HOLDFAST_KEY": self.key}, **more)

    def every(self):
        """Return one command line of each kind."""
        return (["event", "list"], ["event", "show", "main"], ["event", "pause", "main"], ["event", "resume", "main"],
                ["event", "capacity", "main", "floor", "5"], ["event", "define", self.file("e.json", event(5))],
                ["export", "purchases", "main"])

    def test_nobody_there(self):
        """If nothing listens, every command says so in one line, at once, and ends with 69."""
        with socket.socket() as unheard:
            unheard.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unheard.getsockname()[1]}"
            for arguments in self.every():
                self.one_line(self.run_it(url, *arguments), 69, url, "Connection refused")
        self.one_line(self.run_it("http://nowhere.invalid", "event", "list"), 69, "nowhere.invalid")

    def test_wrong_addresses(self):
        """A malformed address is wrong use, and is not repeated, since it may contain a password."""
        for url in ("x", "ftp://host", "http://", "http://u:sesame@host", "http://host?sesame", "//host"):
            run = self.run_it(url, "event", "list")
            self.one_line(run, 64, "http://127.0.0.1:8000")
            self.assertNotIn("sesame", run.stderr)

    def test_strangers(self):
        """Whatever another server answers, the command says that it is not Holdfast."""
        answers = [(200, b"<html>", "text/html"), (404, b"gone", "text/plain"), (200, b"{}", "application/json"),
                   (500, b"{}", "application/problem+json"), (200, b"[" * 100_000, "application/json"),
                   (302, b"", "text/html")]
        for status, body, kind in answers:
            def reply(handler, status=status, body=body, kind=kind):
                handler.reply(status, body, [("Content-Type", kind), ("ETag", '"1"')])
            with stand_in(reply) as url:
                for arguments in self.every():
                    self.one_line(self.run_it(url, *arguments), 1, url, str(status), "not as Holdfast does")

    def test_trace_goes_along(self):
        """A command sends its trace to the service, unless the trace could not be a header."""
        seen = []
        parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

        def note(handler):
            seen.append(handler.headers.get("traceparent"))
            handler.reply(200)

        with stand_in(note) as url:
            for variable in ({"TRACEPARENT": parent}, {"TRACEPARENT": "a\nb"}, {}):
                command("event", "list", env={"HOLDFAST_URL": url, **variable})
        self.assertEqual(seen, [parent, None, None])

    def test_redirects(self):
        """A command follows no redirect, so the key goes only to the given server."""
        seen = []

        def elsewhere(handler):
            seen.append(handler.headers)
            handler.reply(200)

        with stand_in(elsewhere) as other, stand_in(
                lambda handler: handler.reply(307, b"", [("Location", other + handler.path)])) as url:
            for arguments in self.every():
                self.assertEqual(self.run_it(url, *arguments).returncode, 1)
        self.assertEqual(seen, [])

    def test_no_tls(self):
        """If the server at an https address does not speak TLS, the command says so, without a source location."""
        with stand_in(lambda handler: handler.reply(200)) as url:
            run = self.run_it(url.replace("http", "https"), "event", "list")
            self.one_line(run, 69, "no TLS connection", "WRONG_VERSION_NUMBER")
            self.assertNotIn(".cc", run.stderr)

    def test_untrusted(self):
        """A service whose certificate nobody vouches for does not get the key."""
        room, seen = self.room(), []
        certificate, key = (os.path.join(room, name) for name in ("certificate.pem", "key.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)

        def note(handler):
            seen.append(handler.headers)
            handler.reply(200)

        with stand_in(note, tls) as url:
            self.one_line(self.run_it(url, "event", "list"), 69, "no TLS connection", "CERTIFICATE_VERIFY_FAILED")
        self.assertEqual(seen, [])

    def test_too_long(self):
        """An answer that is longer than any list of events is not read to its end."""
        body = b" " * (65 << 20)
        with stand_in(lambda handler: handler.reply(200, body, [("Content-Type", "application/json")])) as url:
            self.one_line(self.run_it(url, "event", "list"), 69, url, "more than 64 MiB")

    def test_breaking_off(self):
        """An answer that breaks off ends with 69; for a change the command says that its outcome is unknown."""
        def reply(handler):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
            handler.close_connection = True

        with stand_in(reply) as url:
            self.one_line(self.run_it(url, "event", "list"), 69, url, "did not answer to the end")
            self.one_line(self.run_it(url, "event", "pause", "main"), 69, "not known")

    @contextlib.contextmanager
    def source(self, after, pieces=None):
        """Stream so many pieces of 64 KiB of CSV, or without end, then do `after`; yield the address and the bytes sent."""
        sent = [0]
        piece = (b"x" * 63 + b"\n") * 1024

        def reply(handler):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv; charset=utf-8\r\n"
                                b"Transfer-Encoding: chunked\r\n\r\n")
            while pieces is None or sent[0] < pieces * len(piece):
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                sent[0] += len(piece)
            after(handler)

        with stand_in(reply) as url:
            yield url, sent

    @staticmethod
    def whole(handler):
        """End a stream in order."""
        handler.wfile.write(b"0\r\n\r\n")

    @staticmethod
    def cut(handler):
        """End a stream before its end."""
        handler.close_connection = True

    def start(self, url, *arguments, **streams):
        """Start an export."""
        process = subprocess.Popen(
            [binary(), "export", "purchases", "main", *arguments], stderr=subprocess.PIPE, text=True,
            env=clean_environment({"HOLDFAST_URL": url, "HOLDFAST_KEY": self.key}), **streams)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_export_cut_off(self):
        """An export that breaks off makes and replaces no file, and ends with 69."""
        room = self.room()
        path = os.path.join(room, "out")
        with self.source(self.cut, 5) as (url, _):
            self.one_line(self.run_it(url, "export", "purchases", "main", "--output", path), 69, "did not answer")
            self.assertEqual(os.listdir(room), [])
            pathlib.Path(path).write_text("old")
            self.assertEqual(
                self.run_it(url, "export", "purchases", "main", "--output", path, "--force").returncode, 69)
            self.assertEqual(pathlib.Path(path).read_text(), "old")
            self.assertEqual(os.listdir(room), ["out"])
            self.assertEqual(self.run_it(url, "export", "purchases", "main").returncode, 69)

    def test_export_stopped(self):
        """An export that is stopped removes its unfinished file."""
        for number in (signal.SIGINT, signal.SIGTERM):
            room = self.room()
            with self.source(self.whole) as (url, _):
                process = self.start(url, "--output", os.path.join(room, "out"))
                self.assertTrue(eventually(lambda: any(os.stat(os.path.join(room, name)).st_size > 1 << 20
                                                       for name in os.listdir(room))))
                self.assertEqual([name.split(".")[::2] for name in os.listdir(room)], [["out", "partial"]])
                process.send_signal(number)
                self.assertEqual(process.wait(PATIENCE), 1)
                self.assertIn("stopped", process.stderr.read())
                self.assertEqual(os.listdir(room), [])

    def test_a_file_comes_meanwhile(self):
        """An export does not overwrite a file that appears meanwhile."""
        room = self.room()
        path = os.path.join(room, "out")
        go = threading.Event()

        def wait(handler):
            go.wait(PATIENCE)
            self.whole(handler)

        with self.source(wait, 20) as (url, _):
            process = self.start(url, "--output", path)
            self.assertTrue(eventually(lambda: os.listdir(room)))
            pathlib.Path(path).write_text("theirs")
            go.set()
            self.assertEqual(process.wait(PATIENCE), 73)
        self.assertEqual(pathlib.Path(path).read_text(), "theirs")
        self.assertEqual(os.listdir(room), ["out"])

    def test_export_in_little_memory(self):
        """An export takes no more memory for 200 MB than for 2, and reads no faster than its reader."""
        most = {}
        for pieces in (32, 3200):
            with self.source(self.whole, pieces) as (url, sent):
                process = self.start(url, stdout=subprocess.DEVNULL)
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                self.assertEqual(process.returncode, 0)
                self.assertEqual(sent[0], pieces << 16)
                most[pieces] = usage.ru_maxrss << 10
        self.assertLess(most[3200] - most[32], 16 << 20, most)
        with self.source(self.whole) as (url, sent):
            process = self.start(url, stdout=subprocess.PIPE)
            self.addCleanup(process.stdout.close)
            self.assertTrue(eventually(lambda: sent[0] > 0))
            before = -1
            while sent[0] != before:
                before = sent[0]
                time.sleep(0.5)
            # The kernel's buffers take this much; after that the command reads no more.
            self.assertLess(before, 32 << 20)
            process.kill()
