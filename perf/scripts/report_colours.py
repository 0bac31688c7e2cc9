"""Colours of the report's pictures: one a curve, and the same curve the same everywhere."""
import colorsys

# Told apart by people who see colours differently, neighbours above all.
PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f3c8d", "#7d7d7d",
           "#8c510a", "#9aa400", "#b2182b", "#1b2a6b", "#66c2a5", "#e377c2"]
# Loads are an order, and so are their colours: the hotter, the more. A load keeps its colour when
# another run saturates earlier.
LOADS = ["#6a3d9a", "#3f4fb0", "#2f7de1", "#35b1d6", "#1b9e77", "#66a61e", "#b5b21a", "#e6a000",
         "#ef6c1a", "#d7301f", "#980043", "#5c1a1b"]
# What several pictures and reports show.
OWN = {
    "p50": "#0072b2", "median": "#0072b2", "p99": "#009e73", "p99.9": "#e69f00", "max": "#d55e00",
    "engine": "#0072b2", "strategy-tick-to-order": "#d55e00",
    "wire-direct": "#009e73", "wire-direct-floor": "#66c2a5",
    "wire-direct-flow": "#cc79a7", "wire-direct-flow-floor": "#7f3c8d",
    "wire-io_uring": "#e69f00", "wire-io_uring-floor": "#8c510a",
    "wire-io_uring-flow": "#56b4e9", "wire-io_uring-flow-floor": "#1b2a6b",
}
# A closed loop stands beside open ones only to be compared: no palette has it.
CLOSED = "#1f2328"
BAND = "#cfe3f1"
MET, NOT_MET, NOT_HERE = "#009e73", "#d55e00", "#f2c078"


def curves(names):
    """A colour for each name; names that are known keep theirs."""
    taken, found = set(), []
    for name in names:
        own = OWN.get(name)
        found.append(own if own not in taken else None)
        taken.add(own)
    free = (colour for colour in endless(PALETTE) if colour not in taken)
    return [colour or next(free) for colour in found]


def loads(count):
    """Colours for so many loads, lowest first."""
    colours = endless(LOADS)
    return [next(colours) for _ in range(count)]


def endless(palette):
    """The palette, then colours that it has not: more curves than colours are no reason to repeat one."""
    yield from palette
    given, turn = set(palette), 0
    while True:
        turn += 1
        hue, light = turn * 0.618034 % 1, (0.42, 0.3, 0.55)[turn % 3]
        colour = "#" + "".join(f"{round(255 * c):02x}" for c in colorsys.hls_to_rgb(hue, light, 0.65))
        if colour not in given:
            given.add(colour)
            yield colour
