"""python3 -m unittest table_test, in this folder; Tests/BenchTests runs it too."""

import json
import sys
import unittest
from pathlib import Path

import drivers
from table import MET, NOT_MET, REPORTED, Missing, Row, Table


def row(peer_runs, our_runs, **more):
    return Row("ring", "peer", "native", "M/s", peer_runs, our_runs, **more)


class TableTest(unittest.TestCase):
    def test_the_report_shows_every_row_and_who_is_missing(self):
        sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "perf" / "scripts"))
        import report_pages

        rows = [row([10, 20, 30], [40], goal="ringWide", bound=4), row([8], [4])]
        rows.append(Row("books", "slow", "PyPI", "M/s", [], [1]))
        page = report_pages.Markdown()
        report_pages.peers(page, json.loads(Table("m", rows, [Missing("ck", "no", "apt")]).json()))
        text = page.whole()
        self.assertIn("| ring | peer | native | 20.00 | 40.00 | M/s | 2.00 | ≥ 4.00 | not met |", text)
        self.assertIn("| 0.5000 |  | reported |", text)
        self.assertIn("| books | slow | PyPI | - |", text)
        self.assertIn("Missing: ck (no); install it: apt", text)

    def test_the_file_says_when_and_of_what_it_was_made(self):
        origin = {"made": "2026-01-02T03:04:05Z", "commit": "abc1234", "quick": True}
        said = json.loads(Table("m", [row([10], [40])], [], origin).json())
        self.assertEqual({key: said[key] for key in origin}, origin)

    def test_a_ratio_is_that_of_the_medians(self):
        self.assertEqual(row([10, 1, 100], [30, 40, 50]).ratio, 4)

    def test_a_bound_is_met_exactly_at_it_and_in_its_direction(self):
        self.assertEqual(row([10], [40], bound=4).verdict, MET)
        self.assertEqual(row([10], [39], bound=4).verdict, NOT_MET)
        self.assertEqual(row([10], [11.5], bound=1.15, at_least=False).verdict, MET)
        self.assertEqual(row([10], [12], bound=1.15, at_least=False).verdict, NOT_MET)
        self.assertEqual(row([10], [12]).verdict, REPORTED)

    def test_the_best_peer_decides_a_goal(self):
        rows = [row([10], [40], goal="ringWide", bound=4), row([20], [40], goal="ringWide")]
        self.assertEqual(Table("m", rows, []).goals(), {"ringWide": 2})
        rows[1].peer, rows[1].bound = "fastest", 4
        said = Table("m", rows, []).text()
        self.assertRegex(said, "goal ringWide .* 2.00 x fastest, native; >= 4: not met")
        slow = [row([10], [11], goal="trip", bound=1.15, at_least=False)]
        slow.append(row([20], [11], goal="trip", at_least=False))
        self.assertEqual(Table("m", slow, []).goals(), {"trip": 1.1})

    def test_a_wrong_result_fails_its_row_and_the_table(self):
        wrong = row([10], [1000], goal="ringWide", bound=4, wrong="a byte")
        table = Table("m", [wrong, row([10], [40])], [])
        self.assertIsNone(wrong.ratio)
        self.assertEqual(table.exit_code(), 65)
        self.assertEqual(table.goals(), {})
        self.assertIn("WRONG RESULT: a byte", table.text())

    def test_a_driver_that_ends_early_is_no_wrong_result_and_no_success(self):
        crashed = row([10], [1000], goal="ringWide", bound=4, failed="ended by SIGSEGV: no word")
        table = Table("m", [crashed, row([10], [40])], [])
        self.assertIsNone(crashed.ratio)
        self.assertEqual(table.exit_code(), 70)
        self.assertEqual(table.goals(), {})
        self.assertIn("DRIVER FAILED: ended by SIGSEGV", table.text())
        self.assertNotIn("WRONG RESULT", table.text())
        wrong = Table("m", [crashed, row([10], [40], wrong="a byte")], [])
        self.assertEqual(wrong.exit_code(), 65)

    def test_a_crash_a_failure_and_a_wrong_result_are_told_apart(self):
        def noted(script):
            one = row([], [1])
            try:
                drivers.run([sys.executable, "-c", "import os, sys;" + script])
            except drivers.Failed as error:
                drivers.note(one, error)
            return one

        self.assertEqual(noted("sys.exit(0)").verdict, "not measured")
        self.assertEqual(noted("print('item 7', file=sys.stderr);sys.exit(65)").wrong, "item 7")
        self.assertEqual(noted("print('no memory', file=sys.stderr);sys.exit(70)").failed, "no memory")
        crash = noted("sys.stdout.write('12');sys.stdout.flush();os.abort()")
        self.assertIsNone(crash.wrong)
        self.assertTrue(crash.failed.startswith("ended by SIGABRT"))

    def test_a_missing_peer_is_named_with_its_command(self):
        table = Table("m", [row([10], [40])], [Missing("ck", "no header", "apt-get install x")])
        self.assertIn("missing: ck (no header); install it: apt-get install x", table.text())
        self.assertEqual(json.loads(table.json())["missing"][0]["peer"], "ck")
        self.assertEqual(table.exit_code(), 0)

    def test_a_table_without_any_peer_is_no_success(self):
        table = Table("m", [row([], [40], bound=4)], [Missing("ck", "gone", "apt-get")])
        self.assertEqual(table.exit_code(), 69)
        self.assertIn("no comparison", table.text())
        self.assertIn("not measured", table.text())

    def test_json_has_the_spread_of_both_sides(self):
        one = json.loads(Table("m", [row([3, 1, 2], [8])], []).json())["rows"][0]
        self.assertEqual(one["peer"], "peer")
        self.assertEqual(one["theirs"], {"median": 2, "min": 1, "max": 3, "runs": 3})
        self.assertEqual(one["ours"]["median"], 8)
        self.assertEqual(one["ratio"], 4)


if __name__ == "__main__":
    unittest.main()
