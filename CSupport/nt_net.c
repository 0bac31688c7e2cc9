/* Creation, the table of connections, and the poll that both back ends share. */
#include "nt_net_internal.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

/* The name and range of the first option that is impossible, or NULL. */
static const char *bad_option(const nt_net_options *o) {
  if (o->back_end > NT_NET_EPOLL)
    return "back_end: automatic, io_uring or epoll";
  if (o->connections < 1 || o->connections > 65536)
    return "connections: 1 to 65536";
  if (o->receive_buffers < 2 || o->receive_buffers > 32768 ||
      (o->receive_buffers & (o->receive_buffers - 1)))
    return "receive_buffers: a power of two from 2 to 32768";
  if (o->receive_buffer_bytes < 64 || o->receive_buffer_bytes > 65536)
    return "receive_buffer_bytes: 64 to 65536";
  if (o->send_bytes < 256 || o->send_bytes > 1u << 30 || (o->send_bytes & (o->send_bytes - 1)))
    return "send_bytes: a power of two from 256 to 2^30";
  if (o->timers < 1 || o->timers > 65536)
    return "timers: 1 to 65536";
  if (o->submission_entries < 1 || o->submission_entries > 32768 ||
      (o->submission_entries & (o->submission_entries - 1)))
    return "submission_entries: a power of two from 1 to 32768";
  if (o->completion_entries < o->submission_entries || o->completion_entries > 65536 ||
      (o->completion_entries & (o->completion_entries - 1)))
    return "completion_entries: a power of two from submission_entries to 65536";
  return NULL;
}

static uint64_t take(uint64_t *at, uint64_t bytes, uint64_t alignment) {
  uint64_t start = (*at + alignment - 1) & ~(alignment - 1);
  *at = start + bytes;
  return start;
}

/* One mapping for everything; the loop itself lies at its start. */
static nt_net *map_memory(const nt_net_options *o) {
  uint64_t end = sizeof(nt_net);
  uint32_t stride = (o->receive_buffer_bytes + NT_NET_HEADROOM + 63) & ~63u;
  uint32_t buffers = 2 * o->receive_buffers;
  uint64_t conns = take(&end, (uint64_t)o->connections * sizeof(nt_conn), 64);
  uint64_t direct = take(&end, (uint64_t)o->connections * sizeof(uint32_t), 64);
  uint64_t stack = take(&end, (uint64_t)buffers * sizeof(uint32_t), 64);
  uint64_t out = take(&end, (uint64_t)buffers * sizeof(uint32_t), 64);
  uint64_t is_out = take(&end, buffers, 64);
  uint64_t timers = take(&end, (uint64_t)o->timers * sizeof(nt_net_timer), 64);
  uint64_t heap = take(&end, (uint64_t)o->timers * sizeof(uint32_t), 64);
  uint64_t sends = take(&end, (uint64_t)o->connections * o->send_bytes, 4096);
  uint64_t receives = take(&end, (uint64_t)buffers * stride, 4096);
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | (o->prefault ? MAP_POPULATE : 0);
  uint8_t *memory = mmap(NULL, end, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (memory == MAP_FAILED)
    return NULL;
  nt_net *net = (nt_net *)memory;
  net->memory = memory;
  net->memory_bytes = end;
  net->options = *o;
  net->send_mask = o->send_bytes - 1;
  net->conns = (nt_conn *)(memory + conns);
  net->direct = (uint32_t *)(memory + direct);
  net->stack = (uint32_t *)(memory + stack);
  net->out = (uint32_t *)(memory + out);
  net->is_out = memory + is_out;
  net->timers = (nt_net_timer *)(memory + timers);
  net->heap = (uint32_t *)(memory + heap);
  net->send_memory = memory + sends;
  net->buffers = memory + receives;
  net->buffer_stride = stride;
  return net;
}

static void fill_tables(nt_net *net) {
  uint32_t count = net->options.connections;
  for (uint32_t i = 0; i < count; i++) {
    net->conns[i].generation = 1;
    net->conns[i].fd = -1;
    net->conns[i].direct_at = NT_NET_NIL;
    net->conns[i].free_next = i + 1 < count ? i + 1 : NT_NET_NIL;
  }
  net->todo = net->ready = (nt_net_list){NT_NET_NIL, NT_NET_NIL};
  net->epoll_fd = -1;
  net->wake_fd = -1;
  nt_timers_create(net);
}

static void fill_stack(nt_net *net) {
  net->ring_buffers = net->back_end == NT_NET_URING ? net->options.receive_buffers : 0;
  net->buffer_count = net->ring_buffers + net->options.receive_buffers;
  for (uint32_t i = net->buffer_count; i > net->ring_buffers; i--)
    net->stack[net->stack_count++] = i - 1;
}

int nt_net_create(nt_net **out, const nt_net_options *options, char *reason,
                  uint32_t reason_bytes) {
  const char *bad = bad_option(options);
  if (bad) {
    snprintf(reason, reason_bytes, "impossible option: %s", bad);
    return EINVAL;
  }
  nt_net *net = map_memory(options);
  if (!net) {
    snprintf(reason, reason_bytes, "no memory for %u connections and %u receive buffers",
             options->connections, options->receive_buffers);
    return ENOMEM;
  }
  fill_tables(net);
  net->wake_fd = eventfd(0, EFD_CLOEXEC);
  int error = net->wake_fd < 0 ? errno : 0;
  if (error)
    snprintf(reason, reason_bytes, "eventfd: %s", strerror(error));
  if (!error && options->back_end != NT_NET_EPOLL) {
    net->back_end = NT_NET_URING;
    error = nt_uring_create(net, reason, reason_bytes);
  } else if (!error) {
    net->back_end = NT_NET_EPOLL;
    snprintf(reason, reason_bytes, "epoll: chosen by setting");
  }
  if (error && net->wake_fd >= 0 && options->back_end == NT_NET_AUTOMATIC) {
    net->back_end = NT_NET_EPOLL;
    error = 0;
  }
  if (!error && net->back_end == NT_NET_EPOLL) {
    error = nt_epoll_create(net);
    if (error)
      snprintf(reason, reason_bytes, "epoll: %s", strerror(error));
  }
  if (error) {
    nt_net_destroy(net);
    return error;
  }
  fill_stack(net);
  *out = net;
  return 0;
}

void nt_net_destroy(nt_net *net) {
  if (!net)
    return;
  nt_uring_destroy(net);
  for (uint32_t i = 0; i < net->options.connections; i++)
    if (net->conns[i].fd >= 0)
      close(net->conns[i].fd);
  nt_epoll_destroy(net);
  if (net->wake_fd >= 0)
    close(net->wake_fd);
  munmap(net->memory, net->memory_bytes);
}

uint32_t nt_net_back_end(const nt_net *net) {
  return net->back_end;
}

const nt_net_counters *nt_net_counters_of(const nt_net *net) {
  return &net->counters;
}

nt_conn *nt_conn_find(const nt_net *net, uint64_t connection) {
  uint32_t slot = (uint32_t)connection;
  if (slot >= net->options.connections)
    return NULL;
  nt_conn *conn = &net->conns[slot];
  if (conn->generation != (uint32_t)(connection >> 32) || conn->type == NT_CONN_FREE ||
      (conn->state & NT_IS_CLOSING))
    return NULL;
  return conn;
}

bool nt_net_is_open(const nt_net *net, uint64_t connection) {
  return nt_conn_find(net, connection) != NULL;
}

nt_conn *nt_conn_take(nt_net *net) {
  uint32_t slot = net->free_conn;
  if (slot == NT_NET_NIL)
    return NULL;
  nt_conn *conn = &net->conns[slot];
  net->free_conn = conn->free_next;
  conn->state &= NT_IN_TODO | NT_IN_READY;
  conn->pending = 0;
  conn->inflight = 0;
  conn->flags = 0;
  conn->head = conn->tail = conn->sending = 0;
  conn->interest = 0;
  conn->error = conn->send_error = 0;
  conn->direct_at = NT_NET_NIL;
  return conn;
}

void nt_conn_give_back(nt_net *net, nt_conn *conn) {
  conn->type = NT_CONN_FREE;
  conn->fd = -1;
  conn->pending = 0;
  conn->state &= NT_IN_TODO | NT_IN_READY;
  conn->generation += 1;
  if (conn->generation == 0)
    conn->generation = 1;
  conn->free_next = net->free_conn;
  net->free_conn = nt_conn_slot(net, conn);
}

int nt_conn_start(nt_net *net, nt_conn *conn) {
  int error = net->back_end == NT_NET_URING ? nt_uring_start(net, conn) : nt_epoll_start(net, conn);
  if (error)
    return error;
  if ((conn->flags & NT_NET_DIRECT) && conn->type != NT_CONN_LISTENER) {
    conn->direct_at = net->direct_count;
    net->direct[net->direct_count++] = nt_conn_slot(net, conn);
    net->direct_datagrams += conn->type == NT_CONN_DATAGRAM;
  }
  return 0;
}

void nt_direct_remove(nt_net *net, nt_conn *conn) {
  if (conn->direct_at == NT_NET_NIL)
    return;
  net->direct_datagrams -= conn->type == NT_CONN_DATAGRAM;
  uint32_t moved = net->direct[--net->direct_count];
  net->direct[conn->direct_at] = moved;
  net->conns[moved].direct_at = conn->direct_at;
  conn->direct_at = NT_NET_NIL;
}

int nt_net_set_token(nt_net *net, uint64_t connection, uint64_t token) {
  nt_conn *conn = nt_conn_find(net, connection);
  if (!conn)
    return EBADF;
  conn->token = token;
  return 0;
}

uint32_t nt_net_unsent(const nt_net *net, uint64_t connection) {
  const nt_conn *conn = nt_conn_find(net, connection);
  return conn ? conn->tail - conn->head : 0;
}

int nt_net_shutdown(nt_net *net, uint64_t connection) {
  nt_conn *conn = nt_conn_find(net, connection);
  if (!conn)
    return EBADF;
  if (conn->type != NT_CONN_STREAM)
    return EOPNOTSUPP;
  if (conn->state & (NT_IS_FAILED | NT_SEND_BROKEN))
    return ENOTCONN;
  conn->state |= NT_WRITE_ENDING;
  nt_io_shutdown_if_drained(net, conn);
  return 0;
}

int nt_net_close(nt_net *net, uint64_t connection, bool abort) {
  nt_conn *conn = nt_conn_find(net, connection);
  if (!conn)
    return EBADF;
  nt_direct_remove(net, conn);
  conn->state |= NT_IS_CLOSING;
  conn->head = conn->tail;
  if (conn->type == NT_CONN_STREAM && abort) {
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  } else if (conn->type != NT_CONN_DATAGRAM && conn->inflight != 0) {
    shutdown(conn->fd, SHUT_RDWR); /* the peer learns it now, not when the kernel has let go */
  }
  if (net->back_end == NT_NET_URING)
    nt_uring_stop(net, conn);
  else
    nt_epoll_stop(net, conn);
  return 0;
}

int nt_net_submit(nt_net *net) {
  return net->back_end == NT_NET_URING ? nt_uring_submit(net) : nt_epoll_submit(net);
}

static void release_last(nt_net *net) {
  for (uint32_t i = 0; i < net->out_count; i++) {
    if (net->is_out[net->out[i]]) { /* else the consumer was quicker */
      net->is_out[net->out[i]] = 0;
      nt_buffer_give_back(net, net->out[i]);
    }
  }
  net->out_count = 0;
}

/* Beside direct datagram sockets, streams are looked at in one of so many spinning polls: the feed
 * is where ticks come from, and every other look at a socket is one at which a tick waits. */
#define NT_NET_STREAM_TURNS 4

static void read_direct(nt_net *net, nt_net_sink *sink, int64_t wait) {
  bool streams =
      wait > 0 || net->direct_datagrams == 0 || net->counters.polls % NT_NET_STREAM_TURNS == 0;
  /* A failing socket leaves the list, and the last one takes its place: it waits for the next poll.
   */
  uint32_t count = net->direct_count;
  for (uint32_t i = 0; i < count && i < net->direct_count && !nt_sink_full(sink); i++) {
    if (net->direct_turn >= net->direct_count)
      net->direct_turn = 0;
    nt_conn *conn = &net->conns[net->direct[net->direct_turn++]];
    if (!(conn->state & NT_IS_OPEN) || (!streams && conn->type == NT_CONN_STREAM))
      continue;
    uint32_t before = sink->count;
    nt_io_read(net, sink, conn, 1);
    /* What has come is acted on before the next socket is asked; the turn goes on from there. */
    if (sink->count > before)
      return;
  }
}

static void take_wake(nt_net *net, nt_net_sink *sink) {
  if (__atomic_load_n(&net->woken, __ATOMIC_RELAXED) == 0 || nt_sink_full(sink))
    return;
  __atomic_exchange_n(&net->woken, 0, __ATOMIC_ACQUIRE);
  sink->events[sink->count++] = (nt_net_event){.kind = NT_NET_WOKEN, .buffer = NT_NET_NO_BUFFER};
}

void nt_net_wake(nt_net *net) {
  __atomic_store_n(&net->woken, 1, __ATOMIC_SEQ_CST); /* pairs with the load behind `sleeping` */
  if (__atomic_load_n(&net->sleeping, __ATOMIC_SEQ_CST) != 0) {
    uint64_t one = 1;
    ssize_t ignored = write(net->wake_fd, &one, sizeof one);
    (void)ignored; /* only a full counter fails, and then it is readable */
  }
}

int nt_net_poll(nt_net *net, nt_net_event *events, uint32_t capacity, int64_t wait) {
  nt_net_sink sink = {.events = events, .capacity = capacity};
  net->counters.polls += 1;
  if (net->out_count)
    release_last(net);
  if (capacity == 0)
    return 0;
  nt_events_rest(net, &sink);
  take_wake(net, &sink);
  nt_timers_fire(net, &sink);
  nt_events_deliver(net, &sink);
  read_direct(net, &sink, wait);
  if (sink.count > 0 || wait < 0)
    wait = 0;
  wait = nt_timers_bound(net, wait < NT_NET_WAIT_MAX ? wait : NT_NET_WAIT_MAX);
  if (wait > 0) {
    __atomic_store_n(&net->sleeping, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&net->woken, __ATOMIC_SEQ_CST) != 0)
      wait = 0;
    else
      net->counters.waits += 1;
  }
  int error = net->back_end == NT_NET_URING ? nt_uring_collect(net, &sink, wait)
                                            : nt_epoll_collect(net, &sink, wait);
  if (net->sleeping) {
    __atomic_store_n(&net->sleeping, 0, __ATOMIC_SEQ_CST);
    take_wake(net, &sink);
    nt_timers_fire(net, &sink);
  }
  nt_events_deliver(net, &sink);
  return sink.count > 0 || error == 0 ? (int)sink.count : -error;
}

void nt_net_yield(void) {
  sched_yield();
}
