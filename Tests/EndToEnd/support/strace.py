"""Watches or disturbs the system calls of a service that runs."""

import os
import pathlib
import re
import signal
import subprocess
import time
import unittest

from support.service import eventually
from support.wire import PATIENCE


class Strace:
    """Watches or disturbs the system calls of a service that runs."""

    def __init__(self, server, *options):
        self.log = os.path.join(server.room, f"strace-{time.monotonic_ns()}")
        self.said = self.log + ".err"
        self.server = server
        self.options = options

    def __enter__(self):
        with open(self.said, "wb") as said:
            self.process = subprocess.Popen(
                ["strace", "-f", "-qq", "-o", self.log, *self.options, "-p", str(self.server.process.pid)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
        if not eventually(lambda: self.process.poll() is not None or self.traces()) or self.process.poll() is not None:
            self.__exit__()
            raise unittest.SkipTest("strace cannot attach here")
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def traces(self):
        """Return whether every thread is traced."""
        tasks = pathlib.Path(f"/proc/{self.server.process.pid}/task")
        return all(re.search(r"TracerPid:\t[1-9]", (task / "status").read_text()) for task in tasks.iterdir())

    def count(self, pattern):
        """Return how many lines of the log match."""
        return len(re.findall(pattern, pathlib.Path(self.log).read_text(errors="replace")))
