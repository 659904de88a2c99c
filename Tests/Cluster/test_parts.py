"""Whole sales of events in parts on a cluster, over several nodes, down to the last place."""

import json
import threading
import unittest

from parts.nodes import Nodes
from parts.processes import Household, wait_for
from parts.redis import Servers
from parts.shop import Shop
from scene import Scene

EVENT = {"id": "gala", "parts": 3, "hold_seconds": 600, "pools": {"floor": 100, "hall": 110},
         "types": [{"code": "GA", "price": 500, "pools": ["floor", "hall"]}, {"code": "BOX", "pools": ["hall"]}]}


class Parts(unittest.TestCase):
    def test_a_sale_over_two_nodes_down_to_the_last_place(self):
        with Household() as home:
            servers = Servers(home, "cluster", "everysec")
            nodes = Nodes(home, servers, [EVENT], ["--redis-wait-replicas", "1"], 2)
            nodes.start()
            homes = {servers.home_of(f"holdfast:{{{n}}}:event")[1].port
                     for n in range(1, 200) if self.exists(servers, n)}
            self.assertEqual(len(homes), 3, "the parts are not on all three masters")
            self.sell(nodes)

    @staticmethod
    def exists(servers, number):
        key = f"holdfast:{{{number}}}:event"
        return servers.home_of(key)[1].ask("EXISTS", key) == 1

    def hold(self, nodes, node, key, *lines):
        body = {"lines": [{"type": type, "quantity": quantity} for type, quantity in lines]}
        for _ in range(50):
            status, told = nodes.ask(node, "POST", "/v1/events/gala/holds", body, token="-", Idempotency_Key=key)
            if status != 503:
                return status, told
        return status, told

    def sell(self, nodes):
        held, refusals, lock = {}, [], threading.Lock()

        def shop(buyer):
            for visit in range(40):
                quantity = 1 + (buyer + visit) % 4
                status, told = self.hold(nodes, (buyer + visit) % 2, f"{buyer}-{visit}", ("GA", quantity))
                with lock:
                    if status == 201:
                        held[told["id"]] = (told["token"], quantity)
                    else:
                        refusals.append((status, told["code"]))
                        if told["code"] != "insufficient-quantity":
                            return

        threads = [threading.Thread(target=shop, args=(buyer,)) for buyer in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sum(quantity for _, quantity in held.values()), 100, refusals)
        pools, holds_true = nodes.counted(1, "gala")
        self.assertTrue(holds_true)
        self.assertEqual([(p["capacity"], p["held"], p["free"]) for p in pools.values()], [(100, 100, 0), (110, 100, 10)])
        # What is left of the other pool is in all parts, and one hold takes it.
        status, told = self.hold(nodes, 0, "box", ("BOX", 10))
        self.assertEqual(status, 201, told)
        given_back = {}
        for number, (hold, (token, quantity)) in enumerate(sorted(held.items())):
            node = number % 2
            if number % 5 == 0:
                status, told = nodes.ask(node, "DELETE", f"/v1/holds/{hold}", token=token)
                given_back[hold] = quantity
            else:
                status, told = nodes.ask(node, "POST", f"/v1/holds/{hold}/purchase", {"payment_reference": f"pay-{number}"}, token)
            self.assertIn(status, (200, 201), told)
        # Given back here and there: one hold after another finds all of it.
        left = sum(given_back.values())
        while left:
            quantity = min(left, 10)
            status, told = self.hold(nodes, left % 2, f"again-{left}", ("GA", quantity))
            self.assertEqual(status, 201, told)
            left -= quantity
        status, told = self.hold(nodes, 0, "late", ("GA", 1))
        self.assertEqual((status, told["code"]), (409, "temporarily-held"), told)
        sold = 100 - sum(given_back.values())
        for node in (0, 1):
            pools, holds_true = nodes.counted(node, "gala")
            self.assertTrue(holds_true)
            self.assertEqual(
                {name: (p["capacity"], p["sold"], p["held"], p["free"]) for name, p in pools.items()},
                {"floor": (100, sold, 100 - sold, 0), "hall": (110, sold, 110 - sold, 0)})
            status, told = nodes.ask(node, "GET", "/v1/events/gala/purchases?limit=1000")
            self.assertEqual(sum(line["quantity"] for row in told["purchases"] for line in row["lines"]), sold)
            status, told = nodes.ask(node, "GET", "/v1/events/gala/availability")
            self.assertEqual([type["free"] for type in told["types"]], [0, 0])
        status, told = nodes.ask(1, "PUT", "/v1/events/gala", EVENT | {"parts": 2}, If_Match="*")
        self.assertEqual(status, 422, told)
        self.assertIn("must stay 3", str(told))


class Crowd(Shop):
    """Buyers who hold more than a part has, and give it back: its places are brought together."""

    def _visit(self, caller, name, chance):
        hold = self._hold(caller, "crowd-" + name, {"type": "GA", "quantity": chance.randint(1, 9)})
        if "id" in hold:
            self._give_back(caller, hold)
        elif hold["code"] not in ("temporarily-held", "insufficient-quantity"):
            raise OSError(f"a hold was answered {hold}")
        return True


class Operator(Shop):
    """Makes the hall larger and smaller again, by the same share in each part: where they are missing, places go back."""

    def __init__(self, office, capacities):
        super().__init__(office.port, "gala", 1, None)
        self.key, self.capacities = office.key, capacities
        self.changes = 0

    def _visit(self, caller, name, chance):
        definition = EVENT | {"pools": {"floor": self.capacities[self.changes % 2]}, "hold_seconds": 300,
                              "types": [{"code": "GA", "pools": ["floor"]}]}
        status, told = self._certainly(caller, "PUT", "/v1/events/gala", definition,
                                       (("Authorization", f"Bearer {self.key}"), ("If-Match", "*")))
        if status != 200:
            raise OSError(f"a change was answered {told}")
        self.changes += 1
        return True


class PartsUnderFire(unittest.TestCase):
    PLACES = 15

    def test_places_move_while_masters_and_nodes_are_killed(self):
        """No place is lost or made on the way between parts, whichever of them loses its master and whichever node ends."""
        scene = Scene(["gala"], parts=3, places=self.PLACES)
        self.addCleanup(scene.close)
        scene.open()
        crowd = Crowd(scene.office.port, "gala", 8, None)
        operator = Operator(scene.office, (3 * self.PLACES, self.PLACES))
        crowd.open()
        operator.open()
        for number in range(6):
            holds, changes = crowd.holds, operator.changes
            wait_for(lambda: crowd.holds > holds + 50 and operator.changes > changes + 5, "holds and changes go on")
            scene.fail_over("gala", number % 3, number % 2)
        for each in (crowd, operator):
            each.close()
            wait_for(each.empty, "everybody has left", 90)
        self.assertEqual(operator.surprises, [])
        self.assertEqual(scene.mistakes([crowd]), [])
        pool = scene.office.count("gala")
        # A node that starts defines the event by its file, so either may have been last.
        self.assertIn(pool["capacity"], operator.capacities)
        self.assertEqual(pool["free"], pool["capacity"])
        self.assertGreater(self.moves(scene), 20)
        # All that moved is for sale.
        shop = Shop(scene.office.port, "gala", 4, None)
        shop.open()
        wait_for(shop.empty, "the places are sold", 30)
        self.assertEqual(scene.mistakes([shop]), [])
        self.assertEqual(scene.office.count("gala")["free"], 0)

    @staticmethod
    def moves(scene):
        """Return how many moves there were between the parts."""
        count = 0
        for part in range(3):
            key = f"holdfast:{scene.servers.tag('gala', part)}:event"
            _, master, _ = scene.servers.home_of(key)
            told = master.ask("EVAL", "return cjson.encode(cmsgpack.unpack(redis.call('HGET', KEYS[1], 'moves')))", 1, key)
            out = json.loads(told)["out"]
            count += sum(move["number"] for move in (out.values() if isinstance(out, dict) else out))
        return count


if __name__ == "__main__":
    unittest.main()
