#!/usr/bin/env python3
"""Reads recordings (.ntc) by Sources/Captures/Format.md alone, and the files that they were made of by itself, and
compares both with each other and with what `needletail capture` says of them, generated recordings too.

usage: captures.py NEEDLETAIL DATA [--all]     exits 1 when anything differs
"""
import gzip, json, os, struct, subprocess, sys, tempfile, time, zipfile
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import zstandard

MASK = (1 << 64) - 1
ALL = 0xFFFFFFFF
LAST, SNAPSHOT = 1, 2
BUY, SELL = ord("B"), ord("S")
WORDS = {"Q": "quote", "L": "level", "T": "trade", "A": "add", "M": "modify", "X": "cancel", "D": "delete",
         "E": "execute", "C": "clear", "G": "gap", "H": "status"}

# ---------------------------------------------------------------- the format


def crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


TABLE = crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


def fnv(state, data):
    for byte in data:
        state = ((state ^ byte) * 0x100000001B3) & MASK
    return state


FNV_START = 0xCBF29CE484222325
# session_time sequence price quantity ask_price ask_quantity reference instrument kind side flags detail receive_time
CANONICAL = struct.Struct("<qQqqqqQIBBBBq")
FIELDS = ["session_time", "sequence", "price", "quantity", "ask_price", "ask_quantity", "reference", "instrument",
          "kind", "side", "flags", "detail", "receive_time"]
SESSION, SEQUENCE, PRICE, QUANTITY, ASK_PRICE, ASK_QUANTITY, REFERENCE, INSTRUMENT, KIND, SIDE, FLAGS, DETAIL, \
    RECEIVE = range(13)


class Bytes:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def take(self, form):
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values[0] if len(values) == 1 else values

    def text(self, form):
        count = self.take(form)
        raw = self.data[self.at:self.at + count]
        assert len(raw) == count
        self.at += count
        return raw.decode("utf-8")


def varints(data, count):
    values, at = [], 0
    for _ in range(count):
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        values.append(-(value >> 1) - 1 if value & 1 else value >> 1)
    assert at == len(data), "a column has bytes behind its last value"
    return values


def column_values(data, count, width, signed, encoding, done):
    if encoding == 0:
        assert len(data) == count
        return list(data)
    raw = varints(data, count)
    bits = 8 * width
    out = []
    last = {}
    for place, value in enumerate(raw):
        if encoding == 1:
            value += last.get(0, 0)
            last[0] = value & MASK
        elif encoding == 3:
            context = (done["kind"][place] & 31) + 32 * (done["side"][place] & 3) \
                + 128 * (done["instrument"][place] & 15)
            value += last.get(context, 0)
            last[context] = value & MASK
        else:
            assert encoding == 2
        value &= MASK
        if width == 4:
            assert value < 1 << 32
        if signed and value >> (bits - 1):
            value -= 1 << bits
        out.append(value)
    return out


class Recording:
    """All of a recording: header fields, `records` as tuples in the order of CANONICAL, and the hash over them."""

    def __init__(self, path):
        data = Path(path).read_bytes()
        assert data[:8] == b"\x89NTC\r\n\x1a\n"
        head = Bytes(data, 8)
        version, zero, length = head.take("HHI")
        assert version == 1 and zero == 0
        assert struct.unpack_from("<I", data, length - 4)[0] == crc32c(data[:length - 4])
        self.channel, self.source = head.text("H"), head.text("H")
        self.day = head.take("i")
        self.instruments = []
        for _ in range(head.take("I")):
            one = {"symbol": head.text("B"), "currency": head.text("B")}
            one["price"], one["quantity"], one["contents"], one["multiplier_exponent"] = head.take("bbBb")
            one["tick"], one["lot"], one["multiplier"] = head.take("qqq")
            self.instruments.append(one)
        most = head.take("I")
        columns = []
        for _ in range(head.take("B")):
            name = head.text("B")
            width, signed, encoding = head.take("BBB")
            columns.append((name, width, signed, encoding))
        assert head.at == length - 4

        tail = Bytes(data, len(data) - 32)
        assert tail.take("4s") == b"NTCE" and tail.take("I") == crc32c(data[-24:])
        index_at, index_length, whole = tail.take("QQQ")
        assert whole == len(data) and index_at + index_length + 32 == whole
        index = Bytes(data, index_at)
        assert index.take("4s") == b"NTCI"
        assert index.take("I") == crc32c(data[index_at + 8:index_at + index_length])
        blocks, total, self.stated_hash = index.take("QQQ")
        entries = [index.take("QIIQqqqqII") for _ in range(blocks)]
        assert index.at == index_at + index_length

        self.records = []
        state = FNV_START
        at = length
        for entry in entries:
            assert entry[0] == at
            block = Bytes(data, at)
            assert block.take("4s") == b"NTCB"
            crc, packed, raw, count, zero, first = block.take("IIIIIQ")
            span = block.take("qqqqII")
            running = block.take("Q")
            assert 1 <= count <= most and zero == 0 and first == len(self.records)
            assert entry == (at, 80 + packed, count, first) + span
            assert crc == crc32c(data[at + 8:at + 80 + packed])
            frame = data[block.at:block.at + packed]
            payload = zstandard.ZstdDecompressor().decompress(frame, max_output_size=raw)
            assert len(payload) == raw
            done, place = {}, 0
            for name, width, signed, encoding in columns:
                size = struct.unpack_from("<I", payload, place)[0]
                place += 4
                done[name] = column_values(payload[place:place + size], count, width, signed, encoding, done)
                place += size
            assert place == raw
            rows = list(zip(*(done[field] for field in FIELDS)))
            times = done["session_time"]
            numbers = done["instrument"]
            assert span == (times[0], times[-1], min(times), max(times), min(numbers), max(numbers))
            for row in rows:
                assert row[INSTRUMENT] < len(self.instruments) or row[INSTRUMENT] == ALL
                state = fnv(state, CANONICAL.pack(*row))
            assert state == running, "the hash behind a block"
            self.records += rows
            at += 80 + packed
        assert at == index_at and len(self.records) == total
        assert state == self.stated_hash
        self.hash = "%016x" % state


def record(kind, time, instrument=0, sequence=0, price=0, quantity=0, ask_price=0, ask_quantity=0, reference=0,
           side=0, flags=0, detail=0, receive=0):
    return (time, sequence, price, quantity, ask_price, ask_quantity, reference, instrument, ord(kind), side, flags,
            detail, receive)


def flagged(row, flags):
    return row[:FLAGS] + (row[FLAGS] | flags,) + row[DETAIL:]


class Source:
    """What a source holds: records, and the counts that an import states."""

    def __init__(self):
        self.records, self.messages, self.gaps, self.malformed, self.unknown = [], 0, 0, 0, 0
        self.others = Counter()
        self.exponents = {}
        self.instruments = []


# ---------------------------------------------------------------- Binance


def decimals(text):
    return max(0, -Decimal(text).normalize().as_tuple().exponent)


def mantissa(text, exponent):
    scaled = Decimal(text).scaleb(-exponent)
    assert scaled == scaled.to_integral_value()
    return int(scaled)


def binance_lines(path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            stamp, text = line.split(" ", 1)
            message = json.loads(text)
            yield int(stamp), message.get("data", message)


def binance_kind(m):
    if "e" in m:
        return {"depthUpdate": "depth", "bookTicker": "ticker", "trade": "trade"}.get(m["e"], "other")
    if "lastUpdateId" in m:
        return "snapshot"
    return "ticker" if "u" in m and "B" in m and "A" in m else "other"


def binance(path):
    found = Source()
    prices = quantities = 0
    for _, m in binance_lines(path):
        kind = binance_kind(m)
        pairs = []
        if kind == "depth":
            pairs = m["b"] + m["a"]
        elif kind == "snapshot":
            pairs = m["bids"] + m["asks"]
        elif kind == "ticker":
            pairs = [(m["b"], m["B"]), (m["a"], m["A"])]
        elif kind == "trade":
            pairs = [(m["p"], m["q"])]
        for price, quantity in pairs:
            prices = max(prices, decimals(price))
            quantities = max(quantities, decimals(quantity))
    pe, qe = -prices, -quantities
    found.exponents = {"price": pe, "quantity": qe}

    out = found.records
    last, behind_snapshot, held = None, False, []
    # What the venue's clock and the collector's lie apart: of the message before that had both, at first of the first.
    apart = next((m.get("T", m.get("E")) * 1_000_000 - stamp for stamp, m in binance_lines(path)
                  if binance_kind(m) != "other" and m.get("T", m.get("E")) is not None), 0)
    for stamp, m in binance_lines(path):
        found.messages += 1
        kind = binance_kind(m)
        if kind == "other":
            found.others["other messages"] += 1
            continue
        moment = m.get("T", m.get("E"))
        if moment is None:
            found.others["messages without a time of the venue"] += 1
        if moment is not None:
            apart = moment * 1_000_000 - stamp
        moment = stamp + apart

        def levels(pairs, side, sequence):
            return [record("L", moment, sequence=sequence, price=mantissa(p, pe), quantity=mantissa(q, qe), side=side,
                           receive=stamp) for p, q in pairs]

        if kind == "ticker":
            out.append(record("Q", moment, sequence=m["u"], price=mantissa(m["b"], pe), quantity=mantissa(m["B"], qe),
                              ask_price=mantissa(m["a"], pe), ask_quantity=mantissa(m["A"], qe), flags=LAST,
                              receive=stamp))
        elif kind == "trade" and not Decimal(m["q"]):
            found.others["trades of nothing"] += 1
        elif kind == "trade":
            out.append(record("T", moment, price=mantissa(m["p"], pe), quantity=mantissa(m["q"], qe),
                              reference=m["t"], side=SELL if m["m"] else BUY, flags=LAST, receive=stamp))
        elif kind == "depth":
            first, until, previous = m["U"], m["u"], m.get("pu")
            if last is not None and (until < last or (until == last and not (behind_snapshot and previous is not None))):
                found.others["depth events older than what was there"] += 1
                continue
            rows = levels(m["b"], BUY, until) + levels(m["a"], SELL, until)
            if rows:
                rows[-1] = flagged(rows[-1], LAST)
            if last is None:
                follows = False
            elif behind_snapshot:
                follows = first <= last + 1 if previous is None else first <= last or previous == last
            else:
                follows = first == last + 1 if previous is None else previous == last
            if not follows:
                if last is None:
                    found.others["books that begin without a snapshot"] += 1
                else:
                    found.gaps += 1
                out.append(record("G", moment, sequence=until, receive=stamp))
                held = []
            last, behind_snapshot = until, False
            out += rows
            held.append((first, until, previous, rows))
        else:
            number = m["lastUpdateId"]
            found.others["snapshots"] += 1
            rows = [record("C", moment, sequence=number, receive=stamp)]
            rows += levels(m["bids"], BUY, number) + levels(m["asks"], SELL, number)
            rows = [flagged(row, SNAPSHOT) for row in rows]
            rows[-1] = flagged(rows[-1], LAST)
            out += rows
            held = [one for one in held if (one[1] > number if one[2] is None else one[1] >= number)]
            last, behind_snapshot = number, True
            if held:
                found.others["depth events once more behind an older snapshot"] += len(held)
                first, _, previous, _ = held[0]
                assert first <= number + 1 if previous is None else first <= number or previous == number
                for _, until, _, again in held:
                    out += [row[:RECEIVE] + (stamp,) for row in again]
                    last = until
                behind_snapshot = False
    found.instruments = [m["s"]]
    return found


def binance_book(recording):
    """The book of dictionaries; where a bookTicker has the number of the depth event that was applied last, both say
    the best of each side."""
    sides = {BUY: {}, SELL: {}}
    whole, building, sequence = False, False, 0
    quotes = {}
    compared = equal = 0
    unequal = []

    def best():
        if not sides[BUY] or not sides[SELL]:
            return None
        bid, ask = max(sides[BUY]), min(sides[SELL])
        return bid, sides[BUY][bid], ask, sides[SELL][ask]

    for row in recording.records:
        kind = chr(row[KIND])
        quote = None
        if kind == "C":
            sides = {BUY: {}, SELL: {}}
            whole, building = False, True
        elif kind == "G":
            whole = False
        elif kind == "L":
            if row[QUANTITY]:
                sides[row[SIDE]][row[PRICE]] = row[QUANTITY]
            else:
                sides[row[SIDE]].pop(row[PRICE], None)
            if row[FLAGS] & LAST:
                if building:
                    whole, building = True, False
                sequence = row[SEQUENCE]
                quote = quotes.get(sequence)
        elif kind == "Q":
            said = (row[PRICE], row[QUANTITY], row[ASK_PRICE], row[ASK_QUANTITY])
            quotes[row[SEQUENCE]] = said
            if row[SEQUENCE] == sequence:
                quote = said
        if quote and whole:
            compared += 1
            if quote == best():
                equal += 1
            elif len(unequal) < 3:
                unequal.append((sequence, quote, best()))
    crossed = best() is not None and best()[0] >= best()[2]
    return whole, compared, equal, unequal, crossed


# ---------------------------------------------------------------- LOBSTER


def eastern_midnight(day):
    # Daylight time from March's second Sunday to November's first; at midnight of both the clock is not turned yet.
    def sunday(month, nth):
        first = date(day.year, month, 1)
        return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (nth - 1))
    hours = 4 if sunday(3, 2) < day <= sunday(11, 1) else 5
    start = datetime(day.year, day.month, day.day, tzinfo=timezone.utc) + timedelta(hours=hours)
    return int(start.timestamp()) * 1_000_000_000


def lobster_rows(path):
    rows = []
    for line in open(path):
        n = list(map(int, line.split(",")))
        asks = [(n[i], n[i + 1]) for i in range(0, len(n), 4) if n[i] < 9_999_999_999]
        bids = [(n[i + 2], n[i + 3]) for i in range(0, len(n), 4) if n[i + 2] > -9_999_999_999]
        rows.append((asks, bids, len(n) // 4))
    return rows


def lobster(path, book):
    """The messages by themselves: what must be in the recording whatever was added to keep the book the venue's."""
    midnight = eastern_midnight(date.fromisoformat(path.name.split("_")[1]))
    messages = []
    for line in open(path):
        at, kind, order, size, price, direction = line.strip().split(",")[:6]
        messages.append((midnight + mantissa(at, -9), int(kind), int(order), int(size), int(price), int(direction)))
    return messages, lobster_rows(book)


def check_lobster(recording, messages, rows):
    problems = []
    orders = {}
    shown = []
    events, event = [], []
    for row in recording.records:
        event.append(row)
        if row[FLAGS] & LAST:
            events.append(event)
            event = []
    assert not event
    # The first event is the book before the first message.
    compared = equal = 0
    said = iter(zip(messages, rows))
    for number, event in enumerate(events):
        plain = [row for row in event if not row[FLAGS] & SNAPSHOT]
        for row in event:
            kind, key = chr(row[KIND]), row[REFERENCE]
            if kind == "C":
                orders = {}
            elif kind == "A":
                assert key not in orders
                orders[key] = [row[SIDE], row[PRICE], row[QUANTITY]]
            elif kind == "D":
                del orders[key]
            elif kind in "XE":
                orders[key][2] -= row[QUANTITY]
                assert orders[key][2] >= 0
                if orders[key][2] == 0:
                    del orders[key]
        if number == 0:
            continue
        # A message that makes no record has no event: its row is that of the book as it is.
        while True:
            message, (asks, bids, depth) = next(said)
            sums = {BUY: Counter(), SELL: Counter()}
            for side, price, size in orders.values():
                sums[side][price] += size
            if not plain or plain[0][SESSION] == message[0]:
                break
        compared += 1
        ours = sorted(sums[SELL].items())[:depth], sorted(sums[BUY].items(), reverse=True)[:depth]
        if ours == (asks, bids):
            equal += 1
        elif len(problems) < 3:
            problems.append("row of message %s: %s is not %s" % (message, ours, (asks, bids)))
        for row in plain:
            time_, kind, order, size, price, direction = message
            side = BUY if direction == 1 else SELL
            other = SELL if direction == 1 else BUY
            known = row[REFERENCE] == order or row[REFERENCE] >= 1 << 63
            wanted = {1: "A", 2: "X", 3: "DX", 4: "ET", 5: "T", 6: "T", 7: "H"}[kind]
            fits = chr(row[KIND]) in wanted and known and row[PRICE] == price and row[SESSION] == time_
            fits = fits and (row[QUANTITY] == size or row[KIND] == ord("D"))
            fits = fits and row[SIDE] == (other if row[KIND] == ord("T") else side)
            if not fits:
                problems.append("message %s became %s" % (message, row))
    return problems, compared, equal


# ---------------------------------------------------------------- Databento


def databento(path):
    data = zstandard.ZstdDecompressor().stream_reader(open(path, "rb"), read_across_frames=True).read()
    assert data[:3] == b"DBN" and data[3] in (1, 2)
    version, length = data[3], struct.unpack_from("<I", data, 4)[0]
    head = Bytes(data, 8)
    dataset = head.take("16s").rstrip(b"\0").decode()
    head.take("HQQQ")
    if version == 1:
        head.take("Q")
    stype_in, stype_out, ts_out = head.take("BBB")
    symbol_length = 22 if version == 1 else head.take("H")
    head.at = 108
    head.at += 4 + struct.unpack_from("<I", data, head.at)[0]

    def name():
        raw = data[head.at:head.at + symbol_length]
        head.at += symbol_length
        return raw.split(b"\0")[0].decode()

    for _ in range(3):
        for _ in range(head.take("I")):
            name()
    symbols = {}
    for _ in range(head.take("I")):
        symbol = name()
        for _ in range(head.take("I")):
            head.take("II")
            symbols[int(name())] = symbol
    assert head.at <= 8 + length

    found = Source()
    found.exponents = {"price": -9, "quantity": 0}
    found.instruments = list(symbols.values())
    numbers = {number: place for place, number in enumerate(symbols)}
    out, live, begun = found.records, {}, set()
    at = 8 + length
    undefined = (1 << 63) - 1
    while at < len(data):
        size, rtype = data[at] * 4, data[at + 1]
        _, instrument, event = struct.unpack_from("<HIQ", data, at + 2)
        found.messages += 1
        place = numbers[instrument]
        if rtype == 0xA0:
            order, price, quantity, flags, _, action, side, receive, _, sequence = \
                struct.unpack_from("<QqIBBccQiI", data, at + 16)
        else:
            assert rtype == 1
            price, quantity, action, side, flags, _, receive, _, sequence, bid, ask, bid_size, ask_size = \
                struct.unpack_from("<qIccBBQiIqqII", data, at + 16)
            order = 0
        action = action.decode()
        start = len(out)
        snap = SNAPSHOT if flags & 32 else 0
        if rtype == 0xA0 and (place not in begun and action != "R" or flags & 4):
            clear = place not in begun and snap and not flags & 4
            out.append(record("C" if clear else "G", event, place, sequence, flags=SNAPSHOT if clear else 0,
                              receive=receive))
            found.gaps += 0 if clear or place not in begun else 1
        begun.add(place)
        base = dict(time=event, instrument=place, sequence=sequence, price=0 if price == undefined else price,
                    quantity=quantity, reference=order, flags=snap, receive=receive,
                    side={b"B": BUY, b"A": SELL}.get(side, 0))
        if rtype == 0xA0:
            kind = {"A": "A", "M": "M", "C": "X", "R": "C", "T": "T"}.get(action)
            key = (instrument, order)
            if action == "A":
                live[key] = quantity
            elif action == "M":
                if key in live:
                    live[key] = quantity
                else:
                    found.unknown += 1
            elif action == "C":
                if key in live:
                    live[key] -= quantity
                    if live[key] <= 0:
                        del live[key]
                else:
                    found.unknown += 1
            elif action == "F":
                found.others["fills beside their trades"] += 1
            elif action == "R":
                live = {k: v for k, v in live.items() if k[0] != instrument}
            if kind:
                out.append(record(kind, **base))
        else:
            if action == "T":
                out.append(record("T", **base))
            out.append(record("Q", event, place, sequence, flags=snap, receive=receive,
                              price=0 if bid == undefined else bid, quantity=0 if bid == undefined else bid_size,
                              ask_price=0 if ask == undefined else ask,
                              ask_quantity=0 if ask == undefined else ask_size))
        if flags & 128:
            out[-1] = flagged(out[-1], LAST)
        at += size
    return found


# ---------------------------------------------------------------- QuantConnect


def quantconnect(paths):
    found = Source()
    found.exponents = {"price": -4, "quantity": 0}
    ticks, names = [], {}
    for place, path in enumerate(paths):
        midnight = eastern_midnight(datetime.strptime(path.name[:8], "%Y%m%d").date())
        with zipfile.ZipFile(path) as archive:
            (member,) = archive.namelist()
            lines = archive.read(member).decode().split("\n")
        if lines[-1] == "":
            lines.pop()
        symbol = member.split("_")[1].upper()
        is_trade = "Trade" in member
        for number, line in enumerate(lines):
            found.messages += 1
            f = line.rstrip("\r").split(",")
            if f[-1] != "0":
                found.others["suspicious lines"] += 1
                continue
            when = midnight + mantissa(f[0], -6)
            if is_trade:
                at, price, size, venue = f[0], int(f[1]), int(f[2]), f[3]
                row = record("T", when, price=price, quantity=size, flags=LAST)
            else:
                bid, bid_size, ask, ask_size, venue = int(f[1]), int(f[2]), int(f[3]), int(f[4]), f[5]
                is_bid, is_ask = bid or bid_size, ask or ask_size
                if not is_bid and not is_ask:
                    found.others["quotes of no side"] += 1
                    continue
                row = record("Q", when, price=bid, quantity=bid_size, ask_price=ask, ask_quantity=ask_size, flags=LAST,
                             side=0 if is_bid and is_ask else BUY if is_bid else SELL)
            name = symbol + "." + (venue or "-")
            names[name] = None
            ticks.append((when, place, number, name, row))
    ticks.sort(key=lambda tick: tick[:3])
    found.instruments = sorted(names)
    numbers = {name: place for place, name in enumerate(found.instruments)}
    found.records = [row[:INSTRUMENT] + (numbers[name],) + row[KIND:] for _, _, _, name, row in ticks]
    return found


# ---------------------------------------------------------------- ITCH


def frames(path):
    data = path.read_bytes()
    at = 0
    while at < len(data):
        length = struct.unpack_from(">H", data, at)[0]
        yield data[at + 2:at + 2 + length]
        at += 2 + length


def itch(path, day):
    midnight = eastern_midnight(day)
    found = Source()
    found.exponents = {"price": -4, "quantity": 0}
    names, used, whole = {}, set(), None
    for m in frames(path):
        kind, locate = chr(m[0]), struct.unpack_from(">H", m, 1)[0]
        if whole is None:
            whole = kind == "S" and m[11:12] == b"O"
        stock = {"R": 11, "A": 24, "F": 24, "P": 24, "Q": 19, "H": 11}.get(kind)
        if stock and locate not in names:
            names[locate] = m[stock:stock + 8].decode().rstrip()
        if kind in "AFECXDUPQH":
            used.add(locate)
    places = {locate: place for place, locate in enumerate(sorted(used))}
    found.instruments = [names.get(locate) or "locate:%d" % locate for locate in sorted(used)]
    live, begun, out = {}, set(), found.records
    for m in frames(path):
        found.messages += 1
        kind, locate = chr(m[0]), struct.unpack_from(">H", m, 1)[0]
        if locate not in places or kind not in "AFECXDUPQH":
            found.others["other messages"] += 1
            continue
        base = dict(time=midnight + int.from_bytes(m[5:11], "big"), instrument=places[locate],
                    sequence=found.messages, flags=LAST)
        word = lambda at: struct.unpack_from(">I", m, at)[0]
        long = lambda at: struct.unpack_from(">Q", m, at)[0]
        if kind in "AF":
            if long(11) in live:
                found.others["orders added twice"] += 1
                continue
            if locate not in begun and not whole:
                out.append(record("G", **{**base, "flags": 0}))
            begun.add(locate)
            live[long(11)] = [m[19], word(20)]
            out.append(record("A", reference=long(11), side=m[19], quantity=word(20), price=word(32), **base))
        elif kind in "ECXDU":
            order = live.get(long(11))
            if order is None:
                found.unknown += 1
                continue
            base.update(reference=long(11), side=order[0])
            if kind == "D":
                out.append(record("D", **base))
                del live[long(11)]
            elif kind == "U":
                out.append(record("D", **{**base, "flags": 0}))
                del live[long(11)]
                live[long(19)] = [order[0], word(27)]
                base["reference"] = long(19)
                out.append(record("A", quantity=word(27), price=word(31), **base))
            else:
                out.append(record("X" if kind == "X" else "E", quantity=word(19),
                                  price=word(32) if kind == "C" else 0, **base))
                order[1] -= word(19)
                if order[1] <= 0:
                    del live[long(11)]
        elif kind == "P":
            out.append(record("T", quantity=word(20), price=word(32), reference=long(36), **base))
        elif kind == "Q":
            out.append(record("T", quantity=long(11), price=word(27), reference=long(31), **base))
        else:
            detail = {b"T": 3, b"P": 4, b"H": 5, b"Q": 6}.get(m[19:20], 0)
            out.append(record("H", detail=detail, **base))
    return found


def check_itch(tool, path, recording):
    """The books of the recorded orders are those of `needletail book` of the file itself."""
    orders = {}
    for row in recording.records:
        kind, key = chr(row[KIND]), (row[INSTRUMENT], row[REFERENCE])
        if kind == "A":
            orders[key] = [row[SIDE], row[PRICE], row[QUANTITY]]
        elif kind == "D":
            del orders[key]
        elif kind in "XE":
            orders[key][2] -= row[QUANTITY]
            if orders[key][2] <= 0:
                del orders[key]
    ours = {}
    for (instrument, _), (side, price, size) in orders.items():
        level = ours.setdefault(recording.instruments[instrument]["symbol"], {BUY: {}, SELL: {}})[side] \
            .setdefault(price, [0, 0])
        level[0] += size
        level[1] += 1

    def levels(side, reverse):
        return [["%d.%04d" % divmod(price, 10_000), *side[price]] for price in sorted(side, reverse=reverse)]

    ours = {symbol: (levels(sides[BUY], True), levels(sides[SELL], False)) for symbol, sides in ours.items()}
    said = ask(tool, "book", str(path), "--format", "json", "--levels", "100000")
    theirs = {book["symbol"]: (book["bids"], book["asks"]) for book in said["books"]}
    print("  books beside those of 'needletail book': %d" % len(theirs))
    expect("books", ours, theirs)


def decimal(number, exponent):
    return str(number) if exponent >= 0 else "%.*f" % (-exponent, Decimal(number).scaleb(exponent))


def check_book(tool, output, recording):
    """The books at the recording's end are those of `needletail book` of it; quotes are left out."""
    books, orders = {}, {}
    for row in recording.records:
        letter, instrument, key = chr(row[KIND]), row[INSTRUMENT], (row[INSTRUMENT], row[REFERENCE])
        if letter == "C":
            books = {one: book for one, book in books.items() if instrument not in (one[0], ALL)}
            orders = {one: order for one, order in orders.items() if instrument not in (one[0], ALL)}
        elif letter == "L":
            books.setdefault((instrument, row[SIDE]), {})[row[PRICE]] = (row[QUANTITY], None)
        elif letter == "A":
            orders[key] = [row[SIDE], row[PRICE], row[QUANTITY]]
        elif letter == "M":
            orders[key][1:] = [row[PRICE], row[QUANTITY]]
        elif letter == "D":
            orders.pop(key, None)
        elif letter in "XE" and key in orders:
            orders[key][2] -= row[QUANTITY]
            if orders[key][2] <= 0:
                del orders[key]
    for (instrument, _), (side, price, size) in orders.items():
        level = books.setdefault((instrument, side), {})
        held, count = level.get(price, (0, 0))
        level[price] = (held + size, count + 1)
    ours = {}
    for (instrument, side), levels in books.items():
        one = recording.instruments[instrument]
        rows = [[decimal(price, one["price"]), decimal(levels[price][0], one["quantity"]), levels[price][1]]
                for price in sorted(levels, reverse=side == BUY) if levels[price][0]]
        if rows:
            ours.setdefault(one["symbol"], {BUY: [], SELL: []})[side] = rows
    said = ask(tool, "book", output, "--format", "json", "--levels", "100000")
    theirs = {book["symbol"]: {BUY: book["bids"], SELL: book["asks"]}
              for book in said["books"] if book["kind"] != "L1"}
    print("  books beside those of 'needletail book' of the recording: %d" % len(theirs))
    expect("books of the recording", ours, theirs)


# ---------------------------------------------------------------- the comparison

failures = 0


def fail(what):
    global failures
    failures += 1
    print("  DIFFERS: " + what)


def expect(what, ours, theirs):
    if ours != theirs:
        fail("%s: %s here, %s there" % (what, ours, theirs))


def ask(*arguments):
    run = subprocess.run(arguments, capture_output=True, text=True)
    if run.returncode != 0:
        fail("%s exits %d: %s" % (" ".join(arguments[:4]), run.returncode, run.stderr.strip()))
    return json.loads(run.stdout) if run.stdout else {}


def number(value):
    return int(value) if isinstance(value, str) else value


def check_report(tool, output, recording, report):
    """What was said when the recording was made, and what 'capture stat' says of it, is what is in it."""
    kinds = Counter(WORDS[chr(row[KIND])] for row in recording.records)
    expect("hash of the recording", recording.hash, report["hash"])
    expect("records", len(recording.records), number(report["records"]))
    expect("kinds", dict(kinds), report["kinds"])
    expect("bytes", os.path.getsize(output), number(report["bytes"]))
    stat = ask(tool, "capture", "stat", output, "--format", "json")
    expect("hash of stat", recording.hash, stat["hash"])
    expect("kinds of stat", dict(kinds), stat["kinds"])
    expect("whole", True, stat["whole"])


def generated(tool, kind, folder):
    """A generated recording beside what was said of it. Its books by price are never crossed, and a snapshot is the
    book as it stands; its orders are named while they live."""
    output = os.path.join(folder, kind + ".ntc")
    report = ask(tool, "capture", "generate", output, "--kind", kind, "--seconds", "20", "--format", "json")
    if not report:
        sys.exit(1)
    recording = Recording(output)
    print("generated %s: %d records, hash %s" % (kind, len(recording.records), recording.hash))
    check_report(tool, output, recording, report)
    check_book(tool, output, recording)
    books, before, live = {}, {}, {}
    for row in recording.records:
        book = books.setdefault(row[INSTRUMENT], {BUY: {}, SELL: {}})
        letter, snapshot = chr(row[KIND]), row[FLAGS] & SNAPSHOT
        if letter == "C":
            before[row[INSTRUMENT]] = {side: dict(levels) for side, levels in book.items()}
            book[BUY].clear(), book[SELL].clear()
        elif letter == "L" and row[QUANTITY]:
            book[row[SIDE]][row[PRICE]] = row[QUANTITY]
        elif letter == "L":
            del book[row[SIDE]][row[PRICE]]
        elif letter == "A":
            live[row[REFERENCE]] = row[QUANTITY]
        elif letter in "XE":
            live[row[REFERENCE]] -= row[QUANTITY]
            if live[row[REFERENCE]] <= 0:
                del live[row[REFERENCE]]
        elif letter == "D":
            del live[row[REFERENCE]]
        if letter == "L" and row[FLAGS] & LAST:
            if max(book[BUY]) >= min(book[SELL]):
                fail("crossed at sequence %d" % row[SEQUENCE])
            known = before.pop(row[INSTRUMENT], None) if snapshot else None
            if known and known[BUY] and known != book:
                fail("the snapshot before sequence %d is not the book" % row[SEQUENCE])
    os.remove(output)


def compare(tool, form, paths, found, folder, *more):
    """Imports the files with the command, reads what it wrote, compares; gives the recording."""
    output = os.path.join(folder, paths[0].name + ".ntc")
    begun = time.time()
    report = ask(tool, "capture", "import", form, *map(str, paths), "--output", output, "--format", "json", *more)
    seconds = time.time() - begun
    if not report:
        sys.exit(1)
    recording = Recording(output)
    size = sum(path.stat().st_size for path in paths)
    print("%s: %d messages, %d records, %d -> %d bytes (%.2f), %.2f s, hash %s" % (
        paths[0].name, number(report["messages"]), len(recording.records), size, os.path.getsize(output),
        os.path.getsize(output) / size, seconds, recording.hash))
    check_report(tool, output, recording, report)
    check_book(tool, output, recording)
    if found is not None:
        expect("messages", found.messages, number(report["messages"]))
        expect("gaps", found.gaps, number(report["gaps"]))
        expect("malformed", found.malformed, number(report["malformed"]))
        expect("unknown orders", found.unknown, number(report["unknownOrders"]))
        expect("other counts", dict(found.others), report["others"])
        expect("symbols", found.instruments, [one["symbol"] for one in recording.instruments])
        for one in recording.instruments:
            expect("exponents", found.exponents, {"price": one["price"], "quantity": one["quantity"]})
        if found.records != recording.records:
            place = next((i for i, pair in enumerate(zip(found.records, recording.records)) if pair[0] != pair[1]),
                         min(len(found.records), len(recording.records)))
            fail("record %d: %s here, %s there" % (
                place, found.records[place:place + 1], recording.records[place:place + 1]))
    os.remove(output)
    return recording


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    tool, data = sys.argv[1], Path(sys.argv[2])
    everything = "--all" in sys.argv
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("prices", "orders"):
            generated(tool, kind, folder)
        for path in sorted((data / "crypto_ws").glob("*_btcus*.gz")):
            recording = compare(tool, "binance", [path], binance(path), folder)
            whole, compared, equal, unequal, crossed = binance_book(recording)
            print("  book %s; best bid and offer beside bookTicker of the same update: %d compared, %d equal" % (
                "whole" if whole else "without a snapshot", compared, equal))
            if compared != equal:
                fail("book and bookTicker: %s" % unequal)
            if whole and crossed:
                fail("the book is crossed at its end")
        for path in sorted((data / "cme").glob("*.dbn.zst")):
            compare(tool, "databento", [path], databento(path), folder)
        for path in sorted((data / "lobster").glob("*_message_*.csv")):
            messages, rows = lobster(path, path.with_name(path.name.replace("_message_", "_orderbook_")))
            recording = compare(tool, "lobster", [path], None, folder, "--check")
            problems, compared, equal = check_lobster(recording, messages, rows)
            print("  orders by number beside the venue's rows: %d compared, %d equal" % (compared, equal))
            for problem in problems[:5]:
                fail(problem)
        for path in sorted((data / "itch").glob("*.itch50")):
            day = date(2019, 12, 30)
            recording = compare(tool, "itch", [path], itch(path, day), folder, "--date", day.isoformat())
            check_itch(tool, path, recording)
        days = ["20131007", "20131008", "20131009"] if everything else ["20131007"]
        for symbol in sorted(path for path in (data / "us_equity_tick").glob("*") if path.is_dir()):
            for day in days:
                paths = sorted(symbol.glob(day + "_*.zip"))
                if paths:
                    compare(tool, "quantconnect", paths, quantconnect(paths), folder)
    print("interop: %s" % ("%d DIFFER" % failures if failures else "all the same"))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
