"""hftbacktest: the market-by-order book of one symbol, as its backtest plays a day of events."""

import itch
import numpy as np
from hftbacktest import (
    ADD_ORDER_EVENT,
    BUY_EVENT,
    CANCEL_ORDER_EVENT,
    EXCH_EVENT,
    LOCAL_EVENT,
    MODIFY_ORDER_EVENT,
    SELL_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
    event_dtype,
)

path = itch.file()
tick = 0.01
kinds = {
    itch.ADD: ADD_ORDER_EVENT,
    itch.UPDATE: MODIFY_ORDER_EVENT,
    itch.DELETE: CANCEL_ORDER_EVENT,
}
rows = []
locate = 0
for operation, locate, reference, bid, shares, price in itch.operations(path):
    flags = kinds[operation] | EXCH_EVENT | LOCAL_EVENT | (BUY_EVENT if bid else SELL_EVENT)
    at = 1_000_000 + len(rows)
    rows.append((flags, at, at, price / 10_000, shares, reference, 0, 0.0))
data = np.array(rows, dtype=event_dtype)
asset = (
    BacktestAsset()
    .data(data)
    .linear_asset(1.0)
    .constant_order_latency(0, 0)
    .risk_adverse_queue_model()
    .l3_fifo_queue_model()
    .no_partial_fill_exchange()
    .trading_value_fee_model(0.0, 0.0)
    .tick_size(tick)
    .lot_size(1.0)
    .last_trades_capacity(0)
)
backtest = HashMapMarketDepthBacktest([asset])
backtest.elapse(1)  # what is compiled is compiled now

start = itch.clock()
backtest.elapse(1_000_000_000)
seconds = itch.clock() - start

depth = backtest.depth(0)
best = [locate]
for price, quantity in ((depth.best_bid, depth.best_bid_qty), (depth.best_ask, depth.best_ask_qty)):
    best += [round(price * 10_000), round(quantity)] if np.isfinite(price) else [0, 0]
itch.answer(itch.count(path), seconds, [best])
