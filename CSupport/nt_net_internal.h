/* What the files of nt_net share. Nothing outside them includes this. */
#ifndef NT_NET_INTERNAL_H
#define NT_NET_INTERNAL_H

#include "nt_memnet.h"
#include "nt_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define NT_NET_NIL UINT32_MAX
/* Reads from one socket, accepts from one listener, datagrams in one sendmmsg. */
#define NT_NET_BATCH_MAX 16
#define NT_NET_WAIT_MAX 1000000000
#define NT_NET_DATAGRAM_MAX 65507
/* Room before the payload that a multishot recvmsg fills: header, sender, one control message. */
#define NT_NET_HEADROOM 96
#define NT_NET_CONTROL_BYTES CMSG_SPACE(sizeof(struct timespec))

enum { NT_CONN_FREE, NT_CONN_LISTENER, NT_CONN_STREAM, NT_CONN_DATAGRAM };

/* State bits of a connection. */
enum {
  NT_IS_OPEN = 1,         /* connected, bound or listening */
  NT_IS_CONNECTING = 2,   /* connect outstanding */
  NT_IS_FAILED = 4,       /* terminal; waits for the owner's close */
  NT_IS_CLOSING = 8,      /* closed by the owner; waits for the kernel's last completion */
  NT_READ_ENDED = 16,     /* the peer sent FIN */
  NT_WRITE_ENDING = 32,   /* FIN after the queued bytes */
  NT_WRITE_ENDED = 64,    /* FIN sent */
  NT_WAS_FULL = 128,      /* a send was refused since the last SENDABLE */
  NT_IN_TODO = 256,       /* on the list of work for the back end */
  NT_IN_READY = 512,      /* on the list of events to be delivered */
  NT_SEND_BROKEN = 1024,  /* sending failed; fails when reading has drained */
  NT_WAIT_WRITE = 2048,   /* the socket was full: nothing to try before it is writable */
  NT_IS_CANCELLED = 4096, /* io_uring: the cancellation has been queued */
};

/* Operations of a connection. At most one of a kind is outstanding. */
enum {
  NT_OP_RECEIVE = 1,
  NT_OP_SEND = 2,
  NT_OP_ACCEPT = 4,
  NT_OP_CONNECT = 8,
  NT_OP_POLL_IN = 16,
  NT_OP_POLL_OUT = 32,
  NT_OP_CANCEL = 64,
  NT_OP_WAKE = 128, /* of the loop itself */
};

/* Events waiting for delivery. */
enum {
  NT_PENDING_CONNECTED = 1,
  NT_PENDING_SENDABLE = 2,
  NT_PENDING_SEND_FAILED = 4,
  NT_PENDING_FAILED = 8,
};

typedef struct nt_conn {
  uint32_t generation;
  int32_t fd;
  uint8_t type;
  uint8_t inflight; /* NT_OP_ bits outstanding in the kernel */
  uint8_t pending;  /* NT_PENDING_ bits */
  uint8_t turn;     /* receives so far, of which some ask for the time */
  uint16_t state;
  uint16_t flags; /* NT_NET_DIRECT and so on */
  uint64_t token;
  /* The send ring: free-running indices, masked by send_mask. `sending` bytes are with the kernel.
   */
  uint32_t head, tail, sending;
  uint32_t interest; /* epoll's registered mask */
  int32_t error;     /* of the pending failure */
  int32_t send_error;
  uint32_t todo_next, ready_next, free_next;
  uint32_t direct_at; /* position in net->direct */
  struct sockaddr_in peer;
  struct msghdr message; /* of the multishot recvmsg; the kernel copies it at submission */
} nt_conn;

typedef struct nt_net_timer {
  int64_t deadline;
  uint64_t order; /* arming order breaks ties */
  uint64_t token;
  uint32_t generation;
  uint32_t at; /* position in the heap, NT_NET_NIL while free */
  uint32_t free_next;
  uint32_t pad;
} nt_net_timer;

typedef struct nt_net_fault_state {
  uint64_t operations;
  uint64_t first; /* operation number; 0: none */
  uint64_t repeat;
  int32_t error;
  uint32_t limit;
} nt_net_fault_state;

typedef struct nt_net_list {
  uint32_t first, last;
} nt_net_list;

typedef struct nt_net_sink nt_net_sink;

/* What a back end does: a connection's state becomes operations of the kernel, and what they come
 * to becomes events. */
typedef struct nt_back_end {
  /* 0 or an errno; why goes into `reason`. */
  int (*create)(nt_net *net, char *reason, uint32_t reason_bytes);
  void (*destroy)(nt_net *net);
  /* 0 also where it has failed the connection (NT_IS_FAILED): that comes as an event. */
  int (*start)(nt_net *net, nt_conn *conn);
  /* After a failure (the descriptor stays) or a close (it goes, and the slot when the kernel is
   * done). */
  void (*stop)(nt_net *net, nt_conn *conn);
  /* Hands over what is queued. */
  int (*submit)(nt_net *net);
  int (*collect)(nt_net *net, nt_net_sink *sink, int64_t wait);
  /* Of those that belong to the kernel's ring; NULL: it has none. */
  void (*give_buffer)(nt_net *net, uint32_t buffer);
  /* SOCK_NONBLOCK, or 0: io_uring waits in the kernel only for blocking sockets, and plain calls
   * say MSG_DONTWAIT. */
  int socket_mode;
  /* Direct sockets are asked in every poll; else they are as all others when it comes to reading.
   */
  bool asks_direct;
} nt_back_end;

struct nt_net {
  nt_net_clock clock; /* first: nt_net_now reads it */
  nt_net_options options;
  uint32_t back_end;
  const nt_back_end *calls;
  uint32_t send_mask;
  nt_conn *conns;
  uint8_t *send_memory;
  nt_net_list todo, ready;
  uint32_t free_conn;
  /* The rest of a buffer that a fault has shortened. It goes before everything else. */
  uint64_t rest_connection;
  const uint8_t *rest_data;
  uint32_t rest_buffer, rest_length;
  /* Connections served by plain recv in every poll. */
  uint32_t *direct;
  uint32_t direct_count, direct_turn;
  uint32_t direct_datagrams; /* of them */
  /* Receive buffers: ids below ring_buffers belong to the kernel's ring, the rest to the stack. */
  uint8_t *buffers;
  uint32_t buffer_stride, buffer_count, ring_buffers;
  uint32_t *stack;
  uint32_t stack_count;
  uint8_t *is_out; /* by buffer: with the consumer */
  uint32_t *out;   /* handed out by the last poll */
  uint32_t out_count;
  uint32_t ring_available;
  /* Timers. */
  nt_net_timer *timers;
  uint32_t *heap;
  uint32_t heap_count, free_timer;
  uint64_t timer_order;
  /* Wake-up: `woken` is set before `sleeping` is read, and the other way round by the sleeper. */
  int32_t wake_fd;
  _Alignas(64) uint32_t woken;
  uint32_t sleeping;
  /* epoll */
  _Alignas(64) int32_t epoll_fd;
  uint32_t watched; /* sockets that epoll must be asked about even when spinning */
  /* io_uring */
  struct io_uring ring;
  struct io_uring_buf_ring *buffer_ring;
  uint64_t wake_value;
  uint8_t wake_inflight;
  bool ring_open;
  /* A network in memory. */
  nt_memnet *memnet;
  uint32_t host;
  nt_net_fault_state faults[NT_NET_FAULT_KINDS];
  nt_net_counters counters;
  uint8_t *memory;
  uint64_t memory_bytes;
};
_Static_assert(offsetof(struct nt_net, clock) == 0, "nt_net_now is inline");
_Static_assert(offsetof(struct nt_net, woken) % 64 == 0 &&
                   offsetof(struct nt_net, epoll_fd) % 64 == 0,
               "what others write is on a line of its own");

/* Where events go. */
struct nt_net_sink {
  nt_net_event *events;
  uint32_t count, capacity;
};

static inline bool nt_sink_full(const nt_net_sink *sink) {
  return sink->count == sink->capacity;
}

static inline uint64_t nt_conn_id(const nt_net *net, const nt_conn *conn) {
  return ((uint64_t)conn->generation << 32) | (uint64_t)(conn - net->conns);
}

static inline uint32_t nt_conn_slot(const nt_net *net, const nt_conn *conn) {
  return (uint32_t)(conn - net->conns);
}

static inline uint8_t *nt_conn_ring(const nt_net *net, const nt_conn *conn) {
  return net->send_memory + (uint64_t)nt_conn_slot(net, conn) * net->options.send_bytes;
}

static inline uint8_t *nt_buffer_at(const nt_net *net, uint32_t buffer) {
  return net->buffers + (uint64_t)buffer * net->buffer_stride;
}

/* Where a connection is open or on the way to it and has not failed. */
static inline bool nt_conn_usable(const nt_conn *conn) {
  return (conn->state & (NT_IS_OPEN | NT_IS_CONNECTING)) &&
         !(conn->state & (NT_IS_FAILED | NT_IS_CLOSING));
}

static inline bool nt_io_is_transient(int error) {
  return error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM;
}

/* Whether an accept's errno leaves nothing to report. */
static inline bool nt_io_accept_is_transient(int error) {
  return error == EAGAIN || error == EINTR || error == ECONNABORTED;
}

static inline struct sockaddr_in nt_socket_address(nt_net_endpoint at) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_port = htons(at.port);
  address.sin_addr.s_addr = htonl(at.address);
  return address;
}

static inline nt_net_endpoint nt_socket_endpoint(const struct sockaddr_in *address) {
  return (nt_net_endpoint){.address = ntohl(address->sin_addr.s_addr),
                           .port = ntohs(address->sin_port)};
}

/* The files, from the bottom up: each calls what stands above its own line here, and a back end
 * through `calls` only (perf/scripts/lint). */

/* nt_net_system.c: the system calls of these names, or those of a network in memory. A negative
 * result is an errno. Nothing here waits. */
int nt_sys_open(nt_net *net, int type);
void nt_sys_close(nt_net *net, int fd);
int nt_sys_setsockopt(nt_net *net, int fd, int level, int name, const void *value, uint32_t bytes);
int nt_sys_bind(nt_net *net, int fd, nt_net_endpoint at);
int nt_sys_listen(nt_net *net, int fd, int backlog);
int nt_sys_accept(nt_net *net, int fd, struct sockaddr_in *peer);
int nt_sys_name(nt_net *net, int fd, bool peer, nt_net_endpoint *out);
int nt_sys_shutdown(nt_net *net, int fd, int how);
ssize_t nt_sys_send(nt_net *net, int fd, const void *bytes, size_t count);
ssize_t nt_sys_sendmsg(nt_net *net, int fd, const struct msghdr *message);
int nt_sys_sendmmsg(nt_net *net, int fd, struct mmsghdr *messages, uint32_t count);
/* Of a network in memory only. */
int nt_sys_sendto(nt_net *net, int fd, nt_net_endpoint to, const void *bytes, uint32_t count);
ssize_t nt_sys_recv(nt_net *net, int fd, void *into, size_t count);
ssize_t nt_sys_recvmsg(nt_net *net, int fd, struct msghdr *message);

/* nt_net_fault.c: the errno of this operation (0: none); *limit is lowered when it is to be short.
 */
int nt_fault_next(nt_net *net, uint32_t kind, uint32_t *limit);

/* nt_net_timer.c */
void nt_timers_create(nt_net *net);
void nt_timers_fire(nt_net *net, nt_net_sink *sink);
/* Nanoseconds until the next one, at most `wait`. */
int64_t nt_timers_bound(const nt_net *net, int64_t wait);

/* nt_net_table.c */
/* NULL: no memory. */
nt_net *nt_table_create(const nt_net_options *options);
void nt_table_destroy(nt_net *net);
/* Once it is known which buffers are the kernel's. */
void nt_buffers_fill(nt_net *net);
/* A buffer of the stack, or NT_NET_NIL. */
uint32_t nt_buffer_take(nt_net *net);
void nt_buffer_give_back(nt_net *net, uint32_t buffer);
void nt_list_add(nt_net *net, nt_net_list *list, nt_conn *conn, uint16_t membership);
nt_conn *nt_conn_find(const nt_net *net, uint64_t connection);
nt_conn *nt_conn_take(nt_net *net);
void nt_conn_give_back(nt_net *net, nt_conn *conn);
/* Starts an open socket's reception and event bookkeeping; on an error the caller closes it and
 * gives the slot back. */
int nt_conn_start(nt_net *net, nt_conn *conn);
/* Removes a socket from the direct list. */
void nt_direct_remove(nt_net *net, nt_conn *conn);

/* Has the back end look at a connection at its next submit. */
static inline void nt_conn_look(nt_net *net, nt_conn *conn) {
  nt_list_add(net, &net->todo, conn, NT_IN_TODO);
}

/* nt_net_events.c */
nt_net_event *nt_event_add(nt_net *net, nt_net_sink *sink, const nt_conn *conn, uint16_t kind);
/* A data event on a buffer that has left the pool; honours a fault's shortening. */
void nt_event_data(nt_net *net, nt_net_sink *sink, nt_conn *conn, uint32_t buffer,
                   const uint8_t *data, uint32_t length);
/* The same for a stream whose bytes are in already: a fault shortens or fails it here. */
void nt_event_stream(nt_net *net, nt_net_sink *sink, nt_conn *conn, uint32_t buffer,
                     const uint8_t *data, uint32_t length);
void nt_events_rest(nt_net *net, nt_net_sink *sink);
void nt_conn_pend(nt_net *net, nt_conn *conn, uint8_t pending);
void nt_conn_fail(nt_net *net, nt_conn *conn, int error);
/* The peer's FIN: END, or the failure that sending met before. */
void nt_conn_ended(nt_net *net, nt_net_sink *sink, nt_conn *conn);
/* A stream that cannot send: what has been received is still delivered before the failure. */
void nt_conn_break_sending(nt_net *net, nt_conn *conn, int error);
void nt_events_deliver(nt_net *net, nt_net_sink *sink);

/* nt_net_io.c: plain system calls, used by the epoll back end and by direct sockets. */
/* Reads up to `most` times. */
void nt_io_read(nt_net *net, nt_net_sink *sink, nt_conn *conn, uint32_t most);
/* Writes what is queued; sets NT_WAIT_WRITE when the socket is full. */
void nt_io_write(nt_net *net, nt_conn *conn);
void nt_io_accept(nt_net *net, nt_net_sink *sink, nt_conn *listener);
/* Takes over an accepted descriptor; closes it when there is no slot. */
void nt_io_accepted(nt_net *net, nt_net_sink *sink, nt_conn *listener, int fd,
                    const struct sockaddr_in *peer);
/* Puts bytes into the send ring; the caller has checked the room. */
void nt_io_queue(const nt_net *net, nt_conn *conn, const void *bytes, uint32_t count);
/* After the kernel took `count` bytes of a stream's send ring. */
void nt_io_sent(nt_net *net, nt_conn *conn, uint32_t count);
/* The first contiguous part of what a stream has queued beyond what is with the kernel. */
uint32_t nt_io_next_part(const nt_net *net, const nt_conn *conn, const uint8_t **data);
/* Fills peer and time from a received message's name and control. */
void nt_io_describe(nt_net_event *event, const struct sockaddr_in *from, struct msghdr *message,
                    const nt_conn *conn);
void nt_io_shutdown_if_drained(nt_net *net, nt_conn *conn);
/* Inlined into each back end that is told when a socket is ready, with what that has to look at
 * after a write: no call through a pointer is left. */
typedef void nt_conn_update(nt_net *net, nt_conn *conn);
static inline __attribute__((always_inline)) void nt_io_write_todo(nt_net *net,
                                                                   nt_conn_update *update) {
  if (net->todo.first == NT_NET_NIL)
    return;
  net->counters.submits += 1;
  uint32_t slot = net->todo.first;
  net->todo = (nt_net_list){NT_NET_NIL, NT_NET_NIL};
  while (slot != NT_NET_NIL) {
    nt_conn *conn = &net->conns[slot];
    slot = conn->todo_next;
    conn->state &= (uint16_t)~NT_IN_TODO;
    if (conn->type == NT_CONN_FREE || !(conn->state & NT_IS_OPEN))
      continue;
    nt_io_write(net, conn);
    if (nt_conn_usable(conn))
      update(net, conn);
  }
}
/* A connect has come to an end, with this errno. */
static inline __attribute__((always_inline)) void
nt_io_connected(nt_net *net, nt_net_sink *sink, nt_conn *conn, int error, nt_conn_update *update) {
  if (error) {
    nt_conn_fail(net, conn, error);
    return;
  }
  conn->state = (uint16_t)((conn->state & ~NT_IS_CONNECTING) | NT_IS_OPEN);
  nt_event_add(net, sink, conn, NT_NET_CONNECTED)->peer = nt_socket_endpoint(&conn->peer);
  nt_io_write(net, conn);
  nt_io_shutdown_if_drained(net, conn);
  if (nt_conn_usable(conn))
    update(net, conn);
}

/* nt_net_socket.c: public functions only. */

/* nt_net_uring_complete.c: turns completions into events while there is room; does not enter the
 * kernel. */
void nt_uring_reap(nt_net *net, nt_net_sink *sink);

/* nt_net_uring.c */
extern const nt_back_end nt_uring;

/* nt_net_epoll.c */
extern const nt_back_end nt_epoll;

/* nt_net_memory.c */
extern const nt_back_end nt_memory_net;

/* nt_net_poll.c: public functions only. */

#endif
