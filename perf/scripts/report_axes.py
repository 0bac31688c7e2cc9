"""Axes of the report's pictures: where they begin and end, and which marks they have, lowest first.

gnuplot's own marks have no thousands grouped, show 1.5 M as 2M, and end a logarithmic axis at a power of ten.
"""
import math
from dataclasses import dataclass

# Labels nearer than this share of an axis would touch.
APART = 0.075
MARKS_MAX = 9


@dataclass
class Axis:
    low: float
    high: float
    is_logarithmic: bool

    def share(self, value):
        """Where on the axis: 0 at its low end, 1 at its high one."""
        if self.is_logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def holds(self, value):
        return self.low * (1 - 1e-9) <= value <= self.high * (1 + 1e-9)


def along(xs, is_logarithmic):
    """An axis with a little air beside the first and the last point; one point has it all around."""
    low, high = min(xs), max(xs)
    # Nothing at all has no place on a logarithmic axis, and is no reason to leave it out.
    if is_logarithmic and low > 0:
        air = (high / low) ** 0.02 if high > low else 2
        return Axis(low / air, high * air, True)
    air = 0.02 * (high - low) or max(1, abs(high) / 2)
    return Axis(low - air, high + air, False)


def up(values):
    """A logarithmic axis from a mark to a mark, around what is above 0; None where nothing is."""
    above = [value for value in values if value > 0]
    if not above:
        return None
    low, high = round_down(min(above)), round_up(max(above))
    return Axis(low, high if high > low else 10 * low, True)


def round_down(value):
    """To 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(m * power for m in (0.5, 1, 2, 5) if m * power <= value * (1 + 1e-9))


def round_up(value):
    power = 10.0 ** math.floor(math.log10(value))
    return min(m * power for m in (1, 2, 5, 10) if m * power >= value * (1 - 1e-9))


def marks(axis, are_whole=False):
    """Values worth a label: few, round, lowest first."""
    return logarithmic(axis) if axis.is_logarithmic else linear(axis, are_whole)


def logarithmic(axis):
    first, last = math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high))
    found = []
    for multiples, stride in (((1, 2, 5), 1), ((1,), 1), ((1,), 2), ((1,), 3), ((1,), 6)):
        found = [m * 10.0 ** n for n in range(first, last + 1) for m in multiples
                 if n % stride == 0 and axis.holds(m * 10.0 ** n)]
        if len(found) <= MARKS_MAX:
            break
    return found if len(found) > 1 else linear(axis, False)


def linear(axis, are_whole):
    step = round_up((axis.high - axis.low) / 8)
    # There is no half a strategy.
    step = max(1, step) if are_whole else step
    first, last = math.ceil(axis.low / step - 1e-9), math.floor(axis.high / step + 1e-9)
    return [n * step for n in range(first, last + 1)]


def minor(axis, labelled):
    """Marks without a label that show a logarithmic axis for one: only where labels are powers of ten."""
    if not axis.is_logarithmic or any(not math.log10(v).is_integer() for v in labelled if v > 0):
        return []
    powers = range(math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high)) + 1)
    found = [m * 10.0 ** n for n in powers for m in range(1, 10)]
    return [value for value in found if axis.holds(value) and value not in labelled]


def at_points(axis, xs, label):
    """Marks at the points themselves, as far as their labels neither touch nor say the same."""
    found = []
    for x in sorted(set(xs)):
        near = found and axis.share(x) - axis.share(found[-1]) < APART
        if not near and label(x) not in map(label, found):
            found.append(x)
    return found
