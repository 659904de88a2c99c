"""Asks servers: through wrk for one call, through `holdfast bench` for what has several steps."""

import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

from .service import Trouble

LUA = pathlib.Path(__file__).resolve().parent.parent / "lua"
UNITS = {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}


def read_wrk(text):
    """Return what wrk printed as numbers: requests, their rate, p50 and p99 in µs, answers that are no 2xx or 3xx."""
    count, rate = re.search(r"(\d+) requests in", text), re.search(r"Requests/sec:\s+([\d.]+)", text)
    if not count or not rate:
        raise Trouble(f"wrk did not finish: {text.strip()[-300:]}")
    found = {"count": int(count[1]), "rate": float(rate[1])}
    for name, percent in (("p50_us", 50), ("p99_us", 99)):
        line = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)\s*$", text, re.M)
        found[name] = float(line[1]) * UNITS[line[2]] if line else None
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    found["refused"] = int(refused[1]) if refused else 0
    errors = re.search(r"Socket errors: (.+)", text)
    found["socket_errors"] = errors[1].strip() if errors else None
    return found


def check_wrk(found, expected):
    """Raise if not every answer had the kind of status that was expected."""
    if found["socket_errors"]:
        raise Trouble(f"connections failed: {found['socket_errors']}")
    if not found["count"]:
        raise Trouble("nothing was answered")
    wrong = found["refused"] if expected < 400 else found["count"] - found["refused"]
    if wrong:
        raise Trouble(f"{wrong:,} of {found['count']:,} answers were not as expected ({expected})")


def wrk(server, path, seconds, expected, *, script=None, connections=64, headers=(), secure=False, **environment):
    """Ask with wrk for so long, perhaps over TLS; return its numbers and the µs of the server's CPU for each answer."""
    # It knows whole seconds only; at SIGINT it stops and prints what it has.
    command = ["wrk", f"-t{min(2, connections)}", f"-c{connections}", "-d1h", "--latency"]
    if script:
        command += ["-s", str(LUA / script)]
    for header in headers:
        command += ["-H", header]
    address = f"https://127.0.0.1:{server.secure_port}" if secure else f"http://127.0.0.1:{server.port}"
    command.append(address + path)
    before = server.cpu()
    process = subprocess.Popen(command, env=os.environ | {name: str(value) for name, value in environment.items()},
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        time.sleep(seconds)
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate()
    used = server.cpu() - before
    try:
        found = read_wrk(said)
        check_wrk(found, expected)
    except Trouble:
        server.lose_count()
        raise
    return found | {"us": used / found["count"] * 1e6}


def bench(server, *arguments, seconds, warm_up=0, on_second=None, unsent=0):
    """Ask with `holdfast bench`; return its result, with the µs of the server's CPU for each answer.

    `on_second` is called with the moment at which each measured second was over. At the end of an open loop so many
    requests may be due and not sent yet: they were not asked, so nothing is wrong with them.
    """
    place = server.folder / f"bench-{time.monotonic_ns()}.json"
    before = server.cpu()
    process = subprocess.Popen(
        [server.binary, "bench", f"http://127.0.0.1:{server.port}", "--duration", str(seconds), "--warm-up", str(warm_up),
         "--json", str(place), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    # A load that does not end must not keep the whole run waiting.
    guard = threading.Timer(seconds + warm_up + 90, process.kill)
    guard.start()
    printed = []
    for line in process.stdout:
        printed.append(line)
        if on_second and re.match(r"[\d,]+/s ", line):
            on_second(time.monotonic())
    status = process.wait()
    guard.cancel()
    used = server.cpu() - before
    if not place.exists():
        server.lose_count()
        raise Trouble(f"holdfast bench gave no result (status {status}): {''.join(printed).strip()[-300:]}")
    result = json.loads(place.read_text())
    place.unlink()
    try:
        check_bench(result, status, unsent)
    except Trouble:
        server.lose_count()
        raise
    asked = sum(result["statuses"].values())
    return result | {"us": used / asked * 1e6, "rate": result["answers_per_second"],
                     "p50_us": result["latency_us"]["p50"], "p99_us": result["latency_us"]["p99"]}


def check_bench(result, status, unsent=0):
    """Raise if an answer was unexpected or missing, or the tool's books do not balance."""
    result = result | {"never_sent": max(0, result["never_sent"] - unsent)}
    wrong = [f"{result[name]:,} {what}" for name, what in
             (("unexpected", "unexpected"), ("lost", "without an answer"), ("pushed_back", "pushed back"),
              ("never_sent", "never sent"), ("connect_failures", "not connected")) if result[name]]
    if wrong:
        raise Trouble(f"answers were not as expected: {', '.join(wrong)}; statuses {result['statuses']}")
    if result["books"] and not result["books"]["balance"]:
        raise Trouble(f"holdfast bench: the books do not balance: {result['books']}")
    if status:
        raise Trouble(f"holdfast bench ended with status {status}")


def fill(server, event, holds, *, purchased=False):
    """Have so many tickets held (or sold), a few more at the most, and return how many were."""
    # What is surely done in a second, until the first one shows how much is.
    done, rate = 0, 5_000
    while done < holds:
        left = holds - done
        seconds = 1 if not done else max(1, min(30, int(left / rate)))
        # A whole second would make too many: the rate of an open loop is asked for instead.
        bound = ["--rate", max(100, left * (2 if purchased else 1))] if left < rate else []
        scenario = ["--scenario", "sale", "--abandons", 0, "--releases", 0, "--repeats", 0] if purchased else \
            ["--scenario", "hold"]
        got = bench(server, *scenario, *bound, "--api", "classic" if event is None else "v1",
                    *([] if event is None else ["--event", event]), seconds=seconds, unsent=2 * holds)
        server.books.add("holds", got["held"])
        server.books.add("purchases", got["purchased"])
        done += got["purchased"] if purchased else got["held"]
        rate = max(1, (got["purchased"] if purchased else got["held"]) / seconds)
    return done
