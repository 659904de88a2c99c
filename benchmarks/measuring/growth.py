"""How cost grows: the same work with more tickets, live holds, events, connections, or with more that is switched on.

Tickets and live holds are measured with a hold and its release by turns: holding alone would change what is compared
(ten thousand tickets are gone in a fifth of a second).
"""

import statistics

from . import asking
from .service import event, free_port

RELEASING = ("--scenario", "sale", "--api", "v1", "--abandons", 0, "--releases", 100, "--repeats", 0)


def step_summary(name, size, rounds):
    """Return a step of the growth as the report keeps it."""
    values = [one[name] for one in rounds]
    return {"size": size, "median": statistics.median(values), "least": min(values), "most": max(values)}


def note_steps(row, costs, unit="us"):
    """Keep the median of each step, in the order of their sizes."""
    row.steps = [step_summary(unit, size, rounds) for size, rounds in costs.items() if rounds]


def in_turn(sizes, number):
    """Return the sizes upwards and downwards by turns, so that a machine that drifts favours neither end."""
    return sizes if number % 2 else tuple(reversed(sizes))


def churn(run, row, sizes, servers):
    """Compare the cost of a hold with its release on several services; the last size against the first."""
    costs = {size: [] for size in sizes}
    for number in run.rounds_of(row):
        control, this = run.control(), {}
        for size in in_turn(sizes, number):
            server = servers[size]
            got = asking.bench(server, *RELEASING, seconds=run.whole_seconds)
            server.books.add("holds", got["held"])
            this[size] = got
        if number:
            for size in sizes:
                costs[size].append(this[size])
            # A request is half of the pair.
            first, last = this[sizes[0]], this[sizes[-1]]
            row.add(last["us"] / first["us"], control, us=last["us"], rate=last["rate"], p50_us=last["p50_us"],
                    p99_us=last["p99_us"], first_us=first["us"])
        run.say(f"{row.name:13} " + "  ".join(f"{size:,}: {this[size]['us']:.2f} µs" for size in sizes)
                + ("" if number else "  (warm-up)"))
    note_steps(row, costs)


def tickets(run, row):
    """Compare events of different sizes."""
    sizes = run.scale.tickets
    servers = {}
    try:
        for size in sizes:
            servers[size] = run.service([event("main", size)])
        churn(run, row, sizes, servers)
    finally:
        run.close([row], servers.values())


def equipped(run, row):
    """Compare a service behind a proxy, with a monitor, a log and a shop elsewhere, with a plain one."""
    plain = run.service([event("main", 90_000_000)])
    folder = run.folder("equipped")
    full = run.service(
        [event("main", 90_000_000)], folder, metrics__listen=f"127.0.0.1:{free_port()}", access_log__mode="sampled",
        access_log__sample=100, access_log__file=str(folder / "access.log"), proxies__trusted=["127.0.0.0/8"],
        cors__origins=["https://shop.example"])
    asked = {plain: (), full: ("X-Forwarded-For: 203.0.113.7", "Origin: https://shop.example")}
    try:
        for number in run.rounds_of(row):
            control, this = run.control(), {}
            for server in in_turn((plain, full), number):
                this[server] = asking.wrk(server, "/", run.seconds, 200, script="hold.lua", headers=asked[server],
                                          TOKENS=server.folder / "tokens")
                server.books.add("holds", this[server]["count"], unheard=64)
            got, ratio = this[full], this[full]["us"] / this[plain]["us"]
            run.say(f"hold-equipped ×{ratio:.3f}  {got['us']:.2f} µs, plain {this[plain]['us']:.2f} µs"
                    + ("" if number else "  (warm-up)"))
            if number:
                row.add(ratio, control, us=got["us"], plain_us=this[plain]["us"], rate=got["rate"])
    finally:
        run.close([row], [plain, full])


def live_holds(run, row, memory):
    """Compare services with different numbers of holds that live all the while; see what a hold takes of memory."""
    # For the memory alone the steps between say nothing.
    sizes = run.scale.live if row.name in run.wanted else (run.scale.live[0], run.scale.live[-1])
    servers = {}
    try:
        for size in sizes:
            servers[size] = run.service([event("main", 90_000_000)])
            # As much as every service needs to have worked at all; only then holds alone are what makes the difference.
            # Classic ones, since those of v1 have keys, which are remembered as well.
            started = asking.fill(servers[size], None, sizes[0])
            before = servers[size].resident()
            added = asking.fill(servers[size], None, size - started) if size > sizes[0] else 0
            if added and size == sizes[-1]:
                memory.add((servers[size].resident() - before) / added, holds=added)
            run.say(f"live-holds    {started + added:,} holds are there")
        if row.name in run.wanted:
            churn(run, row, sizes, servers)
    finally:
        run.close([row, memory], servers.values())


def events(run, row):
    """Compare holds on one event with holds spread over many, of a service that has many."""
    sizes = run.scale.events
    costs = {size: [] for size in sizes}
    server = run.service([event(f"e{index}", 10_000_000) for index in range(sizes[-1])], classic__event="e0")
    try:
        for number in run.rounds_of(row):
            control, this = run.control(), {}
            for size in in_turn(sizes, number):
                this[size] = asking.wrk(server, "/", run.seconds, 201, script="v1-hold.lua", KEYS=f"k{number}-{size}",
                                        EVENTS=size)
                server.books.add("holds", this[size]["count"], unheard=64)
            one, many = this[sizes[0]], this[sizes[-1]]
            run.say(f"events        " + "  ".join(f"{size:,}: {this[size]['rate']:,.0f}/s {this[size]['us']:.2f} µs"
                                                  for size in sizes) + ("" if number else "  (warm-up)"))
            if number:
                for size in sizes:
                    costs[size].append(this[size])
                row.add(one["rate"] / many["rate"], control, us=one["us"], rate=one["rate"], p50_us=one["p50_us"],
                        p99_us=one["p99_us"], many_us=many["us"], many_rate=many["rate"])
    finally:
        run.close([row], [server])
    note_steps(row, costs)


def connections(run, row):
    """Measure nginx, availability and hold with different numbers of connections at once."""
    sizes = run.scale.crowd
    server = run.service([event("main", 90_000_000)])
    costs = {size: [] for size in sizes}
    try:
        for number in range(1 if run.scale.quick else min(3, run.rounds)):
            this = {}
            for size in in_turn(sizes, number):
                control = run.control(connections=size)
                looked = asking.wrk(server, "/remaining_tickets", run.seconds, 200, connections=size)
                held = asking.wrk(server, "/", run.seconds, 200, script="hold.lua", connections=size,
                                  TOKENS=run.room / "tokens-of-connections")
                server.books.add("holds", held["count"], unheard=size)
                this[size] = {"nginx": control, "availability": looked["us"], "us": held["us"], "rate": held["rate"],
                              "p50_us": held["p50_us"], "p99_us": held["p99_us"]}
                costs[size].append(this[size])
                run.say(f"connections   {size:,}: hold {held['us']:.2f} µs, availability {looked['us']:.2f}, "
                        f"nginx {control:.2f}")
            row.add(this[1]["us"] / this[64]["us"], this[64]["nginx"], us=this[1]["us"], rate=this[1]["rate"],
                    p50_us=this[1]["p50_us"], p99_us=this[1]["p99_us"])
        row.steps = [step_summary("us", size, rounds) | {
            line: step_summary(line, size, rounds) for line in ("nginx", "availability", "rate")}
            for size, rounds in costs.items()]
    finally:
        run.close([row], [server])
