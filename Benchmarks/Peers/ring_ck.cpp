// Concurrency Kit's ck_ring, one producer and one consumer, items by value. It has no batches: a
// batch is a loop.
#include "ring.hpp"

// The header returns false where C++ wants a null pointer; 0 is both.
#define false 0
#include <ck_ring.h>
#undef false

template <class T> struct CkRing {
  using Type = T;
  // One slot stays free.
  alignas(128) ck_ring_t ring;
  std::vector<T> buffer = std::vector<T>(peers::capacity);

  CkRing() { ck_ring_init(&ring, peers::capacity); }
  bool push(const T &item) {
    return _ck_ring_enqueue_sp(&ring, buffer.data(), &item, sizeof item, nullptr);
  }
  bool pop(T &item) { return _ck_ring_dequeue_sc(&ring, buffer.data(), &item, sizeof item); }

  template <class Fill> void put(Fill fill) {
    T item;
    fill(item);
    while (!push(item))
      peers::relax();
  }
  template <class Use> void take(Use use) {
    T item;
    while (!pop(item))
      peers::relax();
    use(item);
  }
  size_t put_batch(const T *items, size_t n) {
    size_t done = 0;
    while (done < n && push(items[done]))
      done++;
    return done;
  }
  size_t take_batch(T *items, size_t n) {
    size_t done = 0;
    while (done < n && pop(items[done]))
      done++;
    return done;
  }
};

RING_DRIVER(CkRing)
