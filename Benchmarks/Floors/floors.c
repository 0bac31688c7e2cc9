#include "floors.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

uint64_t floor_frame_walk(const uint8_t *bytes, size_t count, uint64_t *frames) {
  uint64_t sum = 0, walked = 0;
  size_t at = 0;
  while (at + 2 < count) {
    size_t length = (size_t)bytes[at] << 8 | bytes[at + 1];
    /* Hardware does not look over the end of a page in time: without this the walk is one wait for
     * memory after another, a third as fast as the bytes can be read. */
    __builtin_prefetch(bytes + at + 512);
    if (length > count - at - 2)
      break;
    sum += bytes[at + 2] + length;
    at += 2 + length;
    walked++;
  }
  *frames = walked;
  return sum;
}

struct bounce {
  _Alignas(128) _Atomic uint64_t ping;
  _Alignas(128) _Atomic uint64_t pong;
  _Alignas(128) uint64_t count;
  int cpu;
};

static int pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

static void *bounce_back(void *context) {
  struct bounce *b = context;
  pin(b->cpu);
  for (uint64_t i = 1; i <= b->count; i++) {
    while (atomic_load_explicit(&b->ping, memory_order_acquire) != i)
      relax();
    atomic_store_explicit(&b->pong, i, memory_order_release);
  }
  return NULL;
}

int floor_bounce(int cpu_a, int cpu_b, uint32_t *samples, size_t count) {
  struct bounce b = {.count = count, .cpu = cpu_b};
  pthread_t thread;
  int error = pin(cpu_a);
  if (error)
    return error;
  error = pthread_create(&thread, NULL, bounce_back, &b);
  if (error)
    return error;
  for (uint64_t i = 1; i <= count; i++) {
    uint64_t start = now_ns();
    atomic_store_explicit(&b.ping, i, memory_order_release);
    while (atomic_load_explicit(&b.pong, memory_order_acquire) != i)
      relax();
    samples[i - 1] = (uint32_t)(now_ns() - start);
  }
  return pthread_join(thread, NULL);
}

int floor_wire_reply(int datagram_fd, int stream_fd, size_t reply_bytes, uint64_t count,
                     const int *stop) {
  uint8_t in[2048], out[256] = {0};
  if (reply_bytes > sizeof out)
    return EINVAL;
  for (uint64_t done = 0; done < count;) {
    ssize_t n = recv(datagram_fd, in, sizeof in, MSG_DONTWAIT);
    if (n > 0) {
      out[0] = in[0];
      size_t sent = 0;
      while (sent < reply_bytes) {
        ssize_t w = send(stream_fd, out + sent, reply_bytes - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (w > 0)
          sent += (size_t)w;
        else if (errno != EAGAIN && errno != EINTR)
          return errno;
      }
      done++;
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
      return errno;
    } else if (__atomic_load_n(stop, __ATOMIC_RELAXED)) {
      return 0;
    }
  }
  return 0;
}

void floor_stop(int *stop) {
  __atomic_store_n(stop, 1, __ATOMIC_RELAXED);
}
