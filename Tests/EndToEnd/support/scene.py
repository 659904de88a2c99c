"""A box office on a real cluster: nodes behind nginx, and sales whose books are checked at the end."""

import contextlib
import time

from support import books
from support.office import Office
from support.processes import Household, wait_for
from support.redis import Servers
from support.shop import Shop

FULL = ["--durability", "full", "--redis-wait-replicas", "1"]
# More than a test can sell.
PLACES = 1_000_000


class Scene:
    """A cluster of six servers and three nodes; each answer is on two servers before it leaves."""

    def __init__(self, events, settings=FULL, places=PLACES, **office):
        self.stack = contextlib.ExitStack()
        self.events, self.settings, self.places, self.office_settings = events, settings, places, office

    def open(self, hosts=()):
        """Start all of it. `close` ends it; so does a start that fails."""
        try:
            home = self.stack.enter_context(Household())
            self.servers = Servers(home, "cluster", "everysec", hosts)
            self.office = Office(home, self.servers, self.places, self.settings, events=self.events,
                                 **self.office_settings)
            self.office.start()
        except BaseException:
            self.close()
            raise
        return self

    def close(self):
        """End all of it."""
        self.stack.close()

    @contextlib.contextmanager
    def sale(self, *events, buyers=4, seed=1):
        """Sell these events to so many buyers each; yield the shops, then wait until all buyers have left."""
        shops = [Shop(self.office.port, event, buyers, None, seed) for event in events]
        for shop in shops:
            shop.open()
        try:
            for shop in shops:
                sells(shop, 20)
            yield shops
        finally:
            for shop in shops:
                shop.close()
            wait_for(lambda: all(shop.empty() for shop in shops), "everybody has left", 90)

    def mistakes(self, shops):
        """Return what is wrong with the books."""
        found = []
        for shop in shops:
            told, rows = self.office.count(shop.event), self.office.purchases(shop.event)
            found += [f"{shop.event}: {text}" for text in books.judge(shop, told, rows)]
        return found


def sells(shop, count, seconds=60):
    """Wait until the shop has sold so many more."""
    wanted = len(shop.answered_at) + count
    wait_for(lambda: len(shop.answered_at) >= wanted, f"{shop.event} sells", seconds, every=0.01)


def sold_between(shop, first, last):
    """Return how many purchases were answered between these moments."""
    return sum(first < moment < last for moment in shop.answered_at)


def falls_silent(shop, seconds):
    """Wait until nothing was sold for so long: answers that were under way have arrived, and no other comes."""
    began = now()
    wait_for(lambda: now() - began > seconds and not sold_between(shop, now() - seconds, now()), f"{shop.event} sells nothing")


def now():
    """Return the moment, by the clock of `answered_at`."""
    return time.monotonic()
