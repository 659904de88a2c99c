"""TLS: what is spoken, what a certificate that changes does, and what one that cannot be used does not do."""

import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import unittest

from support.processes import free_ports
from support.service import Server, event, eventually, scratch
from support.wire import PATIENCE, Connection, request

CONFIGURATION = """
[ca]
default_ca = own
[own]
database = {room}/index
new_certs_dir = {room}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
"""


def openssl(*words, **options):
    """Run openssl."""
    return subprocess.run(["openssl", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, **options)


class Authority:
    """Makes certificates that sign themselves."""

    def __init__(self, room):
        self.room = pathlib.Path(room)
        (self.room / "index").touch()
        (self.room / "ca.conf").write_text(CONFIGURATION.format(room=room))

    def make(self, name, start="20200101000000Z", end="20490101000000Z"):
        """Make a certificate and its key; return their paths."""
        key, asked, made = (self.room / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
        self._run("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                  "-out", asked, "-subj", f"/CN={name}")
        self._run("ca", "-config", self.room / "ca.conf", "-selfsign", "-batch", "-notext", "-in", asked, "-keyfile",
                  key, "-startdate", start, "-enddate", end, "-out", made)
        return made, key

    @staticmethod
    def _run(*words):
        run = openssl(*words)
        assert run.returncode == 0, run.stdout


class TLS(unittest.TestCase):
    """One service that speaks HTTP and HTTPS, with files that tests replace."""

    server = None
    @classmethod
    def setUpClass(cls):
        [cls.metrics] = free_ports(1)
        cls.room = pathlib.Path(scratch())
        cls.addClassCleanup(shutil.rmtree, cls.room, True)
        cls.authority = Authority(cls.room)
        cls.first, cls.second = cls.authority.make("first"), cls.authority.make("second")
        cls.over = cls.authority.make("over", end="20200102000000Z")
        cls.certificate, cls.key = cls.room / "chain.pem", cls.room / "key.pem"
        cls.use(*cls.first)
        cls.server = Server(event(1000), listen=["http://127.0.0.1:0", "https://127.0.0.1:0"],
                            tls_certificate=cls.certificate, tls_key=cls.key, tls_hsts_seconds=5,
                            metrics_listen=f"127.0.0.1:{cls.metrics}")
        cls.addClassCleanup(cls.server.__exit__)
        cls.server.start()
        cls.port = int(re.search(r"https://127\.0\.0\.1:(\d+)", cls.server.stdout())[1])

    @classmethod
    def use(cls, certificate, key):
        """Put these files where the service looks."""
        cls.said = len(cls.server.stderr()) if cls.server else 0
        for source, place in ((certificate, cls.certificate), (key, cls.key)):
            new = place.with_suffix(".new")
            shutil.copy(source, new)
            os.replace(new, place)

    @staticmethod
    def context(**settings):
        """Return a client's side that takes any certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for name, value in settings.items():
            setattr(context, name, value)
        return context

    def connect(self):
        """Connect with TLS."""
        return Connection(self.port, tls=self.context())

    def shown(self):
        """Return the certificate that a new connection is shown."""
        with self.connect() as connection:
            return ssl.DER_cert_to_PEM_cert(connection.socket.getpeercert(True))

    def is_shown(self, made):
        """Return whether a new connection is shown this certificate."""
        return self.shown().split() == made[0].read_text().split()

    def hang_up(self, *words):
        """Ask the service to read its files, and wait until it says this of those that were put there last."""
        self.server.process.send_signal(signal.SIGHUP)
        # It may have looked by itself before, and once while only one of the two files was there.
        self.assertTrue(eventually(lambda: all(word in self.server.stderr()[self.said:] for word in words)), self.server.stderr())

    def client(self, *words, send=b""):
        """Run openssl's client."""
        return openssl("s_client", "-connect", f"127.0.0.1:{self.port}", *words, input=send.decode()).stdout

    def test_versions_and_suites(self):
        """TLS 1.2 and 1.3 with forward secrecy are spoken, and nothing older or weaker."""
        for version, name in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
            self.assertIn(f"New, {name}, Cipher is", self.client(version, "-alpn", "h2,http/1.1"), version)
        for suite in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                      "ECDHE-ECDSA-CHACHA20-POLY1305"):
            self.assertIn(f"Cipher is {suite}", self.client("-tls1_2", "-cipher", suite))
        for words in (("-tls1",), ("-tls1_1",), ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"),
                      ("-tls1_2", "-cipher", "AES128-GCM-SHA256:AES128-SHA:@SECLEVEL=0"),
                      ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-CCM8:DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0")):
            words += () if "-cipher" in words else ("-cipher", "ALL:@SECLEVEL=0")
            said = self.client(*words)
            self.assertIn("Cipher is (NONE)", said, words)
        self.assertIn("ALPN protocol: http/1.1", self.client("-alpn", "h2,http/1.1"))

    def test_no_renegotiation(self):
        """A client that wants to negotiate anew is refused."""
        said = self.client("-tls1_2", send=b"R\n")
        self.assertRegex(said, r"RENEGOTIATING\s.*error:")
        self.assertTrue(self.server.is_alive())

    def test_selling(self):
        """Buyers hold, pay and listen as without TLS, also in a burst, and half closed."""
        with self.connect() as connection:
            held = connection.ask("POST", "/buy_ticket/GA", body=b"").json()
            self.assertEqual(connection.ask("POST", f"/complete_purchase/{held['token']}", body=b"").status, 200)
            many = 300
            connection.send(request("GET", "/remaining_tickets") * many)
            self.assertEqual({connection.answer().status for _ in range(many)}, {200})
            answer = connection.ask("POST", "/v1/events/main/holds", ["Content-Type: application/json", "Idempotency-Key: over-tls-0123456789"],
                                    b'{"lines": [{"type": "GA", "quantity": 2}]}')
            self.assertEqual(answer.status, 201, answer)
            document = connection.ask("GET", "/openapi.json")
            self.assertGreater(len(document.body), 100_000)
        with self.connect() as listener:
            listener.send(request("GET", "/v1/events/main/availability/stream"))
            self.assertEqual(listener.head()[0], 200)
            listener.until(b"event: snapshot")
            with self.connect() as buyer:
                buyer.ask("POST", "/buy_ticket/GA", body=b"")
            listener.until(b"event: change")

    def test_pages(self):
        """Cookies of pages through TLS are Secure, and pages say how long to stay with TLS; without TLS neither."""
        for tls in (self.context(), None):
            port = self.port if tls else self.server.port
            with Connection(port, tls=tls) as connection:
                # Nobody is trusted to say that it came through TLS.
                answer = connection.ask("GET", "/?lang=de", ["Accept: text/html", "X-Forwarded-Proto: https"])
            self.assertEqual(answer.status, 200)
            self.assertEqual("Secure" in answer.header("set-cookie"), bool(tls))
            self.assertEqual(answer.header("strict-transport-security"), "max-age=5" if tls else None)

    def test_plain_request(self):
        """A request without TLS, and bytes that are nothing, end the connection and nothing else."""
        for words in (request("GET", "/remaining_tickets"), b"\x16\x03\x01\xff\xff" + b"x" * 100, b"\x00" * 1000):
            with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
                connection.sendall(words)
                connection.shutdown(socket.SHUT_WR)
                said = b""
                try:
                    while data := connection.recv(1000):
                        said += data
                except ConnectionResetError:
                    pass
                self.assertNotIn(b"HTTP", said)
        with self.connect() as connection:
            self.assertEqual(connection.ask("GET", "/health/live").status, 200)

    def test_new_certificate(self):
        """A new certificate is shown to new connections, by SIGHUP and by itself; open ones stay."""
        self.use(*self.first)
        self.hang_up("was read anew")
        with self.connect() as open_before:
            self.assertTrue(self.is_shown(self.first))
            self.use(*self.second)
            self.hang_up("was read anew")
            self.assertTrue(self.is_shown(self.second))
            self.assertEqual(open_before.ask("GET", "/health/live").status, 200)
            self.use(*self.first)
            self.assertTrue(eventually(lambda: self.is_shown(self.first)), self.server.stderr())
            self.assertEqual(open_before.ask("GET", "/health/live").status, 200)

    def test_end_is_published(self):
        """The metrics have the end of the certificate in force."""
        self.use(*self.first)
        self.hang_up("was read anew")
        with Connection(self.metrics) as connection:
            text = connection.ask("GET", "/metrics").body.decode()
        self.assertIn("\nholdfast_tls_certificate_expiry_timestamp_seconds 2493072000\n", text)

    def unusable(self):
        """Return files that cannot be used, with words of the sentence about them."""
        half, half_key, empty = self.room / "half", self.room / "half.key", self.room / "empty"
        text = self.second[0].read_text()
        half.write_text(text[:len(text) // 2])
        half_key.write_text(self.second[1].read_text()[:100])
        empty.write_text("")
        chain = self.room / "half-chain"
        chain.write_text(text + self.first[0].read_text()[:200])
        return (
            ((half, self.second[1]), "has no certificate (PEM), or is not whole"),
            ((chain, self.second[1]), "has no certificate (PEM), or is not whole"),
            ((empty, self.second[1]), "has no certificate"), ((self.second[0], half_key), "has no private key"),
            ((self.second[0], self.first[1]), "does not fit the certificate"),
            ((self.over[0], self.over[1]), "ended at 2020-01-02T00:00:00"))

    def test_unusable_files(self):
        """Files that cannot be used change nothing, and the log says why; with them no service starts."""
        self.use(*self.first)
        self.hang_up("was read anew")
        for files, words in self.unusable():
            self.use(*files)
            self.hang_up("cannot be read anew", words)
            self.assertTrue(self.is_shown(self.first), words)
            other = Server(event(1), tls_certificate=self.certificate, tls_key=self.key)
            try:
                other.launch()
                self.assertEqual(other.process.wait(PATIENCE), 78, other.stderr())
                self.assertIn(words, other.stderr())
            finally:
                other.__exit__()
        os.remove(self.key)
        self.hang_up("cannot be read: No such file")
        self.use(*self.first)
        self.hang_up("was read anew")
