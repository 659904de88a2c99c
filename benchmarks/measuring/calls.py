"""The calls next to nginx: each has the control right before it, in every round."""

from . import asking, redis
from .queues import joined
from .service import Trouble, event, queued
from .table import CALLS

AVAILABILITY = "/v1/events/main/availability"
HOLDS = "/v1/events/main/holds"


class Calls:
    """The servers that the calls go to, and the rounds."""

    def __init__(self, run, rows):
        self.run, self.rows = run, rows
        self.servers = {}
        # Every run of wrk has keys of its own.
        self.key_runs = 0
        self.is_sold_out = False
        # In the queue that is measured.
        self.entry = None

    def server(self, name, capacity=90_000_000):
        """Return a service with an event of that capacity, started when it is first asked for."""
        if name not in self.servers:
            self.servers[name] = self.run.service([event("main", capacity)])
        return self.servers[name]

    def on_redis(self, name, mode):
        """Return a service on a Redis server of its own, started when it is first asked for."""
        if name not in self.servers:
            node = redis.Node(self.run.binary, self.run.folder(name), mode)
            self.run.running += [node, node.redis]
            node.start()
            self.servers[name] = node
        return self.servers[name]

    def measure(self):
        """Take the rounds of all rows in turn; the first one warms up and is not kept."""
        for number in range(self.run.most + 1):
            for row in [row for row in self.rows if self.run.goes_on(row, number)]:
                method = row.name.replace("-", "_")
                try:
                    getattr(self, f"before_{method}", lambda: None)()
                    control = self.run.control(secure=row.name == "hold-tls")
                    got = getattr(self, method)()
                except Trouble as trouble:
                    row.faults.append(f"round {number}: {trouble}")
                    self.run.say(f"{row.name}: does not count: {trouble}")
                    continue
                self.run.say(f"{row.name:13} ×{got['us'] / control:.2f}  {got['us']:.2f} µs, nginx {control:.2f} µs, "
                             f"{got['rate']:,.0f}/s" + ("" if number else "  (warm-up)"))
                if number:
                    row.add(got["us"] / control, control,
                            **{name: got[name] for name in ("us", "rate", "p50_us", "p99_us", "redis_us") if name in got},
                            control_us=control)
        self.close()

    def close(self):
        """Have the books counted; what does not balance spoils every row that sold there."""
        for name, server in self.servers.items():
            self.run.close([row for row in self.rows if CALLS[row.name] == name], [server])
        self.servers = {}

    def availability(self):
        """Ask what is left."""
        return asking.wrk(self.server("classic"), "/remaining_tickets", self.run.seconds, 200)

    def hold(self):
        """Hold, and keep the tokens."""
        return self.hold_on(self.server("classic"))

    def hold_tls(self):
        """Hold over TLS, on connections that are kept."""
        if "tls" not in self.servers:
            self.servers["tls"] = self.run.service([event("main", 90_000_000)], certificate=self.run.nginx.certificate)
        return self.hold_on(self.servers["tls"], secure=True)

    def before_purchase(self):
        """Hold what is then purchased."""
        self.hold_on(self.server("classic"), slices=2)

    def purchase(self):
        """Purchase what was held."""
        return self.purchase_on(self.server("classic"))

    def redis_hold(self):
        """Hold, on a server that keeps everything in memory."""
        node = self.on_redis("redis", "relaxed")
        return node.asked(lambda: self.hold_on(node))

    def before_redis_purchase(self):
        """Hold there what is then purchased."""
        self.hold_on(self.on_redis("redis", "relaxed"), slices=2)

    def redis_purchase(self):
        """Purchase there what was held there."""
        node = self.on_redis("redis", "relaxed")
        return node.asked(lambda: self.purchase_on(node))

    def redis_hold_synced(self):
        """Hold, on a server that syncs before it answers."""
        node = self.on_redis("redis-synced", "synced")
        return node.asked(lambda: self.hold_on(node))

    def hold_on(self, server, slices=1, secure=False):
        """Hold on this service, and keep the tokens."""
        got = asking.wrk(server, "/", slices * self.run.seconds, 200, script="hold.lua", secure=secure,
                         TOKENS=self.tokens(server))
        server.books.add("holds", got["count"], unheard=64)
        return got

    def purchase_on(self, server):
        """Purchase what was held there, for half as long as the holds took: each token is used once."""
        got = asking.wrk(server, "/", self.run.seconds, 200, script="purchase.lua", TOKENS=self.tokens(server))
        server.books.add("purchases", got["count"], unheard=64)
        return got

    @staticmethod
    def tokens(server):
        """Return where the tokens of a service are kept."""
        return server.folder / "tokens"

    def sold_out(self):
        """Ask for what is not there."""
        server = self.server("none", 0)
        if not self.is_sold_out:
            # wrk tells a refusal from an answer and not one refusal from another; this does, for as many at once.
            asking.bench(server, "--scenario", "soldout", seconds=1)
            self.is_sold_out = True
        got = asking.wrk(server, "/buy_ticket/GA", self.run.seconds, 409, script="sold-out.lua")
        check_status(server.status("POST", "/buy_ticket/GA"), 409)
        return got

    def v1_304(self):
        """Ask with the tag that the availability has now; it stands, since nothing is held meanwhile."""
        server = self.server("classic")
        tag = server.get(AVAILABILITY)[1]["etag"]
        got = asking.wrk(server, AVAILABILITY, self.run.seconds, 304, headers=[f"If-None-Match: {tag}"])
        # For wrk a 200 is as good. Tags never come back: if it stands now, it stood all the while.
        check_status(server.status("GET", AVAILABILITY, {"If-None-Match": tag}), 304)
        return got

    def queue(self):
        """Return a service with a queue whose people wait, started when it is first asked for."""
        if "queue" not in self.servers:
            self.servers["queue"] = self.run.service([queued("main", 1_000, gathers=True)])
            self.entry = joined(self.servers["queue"], "main")
        return self.servers["queue"]

    def queue_document(self):
        """Ask for the public document of a queue."""
        return asking.wrk(self.queue(), "/v1/events/main/queue", self.run.seconds, 200)

    def queue_look(self):
        """Look at an entry that waits."""
        server = self.queue()
        bearer = [f"Authorization: Bearer {self.entry['token']}"]
        return asking.wrk(server, f"/v1/queue-entries/{self.entry['id']}", self.run.seconds, 200, headers=bearer)

    def queue_join(self):
        """Join a queue."""
        return asking.wrk(self.queue(), "/v1/events/main/queue", self.run.seconds, 201, script="queue-join.lua")

    def v1_hold(self):
        """Hold as a shop does."""
        server = self.server("v1")
        self.key_runs += 1
        got = asking.wrk(server, HOLDS, self.run.seconds, 201, script="v1-hold.lua", KEYS=f"k{self.key_runs}")
        server.books.add("holds", got["count"], unheard=64)
        return got


def check_status(status, expected):
    """Raise if a single request after the load was answered otherwise than all of it should have been."""
    if status != expected:
        raise Trouble(f"after the load the answer is {status}, not {expected}")
