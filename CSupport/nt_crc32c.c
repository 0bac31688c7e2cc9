#include "nt_crc32c.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#define CRC_HARDWARE_NAME "sse4.2"
#define CRC_TARGET __attribute__((target("sse4.2")))
#elif defined(__aarch64__)
#include <sys/auxv.h>
#define CRC_HARDWARE_NAME "armv8"
#if defined(__clang__)
#define CRC_TARGET __attribute__((target("crc")))
#define CRC_ARM8 __builtin_arm_crc32cd
#define CRC_ARM4 __builtin_arm_crc32cw
#define CRC_ARM1 __builtin_arm_crc32cb
#else
#define CRC_TARGET __attribute__((target("+crc")))
#define CRC_ARM8 __builtin_aarch64_crc32cx
#define CRC_ARM4 __builtin_aarch64_crc32cw
#define CRC_ARM1 __builtin_aarch64_crc32cb
#endif
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#endif

#define CRC_POLYNOMIAL 0x82F63B78u /* 0x1EDC6F41 with its bits reflected */
#define CRC_LONG 2048u             /* bytes of each of three streams */
#define CRC_SHORT 128u
#define CRC_RECORD 64u /* an order's intent has 220 bytes */

/* crc_slice[k][v]: what byte v does to the remainder when k more zero bytes follow it. */
static uint32_t crc_slice[8][256];

static uint32_t crc_table_run(uint32_t crc, const uint8_t *p, size_t count) {
  for (; count >= 8; p += 8, count -= 8) {
    uint32_t low =
        crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
    crc = crc_slice[7][low & 255] ^ crc_slice[6][low >> 8 & 255] ^ crc_slice[5][low >> 16 & 255] ^
          crc_slice[4][low >> 24] ^ crc_slice[3][p[4]] ^ crc_slice[2][p[5]] ^ crc_slice[1][p[6]] ^
          crc_slice[0][p[7]];
  }
  for (; count > 0; p++, count--)
    crc = crc >> 8 ^ crc_slice[0][(crc ^ *p) & 255];
  return crc;
}

static void crc_build_slices(void) {
  for (uint32_t v = 0; v < 256; v++) {
    uint32_t crc = v;
    for (int bit = 0; bit < 8; bit++)
      crc = crc >> 1 ^ (CRC_POLYNOMIAL & (0u - (crc & 1)));
    crc_slice[0][v] = crc;
  }
  for (int k = 1; k < 8; k++)
    for (uint32_t v = 0; v < 256; v++)
      crc_slice[k][v] = crc_slice[k - 1][v] >> 8 ^ crc_slice[0][crc_slice[k - 1][v] & 255];
}

#ifdef CRC_HARDWARE_NAME

/* What a number of zero bytes does to a remainder, byte by byte of the remainder: the map is linear
 * over the bits, so it is the sum of four looked-up parts. */
typedef struct crc_zeros {
  uint32_t part[4][256];
} crc_zeros;
static crc_zeros crc_long_zeros, crc_short_zeros, crc_record_zeros;

static void crc_build_zeros(crc_zeros *z, size_t bytes) {
  static const uint8_t nothing[CRC_LONG];
  for (int k = 0; k < 4; k++) {
    z->part[k][0] = 0;
    for (int bit = 0; bit < 8; bit++)
      z->part[k][1u << bit] = crc_table_run(1u << (8 * k + bit), nothing, bytes);
    for (uint32_t v = 1; v < 256; v++)
      z->part[k][v] = z->part[k][v & (v - 1)] ^ z->part[k][v & (0u - v)];
  }
}

static inline uint32_t crc_append_zeros(const crc_zeros *z, uint32_t crc) {
  return z->part[0][crc & 255] ^ z->part[1][crc >> 8 & 255] ^ z->part[2][crc >> 16 & 255] ^
         z->part[3][crc >> 24];
}

CRC_TARGET static inline uint32_t crc_step8(uint32_t crc, const uint8_t *p) {
  uint64_t word;
  memcpy(&word, p, 8);
#if defined(__x86_64__)
  return (uint32_t)_mm_crc32_u64(crc, word);
#else
  return CRC_ARM8(crc, word);
#endif
}

CRC_TARGET static inline uint32_t crc_step4(uint32_t crc, const uint8_t *p) {
  uint32_t word;
  memcpy(&word, p, 4);
#if defined(__x86_64__)
  return _mm_crc32_u32(crc, word);
#else
  return CRC_ARM4(crc, word);
#endif
}

CRC_TARGET static inline uint32_t crc_step1(uint32_t crc, uint8_t byte) {
#if defined(__x86_64__)
  return _mm_crc32_u8(crc, byte);
#else
  return CRC_ARM1(crc, byte);
#endif
}

/* Three neighbouring blocks at once: an instruction takes three cycles, but one can start in each.
 */
CRC_TARGET static inline uint32_t crc_three(uint32_t crc, const uint8_t *p, size_t block,
                                            const crc_zeros *zeros) {
  uint32_t second = 0, third = 0;
  for (size_t i = 0; i < block; i += 8) {
    crc = crc_step8(crc, p + i);
    second = crc_step8(second, p + block + i);
    third = crc_step8(third, p + 2 * block + i);
  }
  crc = crc_append_zeros(zeros, crc) ^ second;
  return crc_append_zeros(zeros, crc) ^ third;
}

CRC_TARGET static uint32_t crc_hardware_run(uint32_t crc, const uint8_t *p, size_t count) {
  for (; count >= 3 * CRC_LONG; p += 3 * CRC_LONG, count -= 3 * CRC_LONG)
    crc = crc_three(crc, p, CRC_LONG, &crc_long_zeros);
  for (; count >= 3 * CRC_SHORT; p += 3 * CRC_SHORT, count -= 3 * CRC_SHORT)
    crc = crc_three(crc, p, CRC_SHORT, &crc_short_zeros);
  if (count >= 3 * CRC_RECORD) {
    crc = crc_three(crc, p, CRC_RECORD, &crc_record_zeros);
    p += 3 * CRC_RECORD;
    count -= 3 * CRC_RECORD;
  }
  for (; count >= 8; p += 8, count -= 8)
    crc = crc_step8(crc, p);
  /* Records end so: whole words, then four bytes before the checksum. */
  if (count >= 4) {
    crc = crc_step4(crc, p);
    p += 4;
    count -= 4;
  }
  for (; count > 0; p++, count--)
    crc = crc_step1(crc, *p);
  return crc;
}

static bool crc_processor_has_it(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("sse4.2");
#else
  return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#endif
}

#endif

static bool crc_hardware_here;
static int crc_route = NT_CRC32C_TABLE;

/* Before other constructors: they may already want a checksum. */
__attribute__((constructor(101))) static void crc_prepare(void) {
  crc_build_slices();
#ifdef CRC_HARDWARE_NAME
  crc_build_zeros(&crc_long_zeros, CRC_LONG);
  crc_build_zeros(&crc_short_zeros, CRC_SHORT);
  crc_build_zeros(&crc_record_zeros, CRC_RECORD);
  crc_hardware_here = crc_processor_has_it();
#endif
  crc_route = crc_hardware_here ? NT_CRC32C_HARDWARE : NT_CRC32C_TABLE;
}

uint32_t nt_crc32c_by(nt_crc32c_route route, uint32_t crc, const void *bytes, size_t count) {
#ifdef CRC_HARDWARE_NAME
  if (route == NT_CRC32C_HARDWARE && crc_hardware_here)
    return ~crc_hardware_run(~crc, bytes, count);
#else
  (void)route;
#endif
  return ~crc_table_run(~crc, bytes, count);
}

uint32_t nt_crc32c(uint32_t crc, const void *bytes, size_t count) {
#ifdef CRC_HARDWARE_NAME
  /* Never set where the processor does not have it. */
  if (__builtin_expect(__atomic_load_n(&crc_route, __ATOMIC_RELAXED) == NT_CRC32C_HARDWARE, 1))
    return ~crc_hardware_run(~crc, bytes, count);
#endif
  return ~crc_table_run(~crc, bytes, count);
}

bool nt_crc32c_use(nt_crc32c_route route) {
  if (route == NT_CRC32C_HARDWARE && !crc_hardware_here)
    return false;
  __atomic_store_n(&crc_route, (int)route, __ATOMIC_RELAXED);
  return true;
}

const char *nt_crc32c_path(void) {
#ifdef CRC_HARDWARE_NAME
  if (__atomic_load_n(&crc_route, __ATOMIC_RELAXED) == NT_CRC32C_HARDWARE)
    return CRC_HARDWARE_NAME;
#endif
  return "table";
}
