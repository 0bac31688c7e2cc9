// boost::lockfree::spsc_queue
#include "ring.hpp"

#include <boost/lockfree/spsc_queue.hpp>

template <class T> struct BoostRing {
  using Type = T;
  boost::lockfree::spsc_queue<T, boost::lockfree::capacity<peers::capacity>> queue;

  template <class Fill> void put(Fill fill) {
    T item;
    fill(item);
    while (!queue.push(item))
      peers::relax();
  }
  template <class Use> void take(Use use) {
    while (!queue.consume_one(use))
      peers::relax();
  }
  size_t put_batch(const T *items, size_t n) { return queue.push(items, n); }
  size_t take_batch(T *items, size_t n) { return queue.pop(items, n); }
};

RING_DRIVER(BoostRing)
