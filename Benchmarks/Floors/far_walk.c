#include "far_walk.h"

uint64_t floor_far_walk(const uint8_t *bytes, size_t count, uint64_t *frames) {
  uint64_t sum = 0, walked = 0;
  size_t at = 0;
  while (at + 2 < count) {
    size_t length = (size_t)bytes[at] << 8 | bytes[at + 1];
    __builtin_prefetch(bytes + at + 2048);
    if (length > count - at - 2)
      break;
    sum += bytes[at + 2] + length;
    at += 2 + length;
    walked++;
  }
  *frames = walked;
  return sum;
}
