"""`holdfast bench` on the same set-up as the sale, with what each kind of process took."""

import json
import subprocess
import time

from parts.office import BINARY, EVENT, Office
from parts.redis import Servers


def measure(home, chosen, settings, say):
    """Run the bench and print rate, latency, CPU an answer by kind of process, and bytes in Redis."""
    if chosen.layout == "one":
        settings = ["--durability", "full"]
    servers = Servers(home, chosen.layout, "always" if chosen.layout == "one" else "everysec")
    office = Office(home, servers, chosen.places or 50_000_000, settings)
    office.start()
    say(f"{chosen.layout}: {len(servers.all)} Redis, 3 nodes, nginx; durability {office.promise()}")
    kinds = {"a node": office.nodes, "nginx": [office.proxy], "the event's Redis": None, "the other Redis": None}
    own = servers.all[0] if not servers.is_cluster else servers.home_of("holdfast:{1}:event")[1]
    kinds["the event's Redis"] = [own.process]
    kinds["the other Redis"] = [server.process for server in servers.all if server is not own]
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
    print(ran.stdout, ran.stderr)
    pool, rows = office.count(), sum(1 for _ in office.purchases())
    memory = int(own.info("memory")["used_memory"]) - room
    told = own.info("stats")
    holds = pool["held"] and len_of(own, "holds")
    print(f"  took {took:.1f} s; exit status {ran.returncode}; sold {pool['sold']:,} in {rows:,} purchases, held {pool['held']:,}")
    for kind, seconds in after.items():
        print(f"  CPU  {kind:18} {seconds - before[kind]:6.2f} s")
    print(f"  memory of the event's Redis +{memory:,} bytes; holds there {holds:,}")
    for way in ("input", "output"):
        moved = int(told[f"total_net_{way}_bytes"]) - int(network[f"total_net_{way}_bytes"])
        print(f"  network of the event's Redis, {way} {moved:,} bytes")
    print(json.dumps(json.loads(result.read_text()), indent=1)[:3000] if result.exists() else "")
    return ran.returncode


def len_of(server, name):
    """Return how many fields the event's table has."""
    return server.ask("HLEN", f"holdfast:{{1}}:{name}")
