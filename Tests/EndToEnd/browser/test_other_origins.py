"""A shop's page on another origin sells from its buyers' browsers."""

from support.browser import BrowserCase
from support.processes import free_ports
from support.service import event
from support.stand_in import stand_in

PAGE = b"""<!doctype html><title>shop</title><script>
window.done = null;
async function sell(base) {
  const left = await fetch(base + "/v1/events/main/availability");
  const held = await fetch(base + "/v1/events/main/holds", {
    method: "POST",
    headers: {"Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID()},
    body: JSON.stringify({lines: [{type: "GA", quantity: 2}]}),
  });
  const hold = await held.json();
  const token = {Authorization: "Bearer " + hold.token};
  const bought = await fetch(base + held.headers.get("Location") + "/purchase", {method: "POST", headers: token});
  const refused = await fetch(base + "/v1/holds/" + hold.id, {method: "DELETE", headers: token});
  const stream = new EventSource(base + "/v1/events/main/availability/stream");
  const shown = await new Promise((shows, fails) => {
    stream.addEventListener("snapshot", (event) => shows(JSON.parse(event.data)));
    stream.onerror = () => fails(new Error("no stream"));
  });
  stream.close();
  return [left.headers.get("ETag") !== null, held.status, bought.status, refused.status, (await refused.json()).code,
    shown.event ?? shown.id].join(" ");
}
async function wrong(base) {
  const found = [];
  for (const method of ["PUT", "PATCH"]) {
    try { await fetch(base + "/v1/events/main/holds", {method}); found.push("answered"); } catch { found.push("refused"); }
  }
  try { await fetch(base + "/", {credentials: "include"}); found.push("answered"); } catch { found.push("refused"); }
  return found.join(" ");
}
const run = (job, base) => job(base).then((text) => window.done = text, (error) => window.done = "failed: " + error);
</script>"""


class OtherOrigins(BrowserCase):
    """A service that one shop's origin may call."""

    events = (event(10, completion="token"),)

    @classmethod
    def setUpClass(cls):
        [cls.shop_port] = free_ports(1)
        cls.settings = {"cors_origins": f"http://127.0.0.1:{cls.shop_port}"}
        super().setUpClass()
    def run_in(self, page, job):
        """Run one of the page's jobs and return what came of it."""
        page.js(f"window.done = null, run({job}, {self.url('')!r})")
        page.wait("window.done !== null")
        return page.js("window.done")

    def shop(self, port=0):
        """Open the shop's page on this port."""
        site = stand_in(lambda handler: handler.reply(200, PAGE, [("Content-Type", "text/html")]), port=port)
        address = site.__enter__()
        self.addCleanup(site.__exit__, None, None, None)
        # Not one of the people, whose pages are ours alone and have no errors.
        page = self.browser.person()
        page.open(address + "/shop")
        return page

    def test_shop_elsewhere(self):
        """The shop's page holds, buys, listens and reads refusals; another site's page can do nothing."""
        shop = self.shop(self.shop_port)
        self.assertRegex(self.run_in(shop, "sell"), r"true 201 20[01] 409 already-purchased main")
        self.assertEqual(self.run_in(shop, "wrong"), "refused refused refused")
        self.assertRegex(self.run_in(self.shop(), "sell"), "failed: ")
        self.assertEqual(self.server.remaining(), 8)
