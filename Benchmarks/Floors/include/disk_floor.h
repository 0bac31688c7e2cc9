/* Floor of the journal suite. Not to be changed: a floor that changes makes every ratio before it
 * incomparable. */
#ifndef DISK_FLOOR_H
#define DISK_FLOOR_H

#include <stddef.h>
#include <stdint.h>

/* Writes bytes from the beginning of a preallocated file, a block at a time, and makes each durable
 * before the next (fdatasync). 0 or an errno. */
int floor_disk_append(int file, const uint8_t *bytes, size_t count, size_t block);

#endif
