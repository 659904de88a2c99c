"""Requests made up from the document, by the thousand: what comes back is what the document says, and nothing else."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from office import make_key, office

HERE = pathlib.Path(__file__).resolve().parent


class MadeUp(unittest.TestCase):
    """Schemathesis with all its checks."""

    def test_made_up_requests(self):
        """Examples, boundaries, random requests, right and wrong ones, and walks along the document's links."""
        # It leaves caches where it runs.
        with office() as server, tempfile.TemporaryDirectory(prefix="holdfast-fuzz-") as room:
            program = [pathlib.Path(sys.executable).parent / "schemathesis", "--config-file",
                       HERE / "schemathesis.toml", "run", f"http://127.0.0.1:{server.port}/openapi.json",
                       "--seed", os.environ["HOLDFAST_API_SEED"]]
            environment = os.environ | {"HOLDFAST_API_KEY": make_key(server), "PYTHONPATH": str(HERE),
                                        "PYTHONDONTWRITEBYTECODE": "1"}
            done = subprocess.run(program, cwd=room, env=environment, timeout=200, text=True, errors="replace",
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            self.assertTrue(server.is_alive(), "the service ended")
            said = "\n".join(line[:1000] for line in done.stdout.splitlines() if line.strip())
            self.assertEqual(done.returncode, 0, said[-60_000:])
            print(said[said.index("Test Phases") if "Test Phases" in said else 0:])
            verified = server.verify()
            self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
