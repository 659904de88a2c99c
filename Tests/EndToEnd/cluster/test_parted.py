"""A sale on machines with networks of their own, which are disconnected and connected again."""

import contextlib
import time
import unittest

from support.network import Network
from support.processes import wait_for
from support.scene import FULL, Scene, falls_silent, now, sells, sold_between


class Parted(unittest.TestCase):
    """Six servers and three nodes, each on a host of its own."""

    def setUp(self):
        stack = self.enterContext(contextlib.ExitStack())
        self.network = stack.enter_context(Network())
        self.hosts = {}
        servers, self.nodes = ([self.network.machine() for _ in range(count)] for count in (6, 3))
        # nginx does not wait long for a disconnected node: buyers get an answer from the next one.
        self.scene = Scene(["gala"], FULL, hosts=self.nodes, patience=2)
        stack.callback(self.scene.close)
        self.scene.open(servers)
        self.machine_of = dict(zip(self.scene.servers.all, servers))

    def test_network_parts(self):
        """Master and replica, a node and everything, a master with one node and all others: nothing is lost in the end."""
        with self.scene.sale("gala", buyers=12) as (shop,):
            self.part_master_from_replica_and_node(shop)
            self.unplug_node(shop)
            self.leave_master_alone_with_node(shop)
        self.assertEqual(self.scene.mistakes([shop]), [])

    def part_master_from_replica_and_node(self, shop):
        """Without the replica nothing is answered, and it is not promoted, because the others see the master."""
        _, master, (replica,) = self.scene.servers.whole_home_of_event("gala")
        ends = self.machine_of[replica], self.nodes[0]
        for end in ends:
            self.network.part(self.machine_of[master], end)
        falls_silent(shop, 3)
        for end in ends:
            self.network.join(self.machine_of[master], end)
        sells(shop, 50)
        self.assertIs(self.scene.servers.home_of_event("gala")[1], master)
        self.scene.servers.wait_until_whole()

    def unplug_node(self, shop):
        """The other nodes go on selling."""
        self.network.unplug(self.nodes[1])
        began = now()
        time.sleep(4)
        wait_for(lambda: sold_between(shop, began + 1, now()) > 20, "the others sell")
        self.network.plug_in(self.nodes[1])
        sells(shop, 50)

    def leave_master_alone_with_node(self, shop):
        """A replica takes over; purchases that the old master still took from the node were never answered."""
        _, master, (replica,) = self.scene.servers.whole_home_of_event("gala")
        alone = self.machine_of[master], self.nodes[2]
        others = [machine for machine in self.network.machines if machine not in alone]
        for other in others:
            for machine in alone:
                self.network.part(machine, other)
        wait_for(lambda: replica.role() == "master", "the replica becomes the master")
        # The new master has no replica, so nothing is answered until the old master is back as one.
        time.sleep(1)
        for other in others:
            for machine in alone:
                self.network.join(machine, other)
        sells(shop, 50)
        wait_for(lambda: master.role() == "slave", "the old master follows the new one")
        self.scene.servers.wait_until_whole()
