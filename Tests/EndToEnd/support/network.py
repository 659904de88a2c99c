"""Machines in network namespaces: a bridge, and hosts on it that can be disconnected from each other.

Nothing of it is visible outside, and it ends with its last process."""

import ctypes
import os
import subprocess
import unittest

from support.processes import Host, wait_for

CLONE_NEWNET = 0x40000000
# No interface has this address: packets to it are lost without an error at the sender.
NOWHERE = "02:00:00:00:00:00"
NET = "10.213.77"


def _set_namespace(call, *arguments):
    if getattr(ctypes.CDLL(None, use_errno=True), call)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{call}: {os.strerror(ctypes.get_errno())}")


class Machine(Host):
    """A host with an address and a network of its own."""

    def __init__(self, number):
        # The process that keeps the namespace ends with its input, so also when the test is killed.
        self.keeper = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
        space = f"/proc/{self.keeper.pid}/ns/net"
        super().__init__(f"{NET}.{number}", ["nsenter", f"--net={space}", "--"])
        self.port = f"port{number}"
        wait_for(lambda: os.readlink(space) != os.readlink("/proc/thread-self/ns/net"), "a host has a network")
        ip("link", "add", self.port, "type", "veth", "peer", "name", "eth0", "netns", str(self.keeper.pid))
        ip("link", "set", self.port, "master", "hub", "up")
        self.ip("address", "add", f"{self.address}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            self.ip("link", "set", link, "up")

    def ip(self, *words):
        """Change its network."""
        subprocess.run([*self.enter, "ip", *words], check=True, capture_output=True)


def ip(*words):
    """Change the network that this thread is in."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Network:
    """A network of its own for the thread that enters it and the processes that this thread starts."""

    def __enter__(self):
        self.before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.machines = []
        try:
            _set_namespace("unshare", CLONE_NEWNET)
        except OSError as error:
            os.close(self.before)
            raise unittest.SkipTest(f"no network namespaces are allowed here: {error}") from error
        ip("link", "set", "lo", "up")
        ip("link", "add", "hub", "type", "bridge")
        ip("address", "add", f"{NET}.1/24", "dev", "hub")
        ip("link", "set", "hub", "up")
        return self

    def __exit__(self, *_):
        for machine in self.machines:
            machine.keeper.stdin.close()
            machine.keeper.wait()
        _set_namespace("setns", self.before, CLONE_NEWNET)
        os.close(self.before)

    def machine(self):
        """Return a new host."""
        self.machines.append(Machine(len(self.machines) + 2))
        return self.machines[-1]

    @staticmethod
    def part(one, other):
        """Lose all packets between these two."""
        for here, there in ((one, other), (other, one)):
            here.ip("neighbour", "replace", there.address, "lladdr", NOWHERE, "dev", "eth0", "nud", "permanent")

    @staticmethod
    def join(one, other):
        """Connect these two again."""
        for here, there in ((one, other), (other, one)):
            here.ip("neighbour", "delete", there.address, "dev", "eth0")

    @staticmethod
    def unplug(machine):
        """Lose all packets to and from the machine."""
        ip("link", "set", machine.port, "nomaster")

    @staticmethod
    def plug_in(machine):
        """Connect the machine again."""
        ip("link", "set", machine.port, "master", "hub")
