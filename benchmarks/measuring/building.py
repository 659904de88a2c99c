"""What a build from scratch costs, target by target."""

import collections
import json
import os
import re
import resource
import subprocess

from . import machine
from .service import Trouble

COUNTER = machine.ROOT / "benchmarks" / "measuring" / "processes.c"
# Hummingbird, GRDB and ArgumentParser: what a service like this one needs at least.
CONTROL = {"hummingbird": "Hummingbird", "GRDB.swift": "GRDB", "swift-argument-parser": "ArgumentParser"}
MANIFEST = """// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "Control", platforms: [.macOS(.v15)],
    dependencies: [{packages}],
    targets: [.executableTarget(name: "control", dependencies: [{products}])]
)
"""


def target(command):
    """Return the target that a process of a build worked for, or what it was, in brackets."""
    program = command.split(" ", 1)[0].rsplit("/", 1)[-1]
    # Manifests are compiled too; their module is called `main`.
    if program.startswith("swift") and (found := re.search(r" -module-name (\S+)", command)) and found[1] != "main":
        return found[1]
    if program.startswith("clang") and (found := re.search(r" -o \S*/([^/ ]+)\.build/", command)):
        return found[1]
    for name, pattern in (("(linking)", r"ld|lld|gold|autolink"), ("(planning, manifests)", r"swift|manifest|git|clang")):
        if re.search(pattern, program):
            return name
    return "(the rest)"


def costs(lines, total):
    """Return the seconds of CPU by target, the dearest first; what no process said of itself is `(the rest)`."""
    found = collections.Counter()
    for line in lines:
        micros, _, command = line.partition("\t")
        found[target(command.strip())] += int(micros) / 1e6
    found["(the rest)"] += max(0, total - sum(found.values()))
    return found.most_common()


def build(command, package, product, room):
    """Build a product from scratch; return the seconds of CPU of everything, and those of each target.

    Dependencies are fetched before, into the scratch folder, and are not counted.
    """
    scratch = ["--package-path", str(package), "--scratch-path", str(room / "scratch")]
    counter, log = room / "processes.so", room / "processes.log"
    subprocess.run(["clang", "-O2", "-shared", "-fPIC", "-o", counter, COUNTER], check=True)
    subprocess.run(["swift", "package", *scratch, "resolve"], check=True)
    before = used()
    ran = subprocess.run([*command, *scratch, "--product", product],
                         env=os.environ | {"LD_PRELOAD": str(counter), "PROCESSES": str(log)}, check=False)
    if ran.returncode:
        raise Trouble(f"the build of {product} ended with status {ran.returncode}")
    total = used() - before
    with open(log, encoding="utf-8", errors="replace") as lines:
        return total, costs(lines, total)


def used():
    """Return the seconds of CPU of all processes that this one started and that ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def write_control(package):
    """Write a package that needs Hummingbird, GRDB and ArgumentParser alone, in the versions of this one."""
    resolved = (machine.ROOT / "Package.resolved").read_text()
    # Identities are in lower case.
    pins = {pin["identity"]: pin for pin in json.loads(resolved)["pins"]}
    (package / "Sources" / "control").mkdir(parents=True)
    # What those three need comes in the same versions, too.
    (package / "Package.resolved").write_text(resolved)
    packages = [f'.package(url: "{pins[name.lower()]["location"]}", exact: "{pins[name.lower()]["state"]["version"]}")'
                for name in CONTROL]
    products = [f'.product(name: "{product}", package: "{name}")' for name, product in CONTROL.items()]
    (package / "Package.swift").write_text(MANIFEST.format(packages=", ".join(packages), products=", ".join(products)))
    (package / "Sources" / "control" / "main.swift").write_text(
        "".join(f"import {product}\n" for product in CONTROL.values()) + 'print("built")\n')


def table(found, least):
    """Return Markdown with the targets that cost so many seconds at least; the others in one row."""
    rows = [(name, seconds) for name, seconds in found if seconds >= least]
    small = [seconds for _, seconds in found if seconds < least]
    if small:
        rows.append((f"{len(small)} others, less than {least} s each", sum(small)))
    return "\n".join(["| target | s of CPU |", "|---|---|"] + [f"| {name} | {seconds:.1f} |" for name, seconds in rows])
