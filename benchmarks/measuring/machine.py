"""The machine: what it is, what a process takes of it."""

import os
import pathlib
import platform
import re
import resource
import shutil
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def cpu(pids):
    """Return the seconds of CPU, user and system, that these processes have taken.

    By each process's own clock (clock_getcpuclockid(3)): /proc counts in hundredths, too coarse for half a second.
    """
    return sum(time.clock_gettime(~int(pid) << 3 | 2) for pid in pids)


def resident(pid):
    """Return the bytes of memory that a process has."""
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) * 1024


def allow_many_files():
    """Let this process, and those it starts, open as many files as it may at all."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def disk_under(folder):
    """Return the kind of file system that a folder is on."""
    best = ("", "unknown")
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, mount, kind = line.split()[:3]
        if str(folder.resolve()).startswith(mount.rstrip("/") + "/") and len(mount) >= len(best[0]):
            best = (mount, kind)
    return best[1]


def said(*command, pattern=r"(\d+(\.\d+)+)"):
    """Return the version that a command prints of itself, or `unknown`."""
    if not shutil.which(command[0]) and not os.path.exists(command[0]):
        return "not there"
    # wrk answers the question after its version with an exit status of 1, nginx on the other stream.
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(pattern, ran.stdout + ran.stderr)
    return found[1] if found else "unknown"


def commit():
    """Return the commit that is checked out, and whether it is what is measured."""
    def git(*arguments):
        return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    name = git("rev-parse", "--short=12", "HEAD").stdout.strip() or "unknown"
    changed = [line for line in git("status", "--porcelain").stdout.splitlines()
               if not re.search(r"benchmarks/(results\.|plots/)", line)]
    return name + (" with changes" if changed else "")


def describe(binary, room):
    """Return what the figures depend on and the reader cannot know."""
    model = re.search(r"model name\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return {
        "cpu": model[1].strip() if model else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory[1]) / 1048576, 1),
        "kernel": platform.release(),
        "disk": disk_under(room),
        "versions": {
            "holdfast": said(binary, "--version"),
            "nginx": said("nginx", "-v"),
            "wrk": said("wrk", "-v", pattern=r"wrk (?:debian/)?([\w.+~-]+)"),
            "redis": said("redis-cli", "--version"),
            "swift": said("swift", "--version", pattern=r"Swift version ([\d.]+)"),
        },
        "commit": commit(),
    }
