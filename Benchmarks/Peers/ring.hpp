// The conditions that every ring is measured under, ours and the peers': two pinned threads, 4096
// slots, the producer writes and the consumer checks every word of every item. A driver is one
// source file that says how its ring is made, filled and emptied, and ends with RING_DRIVER.
//
// usage: DRIVER wide|narrow|batch|trip COUNT CPU_A CPU_B
// wide: 64 B item by item; narrow: 8 B item by item; batch: 8 B in batches of 32 (each M/s);
// trip: 8 B there and back, p50 in ns. Prints one number; exit 65: something arrived that was not
// sent; 71: a processor is not to be had.
#ifndef PEERS_RING_HPP
#define PEERS_RING_HPP

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <pthread.h>
#include <sched.h>
#include <thread>
#include <vector>

namespace peers {

constexpr size_t capacity = 4096, batch = 32;

template <size_t Words> struct Item { uint64_t word[Words]; };
using Wide = Item<8>;
using Narrow = Item<1>;

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  __asm__ __volatile__("yield");
#endif
}

inline void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0) {
    fprintf(stderr, "processor %d is not to be had\n", cpu);
    exit(71);
  }
}

inline uint64_t now() {
  return uint64_t(std::chrono::steady_clock::now().time_since_epoch().count());
}

template <size_t Words> inline void fill(Item<Words> &item, uint64_t i) {
  for (size_t w = 0; w < Words; w++)
    item.word[w] = i + w;
}

// 0 when every word is the one that was sent.
template <size_t Words> inline uint64_t differs(const Item<Words> &item, uint64_t i) {
  uint64_t d = 0;
  for (size_t w = 0; w < Words; w++)
    d |= item.word[w] ^ (i + w);
  return d;
}

inline void verify(uint64_t wrong) {
  if (wrong == 0)
    return;
  fprintf(stderr, "an item arrived that was not sent\n");
  exit(65);
}

// Both sides start together and the clock ends when the last item has been checked.
template <class Produce, class Consume>
double cross(uint64_t count, int a, int b, Produce produce, Consume consume) {
  std::atomic<bool> ready{false};
  uint64_t wrong = 0, end = 0;
  std::thread other([&] {
    pin(b);
    ready.store(true);
    wrong = consume();
    end = now();
  });
  pin(a);
  while (!ready.load())
    relax();
  uint64_t start = now();
  produce();
  other.join();
  verify(wrong);
  return double(count) * 1e3 / double(end - start);
}

template <class Ring> double single(uint64_t count, int a, int b) {
  using T = typename Ring::Type;
  Ring ring;
  return cross(
      count, a, b,
      [&] {
        for (uint64_t i = 0; i < count; i++)
          ring.put([i](T &item) { fill(item, i); });
      },
      [&] {
        uint64_t wrong = 0;
        for (uint64_t i = 0; i < count; i++)
          ring.take([i, &wrong](const T &item) { wrong |= differs(item, i); });
        return wrong;
      });
}

template <class Ring> double batched(uint64_t count, int a, int b) {
  using T = typename Ring::Type;
  Ring ring;
  count -= count % batch;
  return cross(
      count, a, b,
      [&] {
        T items[batch];
        for (uint64_t i = 0; i < count; i += batch) {
          for (size_t k = 0; k < batch; k++)
            fill(items[k], i + k);
          for (size_t done = 0, n; done < batch; done += n)
            if ((n = ring.put_batch(items + done, batch - done)) == 0)
              relax();
        }
      },
      [&] {
        T items[batch];
        uint64_t wrong = 0;
        for (uint64_t i = 0, n; i < count; i += n) {
          n = ring.take_batch(items, batch);
          if (n == 0)
            relax();
          for (size_t k = 0; k < n; k++)
            wrong |= differs(items[k], i + k);
        }
        return wrong;
      });
}

template <class Ring> double trip(uint64_t count, int a, int b) {
  using T = typename Ring::Type;
  Ring there, back;
  std::vector<uint32_t> samples(count);
  cross(
      count, a, b,
      [&] {
        uint64_t wrong = 0;
        for (uint64_t i = 0; i < count; i++) {
          uint64_t start = now();
          there.put([i](T &item) { fill(item, i); });
          back.take([i, &wrong](const T &item) { wrong |= differs(item, i); });
          samples[i] = uint32_t(now() - start);
        }
        verify(wrong);
      },
      [&] {
        uint64_t wrong = 0;
        for (uint64_t i = 0; i < count; i++) {
          there.take([i, &wrong](const T &item) { wrong |= differs(item, i); });
          back.put([i](T &item) { fill(item, i); });
        }
        return wrong;
      });
  std::nth_element(samples.begin(), samples.begin() + long(count / 2), samples.end());
  return samples[count / 2];
}

template <template <class> class Ring> int run(int argc, char **argv) {
  uint64_t count = argc == 5 ? strtoull(argv[2], nullptr, 10) : 0;
  if (count < batch) {
    fprintf(stderr, "usage: %s wide|narrow|batch|trip COUNT CPU_A CPU_B\n", argv[0]);
    return 64;
  }
  int a = atoi(argv[3]), b = atoi(argv[4]);
  double result = 0;
  if (!strcmp(argv[1], "wide"))
    result = single<Ring<Wide>>(count, a, b);
  else if (!strcmp(argv[1], "narrow"))
    result = single<Ring<Narrow>>(count, a, b);
  else if (!strcmp(argv[1], "batch"))
    result = batched<Ring<Narrow>>(count, a, b);
  else if (!strcmp(argv[1], "trip"))
    result = trip<Ring<Narrow>>(count, a, b);
  else
    return 64;
  printf("%.3f\n", result);
  return 0;
}

} // namespace peers

#define RING_DRIVER(Ring)                                                                          \
  int main(int argc, char **argv) {                                                                \
    return peers::run<Ring>(argc, argv);                                                           \
  }

#endif
