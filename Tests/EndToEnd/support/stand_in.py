"""Parts of tests that run commands: files of their own, and a stand-in for a service."""

import contextlib
import http.server
import json
import pathlib
import tempfile
import threading

from support.wire import PATIENCE


class Room:
    """A directory of the test's own, and files in it."""

    def room(self):
        """Return a directory that goes with the test."""
        room = tempfile.TemporaryDirectory(prefix="holdfast-test-")
        self.addCleanup(room.cleanup)
        return room.name

    def file(self, name, content):
        """Write a file, of JSON unless it is text, and return its path."""
        path = pathlib.Path(self.room(), name)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    def one_line(self, run, status, *words):
        """Check that it ended so, and said why in one line that has these words."""
        self.assertEqual(run.returncode, status, run)
        self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
        for word in words:
            self.assertIn(word, run.stderr)


@contextlib.contextmanager
def stand_in(reply, tls=None, port=0):
    """Serve HTTP on this port, or a free one, over TLS with an `ssl.SSLContext`, each request by `reply(handler)`; yield the address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self, status, body=b"", fields=()):
            self.send_response(status)
            for field, value in fields:
                self.send_header(field, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def answer(self):
            with contextlib.suppress(ConnectionError):
                reply(self)

        do_GET = do_POST = do_PUT = do_PATCH = answer

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    if tls:
        # The handshake is made by the request's own thread, which says nothing of one that fails.
        server.handle_error = lambda *_: None
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)
