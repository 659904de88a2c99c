"""Python environments for the tests, in `.build-python`."""

import fcntl
import hashlib
import shutil
import subprocess
import sys

from support import ROOT


def environment(requirements, *options):
    """Return the folder of an environment with these requirements; make it with pip's options if it is not there."""
    wanted = requirements.read_bytes() + " ".join(options).encode() + sys.version.encode()
    place = ROOT / ".build-python" / hashlib.sha256(wanted).hexdigest()[:12]
    place.parent.mkdir(exist_ok=True)
    # Tests that run beside one another need the same environments at the same moment: one makes it, the others wait.
    with open(place.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            print(f"making {place.relative_to(ROOT)} from {requirements.relative_to(ROOT)}", flush=True)
            subprocess.run([sys.executable, "-m", "venv", place], check=True)
            subprocess.run([place / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                            "--no-input", "--retries", "10", "--timeout", "60", *options, "--requirement", requirements], check=True)
            (place / "complete").touch()
    return place
