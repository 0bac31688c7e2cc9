/* Creation, and the poll that the back ends share. */
#include "nt_memnet_internal.h"
#include "nt_net_internal.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The name and range of the first option that is impossible, or NULL. */
static const char *bad_option(const nt_net_options *o) {
  if (o->back_end > NT_NET_MEMORY)
    return "back_end: automatic, io_uring, epoll or memory";
  if ((o->back_end == NT_NET_MEMORY) != (o->memnet != NULL))
    return "memnet: for the memory back end, and for nothing else";
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

/* Takes up the wanted back end; epoll in the place of io_uring, where either will do. */
static int choose(nt_net *net, char *reason, uint32_t reason_bytes) {
  if (net->options.back_end == NT_NET_MEMORY) {
    net->back_end = NT_NET_MEMORY;
    net->calls = &nt_memory_net;
    return net->calls->create(net, reason, reason_bytes);
  }
  if (net->options.back_end != NT_NET_EPOLL) {
    net->back_end = NT_NET_URING;
    net->calls = &nt_uring;
    int error = net->calls->create(net, reason, reason_bytes);
    if (!error || net->options.back_end == NT_NET_URING)
      return error;
  } else {
    snprintf(reason, reason_bytes, "epoll: chosen by setting");
  }
  net->back_end = NT_NET_EPOLL;
  net->calls = &nt_epoll;
  return net->calls->create(net, reason, reason_bytes);
}

int nt_net_create(nt_net **out, const nt_net_options *options, char *reason,
                  uint32_t reason_bytes) {
  const char *bad = bad_option(options);
  if (bad) {
    snprintf(reason, reason_bytes, "impossible option: %s", bad);
    return EINVAL;
  }
  nt_net *net = nt_table_create(options);
  if (!net) {
    snprintf(reason, reason_bytes, "no memory for %u connections and %u receive buffers",
             options->connections, options->receive_buffers);
    return ENOMEM;
  }
  int error = 0;
  if (options->back_end != NT_NET_MEMORY) { /* there nobody sleeps */
    net->wake_fd = eventfd(0, EFD_CLOEXEC);
    error = net->wake_fd < 0 ? errno : 0;
  }
  if (error)
    snprintf(reason, reason_bytes, "eventfd: %s", strerror(error));
  else
    error = choose(net, reason, reason_bytes);
  if (error) {
    nt_net_destroy(net);
    return error;
  }
  nt_buffers_fill(net);
  *out = net;
  return 0;
}

void nt_net_destroy(nt_net *net) {
  if (!net)
    return;
  if (net->calls)
    net->calls->destroy(net);
  for (uint32_t i = 0; i < net->options.connections; i++)
    if (net->conns[i].fd >= 0)
      close(net->conns[i].fd);
  if (net->wake_fd >= 0)
    close(net->wake_fd);
  nt_table_destroy(net);
}

int nt_net_submit(nt_net *net) {
  return net->calls->submit(net);
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
  wait =
      net->wake_fd < 0 ? 0 : nt_timers_bound(net, wait < NT_NET_WAIT_MAX ? wait : NT_NET_WAIT_MAX);
  if (wait > 0) {
    __atomic_store_n(&net->sleeping, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&net->woken, __ATOMIC_SEQ_CST) != 0)
      wait = 0;
    else
      net->counters.waits += 1;
  }
  int error = net->calls->collect(net, &sink, wait);
  if (net->sleeping) {
    __atomic_store_n(&net->sleeping, 0, __ATOMIC_SEQ_CST);
    take_wake(net, &sink);
    nt_timers_fire(net, &sink);
  }
  nt_events_deliver(net, &sink);
  return sink.count > 0 || error == 0 ? (int)sink.count : -error;
}

int64_t nt_net_due(const nt_net *net) {
  if (net->ready.first != NT_NET_NIL || net->todo.first != NT_NET_NIL ||
      net->rest_connection != 0 || __atomic_load_n(&net->woken, __ATOMIC_RELAXED) != 0 ||
      (net->memnet && nt_memnet_has_ready(net->memnet, net->host)))
    return INT64_MIN;
  return net->heap_count > 0 ? net->timers[net->heap[0]].deadline : INT64_MAX;
}

uint32_t nt_net_host(const nt_net *net) {
  return net->host;
}

void nt_net_yield(void) {
  sched_yield();
}
