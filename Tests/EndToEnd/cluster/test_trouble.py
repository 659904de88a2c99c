"""Sales on a real cluster while something happens to it: no answered purchase is lost, nothing is sold twice."""

import json
import time
import unittest
import urllib.error
import urllib.request
import uuid

from support.processes import wait_for
from support.scene import Scene, falls_silent, now, sells, sold_between


def move_slot(servers, slot, source, target):
    """Move a slot key by key, as an operator's tool does, and return how many keys were moved."""
    names = {server: server.ask("CLUSTER", "MYID") for server in (source, target)}
    target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", names[source])
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", names[target])
    moved = 0
    while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 2):
        moved += len(keys)
        source.ask("MIGRATE", target.host, target.port, "", 0, 2000, "KEYS", *keys)
    for server in [target, source, *(s for s in servers.all if s.role() == "master")]:
        server.ask("CLUSTER", "SETSLOT", slot, "NODE", names[target])
    return moved


class UnderASale(unittest.TestCase):
    """All tests share the servers; each has its own events."""

    @classmethod
    def setUpClass(cls):
        cls.scene = Scene(["one", "two", "three", "flushed", "full"]).open()
        cls.addClassCleanup(cls.scene.close)

    def test_slots_move(self):
        """The slots of three events, of the list of events and of claims move from master to master while all sell."""
        servers, moved = self.scene.servers, 0
        masters = servers.all[:3]
        with self.scene.sale("one", "two", "three") as shops:
            tags = [servers.tag(shop.event) for shop in shops] + ["{events}"] + [f"{{claims-{n}}}" for n in range(12)]
            for _ in range(2):
                for tag in tags:
                    slot, source, _ = servers.home_of(tag)
                    target = masters[(masters.index(source) + 1) % 3]
                    moved += move_slot(servers, slot, source, target)
                    wait_for(lambda: servers.home_of(tag)[1] is target, "the slot has moved")
                for shop in shops:
                    sells(shop, 20)
        # A call that comes too early is sent again, and the first call to a moved slot learns where it is.
        self.assertLess(max(shop.longest_silence for shop in shops), 20)
        self.assertGreater(moved, 60)
        self.assertEqual(self.scene.mistakes(shops), [])

    def test_functions_are_flushed(self):
        """FUNCTION FLUSH on all masters, again and again: nodes load the functions again, and each call is done once."""
        masters, flushes, last = self.scene.servers.all[:3], 0, now() + 4
        with self.scene.sale("flushed") as (shop,):
            began = now()
            while now() < last or now() < last + 60 and (flushes <= 30 or sold_between(shop, began, now()) <= 20):
                for master in masters:
                    master.ask("FUNCTION", "FLUSH")
                flushes += 1
                time.sleep(0.05)
            self.assertGreater(sold_between(shop, began, now()), 20)
            sells(shop, 20)
        self.assertGreater(flushes, 30)
        self.assertEqual(self.scene.mistakes([shop]), [])

    def test_server_is_full(self):
        """A full server refuses at once and evicts nothing; when there is room, the sale goes on."""
        _, master, _ = self.scene.servers.home_of_event("full")
        with self.scene.sale("full") as (shop,):
            try:
                # Sales fill the server.
                master.ask("CONFIG", "SET", "maxmemory", int(master.info("memory")["used_memory"]) + (64 << 10))
                wait_for(lambda: self.hold(shop)[0] == 503, "the server is full")
                # From now on no freed buffer makes room for a moment.
                master.ask("CONFIG", "SET", "maxmemory", 1)
                # Idempotency keys with claims on this server, and keys with claims on another one.
                answers = [self.hold(shop) for _ in range(12)]
                self.assertEqual({(status, told["code"]) for status, told in answers},
                                 {(503, "temporary-reduced-capacity")})
                falls_silent(shop, 1)
            finally:
                master.ask("CONFIG", "SET", "maxmemory", 0)
            sells(shop, 50)
        self.assertEqual(master.info("stats")["evicted_keys"], "0")
        self.assertEqual(self.scene.mistakes([shop]), [])

    def hold(self, shop):
        """Hold a place and walk away; return status and document."""
        asked = urllib.request.Request(
            f"http://127.0.0.1:{shop.port}/v1/events/{shop.event}/holds",
            json.dumps({"lines": [{"type": "GA", "quantity": 1}]}).encode(),
            {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())})
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                told = json.load(answer)
                shop.walked[told["id"]] = 1
                return answer.status, told
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
