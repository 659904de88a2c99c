"""The rows there are, with what they should reach: the table of the project's goals for speed."""

from dataclasses import dataclass

from .judging import Mark, Row

# The calls next to nginx, each with the service that it goes to.
CALLS = {"availability": "classic", "hold": "classic", "purchase": "classic", "sold-out": "none", "v1-304": "classic",
         "v1-hold": "v1", "hold-tls": "tls", "redis-hold": "redis", "redis-purchase": "redis", "redis-hold-synced": "redis-synced",
         "queue-document": "queue", "queue-look": "queue", "queue-join": "queue"}
# The rows that programs of benchmarks/micro play.
MICRO = ("core", "embedded", "embedded-one")


@dataclass(frozen=True)
class Scale:
    """How large and how long a run is."""

    # Pairs of a row at least, and at most where its bar is not decided by then.
    rounds: int = 15
    most: int = 60
    # A slice of load. Short, so that subject and control meet the same machine.
    seconds: float = 0.5
    # Live holds, sales, and holds that end in one second.
    holds: int = 1_000_000
    connections: int = 10_000
    tickets: tuple = (10_000, 100_000, 1_000_000, 10_000_000)
    crowd: tuple = (1, 4, 16, 64, 256, 1_024)
    events: tuple = (1, 10, 100, 1_000)
    # Rounds of what takes long to set up.
    long_rounds: int = 3
    quick: bool = False

    @property
    def live(self):
        """Return the steps of live holds, up to `holds`."""
        return tuple(step for step in (1_000, 10_000, 100_000, 1_000_000) if step < self.holds) + (self.holds,)

    @property
    def smaller(self):
        """Return why the rows about a million say nothing of their marks, or None."""
        return None if self.holds >= 1_000_000 else f"measured with {self.holds:,} instead of 1,000,000"


QUICK = Scale(rounds=3, most=3, seconds=0.5, holds=50_000, connections=2_000, tickets=(10_000, 10_000_000), crowd=(1, 64, 1_024),
              events=(1, 1_000), long_rounds=1, quick=True)


def table(scale):
    """Return every row that exists so far, empty, in the order of the report."""
    holds = f"{scale.holds:,}"
    rows = [
        Row("availability", "availability, keep-alive", Mark(1.5, 1.2)),
        Row("hold", "hold, synced, 64 connections", Mark(2.2, 1.5)),
        Row("purchase", "purchase, synced", Mark(2.2, 1.5)),
        Row("sold-out", "sold-out refusal", Mark(1.7, 1.25)),
        # No row of its own in the table of goals: an availability is what it is.
        Row("v1-304", "v1 availability, unchanged (304)", Mark(1.5, 1.2)),
        Row("v1-hold", "v1 hold (JSON body, idempotency key), synced", Mark(3, 2)),
        Row("hold-tls", "hold over TLS, synced, next to nginx over TLS", Mark(2.2, 1.5)),
        Row("redis-hold", "hold on Redis, relaxed, node + server", Mark(5, 3)),
        Row("redis-purchase", "purchase on Redis, relaxed, node + server"),
        Row("redis-hold-synced", "hold on Redis, synced, node + server", Mark(5, 3)),
        Row("queue-document", "the public document of a queue", Mark(1.3, 1.2)),
        Row("queue-look", "the look of an entry that waits", Mark(1.6, 1.4)),
        Row("queue-join", "a join of a queue, with its receipt", Mark(1.8, 1.6)),
        Row("core", "core alone: hold + purchase with 1,000,000 live holds", Mark(2, 5, "M/s", least=True), "M/s"),
        Row("embedded", "embedded store in process, synced, 256 callers at once",
            Mark(300, 1_000, "k holds/s", least=True), "k holds/s"),
        Row("embedded-one", "the same with one caller alone", None, "k holds/s"),
        Row("redis-batch", "Redis' CPU per hold: one call a hold against a node's batches", Mark(3, 4, least=True)),
        Row("redis-refusal", "Redis' CPU per refusal (v1 hold with a key) with 512 callers waiting", Mark(5, 3, "µs"), "µs"),
        Row("tickets", "CPU per hold and release (v1), 10,000,000 tickets against 10,000", Mark(1.3, 1.1)),
        Row("live-holds", f"CPU per hold and release (v1), {holds} live holds against 1,000", Mark(1.3, 1.1)),
        Row("events", f"one hot event against {scale.events[-1]:,} events, v1 holds/s", Mark(0.9, 1, least=True)),
        Row("connections", "CPU per hold with one connection against 64"),
        Row("hold-equipped", "CPU per hold with metrics, access log, proxies and CORS against one without",
            Mark(1.05, 1.02)),
        Row("hold-with-pass", "CPU per v1 hold with a pass of a queue against one without", Mark(1.1, 1.05)),
        Row("expiry", f"{holds} holds that expire in one second: p99 of others against quiet", Mark(3, 1.3)),
        Row("memory-hold", "memory: a live hold (without a key)", Mark(256, 64, "B"), "B"),
        Row("memory-connection", f"memory: an idle connection, of {scale.connections:,}", Mark(16, 8, "KiB"), "KiB"),
        Row("tool-rate", "holdfast bench against wrk: requests/s at availability", Mark(0.95, 1, least=True)),
        Row("tool-cost", "holdfast bench: its CPU per request against the service's, availability", Mark(1, 0.9)),
        Row("restart", f"restart with {holds} holds and purchases, until the first answer", Mark(5, 1, "s"), "s"),
    ]
    for row in rows:
        if row.name in ("live-holds", "expiry", "memory-hold", "restart"):
            row.smaller = scale.smaller
    return {row.name: row for row in rows}
