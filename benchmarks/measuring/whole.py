"""What is measured of the whole service: a crowd whose holds end at once, memory, a restart, a store in process."""

import json
import os
import shutil
import socket
import subprocess
import threading
import time

from . import asking
from .judging import tail_ratio
from .machine import ROOT
from .service import Trouble, event

MICRO = ROOT / "benchmarks" / "micro" / ".build" / "release"
# Requests a second of those who buy something else while the holds end: enough for a p99 of each second, far below
# what a core can do.
OTHERS = 2_000


def expiry(run, row):
    """Let many holds end in one second while others buy something else.

    Holds cannot be made as fast as they are to end. After a restart each has at least the recovery grace left; those
    that had less get the same deadline, and so all end in the same millisecond.
    """
    holds = run.scale.holds
    life = 90 if holds > 200_000 else 30
    maker = run.service([event("main", 90_000_000), event("crowd", 90_000_000, hold_seconds=life)], classic__event="main")
    stopped = False
    try:
        began = time.monotonic()
        made = asking.fill(maker, "crowd", holds)
        took = time.monotonic() - began
        if took > life - 10:
            raise Trouble(f"{made:,} holds took {took:.0f} s here, too long for holds of {life} s")
        # As late as the oldest of them allows: the less is left of each, the less is to be waited for afterwards.
        rest = life - 6 - (time.monotonic() - began)
        run.say(f"expiry        {made:,} holds in {took:.0f} s, stopping in {rest:.0f} s")
        time.sleep(max(0, rest))
        maker.stop()
        stopped = True
        for number in range(run.scale.long_rounds):
            one_crowd(run, row, maker, made, grace=int(took) + 12, number=number)
    finally:
        if not stopped:
            run.close([row], [maker])


def one_crowd(run, row, maker, made, grace, number):
    """Start a service on a copy of the ledger and see what others feel when the holds end."""
    folder = run.folder("expiry")
    shutil.copytree(maker.data, folder.parent / (folder.name + "-data"), ignore=shutil.ignore_patterns("lock"))
    server = run.service([], folder=folder, data=folder.parent / (folder.name + "-data"), books=maker.books.copy(),
                         recovery_grace_seconds=grace, classic__event="main")
    began = time.monotonic()
    ends, ended, stop = [], [], threading.Event()

    def free():
        return json.loads(server.get("/v1/events/crowd/availability")[0])["free"]

    def look():
        # Somebody always looks; the moment at which the places are back is what is waited for.
        before = free()
        while not stop.wait(0.05):
            if free() - before >= made // 2:
                ended.append(time.monotonic())
                return

    looking = threading.Thread(target=look)
    try:
        control = run.control()
        looking.start()
        seconds = int(grace - (time.monotonic() - began)) + 8
        got = asking.bench(server, "--scenario", "sale", "--api", "v1", "--event", "main", "--rate", OTHERS, "--arrivals",
                           "poisson", "--abandons", 0, "--releases", 0, "--repeats", 0, seconds=seconds, warm_up=2,
                           on_second=ends.append, unsent=OTHERS)
        server.books.add("holds", got["held"])
        server.books.add("purchases", got["purchased"])
        if got["never_sent"]:
            row.notes.append(f"{got['never_sent']:,} requests of the others were due at the end of the load and not sent")
        if not ended:
            raise Trouble("the holds did not end while others were buying")
        tails = [second["p99_us"] for second in got["by_second"]]
        before, then, ratio = tail_ratio(tails, ends[:len(tails)], ended[0])
        run.say(f"expiry        p99 of others {before / 1e3:.2f} ms before, {then / 1e3:.2f} ms when {made:,} holds ended")
        row.add(ratio, control, p50_us=got["p50_us"], p99_us=then, quiet_p99_us=before, us=got["us"], rate=got["rate"],
                ended=made)
    finally:
        stop.set()
        if looking.is_alive():
            looking.join()
        run.close([row], [server])


def memory_connection(run, row):
    """See what connections that have asked once and now do nothing take of memory."""
    count = run.scale.connections
    for _ in range(run.scale.long_rounds):
        server = run.service([event("main", 1_000)], limits__connections=count + 100)
        there = []
        try:
            ask(server.port)
            before = server.resident()
            for _ in range(count):
                there.append(ask(server.port))
            time.sleep(0.5)
            taken = (server.resident() - before) / count / 1024
            # They must still be there, or it would be the memory of something else.
            for connection in there[:: max(1, count // 100)]:
                ask(server.port, connection)
            row.add(taken, connections=count)
            run.say(f"memory        {taken:.1f} KiB a connection, of {count:,}")
        finally:
            for connection in there:
                connection.close()
            run.close([row], [server])


def ask(port, connection=None):
    """Ask what is left, on a connection that stays open; return it."""
    connection = connection or socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(b"GET /remaining_tickets HTTP/1.1\r\nHost: a\r\n\r\n")
    answer = connection.recv(65536)
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise Trouble(f"a connection was answered {answer[:60]!r}")
    return connection


def restart(run, row):
    """Start on a ledger with many sales, and see how long it takes until the first answer."""
    server = run.service([event("main", 90_000_000)])
    try:
        sold = asking.fill(server, None, run.scale.holds, purchased=True)
        run.say(f"restart       {sold:,} were sold")
        for _ in range(max(2, run.scale.long_rounds)):
            server.stop()
            took = server.start(step=0.002)
            left = json.loads(server.get("/remaining_tickets")[0])["types"]["GA"]
            # Some were held when the load ended and are not purchased; they live on.
            expected = 90_000_000 - server.books.least["holds"]
            if left != expected:
                raise Trouble(f"{left:,} tickets are left after the restart, {expected:,} should be")
            row.add(took, sales=sold)
            run.say(f"restart       {took:.2f} s until the first answer")
    finally:
        run.close([row], [server])


def embedded(run, row, callers):
    """Have callers in one process hold, through the micro-benchmarks' program."""
    for number in run.rounds_of(row):
        folder = run.folder("embedded")
        control = run.control()
        ran = subprocess.run([MICRO / "callers", str(callers), str(run.whole_seconds), folder], capture_output=True, text=True,
                             check=False)
        try:
            got = json.loads(ran.stdout.strip().splitlines()[-1])
        except (ValueError, IndexError):
            raise Trouble(f"callers: status {ran.returncode}: {(ran.stdout + ran.stderr).strip()[-300:]}") from None
        if ran.returncode or not got["balances"]:
            raise Trouble(f"callers: the books do not balance: {got}")
        checked = subprocess.run([run.binary, "verify", folder], capture_output=True, text=True, check=False)
        if checked.returncode:
            raise Trouble(f"the ledger does not balance: {(checked.stdout + checked.stderr).strip()}")
        shutil.rmtree(folder)
        if number:
            row.add(got["holds_per_second"] / 1e3, control, us=got["cpu_us"], rate=got["holds_per_second"],
                    p50_us=got["p50_us"], p99_us=got["p99_us"])
        run.say(f"{row.name:13} {got['holds_per_second']:,} holds/s, {got['cpu_us']:.2f} µs")


def core(run, row):
    """Have the core alone sell among a million live holds; the making of the scene is in both runs and cancels."""
    program = MICRO / "decisions"
    few, many = 200_000, 2_200_000
    for number in run.rounds_of(row):
        control = run.control()
        taken = {}
        for turns in (few, many):
            process = subprocess.Popen([program, "sale-1M-live", str(turns)], stdout=subprocess.DEVNULL)
            _, status, used = os.wait4(process.pid, 0)
            if status:
                raise Trouble(f"decisions ended with status {status}")
            taken[turns] = used.ru_utime + used.ru_stime
        each = (taken[many] - taken[few]) / (many - few)
        if number:
            row.add(1 / each / 1e6, control, us=each * 1e6)
        run.say(f"core          {1 / each / 1e6:.2f} M holds with their purchase a second and core")
