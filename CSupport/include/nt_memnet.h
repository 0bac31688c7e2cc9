/* A network in memory with a clock of its own: what nt_net stands on where no kernel is wanted
 * (nt_net_options.memnet). TCP, UDP and multicast between any number of nt_nets of one thread, with
 * latency, loss and the other faults of a network, all from a seed: the same calls give the same
 * bytes at the same times, on any machine under any load.
 *
 * Nothing happens by itself. What is sent is under way until nt_memnet_advance has moved the clock
 * to its arrival; then it lies in the receiver's socket, and the receiver's next poll finds it. A
 * receiver that does not poll is one that the machine does not run: its buffers fill, and what does
 * not fit is lost (datagrams) or holds the sender up (streams).
 *
 * Threading: one thread, the one that owns all nt_nets on it. Bounded by the options; full is an
 * errno of the call that met it. Nothing but simulations, tests and virtual time makes one. */
#ifndef NT_MEMNET_H
#define NT_MEMNET_H

#include "nt_hot.h"

typedef struct nt_memnet nt_memnet;

typedef struct nt_memnet_options {
  uint64_t seed;
  int64_t start;    /* the clock at creation, nanoseconds; above 0 and below 2^62 */
  uint32_t sockets; /* of all nt_nets together, 1 to 65,536 */
  uint32_t packets; /* under way and unread together, 16 to 2^24 */
  uint64_t bytes;   /* of their payloads, 1 MiB to 2^36; touched only when used */
} nt_memnet_options;

enum { NT_MEMNET_LINKS_MAX = 64, NT_MEMNET_HOSTS_MAX = 64 };

enum { NT_MEMNET_ANY = 0, NT_MEMNET_STREAM = 1, NT_MEMNET_DATAGRAM = 2 };

/* What befalls packets between two hosts. Parts are per million; times are nanoseconds. */
typedef struct nt_memnet_link {
  /* Which packets: 0 is any. Hosts are numbered from 1 in the order of their creation; the port is
   * that of the datagram's receiver or of the stream's listening end. */
  uint32_t from, to;
  uint16_t port;
  uint16_t transport;
  uint32_t loss;         /* of datagrams; a piece of a stream comes `retransmit` later instead */
  uint32_t duplication;  /* of datagrams */
  uint32_t reordering;   /* of datagrams: they come up to `reordered_by` later */
  uint32_t reset;        /* of pieces of a stream: both ends see ECONNRESET */
  uint32_t half_open;    /* of pieces of a stream: from then on nothing of it arrives, unnoticed */
  uint32_t short_reads;  /* of receives from a stream: less than is there */
  uint32_t short_writes; /* of sends on a stream: less than is offered */
  int64_t latency;       /* at least one: nothing arrives when it is sent */
  int64_t jitter;        /* added, uniform from 0 to this; what a link carries stays in order */
  int64_t reordered_by;
  int64_t retransmit;        /* also what a stream's first packet waits for its next try */
  uint64_t bytes_per_second; /* 0: no bound */
  uint64_t queue_bytes; /* datagrams that would wait behind more than this are lost; 0: no bound */
  /* Until then nothing passes: datagrams are lost, streams wait, connections try again. */
  int64_t cut_until;
} nt_memnet_link;

typedef struct nt_memnet_counters {
  uint64_t datagrams, datagram_bytes; /* sent */
  uint64_t pieces, piece_bytes;       /* of streams, sent */
  uint64_t arrived;                   /* datagrams in a receiver's socket */
  uint64_t lost, duplicated, reordered, resets, half_opens, retransmitted, cut;
  uint64_t overflowed;  /* datagrams that found the receiver's buffer full */
  uint64_t queue_full;  /* datagrams that found the link's queue full */
  uint64_t unreachable; /* datagrams to a port that nobody has */
  uint64_t refused;     /* connections to a port where nobody listens */
  uint64_t no_room;     /* sends that found no packet or no bytes */
} nt_memnet_counters;

/* ENOMEM, or EINVAL for an option out of its range. */
int nt_memnet_create(nt_memnet **out, const nt_memnet_options *options);
/* The nt_nets on it must have been destroyed. */
void nt_memnet_destroy(nt_memnet *memnet);

NT_HOT int64_t nt_memnet_now(const nt_memnet *memnet);
/* When the next packet arrives; INT64_MAX when none is under way. */
NT_HOT int64_t nt_memnet_next(const nt_memnet *memnet);
/* When the last of all that is under way now arrives; INT64_MIN when nothing is. */
int64_t nt_memnet_last(const nt_memnet *memnet);
/* Moves the clock to `to`, never back nor beyond 2^62, and lets arrive what does until then. */
NT_HOT void nt_memnet_advance(nt_memnet *memnet, int64_t to);

/* The link's number for nt_memnet_link_set, or -ENOSPC, -EINVAL (parts above a million, negative
 * times). A packet is subject to the first link added that matches; to link 0, which matches all
 * and is there from the start (5 us, no faults, 200 ms to a retransmission), when there is none. */
int nt_memnet_link_add(nt_memnet *memnet, const nt_memnet_link *link);
int nt_memnet_link_set(nt_memnet *memnet, uint32_t number, const nt_memnet_link *link);
nt_memnet_link nt_memnet_link_get(const nt_memnet *memnet, uint32_t number);
uint32_t nt_memnet_link_count(const nt_memnet *memnet);
/* Resets every connected stream between two hosts (0: any) that was made to `port` (0: any), or
 * leaves both its ends open with nothing between them. How many there were. */
uint32_t nt_memnet_break(nt_memnet *memnet, uint32_t from, uint32_t to, uint16_t port,
                         bool half_open);

const nt_memnet_counters *nt_memnet_counters_of(const nt_memnet *memnet);

#endif
