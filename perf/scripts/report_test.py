"""python3 -m unittest report_test, in this folder; Tests/BenchTests runs it too."""

import math
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import report_pages
import report_pictures

NAN = "nan"
CLOSED_LOOPS = ["engine", "strategy-tick-to-order", *(
    f"wire-{way}{end}" for way in ("direct", "io_uring")
    for end in ("", "-floor", "-flow", "-flow-floor"))]
LOADS = ["10k", "50k", "100k", "250k", "500k", "1M", "2M", "4M", "8M"]
WIRE_LOADS = [10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 80_000, 100_000, 150_000, 200_000]
BAND = ["median", "least", "greatest"]


def curve(points, series=("p50",), **more):
    """points: x and the values there."""
    return {"name": "load", "title": "latency against load", "xLabel": "messages/s", "yLabel": "us",
            "series": list(series), "xIsLogarithmic": True, "yIsLogarithmic": True,
            "points": [{"x": x, "values": values} for x, *values in points]} | more


def goal(title="a goal", measured=1, value=2, verdict="met", **more):
    return {"title": title, "measured": measured, "unit": "us", "verdict": verdict,
            "bound": {"value": value, "atLeast": False, "isGoal": True}} | more


def figure(median, unit, **more):
    return {"name": "figure", "unit": unit, "median": median, "min": median, "max": median, "runs": 3} | more


def limit(value, isGoal=False):
    return {"value": value, "atLeast": False, "isGoal": isGoal}


def report(curves=(), goals=(), figures=(), **more):
    suite = {"suite": "s", "question": "what?", "figures": list(figures)}
    return {"machine": "a machine", "quick": False, "troubles": [], "suites": [suite],
            "curves": list(curves), "goals": {"rows": list(goals)}} | more


def hgrm(rows, greatest=None, count=None):
    """rows: value and 1/(1-percentile)."""
    text = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n"
    text += "".join(f"{value} {1 - 1 / share:.12f} 1 {share}\n" for value, share in rows)
    return text + (f"{greatest} 1.000000000000 {count}\n" if count else "") + "#[Mean    =   1.0]\n"


def some(stems):
    return {str(stem): hgrm([(1, 1), (2, 10)]) for stem in stems}


class Drawn:
    """What is drawn and written, with gnuplot's scripts instead of its pictures unless it is real."""

    def __init__(self, figures, distributions=None, real=False):
        self.scripts, self.warnings = {}, ""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "hgrm").mkdir()
            for stem, text in (distributions or {}).items():
                (folder / "hgrm" / f"{stem}.hgrm").write_text(text)
            plotter = self.watch(subprocess.run) if real else self.keep
            with mock.patch.object(report_pictures.subprocess, "run", plotter):
                self.pictures = report_pictures.draw(figures, folder)
            facts = {"date": "today", "commit": "abc", "peers": None}
            report_pages.write(figures, facts, self.pictures, folder)
            self.markdown, self.html = ((folder / page).read_text() for page in ("report.md", "index.html"))
            self.svg = {path.stem: path.read_text() for path in folder.glob("*.svg")}

    def keep(self, command, input, **_):
        path = Path(re.search(r"set output '(.*)'", input)[1])
        path.write_text("<svg/>")
        self.scripts[path.stem] = input

    def watch(self, run):
        def watched(command, input, **_):
            end = run(command, input=input, text=True, check=True, capture_output=True)
            self.warnings += end.stderr
        return watched

    def curves(self, name):
        """Titles and colours of a picture's lines."""
        plot = self.scripts[name].rpartition("\nplot ")[2]
        return [(title, colour) for colour, title in re.findall(
            r"with lines(?:points)?\b.*?rgb '(#\w+)'.*?title '((?:[^']|'')*)'", plot)]

    def marks(self, name, which="x"):
        """Labels and places of an axis, in the order in which they are given."""
        found = re.search(rf"set {which}tics \((.*)\)", self.scripts[name])
        return [(label, float(at)) for label, at in
                re.findall(r"'([^']*)' ([-+.e\d]+)", found[1] if found else "") if label]

    def data(self, name):
        """The rows of each data block."""
        return [[[float(x) for x in line.split()] for line in text.split("\n")] for text in
                re.findall(r"^\$\w+ << E\n(.*?)\nE$", self.scripts[name], re.M | re.S)]

    def rows(self, start):
        """The cells of the table rows that begin with it, as Markdown has them."""
        return [[cell.strip() for cell in line.split("|")[1:-1]]
                for line in self.markdown.split("\n") if line.startswith("| " + start)]


class ColourTest(unittest.TestCase):
    def assert_one_colour_a_curve(self, curves, count):
        self.assertEqual(len(curves), count)
        self.assertEqual(len({colour for _, colour in curves}), count, curves)

    def test_no_two_distributions_of_a_picture_share_a_colour(self):
        drawn = Drawn(report(), some(CLOSED_LOOPS + [f"load-{r}" for r in (*LOADS, "closed-loop")]))
        self.assert_one_colour_a_curve(drawn.curves("latency"), 10)
        self.assert_one_colour_a_curve(drawn.curves("latency-load"), 10)
        many = Drawn(report(), some([f"load-{n}k" for n in range(1, 41)]))
        self.assert_one_colour_a_curve(many.curves("latency-load"), 40)

    def test_no_two_series_of_a_curve_share_a_colour(self):
        series = ["p50", "median", "same", "same", *(f"s{i}" for i in range(30))]
        drawn = Drawn(report([curve([(1, *range(1, 35)), (2, *range(1, 35))], series)]))
        self.assert_one_colour_a_curve(drawn.curves("curve-load"), 34)

    def test_a_series_keeps_its_colour_whatever_stands_beside_it(self):
        alone = Drawn(report([curve([(1, 5, 9)], ["p99.9", "p50"])]), some(["wire-direct"]))
        beside = Drawn(report([curve([(1, 5, 7, 9)], ["p50", "p99", "p99.9"])]), some(CLOSED_LOOPS))
        for name in ("curve-load", "latency"):
            self.assertLessEqual(set(alone.curves(name)), set(beside.curves(name)))

    def test_a_load_keeps_its_colour_where_another_run_saturates_earlier(self):
        whole, part = (Drawn(report(), some(f"load-{r}" for r in rates)).curves("latency-load")
                       for rates in (LOADS, [*LOADS[:4], "closed-loop"]))
        self.assertEqual(part[:4], whole[:4])

    def test_goals_are_coloured_by_their_verdicts(self):
        rows = [goal(verdict=v, measured=m) for v, m in
                (("met", 1), ("not met", 3), ("not met on this machine", 3))]
        script = Drawn(report(goals=rows)).scripts["goals"]
        bars = re.findall(r"rectangle from [\d.]+,.*rgb '(#\w+)'", script)
        self.assertEqual(len(set(bars)), 3)


class UnitTest(unittest.TestCase):
    def test_loads_stand_in_order_and_say_what_they_are_a_second(self):
        drawn = Drawn(report(), some([f"load-{r}" for r in ("closed-loop", *LOADS)]
                                     + [f"wire-load-{r}" for r in WIRE_LOADS]))
        self.assertEqual([title for title, _ in drawn.curves("latency-load")],
                         [f"{r[:-1]} {r[-1]} messages/s" for r in LOADS] + ["closed loop"])
        self.assertEqual([title for title, _ in drawn.curves("latency-wire-load")],
                         [f"{r // 1000} k orders/s" for r in WIRE_LOADS])

    def test_what_only_sounds_like_a_load_is_none(self):
        drawn = Drawn(report(), some(["overload", "payload-7"]))
        self.assertEqual(drawn.pictures["latency"], ["latency"])

    def test_marks_rise_and_each_axis_has_one_unit(self):
        points = [(2e6, 4e5), (5e3, 0.3), (1e6, 900), (3e4, 50)]
        drawn = Drawn(report([curve(points)]))
        self.assertEqual(drawn.marks("curve-load"),
                         [("5 k", 5e3), ("30 k", 3e4), ("1 M", 1e6), ("2 M", 2e6)])
        marks = drawn.marks("curve-load", "y")
        self.assertEqual(marks, sorted(marks, key=lambda mark: mark[1]))
        self.assertIn(("100,000", 1e5), marks)
        self.assertRegex(drawn.scripts["curve-load"], "set ylabel '.*µs")

    def test_marks_neither_touch_nor_say_the_same(self):
        drawn = Drawn(report([curve([(x, 1) for x in (1e5, 1.0001e5, 9.99e5, 999_999, 1e6)])]))
        self.assertEqual([label for label, _ in drawn.marks("curve-load")], ["100 k", "999 k"])
        # Many points: round marks instead, and 1.5 M is not 2M.
        many = Drawn(report([curve([(i * 2.5e5, 1) for i in range(1, 15)], xIsLogarithmic=False)]))
        self.assertEqual(many.marks("curve-load")[2:4], [("1.5 M", 1.5e6), ("2 M", 2e6)])

    def test_microseconds_are_written_so_everywhere(self):
        noted = figure(7, "us", note="late by 1500 us; of us all", limit=limit(9))
        drawn = Drawn(report([curve([(1, 2)])], [goal()], [noted]))
        text = drawn.markdown + drawn.html + "".join(drawn.scripts.values())
        self.assertEqual(re.findall(r".{9}\bus\b", text.replace("of us all", "")), [])
        self.assertIn("late by 1500 µs; of us all", drawn.markdown)
        self.assertEqual(drawn.rows("a goal"), [["a goal", "1.00", "µs", "≤ 2", "met"]])

    def test_a_rate_is_named_the_same_way_everywhere(self):
        drawn = Drawn(report([curve([(1e4, 2)], xLabel="orders a second")]))
        self.assertIn("set xlabel 'orders/s'", drawn.scripts["curve-load"])
        self.assertIn("| orders/s | p50, µs |", drawn.markdown)

    def test_what_is_small_is_not_shown_as_nothing(self):
        drawn = Drawn(report(figures=[figure(0.00001234, "ms"), figure(0, "ms")]))
        self.assertEqual([row[1] for row in drawn.rows("figure")][1:], ["0.00001234", "0"])

    def test_a_figure_that_is_hardly_not_met_does_not_read_like_its_bound(self):
        drawn = Drawn(report(goals=[goal(measured=1.1001, value=1.1, verdict="not met")]))
        self.assertEqual(drawn.rows("a goal")[0][1:], ["1.1001", "µs", "≤ 1.1", "not met"])

    def test_the_percent_signs_of_titles_are_no_formats(self):
        script = Drawn(report(goals=[goal("5 % of all")])).scripts["goals"]
        self.assertIn("'5 %% of all' 0", script)


class CountTest(unittest.TestCase):
    def test_counts_of_tables_are_whole(self):
        units = ["requests", "errors", "count", "KiB", "orders", "msg", "ticks", ""]
        figures = [figure(1.5, unit, runs=12_345.0) for unit in units]
        noise = {"othersPercent": 1.5, "stolenPercent": 0, "preemptions": 12345.0, "lateWakes": 2.0,
                 "latestWakeMicroseconds": 1.5, "seconds": 2.5}
        made = report(figures=figures)
        made["suites"][0]["noise"] = noise
        drawn = Drawn(made)
        for row in drawn.rows("figure")[1:]:
            self.assertEqual([row[1], *row[3:6]], ["2", "2", "2", "12,345"], row)
        self.assertEqual(drawn.rows("s ")[0], ["s", "1.50", "0", "12,345", "2", "1.50", "2.50"])

    def test_what_was_counted_is_never_shown_as_nothing(self):
        drawn = Drawn(report(figures=[figure(0.25, "errors", limit=limit(0))]))
        self.assertEqual(drawn.rows("figure")[1][1:], ["1", "errors", "1", "1", "3", "≤ 0", "MISSED"])

    def test_rates_and_times_keep_their_decimals(self):
        drawn = Drawn(report(figures=[figure(1.5, unit) for unit in ("ns/order", "M msg/s", "x", "%", "s")]))
        self.assertEqual({row[1] for row in drawn.rows("figure")[1:]}, {"1.50"})

    def test_counts_along_an_axis_are_whole(self):
        few = curve([(n, 10, 9, 11) for n in (1, 2, 4)], BAND, xLabel="strategies", yLabel="ns",
                    yIsLogarithmic=False, name="growth-few", title="t; caches L1 32.00 KiB")
        many = curve([(n, n % 3) for n in range(1, 13)], xLabel="strategies", yLabel="errors",
                     name="growth-many", xIsLogarithmic=False, yIsLogarithmic=False)
        drawn = Drawn(report([few, many]))
        self.assertEqual([label for label, _ in drawn.marks("curve-growth-few")], ["1", "2", "4"])
        self.assertEqual([label for label, _ in drawn.marks("curve-growth-many", "y")], ["0", "1", "2"])
        self.assertEqual([row[0] for row in drawn.rows("4 ")], ["4", "4"])
        self.assertIn("'caches L1 32 KiB'", drawn.scripts["curve-growth-few"])

    def test_a_goal_of_nothing_has_its_bar_and_is_a_whole_number(self):
        rows = [goal("allocations", 0, 0, unit=""), goal("locks", 3, 0, "not met", unit="")]
        drawn = Drawn(report(goals=rows))
        self.assertEqual(drawn.rows("allocations")[0][1:4], ["0", "", "≤ 0"])
        self.assertEqual([label for label, _ in drawn.marks("goals", "y")], ["locks", "allocations"])
        self.assertIn("'3' at", drawn.scripts["goals"])

    def test_cards_count_only_goals_that_could_be_met(self):
        rows = [goal(), goal(verdict="not met on this machine"), goal(bound=None, verdict="reported"),
                goal(measured=None, verdict="not measured: why")]
        text = Drawn(report(goals=rows)).markdown
        for card in ("goals met of those measured: **1 of 2**", "not met on this machine: **1**",
                     "reported, without a bound: **1**", "goals not measured: **1**"):
            self.assertIn(card, text)


class OrderTest(unittest.TestCase):
    # The rate that was reached at saturation lies below the one before.
    POINTS = [(1e4, 1, 2), (9e4, 50, 90), (5e4, 2, 4), (2e4, 1.2, 3), (8e4, 20, 70)]

    def test_points_are_joined_in_order_of_load(self):
        drawn = Drawn(report([curve(self.POINTS, ["p50", "p99"])]))
        for rows in drawn.data("curve-load"):
            self.assertEqual([row[0] for row in rows], [1e4, 2e4, 5e4, 8e4, 9e4])

    def test_the_band_is_in_order_of_what_grows(self):
        points = [(100, 3, 2, 4), (1, 1, 1, 1), (10, 2, 1, 3)]
        drawn = Drawn(report([curve(points, BAND, name="growth-x", yIsLogarithmic=False)]))
        for rows in drawn.data("curve-growth-x"):
            self.assertEqual([row[0] for row in rows], [1, 10, 100])

    def test_the_table_is_in_order_of_load(self):
        drawn = Drawn(report([curve(self.POINTS, ["p50", "p99"])]))
        self.assertEqual([row[0] for row in drawn.rows("") if row[0].endswith("0,000")],
                         ["10,000", "20,000", "50,000", "80,000", "90,000"])

    def test_percentiles_are_joined_in_order_and_up_to_the_greatest(self):
        drawn = Drawn(report(), {"engine": hgrm([(1, 1), (9, 8), (3, 2), (5, 4)], 12, 10)})
        self.assertEqual(drawn.data("latency"), [[[1, 1], [2, 3], [4, 5], [8, 9], [10, 12]]])


class PageTest(unittest.TestCase):
    def test_the_first_page_says_what_the_machine_is(self):
        drawn = Drawn(report(kernels="bounce 96.00 ns; stolen 0.1 %"))
        for page in (drawn.markdown, drawn.html):
            self.assertRegex(page, r"(?s)a machine.*bounce 96\.00 ns; stolen 0\.1 %.*Goals")

    def test_a_limit_is_met_or_not_and_a_users_own_is_missed_aloud(self):
        cases = [(limit(9), "met"), (limit(5), "MISSED"), (limit(5, isGoal=True), "not met"), (None, "")]
        drawn = Drawn(report(figures=[figure(7, "us", limit=one) for one, _ in cases]))
        self.assertEqual([row[-1] for row in drawn.rows("figure")][1:], [verdict for _, verdict in cases])
        self.assertIn('<td class="not">MISSED</td>', drawn.html)

    def test_base_and_quoted_have_columns_where_a_row_has_one(self):
        rows = [goal("a", base=1.25), goal("b", quoted=3, verdict="not met on this machine")]
        drawn = Drawn(report(goals=rows))
        self.assertIn("| what | measured | unit | goal | base | quoted | verdict |", drawn.markdown)
        self.assertEqual(drawn.rows("a "), [["a", "1.00", "µs", "≤ 2", "1.25", "-", "met"]])
        self.assertIn('<td class="here">not met on this machine</td>', drawn.html)
        self.assertIn("| what | measured | unit | goal | verdict |", Drawn(report(goals=[goal()])).markdown)

    def test_the_page_can_be_sent_alone(self):
        html = Drawn(report([curve([(1, 2)])])).html
        self.assertIn('src="data:image/svg+xml;base64,', html)
        self.assertNotIn('.svg"', html)


class EdgeTest(unittest.TestCase):
    """What is odd is drawn all the same, by gnuplot itself where it is installed, and without a warning."""

    CURVES = [
        curve([(1e6, 12.5)], title="One `date` 'q' \"d\" $HOME 5 % {/Symbol a} " * 9 + "; and `more`"),
        curve([(1e4, 1, NAN), (2e4, NAN, NAN), (4e4, 4, "inf"), (8e4, 5, NAN)], ["p50", "p99"], name="gaps"),
        curve([(1e4, 0, 2), (2e4, 5, 40)], ["p50", "p99"], name="zeros"),
        curve([(1e4, 0), (2e4, 0)], name="nothing-but-zeros"),
        curve([(0, 10, 9, 11), (64, 20, 19, 5_000)], BAND, name="growth-from-0", yIsLogarithmic=False),
        curve([(1, 10), (2,)], BAND, name="growth-short", yIsLogarithmic=False),
        curve([(1, -5), (2, 3)], name="negative"),
        curve([(1e3, 1e-3), (1e12, 1e9)], name="wide"),
        curve([(n, *range(1, 19)) for n in range(1, 9)],
              [f"a series with a long name {n}" for n in range(18)], name="many"),
    ]
    NOT_DRAWN = [curve([(1e4, NAN), (NAN, 3)], name="nan"), curve([], name="empty"),
                 curve([(1, NAN, 3, NAN)], BAND, name="neither-median-nor-band"), curve([(1,)], [], name="none")]
    DISTRIBUTIONS = {
        "engine": hgrm([(0, 1), (0, 2)], 0, 5), "one": hgrm([], 7, 1), "none": hgrm([]),
        "a-'quoted'-`date`-name-that-goes-on-and-on-and-on": hgrm([(1, 1), (2, 2)]),
        "load-5k": hgrm([(1, 1), (2, math.inf)], 2, 10**8),
    }
    GOALS = [goal("a title that goes on, " * 9 + "`x` 'q' 5 %"), goal(measured=0), goal(measured=NAN),
             goal(measured=1e9, verdict="not met"), goal(measured=-3),
             goal(measured=1, value=0, verdict="not met")]

    def test_what_was_not_measured_breaks_the_line(self):
        rows = self.CURVES[1]
        script = Drawn(report([rows])).scripts["curve-gaps"]
        self.assertIn("<< E\n10000 1\n\n40000 4\n80000 5\nE", script)
        self.assertEqual(len(script.rpartition("plot ")[2].split("title")) - 1, 1, "p99 has no point")

    def test_zero_has_a_mark_of_its_own_on_a_logarithmic_axis(self):
        drawn = Drawn(report([self.CURVES[2]]))
        label, foot = drawn.marks("curve-zeros", "y")[0]
        self.assertEqual(label, "0")
        self.assertEqual(drawn.data("curve-zeros")[0][0], [1e4, float(f"{foot:.9g}")])

    @unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not there: perf/scripts/deps report")
    def test_odd_data_are_drawn(self):
        drawn = Drawn(report([*self.CURVES, *self.NOT_DRAWN], self.GOALS), self.DISTRIBUTIONS, real=True)
        self.assertEqual(drawn.warnings, "")
        self.assertEqual(sorted(drawn.svg), sorted(
            [f"curve-{one['name']}" for one in self.CURVES] + ["goals", "latency", "latency-load"]))
        self.assertIn("`date`", drawn.svg["curve-load"])
        self.assertIn("sans-serif", drawn.svg["latency"])


if __name__ == "__main__":
    unittest.main()
