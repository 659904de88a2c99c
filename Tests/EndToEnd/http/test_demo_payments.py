"""The payment service to try, `demo/payments`: shops copy from it."""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import unittest

from support import ROOT
from support.stand_in import stand_in


def module():
    """Return the program as a module."""
    loader = importlib.machinery.SourceFileLoader("payments", str(ROOT / "demo/payments"))
    loaded = importlib.util.module_from_spec(importlib.util.spec_from_loader("payments", loader))
    loader.exec_module(loaded)
    return loaded


class DemoPayments(unittest.TestCase):
    """What it does with the answers of a box office."""

    def complete(self, *answers):
        """Report a payment to a stand-in; return what came of it, and how often it was reported."""
        reports = []

        def reply(handler):
            reports.append(handler.rfile.read(int(handler.headers["Content-Length"])))
            status, body, *fields = answers[min(len(reports), len(answers)) - 1]
            handler.reply(status, json.dumps(body).encode(), fields)
        with stand_in(reply) as address, contextlib.redirect_stdout(io.StringIO()):
            outcome = module().Shop(address, "key", 0).complete("H1", "paid")
        self.assertEqual(set(reports), {b'{"payment_reference": "paid"}'})
        return outcome, len(reports)

    def test_busy(self):
        """A payment is reported until the box office has decided; one that is busy has not."""
        soon = ("Retry-After", "0")
        outcome = self.complete((429, {"code": "quota-exceeded", "retryable": True}, soon),
                                (503, {"code": "not-ready", "retryable": True}, soon), (200, {"late": True}))
        self.assertEqual(outcome, ("bought late", 3))
        owed = {"code": "hold-expired", "retryable": False, "refund_required": True}
        self.assertEqual(self.complete((410, owed)), ("hold-expired, to be paid back", 1))

    def test_amounts(self):
        """Amounts have the decimals of their currency."""
        decimals = module().DECIMALS
        self.assertEqual([decimals[currency] for currency in ("EUR", "VND", "KWD", "XPF", "CLF")], [2, 0, 3, 0, 4])
