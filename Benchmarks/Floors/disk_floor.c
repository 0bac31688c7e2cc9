#include "disk_floor.h"

#include <errno.h>
#include <unistd.h>

int floor_disk_append(int file, const uint8_t *bytes, size_t count, size_t block) {
  for (size_t at = 0; at < count;) {
    size_t wanted = count - at < block ? count - at : block;
    ssize_t n = pwrite(file, bytes + at, wanted, (off_t)at);
    if (n <= 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return n < 0 ? errno : EIO;
    if (fdatasync(file) != 0)
      return errno;
    at += (size_t)n;
  }
  return 0;
}
