"""The report's pages: one content as Markdown and as HTML."""
import base64
import html

from report_numbers import bound, finite, in_order, number, said, telling, unit_of

MISSING_PEERS = ("Not measured here: `make bench-peers` installs the peers that Debian and PyPI have, "
                 "builds and runs them beside ours, and the next report shows the table.")
CAPTIONS = {
    "goals": "Each goal as a factor of what was asked: right of the line it is met.",
    "latency": "The whole distribution, each line up to its greatest; a straight line up at the end is a "
               "few stalls, most of them the machine's (the noise beside each suite says how many). "
               "Floors are dashed.",
    "latency-load": "From the time at which a message should have been sent, so that a stall counts for "
                    "every message that waited. The dotted closed loop hides exactly that.",
    "latency-wire-load": "The same over sockets, from datagram in to order bytes out.",
    "load": "Near saturation the queue decides, not the code.",
    "growth": "Where a line bends, what is touched at random has outgrown a cache.",
}
BESIDE = {
    "base": "Base: the figure of the accepted base build, taken in the same minutes.",
    "quoted": "Quoted: the figure of the machine that the README quotes.",
}
CSS = """
:root { --ink:#1f2328; --soft:#59636e; --line:#d8dee4; --panel:#f6f8fa; --met:#1a7f37; --not:#bc4c00;
--here:#9a6700 }
body { font:16px/1.55 system-ui,"DejaVu Sans",sans-serif; color:var(--ink); margin:0; background:#fff }
main { max-width:68rem; margin:0 auto; padding:2.5rem 1.5rem 5rem }
h1 { font-size:2rem; margin:0 0 .25rem } h2 { margin:3rem 0 .5rem; font-size:1.35rem;
border-bottom:1px solid var(--line); padding-bottom:.3rem } h3 { margin:2rem 0 .2rem; font-size:1.05rem }
p.soft, figcaption, .noise { color:var(--soft); font-size:.9rem; margin:.2rem 0 .6rem }
nav a { margin-right:1.1rem } a { color:#0969da; text-decoration:none }
.cards { display:flex; flex-wrap:wrap; gap:.8rem; margin:1.4rem 0 } .card { background:var(--panel);
border:1px solid var(--line); border-radius:.6rem; padding:.7rem 1.1rem; min-width:8rem }
.card b { display:block; font-size:1.5rem; font-variant-numeric:tabular-nums } .card span {
color:var(--soft); font-size:.85rem }
.scroll { overflow-x:auto } table { border-collapse:collapse; width:100%; font-size:.92rem }
th { text-align:left; color:var(--soft); font-weight:600 } th.n { text-align:right }
th, td { padding:.32rem .7rem .32rem 0; border-bottom:1px solid var(--line); vertical-align:top }
td.n { text-align:right; font-variant-numeric:tabular-nums; white-space:nowrap }
.met { color:var(--met); font-weight:600 } .not { color:var(--not); font-weight:600 }
.here { color:var(--here) } .none { color:var(--soft) }
.warn { background:#fff8c5; border:1px solid #eac54f; border-radius:.5rem; padding:.6rem 1rem;
margin:.8rem 0 } figure { margin:1.2rem 0 } figure img { width:100%; height:auto }
.pair { display:grid; grid-template-columns:repeat(auto-fit,minmax(24rem,1fr)); gap:1rem }
code { background:var(--panel); padding:.1em .35em; border-radius:.3em }
"""


def verdict(figure):
    """What a limit says of its figure: a user's own target is missed aloud."""
    limit, median = figure.get("limit"), finite(figure.get("median"))
    if not limit:
        return ""
    if median is None:
        return "not measured"
    if median >= limit["value"] if limit["atLeast"] else median <= limit["value"]:
        return "met"
    return "not met" if limit.get("isGoal") else "MISSED"


def kind(text):
    """The class of a verdict's cell; 'not measured: why' and 'reported' are neither met nor not."""
    if text == "met":
        return "met"
    if text == "not met on this machine":
        return "here"
    if text.startswith(("not met", "MISSED", "missed", "WRONG RESULT", "DRIVER FAILED")):
        return "not"
    return "none" if text else ""


class Markdown:
    """report.md: pictures as PNG."""

    def __init__(self):
        self.lines = []

    def title(self, text):
        self.lines += [f"# {text}", ""]

    def section(self, text):
        self.lines += [f"## {text}", ""]

    def part(self, text):
        self.lines += [f"### {text}", ""]

    def text(self, text, warns=False):
        self.lines += [("**" + text + "**") if warns else text, ""]

    def cards(self, facts):
        self.lines += [f"- {name}: **{value}**" for value, name in facts] + [""]

    def table(self, head, rows):
        def cell(value):
            return str(value).replace("|", "\\|").replace("\n", " ")
        right = [name.startswith(">") for name in head]
        self.lines.append("| " + " | ".join(name.lstrip(">") for name in head) + " |")
        self.lines.append("| " + " | ".join("---:" if r else "---" for r in right) + " |")
        self.lines += ["| " + " | ".join(map(cell, row)) + " |" for row in rows] + [""]

    def pictures(self, names, captions):
        for name in names:
            self.lines += [f"![{name}]({name}.png)", ""]
        for caption in captions:
            self.lines += [caption, ""]

    def whole(self):
        return "\n".join(self.lines).rstrip() + "\n"


class Page:
    """index.html: pictures as SVG and within it, so that the page alone can be sent to somebody."""

    def __init__(self, folder):
        self.folder = folder
        self.out = []
        self.sections = []
        self.heading = ""

    def title(self, text):
        self.heading = text

    def section(self, text):
        key = text.lower().replace(" ", "-")
        self.sections.append((key, text))
        self.out.append(f'<h2 id="{html.escape(key)}">{html.escape(text)}</h2>')

    def part(self, text):
        self.out.append(f"<h3>{html.escape(text)}</h3>")

    def text(self, text, warns=False):
        parts = html.escape(text).split("`")
        marked = "".join(p if i % 2 == 0 else f"<code>{p}</code>" for i, p in enumerate(parts))
        self.out.append(f'<p class="{"warn" if warns else "soft"}">{marked}</p>')

    def cards(self, facts):
        cards = "".join(f'<div class="card"><b>{html.escape(str(v))}</b>'
                        f"<span>{html.escape(n)}</span></div>" for v, n in facts)
        self.out.append(f'<div class="cards">{cards}</div>')

    def table(self, head, rows):
        def row(cells, tag):
            made = []
            for cell, name in zip(cells, head):
                text = str(cell)
                kinds = " ".join(k for k in ("n" if name.startswith(">") else "", kind(text)
                                             if tag == "td" and name == "verdict" else "") if k)
                made.append(f"<{tag}" + (f' class="{kinds}"' if kinds else "") + ">"
                            + html.escape(text.lstrip(">") if tag == "th" else text) + f"</{tag}>")
            return "<tr>" + "".join(made) + "</tr>"
        self.out.append('<div class="scroll"><table><thead>' + row(head, "th") + "</thead><tbody>"
                        + "".join(row(r, "td") for r in rows) + "</tbody></table></div>")

    def pictures(self, names, captions):
        pictures = "".join(f'<img src="{self.source(n)}" alt="{html.escape(n)}">' for n in names)
        inner = f'<div class="pair">{pictures}</div>' if len(names) > 1 else pictures
        told = "".join(f"<figcaption>{html.escape(c)}</figcaption>" for c in captions)
        self.out.append(f"<figure>{inner}{told}</figure>")

    def source(self, name):
        drawn = (self.folder / f"{name}.svg").read_bytes()
        return "data:image/svg+xml;base64," + base64.b64encode(drawn).decode("ascii")

    def whole(self):
        links = "".join(f'<a href="#{html.escape(k)}">{html.escape(t)}</a>' for k, t in self.sections)
        return ("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                '<meta name="viewport" content="width=device-width,initial-scale=1">'
                f"<title>{html.escape(self.heading)}</title><style>{CSS}</style></head><body><main>"
                f"<h1>{html.escape(self.heading)}</h1><nav>{links}</nav>\n" + "\n".join(self.out)
                + "\n</main></body></html>\n")


def machine(page, figures, facts):
    page.title("Needletail: measured")
    page.text(f"{facts['date']}, commit {facts['commit']}; {figures['machine']}. Medians over the "
              "runs with least and greatest. Ratios compare within this run; absolute times of a "
              "shared machine differ from day to day.")
    if figures.get("kernels"):
        # What the machine is, measured: three small frozen kernels, noise and stolen time.
        page.text(figures["kernels"])
    if figures.get("quick"):
        page.text("Made with --quick: a hundredth of the work; the figures mean little.", warns=True)
    for trouble in figures.get("troubles", []):
        page.text(trouble[:1].upper() + trouble[1:], warns=True)
    failed = [s for s in figures["suites"] if s.get("error")]
    loud = sum(1 for s in figures["suites"] if is_loud(s.get("noise")))
    page.cards([*goal_cards(figures["goals"]["rows"]),
                (number(len(figures["suites"]) - len(failed), "suites"), "suites measured"),
                (number(loud, "suites"), "of them on a loaded machine")])
    for suite in failed:
        page.text(f"Not measured: {suite['suite']}: {suite['error']}", warns=True)


def goal_cards(rows):
    """Of the goals that were measured and have a bound: what is only reported cannot be met."""
    measured = [r for r in rows if finite(r.get("measured")) is not None]
    judged = [r for r in measured if r.get("bound")]
    met = sum(r["verdict"] == "met" for r in judged)
    here = sum(r["verdict"] == "not met on this machine" for r in judged)
    yield f"{met} of {len(judged)}", "goals met of those measured"
    if here:
        yield str(here), "not met on this machine"
    if len(measured) > len(judged):
        yield str(len(measured) - len(judged)), "reported, without a bound"
    yield str(len(rows) - len(measured)), "goals not measured"


def is_loud(noise):
    return bool(noise) and noise["othersPercent"] + noise["stolenPercent"] > 10


def goals(page, figures, pictures):
    page.section("Goals")
    if pictures["goals"]:
        page.pictures(pictures["goals"], [CAPTIONS["goals"]])
    rows = figures["goals"]["rows"]
    extra = [key for key in ("base", "quoted") if any(finite(r.get(key)) is not None for r in rows)]
    for key in extra:
        page.text(BESIDE[key])
    page.table(["what", ">measured", "unit", ">goal", *(f">{key}" for key in extra), "verdict"],
               [goal_cells(r, extra) for r in rows])


def goal_cells(row, extra):
    about = "".join(f" ({row[key]})" for key in ("source", "note") if row.get(key))
    unit = row["unit"]
    return (said(row["title"] + about), telling(row.get("measured"), unit, row.get("bound")), unit_of(unit),
            bound(row.get("bound")), *(number(row.get(key), unit) for key in extra), said(row["verdict"]))


def noise(page, figures):
    page.section("Noise of the machine")
    page.text("What others took while a suite ran, in percent of one processor; how often this "
              "process was put off its processor; and how often, and how much at worst, a sleeping "
              "sampler woke over a millisecond late.")
    page.table(["suite", ">others %", ">stolen %", ">preemptions", ">late wakes", ">latest, µs",
                ">seconds"],
               [(s["suite"], number(n["othersPercent"], "%"), number(n["stolenPercent"], "%"),
                 number(n["preemptions"], "preemptions"), number(n["lateWakes"], "wakes"),
                 number(n["latestWakeMicroseconds"], "µs"), number(n["seconds"], "s"))
                for s in figures["suites"] if (n := s.get("noise"))])


def suites(page, figures):
    page.section("Suites")
    for suite in figures["suites"]:
        page.part(f"{suite['suite']}: {suite['question']}")
        if suite.get("error"):
            page.text(f"Not measured: {suite['error']}", warns=True)
            continue
        page.table(["figure", ">median", "unit", ">least", ">greatest", ">runs", ">limit", "verdict"],
                   [figure_cells(f) for f in suite["figures"]])


def figure_cells(figure):
    unit, about = figure["unit"], f" ({figure['note']})" if figure.get("note") else ""
    return (said(figure["name"] + about), telling(figure["median"], unit, figure.get("limit")),
            unit_of(unit), number(figure["min"], unit), number(figure["max"], unit),
            number(figure["runs"], "runs"), bound(figure.get("limit")), verdict(figure))


def peers(page, found):
    page.section("Peers")
    if not found or not found.get("rows"):
        page.text(MISSING_PEERS)
        return
    page.text("Run in turn with ours by `make bench-peers`, not in the run above; the ratio is ours to theirs.")
    page.table(["what", "peer", "build", ">theirs", ">ours", "unit", ">ratio", ">goal", "verdict"],
               [(r["what"], r["peer"], r["build"], of_runs(r["theirs"], r["unit"]),
                 of_runs(r["ours"], r["unit"]), unit_of(r["unit"]),
                 number(r["ratio"]), goal_of(r), r["verdict"]) for r in found["rows"]])
    for one in found.get("missing", []):
        page.text(f"Missing: {one['peer']} ({one['why']}); install it: {one['install']}", warns=True)


def of_runs(side, unit):
    """The median of a side's runs, as Benchmarks/Peers/table.py writes them."""
    return number(side["median"], unit) if side else "-"


def goal_of(row):
    """The bound of ours by theirs, where there is one."""
    if row["bound"] is None:
        return ""
    return f"{'≥' if row['at_least'] else '≤'} {number(row['bound'])}"


def curves(page, figures, pictures):
    page.section("Latency")
    if pictures["latency"]:
        for name in pictures["latency"]:
            page.pictures([name], [CAPTIONS.get(name, CAPTIONS["latency-load"])])
    else:
        page.text("No distribution was kept: run the suites engine, wire or load.")
    for key, head in (("load", "Latency against load"), ("growth", "Growth")):
        page.section(head)
        if not pictures[key]:
            page.text("Not measured in this run.")
            continue
        page.pictures(pictures[key], [CAPTIONS[key]])
        for found in figures["curves"]:
            if found["name"].startswith("growth") == (key == "growth"):
                curve_table(page, found)


def curve_table(page, found):
    unit, across = unit_of(found["yLabel"]), unit_of(found["xLabel"])
    page.part(said(found["title"]))
    # What is counted along the axis is whole, and so is a rate that somebody has chosen.
    page.table([f">{across}", *(f">{said(series)}, {unit}" for series in found["series"])],
               [[number(p["x"], "" if float(p["x"]).is_integer() else across),
                 *(number(v, unit) for v in p["values"])] for p in in_order(found["points"])])


def write(figures, facts, pictures, folder):
    for page, name in ((Markdown(), "report.md"), (Page(folder), "index.html")):
        machine(page, figures, facts)
        goals(page, figures, pictures)
        curves(page, figures, pictures)
        peers(page, facts["peers"])
        suites(page, figures)
        noise(page, figures)
        page.section("How it was made")
        page.text("`make report`. `figures.json` holds every figure, `hgrm` every distribution in "
                  "HdrHistogram's format, and `perf/README.md` says what each suite asks.")
        (folder / name).write_text(page.whole(), encoding="utf-8")
