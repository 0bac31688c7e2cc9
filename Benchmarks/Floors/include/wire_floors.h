/* Floors of the wire suite beside floor_wire_reply: with a flow going by, and through io_uring. Not
 * to be changed: a floor that changes makes every ratio before it incomparable. */
#ifndef WIRE_FLOORS_H
#define WIRE_FLOORS_H

#include <stddef.h>
#include <stdint.h>

/* Receives every datagram, and answers one whose first byte is not 0 by sending reply_bytes on the
 * stream, no work between. Ends after `count` answers, or when *stop is set; 0 or an errno. Plain
 * non-blocking calls, spinning. */
int floor_wire_flow(int datagram_fd, int stream_fd, size_t reply_bytes, uint64_t count,
                    const int *stop);

/* The same through one io_uring of the calling thread (single issuer, deferred task work): a
 * multishot receive with provided buffers, a submission entry for each answer, files registered.
 * It enters the kernel once for a datagram that has come, and once to send. ENOSYS, EPERM or EINVAL
 * where the kernel has no such ring. */
int floor_wire_uring(int datagram_fd, int stream_fd, size_t reply_bytes, uint64_t count,
                     const int *stop);

/* From the floor's thread to the asker's: why a floor has ended. */
void floor_wire_tell(int *where, int error);
int floor_wire_told(const int *where);

#endif
