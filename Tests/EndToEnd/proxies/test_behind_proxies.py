"""The service behind the proxies of demo/proxies, each started as it stands there, on other ports."""

import json
import os
import pathlib
import re
import shutil
import socket
import unittest

from support import ROOT
from support.processes import free_ports
from support.service import Lodging, Server, event, eventually, scratch
from support.wire import PATIENCE, Connection, request

PROXIES = ROOT / "demo/proxies"
# Each test takes callers of its own, since callers have one bucket for each service.
CALLERS = ("127.0.0.21", "127.0.0.22")
FORGED = "X-Forwarded-For: 198.51.100."


class BehindProxies(unittest.TestCase):
    """A proxy from 127.0.0.1 in front of a service that counts each caller's requests down from a thousand."""

    def start(self, file, command, settings=None, around="{}"):
        """Start a service, and a proxy in front with this configuration; return the service and the proxy's port."""
        server = Server(event(100), quota_per_second=1, quota_burst=1000, proxies_trusted="127.0.0.1", **settings or {})
        # The proxy is trusted, and this is not the proxy.
        server.source = "127.0.0.26"
        self.addCleanup(server.__exit__)
        server.start()
        [port] = free_ports(1)
        room = pathlib.Path(scratch())
        self.addCleanup(shutil.rmtree, room, True)
        text = (PROXIES / file).read_text()
        self.assertIn("127.0.0.1:8000", text)
        self.assertIn(":8080", text)
        text = text.replace(":8000", f":{server.port}").replace(":8080", f":{port}")
        (room / file).write_text(around.replace("ROOM", str(room)).replace("{}", text))
        os.environ.setdefault("XDG_DATA_HOME", str(room))
        proxy = Lodging(room).add("proxy", [word.format(room=room, file=room / file) for word in command], None)
        proxy.start()
        self.addCleanup(proxy.end)

        def answers():
            try:
                with Connection(port) as connection:
                    return connection.ask("GET", "/health/live").status == 200
            except (OSError, AssertionError):
                return False

        self.assertTrue(eventually(answers), proxy.last_words())
        return server, port

    def left(self, answer):
        """Return how many requests its caller has left."""
        self.assertEqual(answer.status, 200, answer)
        return int(re.match(r'"default";r=(\d+);', answer.header("ratelimit"))[1])

    def check(self, server, port):
        """The service tells buyers apart whatever they claim; they listen and buy through the proxy."""
        for number, source in enumerate(CALLERS):
            with Connection(port, source=source) as connection:
                left = [self.left(connection.ask("GET", "/v1/events", [f"{FORGED}{one}"] if number else ()))
                        for one in range(20)]
            self.assertEqual(left[0], 999, source)
            # One a second comes back.
            self.assertLess(left[-1], 995, source)
        # A stream shows a change at once: a proxy that buffered it would show nothing.
        with Connection(port, source="127.0.0.23") as listener, Connection(port, source="127.0.0.24") as buyer:
            listener.send(request("GET", "/v1/events/main/availability/stream", ["Accept: text/event-stream"]))
            status, _ = listener.head()
            self.assertEqual(status, 200)
            listener.until(b"event: snapshot")
            held = buyer.ask("POST", "/buy_ticket/GA", body=b"").json()
            listener.until(b"event: change")
            self.assertIn(b'"free":99', listener.until(b"\n\n").replace(b" ", b""))
            bought = buyer.ask("POST", f"/complete_purchase/{held['token']}", body=b"")
            self.assertEqual((bought.status, json.loads(bought.body)["success"]), (200, True))
        self.assertEqual(server.verify().returncode, 0)

    def test_nginx(self):
        """nginx."""
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        around = ("worker_processes 1; daemon off; pid ROOM/pid; error_log stderr; events {} "
                  "http { access_log off; client_body_temp_path ROOM/b; proxy_temp_path ROOM/p; "
                  "fastcgi_temp_path ROOM/f; uwsgi_temp_path ROOM/u; scgi_temp_path ROOM/s;\n{}\n}")
        around = around.replace("events {}", "events { }")
        server, port = self.start(
            "nginx.conf", [nginx, "-p", "{room}", "-e", "stderr", "-c", "{file}"], around=around)
        self.check(server, port)

    def test_haproxy(self):
        """HAProxy that reads HTTP."""
        self.check(*self.start("haproxy.cfg", ["/usr/sbin/haproxy", "-db", "-f", "{file}"]))

    def test_haproxy_with_proxy_protocol(self):
        """HAProxy that hands bytes on, with the PROXY protocol."""
        server, port = self.start(
            "haproxy-tcp.cfg", ["/usr/sbin/haproxy", "-db", "-f", "{file}"], {"proxies_protocol": "on"})
        self.check(server, port)
        # Somebody who is not trusted begins without a header; a trusted proxy may not.
        with Connection(server.port, source="127.0.0.25") as direct:
            self.assertEqual(direct.ask("GET", "/v1/events").status, 200)
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as bare:
            bare.sendall(request("GET", "/v1/events"))
            self.assertEqual(bare.recv(100), b"")

    def test_caddy(self):
        """Caddy."""
        caddy = shutil.which("caddy")
        self.assertTrue(caddy, "Tests/prepare installs it")
        self.check(*self.start("Caddyfile", [caddy, "run", "--config", "{file}", "--adapter", "caddyfile"]))
