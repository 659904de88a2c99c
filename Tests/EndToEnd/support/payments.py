"""A service whose events are paid for in browsers at `demo/payments`."""

import pathlib
import secrets
import subprocess
import sys
import tempfile

from support import ROOT
from support.browser import PATIENCE, BrowserCase
from support.processes import free_ports, wait_for
from support.service import clean_environment, make_key

PRICED = [{"code": "GA", "name": "Floor", "price": 8900, "pools": ["floor"]},
          {"code": "CHILD", "name": "Children", "pools": ["floor"]}]


class PayingCase(BrowserCase):
    """A service and a payment service of its own."""

    @classmethod
    def definitions(cls, paid):
        """Return the events; `paid` are the members that say how they are paid for."""
        raise NotImplementedError

    @classmethod
    def setUpClass(cls):
        port, payments = free_ports(2)
        room = tempfile.TemporaryDirectory(prefix="holdfast-paying-")
        cls.addClassCleanup(room.cleanup)
        secret = pathlib.Path(room.name, "checkout.secret")
        secret.touch(0o600)
        secret.write_text(secrets.token_hex(32) + "\n")
        cls.settings = cls.settings | {
            "port": port, "public_url": f"http://127.0.0.1:{port}", "checkout_secret_file": secret}
        cls.others = (f"http://127.0.0.1:{payments}/",)
        cls.events = cls.definitions(
            {"completion": "shop", "checkout": {"url": cls.others[0] + "start"}, "types": PRICED})
        super().setUpClass()
        cls.operator = make_key(cls.server)
        said = pathlib.Path(room.name, "payments.out")
        with open(said, "wb") as out:
            service = subprocess.Popen(
                [sys.executable, ROOT / "demo/payments", "--shop", cls.settings["public_url"], "--secret-file", secret,
                 "--port", str(payments), "--late-seconds", "1"],
                stdout=out, env=clean_environment({"HOLDFAST_KEY": make_key(cls.server, "shop")}))
        cls.addClassCleanup(service.wait, PATIENCE)
        cls.addClassCleanup(service.kill)
        wait_for(lambda: "Listening" in said.read_text(), "the payment service starts", PATIENCE)
