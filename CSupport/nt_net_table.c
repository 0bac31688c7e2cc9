/* The loop's memory: the table of connections, the lists of those that need attention, and the
 * receive buffers. */
#include "nt_net_internal.h"

#include <errno.h>
#include <sys/mman.h>

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

nt_net *nt_table_create(const nt_net_options *options) {
  nt_net *net = map_memory(options);
  if (net)
    fill_tables(net);
  return net;
}

void nt_table_destroy(nt_net *net) {
  munmap(net->memory, net->memory_bytes);
}

void nt_buffers_fill(nt_net *net) {
  net->ring_buffers = net->calls->give_buffer ? net->options.receive_buffers : 0;
  net->buffer_count = net->ring_buffers + net->options.receive_buffers;
  for (uint32_t i = net->buffer_count; i > net->ring_buffers; i--)
    net->stack[net->stack_count++] = i - 1;
}

/* The lists are hints: an entry means "look at it". A slot keeps its membership when it is reused,
 * and whoever looks judges by the state found then. */
void nt_list_add(nt_net *net, nt_net_list *list, nt_conn *conn, uint16_t membership) {
  if (conn->state & membership)
    return;
  conn->state |= membership;
  uint32_t slot = nt_conn_slot(net, conn);
  bool todo = membership == NT_IN_TODO;
  *(todo ? &conn->todo_next : &conn->ready_next) = NT_NET_NIL;
  if (list->last == NT_NET_NIL) {
    list->first = slot;
  } else {
    nt_conn *last = &net->conns[list->last];
    *(todo ? &last->todo_next : &last->ready_next) = slot;
  }
  list->last = slot;
}

uint32_t nt_buffer_take(nt_net *net) {
  if (nt_fault_next(net, NT_NET_FAULT_BUFFER, NULL) != 0 || net->stack_count == 0) {
    net->counters.buffers_exhausted += 1;
    return NT_NET_NIL;
  }
  return net->stack[--net->stack_count];
}

void nt_buffer_give_back(nt_net *net, uint32_t buffer) {
  if (buffer < net->ring_buffers)
    net->calls->give_buffer(net, buffer);
  else
    net->stack[net->stack_count++] = buffer;
}

int nt_net_release(nt_net *net, uint32_t buffer) {
  if (buffer >= net->buffer_count || !net->is_out[buffer])
    return EINVAL;
  net->is_out[buffer] = 0;
  nt_buffer_give_back(net, buffer);
  return 0;
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
  conn->turn = 0;
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
  int error = net->calls->start(net, conn);
  if (error || (conn->state & NT_IS_FAILED))
    return error;
  if ((conn->flags & NT_NET_DIRECT) && conn->type != NT_CONN_LISTENER && net->calls->asks_direct) {
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

uint32_t nt_net_back_end(const nt_net *net) {
  return net->back_end;
}

const nt_net_counters *nt_net_counters_of(const nt_net *net) {
  return &net->counters;
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
