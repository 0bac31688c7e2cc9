"""The report's pictures: gnuplot scripts from what needletail-bench wrote, each as SVG and PNG."""
import math
import re
import subprocess
import textwrap

import report_axes
import report_colours
from report_numbers import bound, exact, finite, in_order, is_count, number, said, short, telling, unit_of

STYLE = """
set border 3 lc rgb '#8a8f98' lw 1
set grid back lc rgb '#d5d9df' lw 1 dt 1
set tics nomirror out scale 0.6 tc rgb '#4a4f57'
set title tc rgb '#1f2328' offset 0,-0.3
set xlabel tc rgb '#4a4f57' offset 0,-0.1
set ylabel tc rgb '#4a4f57' offset -0.2,0
set key bmargin center horizontal Left reverse tc rgb '#1f2328' samplen 2 width 2 spacing 1.1
"""
# Whoever reads the page may not have the font that it was drawn with.
FONTS = 'font-family="DejaVu Sans, Verdana, Arial, sans-serif"'
# A clock of nanoseconds shows what is shorter as 0, which no logarithmic axis has.
LEAST_MICROSECONDS = 0.001
TIMES = ("ns", "µs", "ms", "s")


def quoted(text):
    """A gnuplot string without any mark-up meaning."""
    # Single quotes: in double ones gnuplot would run what stands between backquotes.
    lines = ["'" + line.replace("'", "''") + "'" for line in str(text).split("\n")]
    return '."\\n".'.join(lines)


def plot(folder, name, width, height, script):
    """Writes the picture twice; its name."""
    # Points of 1/72 inch there, pixels here: 1.5 makes twice as many pixels look the same.
    for ending, terminal in (
        ("svg", f"svg size {width},{height} dynamic noenhanced font 'DejaVu Sans,13' "
                "background rgb 'white'"),
        ("png", f"pngcairo size {2 * width},{2 * height} noenhanced font 'DejaVu Sans,13' "
                "fontscale 1.5 linewidth 2 pointscale 2 background rgb 'white'"),
    ):
        text = (f"set terminal {terminal}\nset encoding utf8\n"
                f"set output {quoted(folder / f'{name}.{ending}')}\n{STYLE}\n{script}\n")
        subprocess.run(["gnuplot"], input=text, text=True, check=True)
    drawn = folder / f"{name}.svg"
    drawn.write_text(drawn.read_text(encoding="utf-8").replace('font-family="DejaVu Sans"', FONTS),
                     encoding="utf-8")
    return name


def wrapped(title, width=46, lines=3):
    """In lines that fit above a small picture, and with a capital; the page has the whole of it."""
    title = said(title)
    return "\n".join(textwrap.wrap(title[:1].upper() + title[1:], width, max_lines=lines,
                                   placeholder=" …"))


def cut(text, width):
    return text if len(text) <= width else text[:width - 1].rstrip() + "…"


def key_height(names, width):
    """Pixels for the key below a plot: as many columns as the longest name leaves room for."""
    columns = max(1, width * 9 // 10 // (70 + 9 * max(map(len, names))))
    return 19 * math.ceil(len(names) / columns)


def spaced(label):
    """With a line of air below: the key follows."""
    return quoted(label + "\n ") + " offset 0,0.2"


def block(name, rows):
    """Data in line: nothing is left beside the pictures. What was not measured breaks the line."""
    lines = ["" if None in row else " ".join(f"{value:.9g}" for value in row) for row in rows]
    return "\n".join([f"${name} << E", *lines, "E"])


def ticks(which, labelled, bare=()):
    """The marks of an axis; labels are formats to gnuplot, so that a percent sign is written twice."""
    marks = [f"{quoted(str(label).replace('%', '%%'))} {at:.9g}" for label, at in labelled]
    marks += [f"'' {at:.9g} 1" for at in bare]
    return f"set {which}tics ({', '.join(marks)})"


def axis(which, found, labelled):
    """Range and marks of an axis."""
    # A mark at the very end of a logarithmic axis is not always drawn.
    low, high = found.low, found.high
    if found.is_logarithmic:
        low, high = low / (1 + 1e-6), high * (1 + 1e-6)
    lines = [f"set {which}range [{low:.9g}:{high:.9g}]",
             ticks(which, labelled, report_axes.minor(found, [at for _, at in labelled]))]
    return ([f"set logscale {which}"] if found.is_logarithmic else []) + lines


def round_marks(found, label=exact, are_whole=False):
    return [(label(at), at) for at in report_axes.marks(found, are_whole)]


# MARK: Goals

def factor(measured, limit):
    """How far a goal is met: 1 where it is just reached, more where it is exceeded."""
    value = limit["value"]
    over, under = (measured, value) if limit["atLeast"] else (value, measured)
    if under > 0:
        return max(0, over / under)
    # A goal of nothing, or nothing measured of what should be little.
    return 1 if over == under else math.inf if over > under else 0


def verdict_colour(verdict):
    if verdict == "met":
        return report_colours.MET
    return report_colours.NOT_HERE if verdict == "not met on this machine" \
        else report_colours.NOT_MET


def goal_rows(figures):
    """Title, factor, figure, bound and verdict of what was measured and has a bound, last row first."""
    rows = []
    for row in figures.get("goals", {}).get("rows", []):
        measured, limit = finite(row.get("measured")), row.get("bound")
        if measured is None or not limit or finite(limit.get("value")) is None:
            continue
        unit = unit_of(row["unit"])
        figure = telling(measured, unit, limit)
        # There is room for nine digits beside the bars; the table has them all.
        figure = figure if len(figure) < 10 else short(measured)
        rows.append((said(row["title"]), factor(measured, limit), (figure, unit), bound(limit),
                     row["verdict"]))
    return rows[::-1]


def goals_script(rows):
    """A bar a goal, from the line where it is met."""
    # Beyond it a bar says no more, and all the others would be too short to see.
    far = 100
    factors = [min(far, max(1 / far, row[1])) for row in rows]
    low, high = min(0.5, min(factors) / 1.3), max(2, max(factors) * 1.1)
    found = report_axes.Axis(low, high, True)
    titles = [("\n".join(textwrap.wrap(row[0], 64, max_lines=2, placeholder=" …")), i)
              for i, row in enumerate(rows)]
    height = goals_height(rows)
    lines = [
        "set title 'Goals: right of the line is met'", "set border 1", "set lmargin at screen 0.45",
        "set rmargin at screen 0.76", f"set bmargin at screen {85 / height:.9g}", "unset key",
        *axis("x", found, round_marks(found)), f"set yrange [-0.7:{len(rows) - 0.3}]",
        ticks("y", titles) + " scale 0", "unset grid", "set grid x",
        "set xlabel 'times the goal, logarithmic'",
        "set arrow from 1, graph 0 to 1, graph 1 nohead lc rgb '#1f2328' lw 1.5 front",
        *columns(len(rows) - 0.25, ("measured", ""), "goal", "#6b7280"),
        *verdict_key([row[4] for row in rows], 20 / height),
    ]
    for i, (_, _, figure, limit, verdict) in enumerate(rows):
        lines += [bar(i, factors[i], verdict, found), *columns(i, figure, limit, "#1f2328")]
    return "\n".join(lines + ["plot NaN notitle"])


def goals_height(rows):
    return 140 + 30 * len(rows)


def bar(i, factor, verdict, found):
    """From the line to the factor; at the line, too, there is enough of it to see its colour."""
    least = (found.high / found.low) ** 0.012
    is_right = factor > 1 or factor == 1 and verdict == "met"
    a, b = (1, max(factor, least)) if is_right else (min(factor, 1 / least), 1)
    return (f"set object rectangle from {a:.9g},{i - 0.32} to {b:.9g},{i + 0.32} "
            f"fc rgb '{verdict_colour(verdict)}' fs solid 0.9 noborder")


def columns(y, figure, limit, ink):
    """Figure, unit and bound of a goal, beside its bar."""
    for text, x, side, colour in ((figure[0], 0.835, "right", ink), (figure[1], 0.842, "left", ink),
                                  (limit, 0.915, "left", "#6b7280")):
        yield (f"set label {quoted(text)} at screen {x}, first {y} {side} tc rgb '{colour}' "
               "font ',12' front")


def verdict_key(verdicts, y):
    """What the colours say, of those that are there; gnuplot's own key has no place for it."""
    x = 0.45
    for verdict in ("met", "not met", "not met on this machine"):
        if verdict in verdicts:
            yield (f"set object rectangle from screen {x}, screen {y - 0.005:.9g} to "
                   f"screen {x + 0.025:.9g}, screen {y + 0.005:.9g} "
                   f"fc rgb '{verdict_colour(verdict)}' fs solid 0.9 noborder")
            yield f"set label {quoted(verdict)} at screen {x + 0.033:.9g}, screen {y:.9g} left"
            x += 0.06 + 0.0085 * len(verdict)


def goals(figures, folder):
    rows = goal_rows(figures)
    if not rows:
        return None
    return plot(folder, "goals", 980, goals_height(rows), goals_script(rows))


# MARK: Latency by percentile

def distribution(path):
    """(1/(1-percentile), microseconds) of an .hgrm file, in order, the greatest at one in all."""
    rows = []
    for line in path.read_text().splitlines():
        fields = [finite(field) for field in line.split()]
        if len(fields) not in (3, 4) or None in fields[:3]:
            continue
        # The last has no fourth column: it would be infinite.
        share = fields[3] if len(fields) == 4 else fields[2]
        if share is not None and share >= 1:
            rows.append((share, max(LEAST_MICROSECONDS, fields[0])))
    # One sample is every percentile.
    return [(1, rows[0][1]), (2, rows[0][1])] if len(rows) == 1 else sorted(rows)


def load_of(stem):
    """What is loaded and the rate of a distribution over load, or None: wire-load-10000, load-250k, and
    load-closed-loop, whose rate is infinite: it comes last."""
    match = re.match(r"(?:(.+)-)?load-(?:(\d+)([kM]?)|closed-loop)$", stem)
    if not match:
        return None
    rate = int(match[2]) * {"": 1, "k": 1_000, "M": 1_000_000}[match[3]] if match[2] else math.inf
    return match[1] or "", rate


def legend(stem):
    """load-250k as 250 k messages/s; other names as they are."""
    found = load_of(stem)
    if not found:
        return cut(stem.replace("-", " "), 34)
    what, rate = found
    return "closed loop" if rate == math.inf else \
        f"{short(rate)} {'orders' if what == 'wire' else 'messages'}/s"


def looks(stems):
    """How each curve is drawn: colours by load where there is one, else by name."""
    open_loops = [s for s in stems if load_of(s) and load_of(s)[1] < math.inf]
    named = [s for s in stems if not load_of(s)]
    colours = dict(zip(open_loops, report_colours.loads(len(open_loops))))
    colours |= zip(named, report_colours.curves(named))
    # Floors are dashed: each lies close to the curve that it is the floor of.
    return [f"lc rgb '{colours[s]}'" + (" dt (8,5)" if s.endswith("-floor") else "") if s in colours
            else f"lc rgb '{report_colours.CLOSED}' dt 3" for s in stems]


SHARES = [("50", 2), ("90", 10), ("99", 100), ("99.9", 1e3), ("99.99", 1e4), ("99.999", 1e5),
          ("99.9999", 1e6), ("99.99999", 1e7), ("99.999999", 1e8)]


def percentiles_script(title, found):
    """Latency by percentile, both logarithmic, one line a distribution."""
    last = max(2, max(rows[-1][0] for _, rows in found))
    across = report_axes.Axis(1, last, True)
    up = report_axes.up([value for _, rows in found for _, value in rows])
    script = [f"set title {quoted(title)}", "set rmargin 7",
              *axis("x", across, [(f"{text} %", at) for text, at in SHARES if at <= last]),
              *axis("y", up, round_marks(up)), "set xlabel " + spaced("percentile"),
              "set ylabel 'latency, µs'"]
    parts = []
    for i, ((stem, rows), look) in enumerate(zip(found, looks([stem for stem, _ in found]))):
        script.append(block(f"d{i}", rows))
        parts.append(f"$d{i} using 1:2 with lines lw 2 {look} title {quoted(legend(stem))}")
    return "\n".join(script + ["plot " + ", ".join(parts)])


def percentiles(folder, name, title, paths):
    found = [(path.stem, distribution(path)) for path in paths]
    found = [(stem, rows) for stem, rows in found if rows]
    if not found:
        return None
    height = 420 + key_height([legend(stem) for stem, _ in found], 860)
    return plot(folder, name, 860, height, percentiles_script(title, found))


# MARK: Curves

def rows_of(found):
    """x and the values of each point, by x: what was measured last is not what is most."""
    count = len(found["series"])
    return [(finite(p["x"]), *([finite(v) for v in p["values"]] + count * [None])[:count])
            for p in in_order(found["points"])]


def lifted(rows, foot):
    """For a logarithmic axis: nothing is at its foot, and less than nothing was not measured."""
    def seen(value):
        return value if value is None or value > 0 else foot if value == 0 else None
    return [(row[0], *map(seen, row[1:])) for row in rows]


def upward(found, rows):
    """The vertical axis with its marks, and the rows as they are drawn on it."""
    values = [v for row in rows for v in row[1:] if v is not None]
    up = report_axes.up(values) if found.get("yIsLogarithmic") else None
    if not up:
        # Nothing but zeros still has an axis.
        low, high = min(0, 1.2 * min(values)), (top(rows) if has_band(found) else 1.1 * max(values))
        up = report_axes.Axis(low, high if high > low else low + 1, False)
        # What is above the picture is cut there, and not where its line would leave it.
        rows = [(row[0], *(None if v is None else min(v, up.high) for v in row[1:])) for row in rows]
        return axis("y", up, round_marks(up, are_whole=is_count(unit_of(found["yLabel"])))), rows, up.high
    marks = round_marks(up)
    if 0 in values:
        # A foot of its own, half a decade below what was measured.
        up = report_axes.Axis(up.low / 3, up.high, True)
        marks = [("0", up.low), *marks]
    return axis("y", up, marks), lifted(rows, up.low), up.high


def across(found, rows):
    """The horizontal axis: marks at the points where there are few, else round ones."""
    xs = [row[0] for row in rows]
    axis_of = report_axes.along(xs, found.get("xIsLogarithmic", False))
    if len(set(xs)) <= 8:
        return axis("x", axis_of, [(short(x), x) for x in report_axes.at_points(axis_of, xs, short)])
    are_whole = is_count(found["xLabel"]) and all(x.is_integer() for x in xs)
    return axis("x", axis_of, round_marks(axis_of, short, are_whole))


def has_band(found):
    return found["series"] == ["median", "least", "greatest"]


def top(rows):
    """Of an axis from 0. One run that was put off its processor is not to flatten all the others."""
    most = max(v for row in rows for v in row[1:] if v is not None)
    medians = [row[1] for row in rows if row[1] is not None and row[1] > 0]
    return min(1.2 * most, 1.6 * max(medians)) if medians else 1.2 * most


def remark(found, rows, high):
    """What stands small in the picture: what the title adds, and what lies above the picture."""
    rest = said(found["title"].partition(";")[2]).strip()
    most = max((v for row in rows for v in row[1:] if v is not None), default=0)
    unit = unit_of(found["yLabel"])
    beyond = f"the greatest, {number(most, unit)} {unit}, is cut" if most > high else ""
    return cut("; ".join(part for part in (rest, beyond) if part), 84)


def series_name(series):
    return cut(said(series), 24)


def plots(found, rows):
    """Data and plot commands, the band behind its median; none of what was never measured."""
    points = "with linespoints lw 2 pt 7 ps 0.7 lc rgb"
    if has_band(found):
        parts = [("band", [(row[0], row[2], row[3]) for row in rows],
                  f"1:2:3 with filledcurves fc rgb '{report_colours.BAND}' title 'least to greatest'"),
                 ("median", [row[:2] for row in rows],
                  f"1:2 {points} '{report_colours.OWN['median']}' title 'median'")]
    else:
        colours = report_colours.curves(found["series"])
        parts = [(f"d{i}", [(row[0], row[i + 1]) for row in rows],
                  f"1:2 {points} '{colour}' title {quoted(series_name(series))}")
                 for i, (series, colour) in enumerate(zip(found["series"], colours))]
    parts = [part for part in parts if any(None not in row for row in part[1])]
    return [block(name, data) for name, data, _ in parts], \
        [f"${name} using {how}" for name, _, how in parts]


def curve_script(found):
    """A curve of the report: a band where it has least and greatest, else a line a series."""
    rows = rows_of(found)
    if all(v is None for row in rows for v in row[1:]):
        return None
    unit = unit_of(found["yLabel"])
    marks, drawn, high = upward(found, rows)
    data, commands = plots(found, drawn)
    if not commands:
        return None
    script = [f"set title {quoted(wrapped(found['title'].partition(';')[0]))}", "set rmargin 4",
              *across(found, rows), *marks,
              f"set xlabel {spaced(unit_of(found['xLabel']))}",
              f"set ylabel {quoted('time, ' + unit if unit in TIMES else unit)}"]
    text = remark(found, rows, high)
    if text:
        script.append(f"set label {quoted(text)} at graph 0.01,0.965 left font ',9' tc rgb '#6b7280'")
    return "\n".join(script + data + ["plot " + ", ".join(commands)])


def curve(found, folder):
    script = curve_script(found)
    if not script:
        return None
    name = re.sub(r"[^A-Za-z0-9_-]", "-", found["name"])
    height = 380 + key_height(list(map(series_name, found["series"])), 560)
    return plot(folder, f"curve-{name}", 560, height, script)


# MARK: All

LOAD_TITLES = {
    "": "Latency by percentile and load, from the intended send time",
    "wire": "Datagram in to order out by percentile and load, from the intended send time",
}


def latency(files, folder):
    """The closed loops in one picture; each thing that was loaded in one of its own, its loads in order."""
    loaded = {}
    for path in files:
        what, rate = load_of(path.stem) or (None, 0)
        loaded.setdefault(what, []).append((rate, path))
    drawn = [percentiles(folder, "latency", "Latency by percentile, closed loops of the suites",
                         sorted((path for _, path in loaded.pop(None, [])), key=lambda p: p.stem))]
    for what in sorted(loaded):
        title = LOAD_TITLES.get(what, f"{what}: latency by percentile and load")
        drawn.append(percentiles(folder, "-".join(filter(None, ("latency", what, "load"))), title,
                                 [path for _, path in sorted(loaded[what])]))
    return drawn


def draw(figures, folder):
    """All pictures, by what they show: names without ending."""
    files = sorted((folder / "hgrm").glob("*.hgrm")) if (folder / "hgrm").is_dir() else []
    curves = figures.get("curves", [])
    drawn = {
        "goals": [goals(figures, folder)],
        "latency": latency(files, folder),
        "load": [curve(c, folder) for c in curves if not c["name"].startswith("growth")],
        "growth": [curve(c, folder) for c in curves if c["name"].startswith("growth")],
    }
    return {key: [name for name in names if name] for key, names in drawn.items()}
