"""The report's pictures: gnuplot scripts from what needletail-bench wrote, each as SVG and PNG."""
import math
import re
import subprocess
import textwrap

# Told apart by people who see colours differently, and by their order.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f3c8d", "#5a5a5a"]
MET, MISSED = "#009e73", "#d55e00"
STYLE = """
set border 3 lc rgb '#8a8f98' lw 1
set grid back lc rgb '#e3e6ea' lw 1 dt 1
set tics nomirror out scale 0.6 tc rgb '#4a4f57'
set title tc rgb '#1f2328' offset 0,-0.3
set xlabel tc rgb '#4a4f57'
set ylabel tc rgb '#4a4f57' offset 0.5,0
set key bmargin center horizontal Left reverse tc rgb '#1f2328' samplen 2 width 2 spacing 1.1
set xlabel offset 0,-0.1
set datafile missing 'nan'
"""


def quoted(text):
    """A gnuplot string without any mark-up meaning."""
    # Single quotes: in double ones gnuplot would run what stands between backquotes.
    lines = ["'" + line.replace("'", "''") + "'" for line in str(text).split("\n")]
    return '."\\n".'.join(lines)


def finite(value):
    """Numbers come as such, or as 'nan' and 'inf'."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def plot(folder, name, width, height, script):
    """Writes the picture twice; its name, or None where there was nothing to draw."""
    for ending, terminal in (
        ("svg", f"svg size {width},{height} dynamic noenhanced font 'DejaVu Sans,13' "
                "background rgb 'white'"),
        ("png", f"pngcairo size {2 * width},{2 * height} noenhanced font 'DejaVu Sans,12' "
                "fontscale 2 linewidth 2 pointscale 2 background rgb 'white'"),
    ):
        text = (f"set terminal {terminal}\nset encoding utf8\n"
                f"set output {quoted(folder / f'{name}.{ending}')}\n{STYLE}\n{script}\n")
        subprocess.run(["gnuplot"], input=text, text=True, check=True)
    return name


def wrapped(title, width=46):
    """In lines that fit above a small picture, and with a capital."""
    return "\n".join(textwrap.wrap(title[:1].upper() + title[1:], width))


def spaced(label):
    """With a line of air below: the key follows."""
    return quoted(label + "\n ") + " offset 0,0.2"


def block(rows):
    """Data in line: nothing is left beside the pictures."""
    return "\n".join(" ".join("nan" if v is None else f"{v:.9g}" for v in row) for row in rows)


def short(value):
    """1500000 as 1.5 M."""
    for limit, letter in ((1e6, " M"), (1e3, " k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{letter}"
    return f"{value:.3g}"


def goals(figures, folder):
    """How far each goal is met: a factor, 1 where it is just reached."""
    rows = []
    for row in figures.get("goals", {}).get("rows", []):
        measured, bound = finite(row.get("measured")), finite((row.get("bound") or {}).get("value"))
        if not measured or not bound or measured <= 0:
            continue
        factor = measured / bound if row["bound"]["atLeast"] else bound / measured
        rows.append((row["title"], factor, f"{short(measured)} {row['unit']}"))
    if not rows:
        return None
    rows.reverse()
    low = min(0.5, min(r[1] for r in rows) / 1.3)
    high = max(2, max(r[1] for r in rows) * 2.2)
    ticks = ", ".join(f"{quoted(title)} {i}" for i, (title, _, _) in enumerate(rows))
    lines = [
        "set title 'Goals: right of the line is met'", "set logscale x", "unset key",
        f"set xrange [{low}:{high}]", f"set yrange [-0.7:{len(rows) - 0.3}]",
        f"set ytics ({ticks}) scale 0", "unset grid", "set grid x", "set border 1",
        "set xlabel 'times the goal, logarithmic'",
        "set xtics (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)",
        "set lmargin 54",
        "set arrow from 1, graph 0 to 1, graph 1 nohead lc rgb '#1f2328' lw 1.5 front",
    ]
    for i, (_, factor, text) in enumerate(rows):
        colour = MET if factor >= 1 else MISSED
        a, b = sorted((1.0, factor))
        lines.append(f"set object rectangle from {a},{i - 0.32} to {b},{i + 0.32} "
                     f"fc rgb '{colour}' fs solid 0.9 noborder")
        at = max(factor, 1.0)
        lines.append(f"set label {quoted('  ' + text)} at {at},{i} left tc rgb '#1f2328' "
                     "font ',11' front")
    lines.append("plot NaN notitle")
    return plot(folder, "goals", 980, 90 + 30 * len(rows), "\n".join(lines))


def distribution(path):
    """(1/(1-percentile), microseconds) of an .hgrm file."""
    rows = []
    for line in path.read_text().splitlines():
        fields = line.split()
        if len(fields) == 4 and re.match(r"^[0-9.]+$", fields[0]):
            rows.append((float(fields[3]), max(0.001, float(fields[0]))))
    return rows


def percentiles(folder, name, title, paths):
    """Latency by percentile, both logarithmic, one line a file."""
    found = [(path.stem, distribution(path)) for path in paths]
    found = [(stem, rows) for stem, rows in found if rows]
    if not found:
        return None
    last = max(rows[-1][0] for _, rows in found)
    shares = [("50", 2), ("90", 10), ("99", 100), ("99.9", 1e3), ("99.99", 1e4),
              ("99.999", 1e5), ("99.9999", 1e6), ("99.99999", 1e7)]
    ticks = ", ".join(f"'{text} %%' {at:.0f}" for text, at in shares if at <= last * 1.01)
    script = [f"set title {quoted(title)}", "set logscale xy", f"set xtics ({ticks})",
              f"set xrange [1:{last}]", "set format y '%g'", "set xlabel " + spaced("percentile"),
              "set ylabel 'µs'"]
    parts = []
    for i, (stem, rows) in enumerate(found):
        script.append(f"$d{i} << E\n{block(rows)}\nE")
        # A closed loop stands beside open ones only to be compared.
        look = "lc rgb '#1f2328' dt 3" if "closed" in stem else \
            f"lc rgb '{COLOURS[i % len(COLOURS)]}'"
        parts.append(f"$d{i} using 1:2 with lines lw 2 {look} "
                     f"title {quoted(legend(stem))}")
    script.append("plot " + ", ".join(parts))
    return plot(folder, name, 860, 480, "\n".join(script))


def legend(stem):
    """load-250k as 250 k messages/s; other names as they are."""
    match = re.match(r"load-(\d+)([kM])$", stem)
    return f"{match[1]} {match[2]} messages/s" if match else stem.replace("load-", "").replace("-", " ")


def curve(found, folder):
    """A curve of the report: a band where it has least and greatest, else a line a series."""
    rows = [(finite(p["x"]), *map(finite, p["values"])) for p in found["points"]]
    rows = [row for row in rows if row[0] is not None]
    if not rows:
        return None
    head, _, rest = found["title"].partition(";")
    script = [f"set title {quoted(wrapped(head))}", f"set xlabel {spaced(found['xLabel'])}",
              f"set xrange [{0.99 * min(r[0] for r in rows)}:{1.01 * max(r[0] for r in rows)}]",
              f"set ylabel {quoted(found['yLabel'].replace('us', 'µs'))}", "set format x '%.0s%c'",
              f"$d << E\n{block(rows)}\nE"]
    if found.get("xIsLogarithmic"):
        script.append("set logscale x")
        if len(rows) <= 8:
            at = ", ".join(f"{quoted(short(x))} {x}" for x, *_ in rows)
            script.append(f"set xtics ({at})")
    script.append("set logscale y\nset format y '%g'" if found.get("yIsLogarithmic")
                  else "set yrange [0:*]")
    if rest:
        script.append(f"set label {quoted(rest.strip())} at graph 0.01,0.04 left "
                      "font ',9' tc rgb '#6b7280'")
    if found["series"] == ["median", "least", "greatest"]:
        # One run that was put off its processor is not to flatten all the others.
        script[-1:] = script[-1:] + [
            f"set yrange [0:{1.6 * max(row[1] for row in rows if row[1] is not None)}]"]
        plots = ["$d using 1:3:4 with filledcurves fc rgb '#cfe3f1' title 'least to greatest'",
                 f"$d using 1:2 with linespoints lw 2 pt 7 ps 0.7 lc rgb '{COLOURS[0]}' "
                 "title 'median'"]
    else:
        plots = [f"$d using 1:{i + 2} with linespoints lw 2 pt 7 ps 0.7 "
                 f"lc rgb '{COLOURS[i % len(COLOURS)]}' title {quoted(series)}"
                 for i, series in enumerate(found["series"])]
    script.append("plot " + ", ".join(plots))
    name = re.sub(r"[^A-Za-z0-9_-]", "-", found["name"])
    return plot(folder, f"curve-{name}", 640, 430, "\n".join(script))


def draw(figures, folder):
    """All pictures, by what they show: names without ending."""
    files = sorted((folder / "hgrm").glob("*.hgrm")) if (folder / "hgrm").is_dir() else []
    loads = [f for f in files if "load" in f.stem]
    # By rate, not by letter.
    loads.sort(key=lambda f: distribution_rate(f.stem))
    others = [f for f in files if f not in loads]
    curves = figures.get("curves", [])
    drawn = {
        "goals": [goals(figures, folder)],
        "latency": [
            percentiles(folder, "latency", "Latency by percentile, closed loops of the suites",
                        others),
            percentiles(folder, "latency-load",
                        "Latency by percentile and load, from the intended send time", loads),
        ],
        "load": [curve(c, folder) for c in curves if not c["name"].startswith("growth")],
        "growth": [curve(c, folder) for c in curves if c["name"].startswith("growth")],
    }
    return {key: [name for name in names if name] for key, names in drawn.items()}


def distribution_rate(stem):
    """load-250k before load-1M; what has no rate comes last."""
    match = re.search(r"load-(\d+)([kM]?)", stem)
    return int(match[1]) * {"": 1, "k": 1_000, "M": 1_000_000}[match[2]] if match else math.inf
