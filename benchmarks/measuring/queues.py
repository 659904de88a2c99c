"""Holds with passes of a queue, next to holds of an event without one."""

import json
import time

from . import asking
from .growth import in_turn
from .service import Trouble, event, queued


def joined(server, name):
    """Join a queue as soon as it is open; return the entry."""
    deadline = time.monotonic() + 30
    while (entry := server.post(f"/v1/events/{name}/queue")) is None:
        if time.monotonic() > deadline:
            raise Trouble(f"the queue of {name} does not open")
        time.sleep(0.05)
    return entry


def with_pass(run, row):
    """Compare holds with a pass, each of another entry, with holds in an event without a queue, in one service."""
    server = run.service([event("main", 90_000_000), queued("queued", 90_000_000)])
    entries, passes = server.folder / "entries", server.folder / "passes"
    try:
        joined(server, "queued")
        for number in run.rounds_of(row):
            collect(run, server, entries, passes)
            control, this = run.control(), {}
            for name in in_turn(("main", "queued"), number):
                script = "hold-with-pass.lua" if name == "queued" else "v1-hold.lua"
                this[name] = asking.wrk(server, f"/v1/events/{name}/holds", run.seconds, 201, script=script, PASSES=passes,
                                        KEYS=f"{name}-{number}")
                server.books.add("holds", this[name]["count"], unheard=64)
            got, plain = this["queued"], this["main"]
            ratio = got["us"] / plain["us"]
            run.say(f"hold-with-pass ×{ratio:.3f}  {got['us']:.2f} µs, without {plain['us']:.2f} µs"
                    + ("" if number else "  (warm-up)"))
            if number:
                row.add(ratio, control, us=got["us"], plain_us=plain["us"], rate=got["rate"])
    finally:
        run.close([row], [server])


def collect(run, server, entries, passes):
    """Have as many people join as hold in a slice, and more, and wait until their turns have begun."""
    asking.wrk(server, "/v1/events/queued/queue", 2 * run.seconds, 201, script="queue-join.lua", ENTRIES=entries)
    deadline = time.monotonic() + 60
    # Joins whose answer nobody waited for are let in as well.
    while (seen := json.loads(server.get("/v1/events/queued/queue")[0]))["head"] < seen["joined"]:
        if time.monotonic() > deadline:
            raise Trouble(f"not all are let in: {seen}")
        time.sleep(0.1)
    asking.wrk(server, "/", 4 * run.seconds, 200, script="queue-look.lua", ENTRIES=entries, PASSES=passes)
