"""The report's figures as people read them: whole counts, units by name, points in order."""
import math
import re

# What is measured, and has decimals; what has another unit, or none, is counted.
MEASURES = {"ns", "us", "µs", "ms", "s", "min", "x", "%", "MiB", "GiB", "MHz", "GHz"}


def finite(value):
    """Numbers come as such, or as 'nan' and 'inf'."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def is_count(unit):
    """Orders, errors, symbols, KiB: a share of one is none. Rates and ratios have a stroke."""
    return unit not in MEASURES and "/" not in unit


def whole(value):
    """A count: a median between two counts is rounded, and what is not nothing is never shown as 0."""
    rounded = math.floor(abs(value) + 0.5) or math.ceil(abs(value))
    return f"{math.copysign(rounded, value) if rounded else 0:,.0f}"


def number(value, unit="x"):
    """Counts whole; measures as the text report has them, thousands grouped, and as many digits of small
    ones as leave no figure at 0.0000."""
    value = finite(value)
    if value is None:
        return "-"
    if value == 0 or is_count(unit):
        return whole(value)
    size = abs(value)
    if size >= 999.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 99.995 else f"{value:.2f}" if size >= 1 else small(value)


def small(value):
    """Four significant digits, without an exponent as long as anybody can count the zeros."""
    digits = 3 - math.floor(math.log10(abs(value)))
    return f"{value:.{digits}f}" if digits <= 9 else f"{value:.3e}"


def exact(value):
    """What somebody has written down, a bound or a tick: all its digits and no more."""
    return f"{value:,.15g}" if 1e-4 <= abs(value) < 1e15 or value == 0 else f"{value:.4g}"


def short(value):
    """1500000 as 1.5 M, for an axis and its key."""
    value = float(f"{value:.3g}")
    for limit, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= limit:
            return f"{value / limit:g}{letter}"
    return f"{value:g}"


def unit_of(text):
    """A unit, or an axis by its unit: µs, and orders/s."""
    return re.sub(r" a second$", "/s", re.sub(r"^us\b", "µs", text))


def said(text):
    """Text of needletail-bench with its figures as they are printed here: 9 µs, and 32 KiB for 32.00."""
    # Only behind a figure: "us" is a word, too.
    text = re.sub(r"(?<=\d )us\b", "µs", text.replace(">=", "≥").replace("<=", "≤"))
    return re.sub(r"(?<![\d.,])(\d{1,3})\.00(?![\d.])", r"\1", text)


def bound(limit, unit=""):
    """≤ 15.5 µs."""
    if not limit:
        return ""
    return f"{'≥' if limit['atLeast'] else '≤'} {exact(limit['value'])} {unit_of(unit)}".strip()


def telling(value, unit, limit):
    """A figure beside its bound: 1.10 of at most 1.1 is met, and what is not is 1.1001."""
    text, value = number(value, unit), finite(value)
    if not limit or value in (None, limit["value"]) or finite(text.replace(",", "")) != limit["value"]:
        return text
    return exact(float(f"{value:.7g}"))


def in_order(points):
    """A curve's points by x, whatever order they were measured in; those without one are left out."""
    return sorted((p for p in points if finite(p["x"]) is not None), key=lambda p: finite(p["x"]))
