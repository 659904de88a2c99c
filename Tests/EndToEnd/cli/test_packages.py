"""What `packaging/` makes of a program: manuals, completions, a unit, a package that installs, runs, upgrades and goes."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

from support import ROOT
from support.processes import free_ports
from support.service import binary, clean_environment, scratch

PACKAGING = ROOT / "packaging"


def run(*words, mask=-1, **extra):
    """Run a program to its end; its output and errors are one text."""
    return subprocess.run(
        [str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        env=clean_environment(extra), timeout=900, errors="replace", umask=mask)


def needs(program):
    """Skip a test on machines that have no such program."""
    return unittest.skipUnless(shutil.which(program), f"there is no {program}")


class Installed(unittest.TestCase):
    """The program, installed below a folder."""

    @classmethod
    def setUpClass(cls):
        cls.room = scratch()
        cls.addClassCleanup(shutil.rmtree, cls.room, True)
        cls.root = os.path.join(cls.room, "root")
        cls.variables = {"PROGRAM": binary(), "PREFIX": "/usr", "DESTDIR": cls.root}
        # An administrator may have a strict mask.
        cls.done = run(PACKAGING / "install", mask=0o077, **cls.variables)

    def setUp(self):
        self.assertEqual((self.done.returncode, self.done.stdout), (0, ""))

    def path(self, *parts):
        """Return the path of something that was installed."""
        return os.path.join(self.root, *parts)

    def test_files(self):
        """Everything is in its place; a second installation keeps a configuration that was changed."""
        for path in ("usr/bin/holdfast", "etc/holdfast/config.json", "etc/holdfast/event.json",
                     "usr/lib/systemd/system/holdfast.service", "usr/share/man/man1/holdfast-backup.1.gz",
                     "usr/share/bash-completion/completions/holdfast", "usr/share/zsh/site-functions/_holdfast",
                     "usr/share/fish/vendor_completions.d/holdfast.fish", "usr/share/doc/holdfast/operating.md"):
            self.assertTrue(os.path.isfile(self.path(path)), path)
            self.assertEqual(os.stat(os.path.dirname(self.path(path))).st_mode & 0o777, 0o755, path)
        changed = pathlib.Path(self.path("etc/holdfast/config.json"))
        changed.write_text('{"port": 9000}')
        self.assertEqual(run(PACKAGING / "install", **self.variables).returncode, 0)
        self.assertEqual(changed.read_text(), '{"port": 9000}')
        wrong = run(PACKAGING / "install", **self.variables | {"PREFIX": "/usr|x"})
        self.assertEqual(wrong.returncode, 64, wrong)
        absent = run(PACKAGING / "install", **self.variables | {"PROGRAM": "/nowhere/holdfast"})
        self.assertEqual(absent.returncode, 66, absent)

    def test_examples(self):
        """The examples are a configuration and an event that the program takes."""
        for name in ("config.json", "event.json"):
            shutil.copy(PACKAGING / name, self.room)
        shown = run(self.path("usr/bin/holdfast"), "config", "--config", os.path.join(self.room, "config.json"))
        self.assertEqual(shown.returncode, 0, shown.stdout)
        self.assertIn("/var/lib/holdfast", shown.stdout)
        looked = run(self.path("usr/bin/holdfast"), "doctor", "--data", os.path.join(self.room, "data"), "--port", "0",
                     "--event", os.path.join(self.room, "event.json"))
        self.assertIn("main is a valid definition", looked.stdout)

    @needs("groff")
    def test_manuals(self):
        """Each command has a manual that groff has nothing to object to, with all its flags."""
        helps = run(binary(), "--help").stdout
        commands = re.findall(r"^  ([a-z]+) {3,}", helps[helps.index("SUBCOMMANDS:"):], re.MULTILINE)
        self.assertGreater(len(commands), 15)
        pages = pathlib.Path(self.path("usr/share/man/man1"))
        for name in ["holdfast", *(f"holdfast-{one}" for one in commands)]:
            with self.subTest(name):
                text = subprocess.run(["gzip", "-dc", pages / f"{name}.1.gz"], capture_output=True, check=True).stdout
                set_ = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-P-cbou"], input=text, capture_output=True, check=True)
                self.assertEqual(set_.stderr, b"")
                self.assertIn(b"SYNOPSIS", set_.stdout)
        self.assertIn(b"\\-\\-recovery\\-grace\\-seconds", subprocess.run(
            ["gzip", "-dc", pages / "holdfast-serve.1.gz"], capture_output=True, check=True).stdout)

    def test_completions(self):
        """bash completes commands and flags; the files for zsh and fish know them, too."""
        file = self.path("usr/share/bash-completion/completions/holdfast")
        script = f'''. "{file}"
            COMP_WORDS=(holdfast "$@"); COMP_CWORD=$#; COMP_LINE="holdfast $*"; COMP_POINT=${{#COMP_LINE}}; COMPREPLY=()
            _holdfast holdfast "${{COMP_WORDS[-1]}}" "${{COMP_WORDS[-2]}}"; printf '%s\\n' "${{COMPREPLY[@]}}"'''
        self.assertEqual(run("bash", "-c", script, "bash", "back").stdout.split(), ["backup"])
        self.assertIn("--verify", run("bash", "-c", script, "bash", "backup", "--ver").stdout.split())
        for path in ("zsh/site-functions/_holdfast", "fish/vendor_completions.d/holdfast.fish"):
            text = pathlib.Path(self.path("usr/share", path)).read_text()
            for word in ("backup", "doctor", "dry-run", "recovery-grace-seconds"):
                self.assertIn(word, text)
        for shell, path in (("zsh", "zsh/site-functions/_holdfast"), ("fish", "fish/vendor_completions.d/holdfast.fish")):
            if shutil.which(shell):
                self.assertEqual(run(shell, "-n", self.path("usr/share", path)).returncode, 0)

    @needs("systemd-analyze")
    def test_unit(self):
        """systemd has nothing to object to in the unit, and finds it well protected."""
        unit = pathlib.Path(self.room, "holdfast.service")
        text = pathlib.Path(self.path("usr/lib/systemd/system/holdfast.service")).read_text()
        self.assertIn("ExecStart=/usr/bin/holdfast serve --config /etc/holdfast/config.json\n", text)
        unit.write_text(text.replace("/usr/bin/holdfast", binary()))
        self.assertIn("\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n", text)
        verified = run("systemd-analyze", "verify", "--man=no", unit)
        self.assertEqual((verified.returncode, verified.stdout), (0, ""))
        protected = run("systemd-analyze", "security", "--offline=yes", "--threshold=20", unit)
        self.assertEqual(protected.returncode, 0, protected.stdout)

    def test_strangers(self):
        """A program that needs more than libc and libsqlite3 is not packed."""
        refused = run(PACKAGING / "dist", os.path.join(self.room, "dist"), PROGRAM=binary())
        if refused.returncode == 0:
            self.skipTest("this program needs nothing else")
        self.assertEqual(refused.returncode, 65, refused.stdout)
        self.assertIn("libstdc++", refused.stdout)


# Mounts a copy of this system that forgets everything, and goes on in it.
ELSEWHERE = """
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/all"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/all" 2>/dev/null || exit 77
# Of the new processes alone: Swift's dispatch looks at its threads there, by numbers that are theirs.
mount -t proc proc "$1/all/proc" || exit 77
mount --rbind /dev "$1/all/dev"
mkdir -p "$1/all/packages"
mount --bind "$2" "$1/all/packages"
exec chroot "$1/all" sh -euc "$3"
"""
LIFE = """
said=$(mktemp -d)
dpkg -i /packages/holdfast_1_*.deb
# Swift's libraries may be on a disk that is not in the copy.
if ldd /usr/bin/holdfast | grep -q "not found"; then exit 77; fi
test "$(stat -c %a:%U:%G /etc/holdfast/config.json)" = 640:root:holdfast
sed -i 's/8000/18737/' /etc/holdfast/config.json
# As the unit has it: with the one right to listen on ports below 1024.
sed -i 's/"host": "127.0.0.1"/"listen": ["127.0.0.1:937", "127.0.0.1:18737"]/; /"port"/d' /etc/holdfast/config.json
service() {
    setpriv --reuid holdfast --regid holdfast --clear-groups --bounding-set -all,+net_bind_service \\
        --inh-caps -all,+net_bind_service --ambient-caps -all,+net_bind_service --no-new-privs \\
        /usr/bin/holdfast serve --config /etc/holdfast/config.json >"$said/out" 2>"$said/err" & pid=$!
    for _ in $(seq 600); do
        curl -fs http://127.0.0.1:18737/health/ready >/dev/null && return
        kill -0 $pid || { cat "$said/err"; exit 1; }
        sleep 0.1
    done
    exit 1
}
service
curl -fsX POST http://127.0.0.1:18737/buy_ticket/GA >/dev/null
kill $pid; wait $pid
echo "== upgrade"
# A service that does not start again, or takes long, is no reason to hold up an upgrade.
mkdir -p /run/systemd/system
printf '#!/bin/sh\\necho "$*" >>/run/asked; exit 1\\n' >/run/systemctl
chmod 755 /run/systemctl; rm -f /usr/bin/systemctl; cp /run/systemctl /usr/bin/systemctl
DEBIAN_FRONTEND=noninteractive dpkg -i --force-confold /packages/holdfast_2_*.deb
grep -q -e '--no-block try-restart holdfast.service' /run/asked
grep -q 18737 /etc/holdfast/config.json
test "$(stat -c %a:%U:%G /etc/holdfast/config.json)" = 640:root:holdfast
service
curl -fs http://127.0.0.1:18737/remaining_tickets | grep -q 499
kill $pid; wait $pid
setpriv --reuid holdfast --regid holdfast --clear-groups holdfast verify /var/lib/holdfast
echo "== remove"
dpkg -r holdfast
test ! -e /usr/bin/holdfast; test -e /etc/holdfast/config.json; test -e /var/lib/holdfast/ledger.sqlite
echo secret >/etc/holdfast/token.keys
dpkg -P holdfast
test "$(ls /etc/holdfast)" = token.keys; test -e /var/lib/holdfast/ledger.sqlite
echo "== all is well"
"""


class Packages(unittest.TestCase):
    """A Debian package in a copy of this system."""

    @needs("dpkg-deb")
    def test_life(self):
        """It installs, runs as its own user, keeps the configuration and the ledger through an upgrade, and goes; what was sold
        stays even when it is purged, and so do keys in its folder."""
        room = scratch()
        self.addCleanup(shutil.rmtree, room, True)
        packages, place = os.path.join(room, "packages"), os.path.join(room, "place")
        os.mkdir(place)
        made = run(PACKAGING / "deb", packages, PROGRAM=binary(), ANY_PROGRAM="yes", COMPRESSION="none")
        self.assertEqual(made.returncode, 0, made.stdout)
        first = next(pathlib.Path(packages).glob("*.deb"))
        tree = os.path.join(room, "tree")
        self.assertEqual(run("dpkg-deb", "-R", first, tree).returncode, 0)
        control = pathlib.Path(tree, "DEBIAN", "control")
        control.write_text(re.sub(r"(?m)^Version: .*", "Version: 99.0", control.read_text()))
        self.assertEqual(run("dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, os.path.join(packages, "holdfast_2_x.deb"))
                         .returncode, 0)
        first.rename(os.path.join(packages, "holdfast_1_x.deb"))
        try:
            done = run("unshare", "-mpf", "--propagation", "private", "sh", "-euc", ELSEWHERE, "sh", place, packages,
                       LIFE.replace("18737", str(free_ports(1)[0])))
        except FileNotFoundError:
            self.skipTest("there is no unshare")
        if done.returncode == 77 or "Operation not permitted" in done.stdout:
            self.skipTest("no copy of this system can be mounted here")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("every rule holds", done.stdout)
        self.assertIn("== all is well", done.stdout)
        self.assertIn("/var/lib/holdfast stays", done.stdout)
        self.assertIn("/etc/holdfast stays", done.stdout)
