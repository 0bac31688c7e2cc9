// DPDK's rte_ring, single producer and single consumer, items by value, in plain memory: a ring
// that is only initialised asks nothing of DPDK's environment.
#include "ring.hpp"

#include <rte_ring.h>

template <class T> struct RteRing {
  using Type = T;
  rte_ring *ring; // one slot stays free

  RteRing() {
    size_t bytes = size_t(rte_ring_get_memsize_elem(sizeof(T), peers::capacity));
    ring = static_cast<rte_ring *>(aligned_alloc(128, (bytes + 127) / 128 * 128));
    if (!ring || rte_ring_init(ring, "peer", peers::capacity, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0) {
      fprintf(stderr, "rte_ring_init failed\n");
      exit(70);
    }
  }
  ~RteRing() { free(ring); }

  template <class Fill> void put(Fill fill) {
    T item;
    fill(item);
    while (rte_ring_sp_enqueue_elem(ring, &item, sizeof item) != 0)
      peers::relax();
  }
  template <class Use> void take(Use use) {
    T item;
    while (rte_ring_sc_dequeue_elem(ring, &item, sizeof item) != 0)
      peers::relax();
    use(item);
  }
  size_t put_batch(const T *items, size_t n) {
    return rte_ring_sp_enqueue_burst_elem(ring, items, sizeof(T), unsigned(n), nullptr);
  }
  size_t take_batch(T *items, size_t n) {
    return rte_ring_sc_dequeue_burst_elem(ring, items, sizeof(T), unsigned(n), nullptr);
  }
};

RING_DRIVER(RteRing)
