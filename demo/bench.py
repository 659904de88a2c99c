"""Runs `holdfast bench` on the same set-up as the sale, and measures each kind of process."""

import json
import subprocess
import time

from support.office import BINARY, EVENT, Office
from support.redis import Servers


def measure(home, chosen, settings, say):
    """Run the bench; print rate, latency, CPU per answer for each kind of process, and bytes in Redis."""
    if chosen.layout == "one":
        settings = ["--durability", "full"]
    servers = Servers(home, chosen.layout, "always" if chosen.layout == "one" else "everysec")
    office = Office(home, servers, chosen.places or 50_000_000, settings)
    office.start()
    say(f"{chosen.layout}: {len(servers.all)} Redis, 3 nodes, nginx; durability {office.promise()}")
    own = servers.all[0] if not servers.is_cluster else servers.home_of_event(EVENT)[1]
    kinds = {
        "the 3 nodes": office.nodes, "nginx": [office.proxy], "the event's Redis": [own.process],
        "the other Redis": [server.process for server in servers.all if server is not own]}
    before = {kind: sum(p.cpu() for p in processes) for kind, processes in kinds.items()}
    room = int(own.info("memory")["used_memory"])
    network = own.info("stats")
    result = home.room / "bench.json"
    started = time.monotonic()
    ran = subprocess.run(
        [BINARY, "bench", f"http://127.0.0.1:{office.port}", "--scenario", chosen.scenario, "--api", "v1", "--event",
         EVENT, "--connections", str(chosen.connections), "--duration", str(chosen.measure), "--warm-up", "0",
         "--seed", str(chosen.seed), "--json", str(result)], text=True, capture_output=True)
    took = time.monotonic() - started
    after = {kind: sum(p.cpu() for p in processes) for kind, processes in kinds.items()}
    # The lines for each second are left out. The bench checks one node's availability; this recounts in Redis.
    print(ran.stdout[ran.stdout.find("\n\n") + 1:].rstrip(), ran.stderr)
    if not result.exists():
        return ran.returncode or 1
    answers = sum(json.loads(result.read_text())["statuses"].values())
    holds = own.ask("HLEN", f"holdfast:{servers.tag(EVENT)}:holds")
    memory = int(own.info("memory")["used_memory"]) - room
    told = own.info("stats")
    pool = office.count()
    print(f"\n  counted    free {pool['free']:,} + held {pool['held']:,} + sold {pool['sold']:,} = {pool['capacity']:,}")
    for kind, seconds in after.items():
        used = seconds - before[kind]
        print(f"  CPU        {kind:18} {used:5.2f} s in {took:.1f} s, {used / answers * 1e6:5.1f} µs an answer")
    print(f"  memory     {memory:,} bytes for {holds:,} holds: {memory / max(1, holds):.0f} bytes each")
    for way in ("input", "output"):
        moved = int(told[f"total_net_{way}_bytes"]) - int(network[f"total_net_{way}_bytes"])
        print(f"  network    {way} of the event's Redis {moved / answers:.0f} bytes an answer")
    return 0 if pool["balanced"] else 1
