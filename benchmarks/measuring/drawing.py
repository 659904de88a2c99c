"""Plots as SVG files that need nothing else: readable in light and dark, and on a phone."""

import math
from dataclasses import dataclass
from html import escape

# Drawn as wide as a phone's screen, so that the letters are no smaller there than meant.
WIDTH = 420
STYLE = """
  .paper { fill: #fff } .ink { fill: #1f2328 } .faint { fill: #59636e } .grid { stroke: #d1d9e0; stroke-width: 1 }
  .axis { stroke: #59636e; stroke-width: 1 } .one { fill: #0969da; stroke: #0969da } .two { fill: #bc4c00; stroke: #bc4c00 }
  .three { fill: #6e7781; stroke: #6e7781 } .whisker { stroke: #1f2328; stroke-width: 1.5 }
  .bar { stroke: #cf222e; stroke-width: 2.5 } .goal { stroke: #1a7f37; stroke-width: 2.5; stroke-dasharray: 4 3 }
  .line { fill: none; stroke-width: 2.5 } .range { stroke-width: 1.5; opacity: .6 } .bare { stroke: none }
  text { paint-order: stroke; stroke: #fff; stroke-width: 3px; stroke-linejoin: round }
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif } .title { font-size: 15px; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    text { stroke: #0d1117 }
    .paper { fill: #0d1117 } .ink { fill: #e6edf3 } .faint { fill: #9198a1 } .grid { stroke: #30363d }
    .axis { stroke: #9198a1 } .one { fill: #4493f8; stroke: #4493f8 } .two { fill: #f0883e; stroke: #f0883e }
    .three { fill: #9198a1; stroke: #9198a1 } .whisker { stroke: #e6edf3 } .bar { stroke: #f85149 } .goal { stroke: #3fb950 }
  }
"""
COLOURS = ("one", "two", "three")


@dataclass(frozen=True)
class Bar:
    """A row's figure with its spread, what it should reach, and its text."""

    name: str
    value: float
    least: float
    most: float
    bar: float
    goal: float
    label: str


@dataclass(frozen=True)
class Line:
    """Points of (size, value, least, most), in the order of their sizes."""

    name: str
    points: list


def page(height, title, body):
    """Return a drawing."""
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="100%" '
            f'style="max-width: {WIDTH * 2}px" role="img" aria-label="{escape(title)}">\n<title>{escape(title)}</title>\n'
            f'<style>{STYLE}</style>\n<rect class="paper" width="{WIDTH}" height="{height:.0f}"/>\n'
            + "\n".join(body) + "\n</svg>\n")


def words(x, y, said, kind="ink", anchor="start"):
    """Return a text."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(said)}</text>'


def stroke(kind, x1, y1, x2, y2):
    """Return a straight line."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def wrapped(title, width=50):
    """Return a title in lines that fit."""
    lines = [""]
    for word in title.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def heading(title):
    """Return a title's lines and where what is below them begins."""
    lines = wrapped(title)
    body = [f'<text class="ink title" x="12" y="{24 + 20 * index}">{escape(line)}</text>'
            for index, line in enumerate(lines)]
    return body, 24 + 20 * len(lines)


def round_step(most, parts=5):
    """Return a step of 1, 2 or 5 times a power of ten that divides up to `most` into about so many parts."""
    raw = most / parts
    power = 10 ** math.floor(math.log10(raw))
    return next(power * step for step in (1, 2, 5, 10) if power * step >= raw * 0.999)


def ticks(most):
    """Return the numbers at an axis from 0 to at least `most`."""
    step = round_step(most)
    return [step * index for index in range(math.ceil(most / step - 1e-9) + 1)]


def short(value):
    """Return a number for an axis: 1,000,000 is 1M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def bars(title, rows):
    """Return figures as bars one under the other, with bar and goal marked on each."""
    left, right, each = 14, WIDTH - 18, 66
    body, top = heading(title)
    legend = top + 2
    body += [stroke("bar", left, legend - 10, left, legend + 4), words(left + 8, legend + 2, "bar", "faint"),
             stroke("goal", left + 50, legend - 10, left + 50, legend + 4), words(left + 58, legend + 2, "goal", "faint"),
             stroke("whisker", left + 110, legend - 3, left + 130, legend - 3),
             words(left + 136, legend + 2, "least to most of the rounds", "faint")]
    begin = legend + 16
    bottom = begin + each * len(rows)
    scale = ticks(max(max(row.most, row.bar, 1) for row in rows) * 1.02)

    def x(value):
        return left + (right - left) * value / scale[-1]

    for tick in scale:
        body += [stroke("grid", x(tick), begin, x(tick), bottom),
                 words(x(tick), bottom + 18, f"{tick:g}", "faint", "middle")]
    body += [stroke("axis", left, bottom, right, bottom), stroke("axis", x(1), begin, x(1), bottom)]
    body.append(words((left + right) / 2, bottom + 38, "× nginx (1 is what nginx takes)", "faint", "middle"))
    for index, row in enumerate(rows):
        y = begin + each * index
        body += [words(left + 2, y + 18, row.name), words(left + 2, y + 54, row.label, "faint"),
                 f'<rect class="one bare" x="{left}" y="{y + 25}" width="{x(row.value) - left:.1f}" height="15" rx="2"/>',
                 stroke("whisker", x(row.least), y + 32.5, x(row.most), y + 32.5),
                 stroke("whisker", x(row.least), y + 29, x(row.least), y + 36),
                 stroke("whisker", x(row.most), y + 29, x(row.most), y + 36),
                 stroke("bar", x(row.bar), y + 22, x(row.bar), y + 43), stroke("goal", x(row.goal), y + 22, x(row.goal), y + 43)]
    return page(bottom + 50, title, body)


def growth(title, what, unit, lines):
    """Return values over sizes in powers of ten, from zero up."""
    left, right = 48, WIDTH - 20
    body, top = heading(title)
    if len(lines) > 1:
        for index, line in enumerate(lines):
            x = 14 + 120 * index
            body += [f'<rect class="{COLOURS[index]} bare" x="{x}" y="{top - 9}" width="14" height="10"/>',
                     words(x + 20, top, line.name)]
        top += 20
    body.append(words(12, top + 2, unit, "faint"))
    top, bottom = top + 16, top + 216
    scale = ticks(max(most for line in lines for _, _, _, most in line.points) * 1.02)
    sizes = sorted({size for line in lines for size, *_ in line.points})
    low, high = math.log10(sizes[0]), math.log10(sizes[-1])

    def x(size):
        return left + 14 + (right - left - 28) * ((math.log10(size) - low) / (high - low) if high > low else 0.5)

    def y(value):
        return bottom - (bottom - top) * value / scale[-1]

    for tick in scale:
        body += [stroke("grid", left, y(tick), right, y(tick)), words(left - 6, y(tick) + 4, short(tick), "faint", "end")]
    for size in sizes:
        body += [stroke("axis", x(size), bottom, x(size), bottom + 5),
                 words(x(size), bottom + 20, short(size) if size >= 10_000 else f"{size:,}", "faint", "middle")]
    body.append(stroke("axis", left, bottom, right, bottom))
    body.append(words((left + right) / 2, bottom + 40, f"{what} (logarithmic)", "faint", "middle"))
    for index, line in enumerate(lines):
        kind = COLOURS[index]
        for size, _, least, most in line.points:
            body.append(stroke(f"{kind} range", x(size), y(least), x(size), y(most)))
        body.append(f'<polyline class="{kind} line" style="fill:none" points="'
                    + " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value, *_ in line.points) + '"/>')
        for size, value, *_ in line.points:
            body.append(f'<circle class="{kind} bare" cx="{x(size):.1f}" cy="{y(value):.1f}" r="4"/>')
    return page(bottom + 52, title, body)
