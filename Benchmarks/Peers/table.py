"""The table of ours beside the peers': ratios of medians, verdicts, and who is missing."""

import json
from dataclasses import asdict, dataclass, field
from statistics import median

MET, NOT_MET, REPORTED = "met", "not met", "reported"


@dataclass
class Row:
    what: str
    peer: str
    build: str
    unit: str
    peer_runs: list = field(default_factory=list)
    our_runs: list = field(default_factory=list)
    goal: str | None = None  # a case of Goal in Benchmarks/Goals.swift
    bound: float | None = None  # of ours / peer's
    at_least: bool = True
    wrong: str | None = None  # what the peer got wrong; its figures count for nothing then
    failed: str | None = None  # how its driver ended early; its figures count for nothing then

    @property
    def ratio(self):
        if self.wrong or self.failed or not self.peer_runs or not self.our_runs or median(self.peer_runs) <= 0:
            return None
        return median(self.our_runs) / median(self.peer_runs)

    @property
    def verdict(self):
        if self.wrong:
            return "WRONG RESULT: " + self.wrong
        if self.failed:
            return "DRIVER FAILED: " + self.failed
        if self.ratio is None:
            return "not measured"
        if self.bound is None:
            return REPORTED
        met = self.ratio >= self.bound if self.at_least else self.ratio <= self.bound
        return MET if met else NOT_MET


@dataclass
class Missing:
    peer: str
    why: str
    install: str


def spread(runs):
    if not runs:
        return "-"
    return f"{number(median(runs))} [{number(min(runs))}-{number(max(runs))}]"


def number(x):
    return f"{x:.0f}" if abs(x) >= 1000 else f"{x:.1f}" if abs(x) >= 10 else f"{x:.2f}"


class Table:
    """`origin` says when, of which commit and whether with a hundredth of the work it was made."""

    def __init__(self, machine, rows, missing, origin=None):
        self.machine, self.rows, self.missing = machine, rows, missing
        self.origin = origin or {}

    def deciding(self):
        """By goal the row of the peer that comes nearest to us; a wrong row decides nothing."""
        found = {}
        for row in self.rows:
            if row.goal and row.ratio is not None:
                other = found.get(row.goal, row)
                nearer = row.ratio < other.ratio if row.at_least else row.ratio > other.ratio
                found[row.goal] = row if nearer else other
        return found

    def goals(self):
        return {goal: row.ratio for goal, row in self.deciding().items()}

    def exit_code(self):
        if any(row.wrong for row in self.rows):
            return 65
        if any(row.failed for row in self.rows):
            return 70
        return 0 if any(row.ratio is not None for row in self.rows) else 69

    def text(self):
        lines = [
            f"peers beside ours, in turn in one run, median [min-max]; {self.machine}",
            f"  {'what':39} {'peer':16} {'build':9} {'peer':>24} {'ours':>24} {'unit':8} "
            f"{'ours/peer':>10}  goal",
        ]
        for row in self.rows:
            ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
            bound = "" if row.bound is None else f"{'>=' if row.at_least else '<='} {row.bound:g}  "
            lines.append(
                f"  {row.what:39} {row.peer:16} {row.build:9} {spread(row.peer_runs):>24} "
                f"{spread(row.our_runs):>24} {row.unit:8} {ratio:>10}  {bound}{row.verdict}"
            )
        for goal, row in self.deciding().items():
            sign = ">=" if row.at_least else "<="
            lines.append(
                f"  goal {goal:12} {row.what:39} {row.ratio:.2f} x {row.peer}, {row.build}; "
                f"{sign} {row.bound:g}: {row.verdict}"
            )
        lines += [f"  missing: {m.peer} ({m.why}); install it: {m.install}" for m in self.missing]
        if self.exit_code() == 69:
            lines.append("  no peer could be measured: this is no comparison")
        return "\n".join(lines)

    def json(self):
        rows = []
        for row in self.rows:
            one = asdict(row)
            for side, key in (("peer_runs", "theirs"), ("our_runs", "ours")):
                runs = one.pop(side)
                one[key] = (
                    {"median": median(runs), "min": min(runs), "max": max(runs), "runs": len(runs)}
                    if runs
                    else None
                )
            rows.append(one | {"ratio": row.ratio, "verdict": row.verdict})
        return json.dumps(
            {
                "machine": self.machine,
                "rows": rows,
                "goals": self.goals(),
                "missing": [asdict(m) for m in self.missing],
            }
            | self.origin,
            indent=1,
        )
