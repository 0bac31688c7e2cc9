/* Floors: the least that a machine can do of each kind, as small C programs to stand beside our own
 * figures in the same run. They do no work of their own beyond what their name says.
 *
 * Frozen: a floor that changes makes every ratio before it incomparable. */
#ifndef FLOORS_H
#define FLOORS_H

#include <stddef.h>
#include <stdint.h>

/* Walks length-prefixed frames (two bytes, big-endian) and returns a sum of type bytes and lengths.
 */
uint64_t floor_frame_walk(const uint8_t *bytes, size_t count, uint64_t *frames);

/* Sum of all bytes, with AVX2 where there is: what reading the memory costs. */
uint64_t floor_byte_sum(const uint8_t *bytes, size_t count);

/* Bounces a word between two pinned threads over two cache lines; nanoseconds of each round trip go
 * to samples. Returns 0, or an errno. */
int floor_bounce(int cpu_a, int cpu_b, uint32_t *samples, size_t count);

/* One thread's share of the wire floor: spins on a datagram socket, and for each datagram sends
 * `reply_bytes` bytes on a connected stream socket. Returns after `count` datagrams, or at *stop.
 */
int floor_wire_reply(int datagram_fd, int stream_fd, size_t reply_bytes, uint64_t count,
                     const int *stop);

/* Ends floor_wire_reply from another thread. */
void floor_stop(int *stop);

#endif
