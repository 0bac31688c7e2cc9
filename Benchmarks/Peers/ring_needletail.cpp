// Our own ring, through the calls that the product uses.
#include "ring.hpp"

#define _Static_assert static_assert
extern "C" {
#include "nt_spsc.h"
}

template <class T> struct OurRing {
  using Type = T;
  alignas(128) nt_spsc_producer producer;
  alignas(128) nt_ring_consumer consumer;
  nt_ring *ring = nullptr;

  OurRing() {
    nt_ring_options o = {NT_RING_SPSC, sizeof(T), peers::capacity, 1};
    int error = nt_ring_create(&ring, o, nullptr);
    if (error == 0)
      error = nt_spsc_producer_open(&producer, ring);
    if (error == 0)
      error = nt_ring_consumer_open(&consumer, ring);
    if (error != 0) {
      fprintf(stderr, "%s\n", nt_ring_error_text(error));
      exit(70);
    }
  }
  ~OurRing() { nt_ring_close(ring); }

  template <class Fill> void put(Fill fill) {
    void *slot;
    while ((slot = nt_spsc_claim(&producer)) == nullptr)
      peers::relax();
    fill(*static_cast<T *>(slot));
    nt_spsc_publish(&producer, 1);
  }
  template <class Use> void take(Use use) {
    const void *slot;
    while ((slot = nt_ring_peek(&consumer)) == nullptr)
      peers::relax();
    use(*static_cast<const T *>(slot));
    nt_ring_release(&consumer, 1);
  }
  size_t put_batch(const T *items, size_t n) {
    return nt_spsc_push_batch(&producer, items, n, sizeof(T));
  }
  size_t take_batch(T *items, size_t n) {
    return nt_ring_pop_batch(&consumer, items, n, sizeof(T));
  }
};

RING_DRIVER(OurRing)
