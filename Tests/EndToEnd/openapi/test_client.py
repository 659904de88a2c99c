"""A whole sale through a client that a generator made from the document alone."""

import csv
import importlib
import io
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import types
import unittest

from sample import sample_service
from support.service import make_key


def generate(server, room):
    """Generate the client from the service's document and return its package; a warning is a failure."""
    done = subprocess.run(
        ["openapi-python-client", "generate", "--url", f"http://127.0.0.1:{server.port}/openapi.json", "--meta", "none",
         "--output-path", pathlib.Path(room) / "holdfast_client", "--fail-on-warning"],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:]
    sys.path.insert(0, str(room))
    return importlib.import_module("holdfast_client")


class Sale(unittest.TestCase):
    """Operator and buyers, each with the generated client."""

    @classmethod
    def setUpClass(cls):
        cls.server = sample_service()
        cls.addClassCleanup(cls.server.__exit__)
        cls.server.start()
        room = tempfile.mkdtemp(prefix="holdfast-client-")
        cls.addClassCleanup(shutil.rmtree, room, ignore_errors=True)
        cls.package = generate(cls.server, room)
        cls.models = importlib.import_module("holdfast_client.models")
        url = f"http://127.0.0.1:{cls.server.port}"
        cls.anyone = cls.package.Client(base_url=url)
        cls.operator = cls.package.AuthenticatedClient(base_url=url, token=make_key(cls.server))
        cls.viewer = cls.package.AuthenticatedClient(base_url=url, token=make_key(cls.server, "viewer"))

    def call(self, name, *arguments, client=None, expect=200, **more):
        """Make a call by its name in the document; return the answer in the client's types."""
        module = next(iter(pathlib.Path(self.package.__file__).parent.glob(f"api/*/{name}.py")))
        module = importlib.import_module(f"holdfast_client.api.{module.parent.name}.{name}")
        answer = module.sync_detailed(*arguments, client=client or self.anyone, **more)
        self.assertEqual(answer.status_code, expect, answer.content)
        return types.SimpleNamespace(told=answer.parsed, headers=answer.headers)

    def holding(self, held):
        """Return a client with the hold's token."""
        return self.package.AuthenticatedClient(base_url=self.operator._base_url, token=held.token)

    def hold(self, key, *lines, buyer=None, event="gala", expect=201):
        """Hold lines of (type, quantity) or (type, quantity, least)."""
        m = self.models
        items = [m.HoldRequestLinesItem(type_=kind, quantity=count, **({"min_quantity": least[0]} if least else {}))
                 for kind, count, *least in lines]
        body = m.HoldRequest(lines=items, **({"buyer": buyer} if buyer else {}))
        return self.call("create_hold", event, body=body, idempotency_key=f"client-test-{key:_>8}", expect=expect).told

    def test_whole_sale(self):
        """Define, open, hold for groups, extend, release, buy, pay late, return, export, audit, recount."""
        m, code = self.models, self.models.ProblemCode
        # Defined and not yet on sale.
        definition = m.EventDefinition(
            name="Gala", hold_seconds=60, grace_seconds=0, max_extensions=1,
            pools=m.EventDefinitionPools.from_dict({"hall": 10, "box": 2}), types=[
                m.TicketType(code="SEAT", pools=["hall"], price=5_000),
                m.TicketType(code="BOX", name="Box", pools=["box", "hall"], price=20_000)])
        made = self.call("define_event", "gala", client=self.operator, body=definition, expect=201)
        self.assertEqual(made.headers["location"], "/v1/events/gala")
        self.assertEqual(self.call("define_event", "gala", client=self.operator, body=definition, expect=428).told.code,
                         code.PRECONDITION_REQUIRED)
        paused = self.call("change_event", "gala", client=self.operator, body=m.EventPatch(paused=True),
                           if_match=made.headers["etag"])
        self.assertTrue(paused.told.paused)
        self.assertEqual(self.hold("early", ("SEAT", 1), expect=409).code, code.SALE_PAUSED)
        self.assertEqual(self.call("change_event", "gala", client=self.viewer, body=m.EventPatch(paused=False),
                                   if_match="*", expect=403).told.code, code.FORBIDDEN)
        # Opened.
        opened = self.call("change_event", "gala", client=self.operator, body=m.EventPatch(paused=False),
                           if_match=paused.headers["etag"])
        self.assertEqual(opened.told.state, m.EventState.OPEN)
        self.assertIn("gala", [one.id for one in self.call("list_events").told.events])
        # A group of several lines, extended, and repeated with its key.
        group = self.hold("group", ("SEAT", 4), ("BOX", 1), buyer="the smiths")
        self.assertEqual((group.total, len(group.lines), group.extensions_remaining), (40_000, 2, 1))
        self.assertEqual(self.hold("group", ("SEAT", 4), ("BOX", 1), buyer="the smiths").id, group.id)
        longer = self.call("extend_hold", group.id, client=self.holding(group), body=m.Nothing(), idempotency_key="client-test-more")
        self.assertEqual(longer.told.extensions_remaining, 0)
        self.assertGreaterEqual(longer.told.expires_at, group.expires_at)
        self.assertEqual(self.call("extend_hold", group.id, client=self.holding(group), body=m.Nothing(),
                                   expect=409).told.code, code.EXTENSION_DENIED)
        bought = self.call("purchase_hold", group.id, client=self.holding(group),
                           body=m.PurchaseRequest(payment_reference="pay-group")).told
        self.assertEqual((bought.state, bought.purchase), (m.HoldState.PURCHASED, "P" + group.id[1:]))
        # As many as are free, then released.
        rest = self.hold("rest", ("SEAT", 8, 2))
        self.assertEqual(rest.lines[0].quantity, 5)
        refused = self.hold("none", ("SEAT", 1), expect=409)
        self.assertEqual((refused.code, refused.retryable), (code.TEMPORARILY_HELD, True))
        self.assertGreater(refused.retry_after_ms, 0)
        self.assertEqual(self.call("release_hold", rest.id, client=self.holding(rest)).told.state, m.HoldState.RELEASED)
        left = self.call("get_availability", "gala")
        self.assertEqual(left.told.free, 5 + 1)
        # Two late payments: the places of one are still free, those of the other are gone.
        self.change_time(1)
        late, lost = self.hold("late", ("SEAT", 2)), self.hold("lost", ("SEAT", 3))
        time.sleep(1.1)
        self.change_time(60)
        self.assertEqual(self.call("get_hold", lost.id, client=self.holding(lost)).told.state, m.HoldState.EXPIRED)
        paid = self.call("purchase_hold", late.id, client=self.holding(late),
                         body=m.PurchaseRequest(payment_reference="pay-late")).told
        self.assertTrue(paid.late)
        others = self.hold("others", ("SEAT", 3))
        self.call("purchase_hold", others.id, client=self.holding(others), body=m.PurchaseRequest())
        gone = self.call("purchase_hold", lost.id, client=self.holding(lost), expect=410,
                         body=m.PurchaseRequest(payment_reference="pay-lost")).told
        self.assertTrue(gone.refund_required)
        owed = self.call("list_unconfirmed_refunds", "gala", client=self.viewer).told.refunds
        self.assertEqual([(one.hold, one.payment_reference, one.total) for one in owed], [(lost.id, "pay-lost", 15_000)])
        self.call("purchase_hold", lost.id, client=self.operator, expect=410,
                  body=m.PurchaseRequest(payment_reference="pay-lost"))
        owed = self.call("list_all_refunds", client=self.viewer).told.refunds
        self.assertEqual([(one.hold, one.event, one.confirmed) for one in owed], [(lost.id, "gala", True)])
        back = self.call("pay_back", lost.id, client=self.operator,
                         body=m.PayBackRequest(payment_reference="pay-lost")).told
        self.assertEqual(back.hold, lost.id)
        self.assertEqual(self.call("list_refunds", "gala", client=self.viewer).told.refunds, [])
        self.assertEqual(self.hold("sold", ("SEAT", 1), expect=409).code, code.SOLD_OUT)
        # One purchase is returned, and its places are free again.
        back = self.call("return_purchase", bought.purchase, client=self.operator, body=m.Nothing()).told
        self.assertEqual(back.state, m.HoldState.RETURNED)
        self.assertEqual(self.call("get_availability", "gala").told.free, 5 + 2)
        self.look_at_the_books(group, late, others)
        self.call("remove_event", "gala", client=self.operator, if_match="*", expect=409)

    def change_time(self, seconds):
        """Give later holds so many seconds."""
        self.call("change_event", "gala", client=self.operator, body=self.models.EventPatch(hold_seconds=seconds), if_match="*")

    def look_at_the_books(self, group, late, others):
        """Check the purchases, as pages and as a table, the audit, and the recount."""
        m, sold, cursor = self.models, [], self.package.types.UNSET
        while cursor is not None:
            page = self.call("list_purchases", "gala", client=self.viewer, limit=2, cursor=cursor).told
            sold, cursor = sold + page.purchases, page.next_cursor
        self.assertEqual([(one.hold, one.state, one.late) for one in sold], [
            (group.id, m.PurchaseState.RETURNED, False), (late.id, m.PurchaseState.PURCHASED, True),
            (others.id, m.PurchaseState.PURCHASED, False)])
        module = importlib.import_module("holdfast_client.api.sales.list_purchases")
        table = self.viewer.get_httpx_client().request(**module._get_kwargs("gala"), headers={"Accept": "text/csv"})
        self.assertEqual(table.headers["content-type"], "text/csv; charset=utf-8; header=present")
        rows = list(csv.DictReader(io.StringIO(table.text, newline="")))
        self.assertEqual(sum(int(row["total"]) for row in rows), sum(one.total for one in sold))
        self.assertEqual(rows[0]["buyer"], "the smiths")
        audit = self.call("list_audit", client=self.viewer, limit=1000).told.entries
        self.assertEqual([one.action.value for one in audit if one.subject in ("gala", sold[0].id)],
                         ["event.define", "event.pause", "event.resume", "event.change", "event.change", "purchase.return"])
        recount = self.call("get_invariants", client=self.viewer).told
        self.assertTrue(recount.holds_true)
        gala = next(one for one in recount.events if one.event == "gala")
        self.assertEqual({pool.pool: (pool.free, pool.held, pool.sold) for pool in gala.pools},
                         {"hall": (5, 0, 5), "box": (2, 0, 0)})

    def test_classic(self):
        """The three classic calls."""
        before = self.call("remaining_tickets").told.num_tickets
        held = self.call("buy_ticket", "GA").told
        done = self.call("complete_purchase", held.token).told
        self.assertRegex(done.purchase, r"\AP\d+\Z")
        self.assertEqual(self.call("remaining_tickets").told.num_tickets, before - 1)
        self.assertEqual(self.call("buy_ticket", "NONE", expect=404).told.code, self.models.ProblemCode.UNKNOWN_TICKET_TYPE)
