"""Processes that start on free ports in one directory and end whatever happens."""

import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")


class Trouble(Exception):
    """Something did not start or took too long; the text says what."""


def free_ports(count, beside=0):
    """Return this many free ports; with `beside`, the ports that lie so far above them are free, too.

    They lie below the ports that the system gives to connections and to those who take any, so none is taken before it is used,
    or while the program that listens there is restarted.
    """
    found, sockets = [], []
    try:
        least = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        # Not Linux: any free port.
        least = 0
    # A generator that processes made by `fork` do not share.
    chance = random.SystemRandom()
    try:
        while len(found) < count:
            port = _take(sockets, chance.randrange(10_000, least - beside) if least - beside > 12_000 else 0)
            if port and (not beside or port + beside < 65_536 and _take(sockets, port + beside)):
                found.append(port)
        return found
    finally:
        for each in sockets:
            each.close()


def _take(sockets, port):
    taken = socket.socket()
    sockets.append(taken)
    try:
        taken.bind(("127.0.0.1", port))
    except OSError:
        return None
    return taken.getsockname()[1]


def wait_for(condition, what, seconds=60, every=0.05):
    """Wait until the condition is true; raise Trouble if it takes longer."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Trouble(f"{what}: not after {seconds} s")
        time.sleep(every)


class Host:
    """A machine: its address, and the words that run a command there when they stand before it."""

    def __init__(self, address, enter=()):
        self.address, self.enter = address, enter


LOCAL = Host("127.0.0.1")


class Household:
    """A directory and its processes; leaving it ends them and removes the directory."""

    def __enter__(self):
        self.room = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-demo-"))
        self.processes = []
        return self

    def __exit__(self, *_):
        # A second Ctrl-C must not leave processes running.
        were = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        for each in self.processes:
            each.end()
        shutil.rmtree(self.room, ignore_errors=True)
        for number, handler in were.items():
            signal.signal(number, handler)

    def add(self, name, command, host=LOCAL):
        """Return a process that is not started yet."""
        process = Process(self.room, name, [*host.enter, *map(str, command)])
        self.processes.append(process)
        return process


class Process:
    """One program of the demo, which may be killed and started again with the same command."""

    def __init__(self, room, name, command):
        self.name = name
        self.command = command
        self.log = room / f"{name}.log"
        self.running = None
        self.seconds_before = 0.0

    def start(self):
        """Start it and return at once."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("HOLDFAST")}
        with open(self.log, "ab") as log:
            # A session of its own: Ctrl-C is for the demo, which ends the others in order.
            self.running = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment, start_new_session=True)
        return self

    def alive(self):
        """Return whether it runs."""
        return self.running is not None and self.running.poll() is None

    def send(self, number):
        """Send it a signal."""
        if self.alive():
            self.running.send_signal(number)

    def kill9(self):
        """End it without a warning."""
        self.seconds_before = self.cpu()
        self.send(signal.SIGKILL)
        self.running.wait()

    def end(self):
        """End it and what it started: politely, then not."""
        if not self.alive():
            return
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        try:
            self.running.wait(3)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.running.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.running.wait()

    def cpu(self):
        """Return the seconds of CPU that it took, with its children that live and the runs before this one."""
        if not self.alive():
            return self.seconds_before
        total = self.seconds_before
        for pid in [self.running.pid, *self._children()]:
            try:
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            total += (int(fields[11]) + int(fields[12])) / TICKS
        return total

    def _children(self):
        try:
            return pathlib.Path(f"/proc/{self.running.pid}/task/{self.running.pid}/children").read_text().split()
        except OSError:
            return []

    def said(self):
        """Return what it logged."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def last_words(self):
        """Return the last lines of its log, which may say why it ended."""
        return "\n".join(self.said().splitlines()[-8:])
