"""The report: a page for people, a file for programs, and the plots."""

import json

from . import drawing
from .judging import CONFIDENCE, MET
from .table import CALLS, MICRO, Scale


def number(value):
    """Return a number with three digits or so."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def amount(value, unit):
    """Return a number with its unit as people write it."""
    return f"×{number(value)}" if unit == "×" else f"{number(value)} {unit}"


def micros(value):
    """Return a length of time, given in µs."""
    if value is None:
        return ""
    return f"{number(value / 1e3)} ms" if value >= 1_000 else f"{number(value)} µs"


def figure(row):
    """Return the median with its interval, or why there is none."""
    if row.faults:
        return "**does not count**"
    if not row.rounds:
        return "not measured"
    said = amount(row.middle(), row.unit)
    return said + (f" ({number(row.interval[0])} to {number(row.interval[1])})" if row.interval else "")


def verdict(row, which):
    """Return a mark, and what the row's interval says of it."""
    if row.mark is None:
        return ""
    limit = getattr(row.mark, which)
    unit = "" if row.mark.unit == "×" else f" {row.mark.unit}"
    sign = "≥" if row.mark.least else "≤"
    told = f"{sign} {limit:,g}{unit}: "
    said = row.verdict(which)
    if said is None:
        return told + ("not judged, smaller" if row.counts else "not measured")
    return told + (said if said == MET else f"**{said}**")


def beside(row):
    """Return how many rounds the row had, and what the control took in them."""
    if not row.control:
        return f"{len(row.rounds)} rounds" if row.rounds else ""
    return f"{len(row.rounds)} pairs, {number(min(row.control))} to {number(max(row.control))} µs"


def table(rows, columns):
    """Return a table of Markdown; a column is a heading and a function of the row."""
    lines = ["| " + " | ".join(name for name, _ in columns) + " |", "|" + "---|" * len(columns)]
    return lines + ["| " + " | ".join(str(cell(row)) for _, cell in columns) + " |" for row in rows]


def text(about, rows):
    """Return the report as Markdown."""
    where, versions = about["machine"], about["machine"]["versions"]
    lines = [
        "# How fast it is", "",
        f"{about['date']}, commit {where['commit']}, {about['minutes']} minutes: `benchmarks/run"
        f"{' --quick' if about['quick'] else ''}`, {about['rounds']} pairs at least, slices of {about['seconds']} s.", "",
        f"{where['cpu']}, {where['cores']} cores, {where['memory_gib']} GiB, kernel {where['kernel']}, ledgers on "
        f"{where['disk']}. Holdfast {versions['holdfast']}, nginx {versions['nginx']}, wrk {versions['wrk']}, "
        f"Redis {versions['redis']}, Swift {versions['swift']}.", ""]
    lines += warnings(about, rows)
    called = [row for row in rows if row.name in CALLS]
    if called:
        lines += ["## CPU per request, next to nginx", "",
                  "User and system time of the server for each successful request, divided by what nginx takes for a static",
                  f"body right before it: the median of the pairs, with its bootstrap interval ({CONFIDENCE * 100:.0f} %). "
                  "Keep-alive.", ""]
        lines += table(called, [
            ("", lambda row: row.title), ("× nginx", figure), ("bar", lambda row: verdict(row, "bar")),
            ("goal", lambda row: verdict(row, "goal")), ("µs a request", lambda row: number(row.middle("us"))),
            ("requests/s", lambda row: number(row.middle("rate"))), ("p50", lambda row: micros(row.middle("p50_us"))),
            ("p99", lambda row: micros(row.middle("p99_us"))), ("pairs, and nginx beside them", beside)])
        lines += [""] + [f"{row.title}: {number(row.middle('redis_us'))} of {number(row.middle('us'))} µs are the server's."
                         for row in called if row.counts and row.middle("redis_us")]
        lines += ["", "![CPU per request, next to nginx](plots/cost.svg)", ""]
    others = [row for row in rows if row.name not in CALLS]
    if others:
        lines += ["## Everything else", ""]
        lines += table(others, [
            ("", lambda row: row.title), ("measured", figure), ("bar", lambda row: verdict(row, "bar")),
            ("goal", lambda row: verdict(row, "goal")), ("beside it", details), ("rounds, and nginx beside them", beside)])
        lines.append("")
    lines += grown(rows)
    return "\n".join(lines).rstrip() + "\n"


def warnings(about, rows):
    """Return what must be read before any figure."""
    lines = []
    if about["quick"]:
        lines.append(f"- **A quick look**: shorter and smaller than the method asks for ({Scale.rounds} pairs at least).")
    elif about["rounds"] < Scale.rounds:
        lines.append(f"- **{about['rounds']} pairs**; the method asks for {Scale.rounds} at least.")
    if about["machine"]["disk"] in ("tmpfs", "ramfs"):
        lines.append("- **The ledgers were in memory**: what is called synced here was not on a disk.")
    lines += [f"- **{row.title}: does not count.** {fault}" for row in rows for fault in row.faults]
    lines += [f"- {row.title}: {row.smaller}, so bar and goal are not judged." for row in rows if row.smaller]
    lines += [f"- {row.title}: {note}." for row in rows for note in row.notes]
    return lines + [""] if lines else []


def details(row):
    """Return what else was seen in the rounds of a row."""
    if not row.rounds:
        return ""
    def told(name, form=number):
        return form(row.middle(name))
    if row.name == "core":
        return f"{told('us')} µs each; {number(row.middle() * 2)} M decisions/s"
    if row.name in MICRO:
        return f"{told('us')} µs of CPU a hold, p50 {told('p50_us', micros)}, p99 {told('p99_us', micros)}"
    if row.name == "redis-batch":
        return (f"{told('us')} µs one by one, {told('batched_us')} µs in batches; "
                f"{told('rate')} and {told('batched_rate')} holds/s")
    if row.name == "redis-refusal":
        return f"{told('rate')} refusals/s, node and server {told('us')} µs each"
    if row.name == "expiry":
        return (f"p99 {told('quiet_p99_us', micros)} before, {told('p99_us', micros)} when {row.middle('ended'):,.0f} ended; "
                f"{told('rate')} requests/s")
    if row.name == "hold-equipped":
        return f"{told('us')} and {told('plain_us')} µs a hold, {told('rate')} holds/s"
    if row.name == "tool-rate":
        return f"{told('ours_rate')}/s, wrk {told('wrk_rate')}/s"
    if row.name == "tool-cost":
        return f"{told('us')} µs, the service {told('service_us')} µs"
    if row.name == "memory-hold":
        return f"{row.middle('holds'):,.0f} holds"
    if row.name == "restart":
        return f"{row.middle('sales'):,.0f} sales"
    if row.name == "events":
        return f"{told('rate')} and {told('many_rate')} holds/s, {told('us')} and {told('many_us')} µs"
    if row.name in ("tickets", "live-holds"):
        return (f"{told('us')} and {told('first_us')} µs a request, {told('rate')} requests/s, "
                f"p50 {told('p50_us', micros)}, p99 {told('p99_us', micros)}")
    if row.name == "connections":
        return f"{told('us')} µs with one connection, {told('rate')} holds/s, p50 {told('p50_us', micros)}"
    return ""


GROWTH = (
    ("tickets", "tickets of the event", "µs a request (hold, release)"),
    ("live-holds", "live holds", "µs a request (hold, release)"),
    ("events", "events that are sold", "µs a v1 hold"),
    ("connections", "connections", "µs a request"),
)


def grown(rows):
    """Return the tables of what each step cost, with their plots."""
    lines = []
    for name, what, unit in GROWTH:
        row = next((row for row in rows if row.name == name and row.steps and not row.faults), None)
        if row is None:
            continue
        lines += [] if lines else ["## How cost grows", ""]
        columns = [(what, lambda step: f"{step['size']:,}"),
                   (unit if name != "connections" else "µs a hold", lambda step:
                    f"{number(step['median'])} ({number(step['least'])} to {number(step['most'])})")]
        if name == "connections":
            columns += [("µs an availability", lambda step: number(step["availability"]["median"])),
                        ("µs of nginx", lambda step: number(step["nginx"]["median"])),
                        ("holds/s", lambda step: number(step["rate"]["median"]))]
        lines += table(row.steps, columns) + ["", f"![CPU by {what}](plots/{name}.svg)", ""]
    return lines


def plots(rows):
    """Return the plots by the names of their files."""
    drawn = {}
    called = [row for row in rows if row.name in CALLS and row.counts and row.mark]
    if called:
        drawn["cost.svg"] = drawing.bars("CPU per request, as a multiple of nginx' static answer", [
            drawing.Bar(row.title, row.middle(), *(row.interval or row.spread()), row.mark.bar, row.mark.goal,
                        f"×{number(row.middle())}, {number(row.middle('us'))} µs") for row in called])
    for name, what, unit in GROWTH:
        row = next((row for row in rows if row.name == name and row.counts and len(row.steps) > 1), None)
        if row is None:
            continue
        lines = [drawing.Line("hold" if name == "connections" else "", [
            (step["size"], step["median"], step["least"], step["most"]) for step in row.steps])]
        if name == "connections":
            lines += [drawing.Line(label, [(step["size"], *(step[label][part] for part in ("median", "least", "most")))
                                           for step in row.steps]) for label in ("availability", "nginx")]
        drawn[f"{name}.svg"] = drawing.growth(f"CPU by {what}", what, unit, lines)
    return drawn


def write(folder, about, rows):
    """Write the report, the figures and the plots; plots of an earlier run go."""
    (folder / "plots").mkdir(parents=True, exist_ok=True)
    for old in (folder / "plots").glob("*.svg"):
        old.unlink()
    drawn = plots(rows)
    for name, svg in drawn.items():
        (folder / "plots" / name).write_text(svg, encoding="utf-8")
    page = text(about, rows)
    for name in ["cost.svg"] + [f"{name}.svg" for name, _, _ in GROWTH]:
        if name not in drawn:
            page = "\n".join(line for line in page.split("\n") if f"(plots/{name})" not in line)
    (folder / "results.md").write_text(page, encoding="utf-8")
    figures = {"about": about, "rows": [row.plain() for row in rows]}
    (folder / "results.json").write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
