/* Sockets and timers of one thread: TCP, UDP and multicast as events, over io_uring, over epoll, or
 * over a network in memory (nt_memnet.h), behind one interface. This is the only place of the
 * process that touches sockets.
 *
 * What a loop does: nt_net_poll fills an array of events; the loop acts on them and queues sends,
 * which leave together at nt_net_submit or at the next poll. Everything is bounded by the options
 * and allocated at creation; a full table or buffer is a return value.
 *
 * Threading: one thread owns a loop and makes every call (with io_uring the kernel insists that it
 * is the thread that created it). Only nt_net_wake may be called from others.
 *
 * Results: 0 or an errno, unless said otherwise. */
#ifndef NT_NET_H
#define NT_NET_H

#include "nt_clock.h"
#include "nt_hot.h"
#include "nt_memnet.h"

typedef struct nt_net nt_net;

enum { NT_NET_AUTOMATIC = 0, NT_NET_URING = 1, NT_NET_EPOLL = 2, NT_NET_MEMORY = 3 };

typedef struct nt_net_options {
  uint32_t back_end;             /* NT_NET_AUTOMATIC: io_uring where it works */
  uint32_t connections;          /* sockets of every kind, 1 to 65,536 */
  uint32_t receive_buffers;      /* a power of two, 2 to 32,768 */
  uint32_t receive_buffer_bytes; /* the longest datagram; a stream's event may have 128 more */
  uint32_t send_bytes;           /* send buffer of each connection; a power of two, 256 to 2^30 */
  uint32_t timers;               /* armed at once, 1 to 65,536 */
  uint32_t submission_entries;   /* io_uring only; a power of two, 1 to 32,768 */
  uint32_t completion_entries;   /* io_uring only; at least submission_entries */
  bool explicit_release;         /* buffers come back by nt_net_release, not at the next poll */
  bool prefault;                 /* touch all memory at creation */
  /* For NT_NET_MEMORY, and for nothing else: the network, which must outlive the nt_net. It owns
   * the clock too, and a poll never sleeps. */
  nt_memnet *memnet;
} nt_net_options;

/* The clock of an nt_net: of its network in memory, else the machine's. */
typedef struct nt_net_clock {
  const int64_t *now;
} nt_net_clock;

/* Nanoseconds: the time of timers, and of everything that is measured against them. */
static inline NT_HOT int64_t nt_net_now(const nt_net *net) {
  const int64_t *now = ((const nt_net_clock *)(const void *)net)->now;
  return __builtin_expect(now == NULL, 1) ? nt_clock_now() : *now;
}

/* A raw stamp, as nt_clock_ticks; 0 where time is virtual, and nothing takes any. */
static inline NT_HOT uint64_t nt_net_ticks(const nt_net *net) {
  const int64_t *now = ((const nt_net_clock *)(const void *)net)->now;
  return __builtin_expect(now == NULL, 1) ? nt_clock_ticks() : 0;
}

/* Flags of a socket. */
enum {
  /* Plain non-blocking recv in every poll and send at once: for the one or two hot sockets. */
  NT_NET_DIRECT = 1,
  /* Datagrams: events carry the sender's address. */
  NT_NET_PEER_ADDRESS = 2,
  /* Datagrams: events carry the kernel's receive time (SO_TIMESTAMPNS). */
  NT_NET_TIMESTAMP = 4,
  NT_NET_REUSE_PORT = 8,
  /* Listeners: no SO_REUSEADDR. */
  NT_NET_EXCLUSIVE = 16,
  /* With NT_NET_TIMESTAMP and NT_NET_DIRECT: only one datagram of sixteen carries the time. To ask
   * for it makes a receive dearer by half. */
  NT_NET_TIMESTAMP_SOME = 32,
};

typedef struct nt_net_socket_options {
  uint32_t flags;
  int32_t receive_buffer_bytes; /* SO_RCVBUF; 0: the system's */
  int32_t send_buffer_bytes;    /* SO_SNDBUF; 0: the system's */
  int32_t busy_poll_us;         /* SO_BUSY_POLL in microseconds; a refusal is counted, not fatal */
  int32_t backlog;              /* listeners; 0: 128 */
} nt_net_socket_options;

/* IPv4, both in host order. */
typedef struct nt_net_endpoint {
  uint32_t address;
  uint16_t port;
  uint16_t pad;
} nt_net_endpoint;

enum {
  NT_NET_NONE = 0,
  NT_NET_CONNECTED = 1,   /* connect finished; error 0, or why not (then it is failed) */
  NT_NET_ACCEPTED = 2,    /* connection is the new one, token the listener's, peer its address */
  NT_NET_RECEIVED = 3,    /* data, length; for datagrams peer and timestamp as asked for */
  NT_NET_END = 4,         /* the peer will send no more; sending is still possible */
  NT_NET_FAILED = 5,      /* error says why; nothing more comes; the owner closes it */
  NT_NET_SENDABLE = 6,    /* a send was refused as full; now at least half of the buffer is free */
  NT_NET_SEND_FAILED = 7, /* datagrams: one or more were dropped, error of the last */
  NT_NET_ACCEPT_FAILED = 8, /* the listener stays open */
  NT_NET_TIMER = 9,         /* connection is the timer's id */
  NT_NET_WOKEN = 10,
};

enum { NT_NET_TRUNCATED = 1 /* the datagram was longer than a receive buffer */ };

#define NT_NET_NO_BUFFER UINT32_MAX

typedef struct nt_net_event {
  uint64_t connection; /* slot in the low, generation in the high 32 bits */
  uint64_t token;
  const uint8_t *data;
  int64_t timestamp; /* nanoseconds since 1970, 0 when there is none */
  uint32_t length;
  int32_t error;
  uint32_t buffer; /* for nt_net_release, or NT_NET_NO_BUFFER */
  uint16_t kind;
  uint16_t flags;
  nt_net_endpoint peer;
  uint64_t pad;
} nt_net_event;

_Static_assert(sizeof(nt_net_event) == 64, "an event is one cache line");

typedef struct nt_net_counters {
  uint64_t polls;
  uint64_t waits;   /* polls that went to sleep */
  uint64_t submits; /* io_uring_enter calls, epoll: flushes */
  uint64_t received_bytes;
  uint64_t sent_bytes;
  uint64_t received;      /* data events */
  uint64_t partial_sends; /* the kernel took less than was offered */
  uint64_t sends_refused; /* full buffer */
  uint64_t accepted;
  uint64_t accepts_refused;   /* no free slot: closed at once */
  uint64_t datagrams_dropped; /* not sent: error */
  uint64_t datagrams_truncated;
  uint64_t stale;               /* completions of closed connections, ignored */
  uint64_t rearmed;             /* multishot operations armed again */
  uint64_t buffers_exhausted;   /* receive found no buffer */
  uint64_t submission_full;     /* no submission entry at first try */
  uint64_t completion_overflow; /* times that the completion ring had overflowed */
  uint64_t faults;              /* injected */
  uint64_t options_refused;     /* socket options that the system did not grant */
} nt_net_counters;

/* 0, or an errno with a sentence in `reason` (also on success: which back end, and why). EINVAL: an
 * option out of its range; the sentence names it. NT_NET_URING fails where io_uring does not work.
 */
int nt_net_create(nt_net **out, const nt_net_options *options, char *reason, uint32_t reason_bytes);
/* Closes every socket. */
void nt_net_destroy(nt_net *net);
/* NT_NET_URING, NT_NET_EPOLL or NT_NET_MEMORY. */
uint32_t nt_net_back_end(const nt_net *net);

/* Port 0 binds any free port. EADDRINUSE, EACCES, ENFILE (table full) and what the system says. */
int nt_net_listen(nt_net *net, nt_net_endpoint at, const nt_net_socket_options *options,
                  uint64_t token, uint64_t *connection);
/* The result comes as NT_NET_CONNECTED. Sends may be queued before. `from` may be NULL. */
int nt_net_connect(nt_net *net, nt_net_endpoint to, const nt_net_endpoint *from,
                   const nt_net_socket_options *options, uint64_t token, uint64_t *connection);
int nt_net_open_datagram(nt_net *net, nt_net_endpoint at, const nt_net_socket_options *options,
                         uint64_t token, uint64_t *connection);
/* Receives what is sent to the group on the interface with this address. */
int nt_net_join(nt_net *net, uint64_t connection, uint32_t group, uint32_t interface);
int nt_net_leave(nt_net *net, uint64_t connection, uint32_t group, uint32_t interface);
/* Where multicast leaves, how far, and whether this machine hears it. */
int nt_net_multicast_output(nt_net *net, uint64_t connection, uint32_t interface, uint8_t ttl,
                            bool loop);
int nt_net_local(nt_net *net, uint64_t connection, nt_net_endpoint *out);
int nt_net_peer(nt_net *net, uint64_t connection, nt_net_endpoint *out);
int nt_net_set_token(nt_net *net, uint64_t connection, uint64_t token);
/* False for closed connections, so that events still in the caller's hands can be passed over. */
NT_HOT bool nt_net_is_open(const nt_net *net, uint64_t connection);

/* All or nothing: 0; EAGAIN when the buffer has not so much room now (NT_NET_SENDABLE follows);
 * EMSGSIZE when it never will; ENOTCONN failed; EPIPE after shutdown; EBADF closed. */
NT_HOT int nt_net_send(nt_net *net, uint64_t connection, const void *bytes, uint32_t count);
/* The same for one datagram of up to 65,507 bytes. */
NT_HOT int nt_net_send_to(nt_net *net, uint64_t connection, nt_net_endpoint to, const void *bytes,
                          uint32_t count);
/* Bytes that the kernel has not taken yet. */
NT_HOT uint32_t nt_net_unsent(const nt_net *net, uint64_t connection);
/* Hands every queued send to the kernel. */
NT_HOT int nt_net_submit(nt_net *net);

/* Sends what is queued, then FIN. Receiving goes on. */
int nt_net_shutdown(nt_net *net, uint64_t connection);
/* Closes at once; queued bytes are dropped, nothing more is reported. With abort the peer gets RST.
 */
int nt_net_close(nt_net *net, uint64_t connection, bool abort);

/* Fires once at or after `deadline` (nt_clock_now). ENOSPC when all are armed. */
NT_HOT int nt_net_arm(nt_net *net, int64_t deadline, uint64_t token, uint64_t *timer);
/* ENOENT when it has fired or was cancelled. */
NT_HOT int nt_net_disarm(nt_net *net, uint64_t timer);

/* The number of events, or a negative errno (-EEXIST: not the owning thread). `wait` nanoseconds: 0
 * returns at once, more sleeps until there is an event or the time is over, at most a second. */
NT_HOT int nt_net_poll(nt_net *net, nt_net_event *events, uint32_t capacity, int64_t wait);
/* With explicit_release: gives an event's buffer back. EINVAL when it is not out. */
NT_HOT int nt_net_release(nt_net *net, uint32_t buffer);
/* From any thread: the next or current poll ends with NT_NET_WOKEN. */
NT_HOT void nt_net_wake(nt_net *net);
const nt_net_counters *nt_net_counters_of(const nt_net *net);

/* Over a network in memory: when a poll has something to do, now or before; INT64_MAX when only an
 * arrival can bring it. */
NT_HOT int64_t nt_net_due(const nt_net *net);
/* The number by which the links of a network in memory know this nt_net; 0 over the kernel. */
uint32_t nt_net_host(const nt_net *net);

/* Kinds of operation for faults. */
enum {
  NT_NET_FAULT_SOCKET = 0,
  NT_NET_FAULT_BIND = 1,
  NT_NET_FAULT_LISTEN = 2,
  NT_NET_FAULT_CONNECT = 3,
  NT_NET_FAULT_ACCEPT = 4,
  NT_NET_FAULT_RECEIVE = 5,
  NT_NET_FAULT_SEND = 6,
  NT_NET_FAULT_BUFFER = 7,     /* taking a receive buffer; the errno is of no matter */
  NT_NET_FAULT_SUBMISSION = 8, /* taking a submission entry; likewise */
  NT_NET_FAULT_POLL = 9,       /* entering the kernel to reap */
  NT_NET_FAULT_KINDS = 10,
};

/* For tests: the `nth` operation of a kind from now (1 is the next) and the `repeat` - 1 after it
 * fail with `error`, or, when that is 0, handle at most `limit` bytes. nth 0 clears. Works with
 * both back ends. EINVAL: no such kind. */
int nt_net_fault(nt_net *net, uint32_t kind, uint64_t nth, uint64_t repeat, int32_t error,
                 uint32_t limit);
/* Operations of the kind so far: what a sweep over all of them counts up to. */
uint64_t nt_net_operations(const nt_net *net, uint32_t kind);

/* Gives up the processor for a moment: the middle of spin-then-yield. */
NT_HOT void nt_net_yield(void);

#endif
