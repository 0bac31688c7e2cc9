/* What every hot C inline needs: the attributes Swift's performance checker reads, byte-order loads
 * and stores on unaligned wire bytes, prefetches and the pause hint.
 *
 * Threading: pure functions. */
#ifndef NT_HOT_H
#define NT_HOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Swift rejects a C call inside @_noLocks code unless the declaration carries these. */
#if defined(__clang__)
#define NT_HOT __attribute__((swift_attr("@_noLocks"), swift_attr("@_noAllocation")))
#else
#define NT_HOT
#endif

#define NT_CACHE_LINE 64

/* One of two values, chosen without a way: for conditions that no processor can foresee. */
#if defined(__has_builtin)
#if __has_builtin(__builtin_unpredictable)
#define NT_UNFORESEEN(condition) __builtin_unpredictable(condition)
#endif
#endif
#ifndef NT_UNFORESEEN
#define NT_UNFORESEEN(condition) (condition)
#endif

static inline NT_HOT uint32_t nt_choose32(bool condition, uint32_t then, uint32_t otherwise) {
  return NT_UNFORESEEN(condition) ? then : otherwise;
}

static inline NT_HOT uint64_t nt_choose64(bool condition, uint64_t then, uint64_t otherwise) {
  return NT_UNFORESEEN(condition) ? then : otherwise;
}

static inline NT_HOT uint16_t nt_load_be16(const uint8_t *p) {
  uint16_t v;
  memcpy(&v, p, sizeof v);
  return __builtin_bswap16(v);
}

static inline NT_HOT uint32_t nt_load_be32(const uint8_t *p) {
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return __builtin_bswap32(v);
}

static inline NT_HOT uint64_t nt_load_be64(const uint8_t *p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return __builtin_bswap64(v);
}

/* Six-byte ITCH time stamp. Reads p[0] to p[5] only. */
static inline NT_HOT uint64_t nt_load_be48(const uint8_t *p) {
  return ((uint64_t)nt_load_be16(p) << 32) | nt_load_be32(p + 2);
}

static inline NT_HOT void nt_store_be16(uint8_t *p, uint16_t v) {
  v = __builtin_bswap16(v);
  memcpy(p, &v, sizeof v);
}

static inline NT_HOT void nt_store_be32(uint8_t *p, uint32_t v) {
  v = __builtin_bswap32(v);
  memcpy(p, &v, sizeof v);
}

static inline NT_HOT void nt_store_be64(uint8_t *p, uint64_t v) {
  v = __builtin_bswap64(v);
  memcpy(p, &v, sizeof v);
}

static inline NT_HOT void nt_store_be48(uint8_t *p, uint64_t v) {
  nt_store_be16(p, (uint16_t)(v >> 32));
  nt_store_be32(p + 2, (uint32_t)v);
}

/* Eight bytes as they lie in memory: symbols are compared and hashed in this form. */
static inline NT_HOT uint64_t nt_load_raw64(const uint8_t *p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline NT_HOT void nt_store_raw64(uint8_t *p, uint64_t v) {
  memcpy(p, &v, sizeof v);
}

static inline NT_HOT void nt_prefetch_read(const void *p) {
  __builtin_prefetch(p, 0, 3);
}
static inline NT_HOT void nt_prefetch_write(const void *p) {
  __builtin_prefetch(p, 1, 3);
}

static inline NT_HOT void nt_copy(void *to, const void *from, size_t bytes) {
  memcpy(to, from, bytes);
}

/* The two may overlap. */
static inline NT_HOT void nt_move(void *to, const void *from, size_t bytes) {
  memmove(to, from, bytes);
}

static inline NT_HOT void nt_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

#endif
