/* floor_frame_walk of floors.h, but looking 2,048 bytes ahead instead of 512, as the decoder does.
 * Not to be changed: a floor that changes makes every ratio before it incomparable. */
#ifndef FAR_WALK_H
#define FAR_WALK_H

#include <stddef.h>
#include <stdint.h>

uint64_t floor_far_walk(const uint8_t *bytes, size_t count, uint64_t *frames);

#endif
