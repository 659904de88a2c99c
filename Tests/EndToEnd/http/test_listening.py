"""Where the service listens: several addresses, unix sockets, sockets that another program hands over."""

import os
import re
import signal
import socket
import stat
import struct
import subprocess
import unittest

from support.processes import free_ports
from support.service import Server, binary, clean_environment, event, scratch
from support.wire import PATIENCE, Connection, request


class Addresses(unittest.TestCase):
    """Services with a list of addresses."""

    def path(self):
        """Return the path of a socket that is not there."""
        return os.path.join(scratch(), "http.sock")

    def ask(self, path):
        """Ask over a unix socket."""
        with Connection(path=path) as connection:
            return connection.ask("GET", "/remaining_tickets")

    def refusal(self, *events, **settings):
        """Start a service that does not start; return its exit status and what it says."""
        server = Server(*events, **settings)
        self.addCleanup(server.__exit__)
        server.launch()
        status = server.process.wait(PATIENCE)
        return status, server.stderr()

    def test_all_addresses_sell_the_same(self):
        """Each address of the list answers, and the file of a socket goes with the service."""
        path = self.path()
        [second] = free_ports(1)
        addresses = ["127.0.0.1:0", f"http://127.0.0.2:{second}", f"unix:{path}"]
        with Server(event(10), listen=addresses, socket_mode="0600") as server:
            self.assertEqual(server.buy().status, 200)
            with Connection(second, host="127.0.0.2") as connection:
                self.assertEqual(connection.ask("GET", "/remaining_tickets").json()["num_tickets"], 9)
            self.assertEqual(self.ask(path).json()["num_tickets"], 9)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            self.assertIn(f"unix:{path}", server.stdout())
            self.assertEqual(server.stop(), 0)
            self.assertFalse(os.path.exists(path))

    def test_proxy_on_a_socket(self):
        """With the word unix, a proxy on a socket names its callers; without it, all of them are one."""
        for trusted in ({"proxies_trusted": "unix"}, {}):
            path = self.path()
            with Server(event(10), listen=["127.0.0.1:0", f"unix:{path}"], quota_per_second=1, quota_burst=1000,
                        **trusted), Connection(path=path) as proxy:
                answers = [proxy.ask("GET", "/v1/events", [f"X-Forwarded-For: 203.0.113.{one}"]) for one in range(20)]
                left = [int(re.search(r";r=(\d+);", answer.header("ratelimit"))[1]) for answer in answers]
                # One a second comes back.
                self.assertTrue(set(left) == {999} if trusted else left[-1] < 995, left)

    def test_gone_before_it_is_accepted(self):
        """A client of the internet that is gone before it is accepted comes from no unix socket, and names nobody."""
        hold = b'{"lines": [{"type": "GA", "quantity": 1}]}'
        for protocol in ({}, {"proxies_protocol": "on"}):
            with Server(event(1000), proxies_trusted="unix", quota_per_second=1, quota_burst=2, **protocol) as server:
                server.process.send_signal(signal.SIGSTOP)
                # Else it takes the first connections before it stops, and they use up what the test itself may ask.
                os.waitid(os.P_PID, server.process.pid, os.WSTOPPED | os.WNOWAIT)
                for one in range(50):
                    fields = ["Content-Type: application/json", f"Idempotency-Key: gone-{one}-0123456789",
                              f"X-Forwarded-For: 203.0.113.{one}"]
                    header = f"PROXY TCP4 203.0.113.{one} 10.0.0.1 1 2\r\n".encode() if protocol else b""
                    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
                        client.sendall(header + request("POST", "/v1/events/main/holds", fields, hold))
                        # Closing resets the connection.
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                server.process.send_signal(signal.SIGCONT)
                with Connection(server.port) as connection:
                    self.assertEqual(connection.ask("GET", "/remaining_tickets").json()["num_tickets"], 1000)

    def test_file_of_a_socket(self):
        """A file that a killed service left is replaced; where a service listens, or a file is, the start fails."""
        path = self.path()
        listen = ["127.0.0.1:0", f"unix:{path}"]
        with Server(event(10), listen=listen) as server:
            status, said = self.refusal(event(10), listen=listen)
            self.assertEqual(status, 69, said)
            self.assertIn(f"cannot listen on unix:{path}: another process listens there", said)
            self.assertEqual(self.ask(path).status, 200)
            server.kill9()
            self.assertTrue(os.path.exists(path))
            server.start()
            self.assertEqual(self.ask(path).status, 200)
            server.stop()
        with open(path, "w") as file:
            file.write("precious")
        status, said = self.refusal(event(10), listen=listen)
        self.assertEqual(status, 69, said)
        self.assertIn("which is not a socket", said)
        with open(path) as file:
            self.assertEqual(file.read(), "precious")

    def test_taken_port(self):
        """If one address cannot be listened at, none is, and the service says which."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            path = self.path()
            status, said = self.refusal(event(10), listen=[f"unix:{path}", address])
            self.assertEqual(status, 69, said)
            self.assertIn(f"cannot listen on http://{address}: another process listens there", said)
            self.assertFalse(os.path.exists(path))

    @unittest.skipUnless(socket.has_ipv6, "there is no IPv6 here")
    def test_both_internets_on_one_port(self):
        """An IPv6 address leaves the port to an IPv4 address that stands beside it."""
        [port] = free_ports(1)
        with Server(event(10), listen=["127.0.0.1:0", f"127.0.0.1:{port}", f"[::]:{port}"]):
            for host in ("127.0.0.1", "::1"):
                with Connection(port, host=host) as connection:
                    self.assertEqual(connection.ask("GET", "/health/live").status, 200, host)

    @staticmethod
    def inherit(listening, room, *words):
        """Start a service in this directory that inherits a socket."""
        command = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'
        return subprocess.Popen(
            ["sh", "-c", command, "sh", binary(), "serve", "--data", room, *words], cwd=room,
            env=clean_environment(), preexec_fn=lambda: os.dup2(listening.fileno(), 3), pass_fds=(3,),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_inherited(self):
        """A socket of the service manager takes connections before the service runs, and while it restarts."""
        room = scratch()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
            for _ in range(2):
                early = Connection(port)
                early.send(request("GET", "/remaining_tickets"))
                process = self.inherit(listening, room)
                try:
                    self.assertEqual(early.answer().status, 200)
                    early.close()
                finally:
                    process.terminate()
                    said, _ = process.communicate(timeout=PATIENCE)
                self.assertEqual(process.returncode, 0)
                self.assertIn(b"descriptor 3", said)

    def test_socket_that_ends(self):
        """If one of its sockets accepts nothing more, the service stops, though others listen and are connected."""
        [second] = free_ports(1)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            process = self.inherit(listening, scratch(), "--listen", f"127.0.0.1:{second}", "--listen", "systemd")
            try:
                with Connection(listening.getsockname()[1]) as early:
                    self.assertEqual(early.ask("GET", "/remaining_tickets").status, 200)
                    with Connection(second) as other:
                        self.assertEqual(other.ask("GET", "/remaining_tickets").status, 200)
                        listening.shutdown(socket.SHUT_RDWR)
                        _, said = process.communicate(timeout=PATIENCE)
            finally:
                process.kill()
            self.assertEqual(process.returncode, 69, said)
            self.assertIn(b"no connections are accepted on descriptor 3 any more", said)

    def test_nothing_inherited(self):
        """A list that names systemd fails without sockets, and sockets for another process are nobody's."""
        status, said = self.refusal(event(10), listen=["systemd"], environment={"LISTEN_PID": "1", "LISTEN_FDS": "1"})
        self.assertEqual(status, 78, said)
        self.assertIn("systemd has handed over no socket", said)
