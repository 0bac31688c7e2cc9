"""nautilus_trader: L3 books fed order book deltas that were made before the clock starts."""

import itch
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import BookOrder, OrderBookDelta
from nautilus_trader.model.enums import BookAction, BookType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.objects import Price, Quantity

path = itch.file()
books, steps = {}, []
actions = {itch.ADD: BookAction.ADD, itch.UPDATE: BookAction.UPDATE, itch.DELETE: BookAction.DELETE}
for sequence, (operation, locate, reference, bid, shares, price) in enumerate(itch.operations(path)):
    if locate not in books:
        books[locate] = OrderBook(InstrumentId.from_str(f"S{locate}.XNAS"), BookType.L3_MBO)
    order = BookOrder(
        OrderSide.BUY if bid else OrderSide.SELL,
        Price(price / 10_000, 4),
        Quantity(shares, 0),
        reference,
    )
    delta = OrderBookDelta(
        books[locate].instrument_id, actions[operation], order, 0, sequence, sequence, sequence
    )
    steps.append((books[locate].apply_delta, delta))

start = itch.clock()
for apply, delta in steps:
    apply(delta)
seconds = itch.clock() - start


def side(levels):
    # Of the whole level: best_bid_size and its twin are the first order's alone in an L3 book.
    return [round(float(levels[0].price) * 10_000), round(levels[0].size())] if levels else [0, 0]


bests = []
for locate, book in books.items():
    best = [locate, *side(book.bids()), *side(book.asks())]
    if any(best[1:]):
        bests.append(best)
itch.answer(itch.count(path), seconds, bests)
