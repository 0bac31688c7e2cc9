"""Framed ITCH 5.0 into the three operations that every peer's book knows, and the answer that
needletail-bench books gives too."""

import json
import struct
import sys
import time

ADD, UPDATE, DELETE = 0, 1, 2


def operations(path):
    """Yields (operation, locate, reference, is_bid, shares, price) and counts messages."""
    data = open(path, "rb").read()
    live = {}
    at = 0
    word = struct.Struct(">Q").unpack_from
    half = struct.Struct(">I").unpack_from
    while at + 2 <= len(data):
        length = data[at] << 8 | data[at + 1]
        m = at + 2
        kind, locate = data[m], data[m + 1] << 8 | data[m + 2]
        if kind in b"AF":
            reference = word(data, m + 11)[0]
            order = [locate, data[m + 19] == 66, half(data, m + 20)[0], half(data, m + 32)[0]]
            live[reference] = order
            yield ADD, locate, reference, order[1], order[2], order[3]
        elif kind in b"ECX":
            reference = word(data, m + 11)[0]
            order = live[reference]
            order[2] -= half(data, m + 19)[0]
            if order[2] > 0:
                yield UPDATE, locate, reference, order[1], order[2], order[3]
            else:
                del live[reference]
                yield DELETE, locate, reference, order[1], 0, order[3]
        elif kind in b"D":
            reference = word(data, m + 11)[0]
            order = live.pop(reference)
            yield DELETE, locate, reference, order[1], 0, order[3]
        elif kind in b"U":
            reference, new = word(data, m + 11)[0], word(data, m + 19)[0]
            order = live.pop(reference)
            yield DELETE, locate, reference, order[1], 0, order[3]
            order[2], order[3] = half(data, m + 27)[0], half(data, m + 31)[0]
            live[new] = order
            yield ADD, locate, new, order[1], order[2], order[3]
        at = m + length


def answer(messages, seconds, bests):
    """bests: [locate, bid, bid shares, ask, ask shares] of every book with an order, by locate."""
    print(json.dumps({"rate": messages / seconds / 1e6, "bests": sorted(bests)}))


def count(path):
    data = open(path, "rb").read()
    at = messages = 0
    while at + 2 <= len(data):
        at += 2 + (data[at] << 8 | data[at + 1])
        messages += 1
    return messages


def clock():
    return time.perf_counter()


def file():
    if len(sys.argv) != 2:
        sys.exit("usage: DRIVER FILE (framed ITCH)")
    return sys.argv[1]
