"""What docs/operating.md says, done as it stands there: a sale on https:// with the package, nginx and Prometheus, a copy while
it sells, the loss of all data, and the restore."""

import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import textwrap
import unittest

from support import ROOT
from support.service import binary, clean_environment, scratch

GUIDE = ROOT / "docs/operating.md"
# A block, and the last path in the paragraph before it.
BLOCK = re.compile(r"(?P<before>[^\n]*)\n\n?(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)
PATH = re.compile(r"`(/[^`]+)`:$")


def section(title):
    """Return the text below a heading of the guide."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", GUIDE.read_text(), re.M | re.S)
    assert found, title
    return found[1]


def steps(title):
    """Return what a section of the guide says as a shell script: its files are written, its commands run."""
    script = []
    for block in BLOCK.finditer(section(title)):
        text = textwrap.dedent(block["text"])
        place = PATH.search(block["before"])
        if block["language"] == "sh":
            script.append(text)
        elif place:
            # As an editor would; the rights of a file that is there stay.
            coded = base64.b64encode(text.encode()).decode()
            script.append(f"mkdir -p {os.path.dirname(place[1])}; echo {coded} | base64 -d >{place[1]}\n")
    assert script, title
    return "".join(script)


# What this machine lacks and Debian has: systemd, sudo, the name of the shop, and what certbot has fetched for it.
MACHINE = r"""
ip link set lo up
echo "127.0.0.1 tickets.example" >>/etc/hosts
live=/etc/letsencrypt/live/tickets.example; mkdir -p $live
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=tickets.example \
    -addext subjectAltName=DNS:tickets.example -keyout $live/privkey.pem -out $live/fullchain.pem 2>/dev/null
export CURL_CA_BUNDLE=$live/fullchain.pem
mkdir -p /stand-in; export PATH=/stand-in:$PATH
cat >/stand-in/as-holdfast <<'END'
#!/bin/sh
exec setpriv --reuid holdfast --regid holdfast --clear-groups --no-new-privs "$@"
END
cat >/stand-in/sudo <<'END'
#!/bin/sh
[ "$1 $2" = "-u holdfast" ] || { echo "sudo: $*" >&2; exit 1; }
shift 2; exec as-holdfast "$@"
END
cat >/stand-in/systemctl <<'END'
#!/bin/bash
start() {
    cd /var/lib/holdfast
    as-holdfast $(sed -n 's/^ExecStart=//p' /usr/lib/systemd/system/holdfast.service) >>/tmp/out 2>>/tmp/err &
    echo $! >/run/holdfast.pid
    for _ in $(seq 600); do
        curl -fs http://127.0.0.1:8000/health/ready >/dev/null && return
        kill -0 "$(cat /run/holdfast.pid)" || break
        sleep 0.1
    done
    cat /tmp/err >&2; exit 1
}
case $* in
    "--system daemon-reload" | "--no-block try-restart holdfast.service") ;;
    "enable --now holdfast" | "start holdfast") start ;;
    "stop holdfast") kill "$(cat /run/holdfast.pid)"; while kill -0 "$(cat /run/holdfast.pid)" 2>/dev/null; do sleep 0.05; done ;;
    # Both run since they were installed; here they start with the first reload.
    "reload nginx") nginx ;;
    "reload prometheus")
        # So that a test has not to wait for a quarter of a minute.
        sed -i 's/_interval: 15s/_interval: 1s/' /etc/prometheus/prometheus.yml
        (cd /tmp && exec prometheus --config.file=/etc/prometheus/prometheus.yml --storage.tsdb.path=/tmp/prometheus \
            --web.listen-address=127.0.0.1:9090 >/tmp/prometheus.out 2>&1) & ;;
    *) echo "systemctl: $*" >&2; exit 1 ;;
esac
END
chmod 755 /stand-in/*
# Debian's own page is not in the way of another name.
rm -f /etc/nginx/sites-enabled/default
cd /packages
"""

# They buy until there is /tmp/enough, and write down what they have.
BUYERS = r"""
cat >/tmp/buy <<'END'
#!/bin/bash
while [ ! -e /tmp/enough ]; do
    held=$(curl -fsS -X POST https://tickets.example/v1/events/main/holds -H 'Content-Type: application/json' \
        -H "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)" \
        -d '{"lines": [{"type": "GA", "quantity": 1}]}') || break
    hold=$(printf %s "$held" | python3 -c 'import json,sys; print(json.load(sys.stdin)["id"])')
    token=$(printf %s "$held" | python3 -c 'import json,sys; print(json.load(sys.stdin)["token"])')
    curl -fsS -o /dev/null -X POST "https://tickets.example/complete_purchase/$token" && echo "$hold $token" >>/tmp/bought
done
END
chmod 755 /tmp/buy
bought() { cat /tmp/bought 2>/dev/null | wc -l; }
until_bought() { for _ in $(seq 600); do [ "$(bought)" -ge "$1" ] && return; sleep 0.1; done; echo "nobody buys"; exit 1; }
complete() { curl -s -o /dev/null -w '%{http_code}\n' -X POST "https://tickets.example/complete_purchase/$1"; }
"""

BOUGHT = r"""
/tmp/buy & buyers=$!
until_bought 3
head -n 3 /tmp/bought >/tmp/before
"""
AFTER_COPY = r"""
until_bought $(($(bought) + 3))
touch /tmp/enough; wait $buyers
echo "== everything is lost"
kill -9 "$(cat /run/holdfast.pid)"; while kill -0 "$(cat /run/holdfast.pid)" 2>/dev/null; do sleep 0.05; done
rm -rf /var/lib/holdfast/*
"""
RESTORED = r"""
# Everything that was answered before the copy is there.
while read hold token; do test "$(complete $token)" = 200; done </tmp/before
# What was answered later is unknown, and its numbers are nobody's.
lost=0
while read hold token; do
    case $(complete $token) in
        200) ;;
        404) lost=$((lost + 1)); echo "$hold" >>/tmp/lost ;;
        *) exit 1 ;;
    esac
done </tmp/bought
test $lost -ge 3
rm /tmp/enough; mv /tmp/bought /tmp/first
/tmp/buy & buyers=$!
until_bought 5
touch /tmp/enough; wait $buyers
while read hold token; do if grep -qx "$hold" /tmp/lost; then exit 1; fi; done </tmp/bought
sudo -u holdfast holdfast verify /var/lib/holdfast
echo "== all is well"
"""

# Everything that the dashboard shows of a service without Redis and queues has an answer in Prometheus.
WATCHED = r"""
answered() {
    curl -fsG http://127.0.0.1:9090/api/v1/query --data-urlencode "query=$1" 2>/dev/null | grep -q '"result":\[{'
}
while read -r shown; do
    for _ in $(seq 600); do if answered "$shown"; then break; fi; sleep 0.1; done
    answered "$shown" || { echo "no answer: $shown"; exit 1; }
done </packages/shown
answered 'holdfast_places{state="sold"} >= 3'
curl -fs http://127.0.0.1:9090/api/v1/rules | grep -q HoldfastConservationBroken
"""

# Mounts a copy of this system that forgets everything, and goes on in it.
ELSEWHERE = r"""
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/all"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/all" 2>/dev/null || exit 77
mount -t proc proc "$1/all/proc" || exit 77
mount --rbind /dev "$1/all/dev"
mount -t tmpfs none "$1/all/tmp"
mkdir -p "$1/all/packages"
mount --bind "$2" "$1/all/packages"
exec chroot "$1/all" bash -euo pipefail "/packages/walk"
"""


class OperatingGuide(unittest.TestCase):
    """The guide, from the package to the restored sale."""

    def setUp(self):
        self.room = scratch()
        self.addCleanup(shutil.rmtree, self.room, True)

    def test_walk(self):
        """Its commands and files make a sale on https:// that Prometheus watches, and bring it back from a copy when all data
        is lost."""
        packages, place = os.path.join(self.room, "packages"), os.path.join(self.room, "place")
        os.mkdir(place)
        made = subprocess.run([ROOT / "packaging/deb", packages], capture_output=True, text=True, timeout=300, check=False,
                              env=clean_environment({"PROGRAM": binary(), "ANY_PROGRAM": "yes", "COMPRESSION": "none"}))
        self.assertEqual(made.returncode, 0, made.stderr)
        dashboard = json.loads((ROOT / "operations/grafana/holdfast.json").read_text())
        shown = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
        pathlib.Path(packages, "shown").write_text("\n".join(
            one.replace("$__rate_interval", "60s").replace("$event", ".*").replace("$instance", ".*")
            for one in shown if "_redis_" not in one and "holdfast_queue_" not in one) + "\n")
        pathlib.Path(packages, "walk").write_text("\n".join([
            MACHINE, steps("Installing"), steps("Put it behind a proxy"), steps("Watch it"), BUYERS, BOUGHT,
            WATCHED, steps("Backing up"), AFTER_COPY, steps("Restoring"), RESTORED]))
        try:
            done = subprocess.run(
                ["unshare", "-mpnf", "--propagation", "private", "sh", "-euc", ELSEWHERE, "sh", place, packages],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=clean_environment(),
                timeout=900, errors="replace")
        except FileNotFoundError:
            self.skipTest("there is no unshare")
        if done.returncode == 77 or "Operation not permitted" in done.stdout:
            self.skipTest("no copy of this system can be mounted here")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(done.stdout.count("every rule holds"), 3, done.stdout)
        self.assertIn("== all is well", done.stdout)
