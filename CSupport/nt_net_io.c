/* Plain non-blocking calls: what the back ends do that are told when a socket is ready, and what
 * direct sockets do in every poll. */
#include "nt_net_internal.h"

#include <errno.h>
#include <sys/uio.h>
#include <time.h>

/* A queued datagram; spans are multiples of its size, so there is always room for the filler that
 * skips to the start of the ring. */
typedef struct nt_queued {
  uint32_t length; /* NT_QUEUED_FILLER: nothing but a span */
  uint32_t address;
  uint32_t span;
  uint16_t port;
  uint16_t pad;
} nt_queued;

#define NT_QUEUED_FILLER UINT32_MAX
_Static_assert(sizeof(nt_queued) == 16, "spans are multiples of 16");

void nt_io_shutdown_if_drained(nt_net *net, nt_conn *conn) {
  if ((conn->state & NT_WRITE_ENDING) && !(conn->state & NT_WRITE_ENDED) &&
      (conn->state & NT_IS_OPEN) && conn->head == conn->tail) {
    conn->state |= NT_WRITE_ENDED;
    nt_sys_shutdown(net, conn->fd, SHUT_WR);
  }
}

void nt_io_sent(nt_net *net, nt_conn *conn, uint32_t count) {
  conn->head += count;
  if ((conn->state & NT_WAS_FULL) && conn->tail - conn->head <= net->options.send_bytes / 2) {
    conn->state &= (uint16_t)~NT_WAS_FULL;
    nt_conn_pend(net, conn, NT_PENDING_SENDABLE);
  }
  if (conn->type == NT_CONN_STREAM)
    nt_io_shutdown_if_drained(net, conn);
}

void nt_io_queue(const nt_net *net, nt_conn *conn, const void *bytes, uint32_t count) {
  uint8_t *ring = nt_conn_ring(net, conn);
  uint32_t at = conn->tail & net->send_mask;
  uint32_t first = net->options.send_bytes - at;
  if (first > count)
    first = count;
  memcpy(ring + at, bytes, first);
  memcpy(ring, (const uint8_t *)bytes + first, count - first);
  conn->tail += count;
}

uint32_t nt_io_next_part(const nt_net *net, const nt_conn *conn, const uint8_t **data) {
  uint32_t from = conn->head + conn->sending;
  uint32_t queued = conn->tail - from;
  uint32_t at = from & net->send_mask;
  uint32_t to_end = net->options.send_bytes - at;
  *data = nt_conn_ring(net, conn) + at;
  return queued < to_end ? queued : to_end;
}

/* False when the socket is full or broken. */
static bool write_stream(nt_net *net, nt_conn *conn) {
  const uint8_t *ring = nt_conn_ring(net, conn);
  const uint8_t *data;
  uint32_t queued = conn->tail - conn->head, offered = queued;
  uint32_t first = nt_io_next_part(net, conn, &data);
  int error = nt_fault_next(net, NT_NET_FAULT_SEND, &offered);
  if (first > offered)
    first = offered;
  struct iovec parts[2] = {{.iov_base = (void *)(uintptr_t)data, .iov_len = first},
                           {.iov_base = (void *)(uintptr_t)ring, .iov_len = offered - first}};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = offered > first ? 2 : 1};
  ssize_t sent = -1;
  if (!error) {
    sent = nt_sys_sendmsg(net, conn->fd, &message);
    error = sent < 0 ? (int)-sent : 0;
  }
  if (sent >= 0) {
    net->counters.sent_bytes += (uint64_t)sent;
    if ((uint32_t)sent < queued)
      net->counters.partial_sends += 1;
    nt_io_sent(net, conn, (uint32_t)sent);
    return true;
  }
  if (error == EAGAIN)
    conn->state |= NT_WAIT_WRITE;
  else if (!nt_io_is_transient(error))
    nt_conn_break_sending(net, conn, error);
  return false;
}

/* Drops fillers at the head of a datagram ring. */
static void skip_fillers(nt_net *net, nt_conn *conn) {
  while (conn->head != conn->tail) {
    nt_queued *queued = (nt_queued *)(nt_conn_ring(net, conn) + (conn->head & net->send_mask));
    if (queued->length != NT_QUEUED_FILLER)
      return;
    nt_io_sent(net, conn, queued->span);
  }
}

static void drop_datagram(nt_net *net, nt_conn *conn, int error) {
  nt_queued *queued = (nt_queued *)(nt_conn_ring(net, conn) + (conn->head & net->send_mask));
  net->counters.datagrams_dropped += 1;
  conn->send_error = error;
  nt_io_sent(net, conn, queued->span);
  nt_conn_pend(net, conn, NT_PENDING_SEND_FAILED);
}

static bool write_datagrams(nt_net *net, nt_conn *conn) {
  struct mmsghdr messages[NT_NET_BATCH_MAX];
  struct iovec parts[NT_NET_BATCH_MAX];
  struct sockaddr_in to[NT_NET_BATCH_MAX];
  uint32_t spans[NT_NET_BATCH_MAX];
  skip_fillers(net, conn);
  uint8_t *ring = nt_conn_ring(net, conn);
  uint32_t count = 0;
  for (uint32_t at = conn->head; at != conn->tail && count < NT_NET_BATCH_MAX;) {
    nt_queued *queued = (nt_queued *)(ring + (at & net->send_mask));
    at += queued->span;
    if (queued->length == NT_QUEUED_FILLER)
      continue;
    to[count] = nt_socket_address((nt_net_endpoint){queued->address, queued->port, 0});
    parts[count] = (struct iovec){.iov_base = queued + 1, .iov_len = queued->length};
    messages[count] = (struct mmsghdr){.msg_hdr = {.msg_name = &to[count],
                                                   .msg_namelen = sizeof to[count],
                                                   .msg_iov = &parts[count],
                                                   .msg_iovlen = 1}};
    spans[count] = queued->span;
    count += 1;
  }
  if (count == 0)
    return true;
  int error = nt_fault_next(net, NT_NET_FAULT_SEND, &count);
  int sent = -1;
  if (!error) {
    sent = nt_sys_sendmmsg(net, conn->fd, messages, count);
    error = sent < 0 ? -sent : 0;
  }
  if (sent < 0) {
    if (error == EAGAIN)
      conn->state |= NT_WAIT_WRITE;
    else if (!nt_io_is_transient(error))
      drop_datagram(net, conn, error);
    return error != EAGAIN && !nt_io_is_transient(error);
  }
  for (int i = 0; i < sent; i++) {
    skip_fillers(net, conn);
    net->counters.sent_bytes += parts[i].iov_len;
    nt_io_sent(net, conn, spans[i]);
  }
  return true;
}

void nt_io_write(nt_net *net, nt_conn *conn) {
  for (int i = 0; i < NT_NET_BATCH_MAX; i++) {
    if (conn->head == conn->tail || (conn->state & NT_WAIT_WRITE) || !nt_conn_usable(conn))
      return;
    bool more = conn->type == NT_CONN_STREAM ? write_stream(net, conn) : write_datagrams(net, conn);
    if (!more)
      return;
  }
}

/* Straight from the caller's bytes; what is not taken is queued. */
static void send_now(nt_net *net, nt_conn *conn, const uint8_t *bytes, uint32_t count) {
  uint32_t offered = count;
  int error = nt_fault_next(net, NT_NET_FAULT_SEND, &offered);
  ssize_t sent = 0;
  if (!error) {
    sent = nt_sys_send(net, conn->fd, bytes, offered);
    error = sent < 0 ? (int)-sent : 0;
  }
  if (error && !nt_io_is_transient(error)) {
    nt_conn_break_sending(net, conn, error);
    return;
  }
  if (sent < 0)
    sent = 0;
  net->counters.sent_bytes += (uint64_t)sent;
  if ((uint32_t)sent == count)
    return;
  net->counters.partial_sends += 1;
  if (error == EAGAIN)
    conn->state |= NT_WAIT_WRITE;
  nt_io_queue(net, conn, bytes + sent, count - (uint32_t)sent);
}

static int refuse(nt_net *net, nt_conn *conn) {
  conn->state |= NT_WAS_FULL;
  net->counters.sends_refused += 1;
  return EAGAIN;
}

int nt_net_send(nt_net *net, uint64_t connection, const void *bytes, uint32_t count) {
  nt_conn *conn = nt_conn_find(net, connection);
  if (!conn)
    return EBADF;
  if (conn->type != NT_CONN_STREAM)
    return EOPNOTSUPP;
  if (conn->state & (NT_IS_FAILED | NT_SEND_BROKEN))
    return ENOTCONN;
  if (conn->state & NT_WRITE_ENDING)
    return EPIPE;
  if (count > net->options.send_bytes)
    return EMSGSIZE;
  if (count == 0)
    return 0;
  if (conn->head == conn->tail && (conn->flags & NT_NET_DIRECT) && (conn->state & NT_IS_OPEN) &&
      !(conn->state & NT_WAIT_WRITE)) {
    send_now(net, conn, bytes, count);
    if (conn->head != conn->tail)
      nt_conn_look(net, conn);
    return conn->state & (NT_IS_FAILED | NT_SEND_BROKEN) ? ENOTCONN : 0;
  }
  if (net->options.send_bytes - (conn->tail - conn->head) < count)
    return refuse(net, conn);
  nt_io_queue(net, conn, bytes, count);
  nt_conn_look(net, conn);
  return 0;
}

/* A direct socket of a network in memory takes a datagram from where it is. False: not sent; what
 * faults and errors do is met on the way that all take. */
static bool sent_in_memory(nt_net *net, nt_conn *conn, nt_net_endpoint to, const void *bytes,
                           uint32_t count) {
  if (!net->memnet || !(conn->flags & NT_NET_DIRECT) || net->faults[NT_NET_FAULT_SEND].first != 0 ||
      !nt_conn_usable(conn))
    return false;
  if (nt_sys_sendto(net, conn->fd, to, bytes, count) != 0)
    return false;
  net->counters.sent_bytes += count;
  return true;
}

int nt_net_send_to(nt_net *net, uint64_t connection, nt_net_endpoint to, const void *bytes,
                   uint32_t count) {
  nt_conn *conn = nt_conn_find(net, connection);
  if (!conn)
    return EBADF;
  if (conn->type != NT_CONN_DATAGRAM)
    return EOPNOTSUPP;
  if (conn->state & NT_IS_FAILED)
    return ENOTCONN;
  uint32_t size = net->options.send_bytes;
  if (count > NT_NET_DATAGRAM_MAX)
    return EMSGSIZE;
  uint32_t span = (uint32_t)sizeof(nt_queued) + ((count + 15) & ~15u);
  if (span > size)
    return EMSGSIZE;
  if (conn->head == conn->tail) {
    conn->head = conn->tail = 0;
    if (sent_in_memory(net, conn, to, bytes, count))
      return 0;
  }
  uint32_t at = conn->tail & net->send_mask;
  uint32_t to_end = size - at;
  uint32_t filler = to_end < span ? to_end : 0;
  if (size - (conn->tail - conn->head) < filler + span)
    return refuse(net, conn);
  uint8_t *ring = nt_conn_ring(net, conn);
  if (filler) {
    *(nt_queued *)(ring + at) = (nt_queued){.length = NT_QUEUED_FILLER, .span = filler};
    conn->tail += filler;
    at = 0;
  }
  nt_queued *queued = (nt_queued *)(ring + at);
  *queued = (nt_queued){.length = count, .address = to.address, .span = span, .port = to.port};
  if (count > 0)
    memcpy(queued + 1, bytes, count);
  conn->tail += span;
  if (conn->flags & NT_NET_DIRECT)
    nt_io_write(net, conn);
  if (conn->head != conn->tail)
    nt_conn_look(net, conn);
  return 0;
}

void nt_io_describe(nt_net_event *event, const struct sockaddr_in *from, struct msghdr *message,
                    const nt_conn *conn) {
  if ((conn->flags & NT_NET_PEER_ADDRESS) && from)
    event->peer = nt_socket_endpoint(from);
  if (!(conn->flags & NT_NET_TIMESTAMP))
    return;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS &&
        c->cmsg_len >= CMSG_LEN(sizeof(struct timespec))) {
      struct timespec at;
      memcpy(&at, CMSG_DATA(c), sizeof at);
      event->timestamp = (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
      return;
    }
  }
}

#define NT_TIMESTAMP_TURNS 16

/* Whether this receive has to ask for more than the bytes. */
static bool wants_message(nt_conn *conn) {
  bool sits_out = (conn->flags & NT_NET_TIMESTAMP_SOME) && conn->turn++ % NT_TIMESTAMP_TURNS != 0;
  return (conn->flags & NT_NET_PEER_ADDRESS) || ((conn->flags & NT_NET_TIMESTAMP) && !sits_out);
}

/* False: nothing more to read now. */
static bool read_datagram(nt_net *net, nt_net_sink *sink, nt_conn *conn, uint32_t buffer) {
  uint8_t *data = nt_buffer_at(net, buffer);
  uint32_t most = net->options.receive_buffer_bytes, limit = most;
  int error = nt_fault_next(net, NT_NET_FAULT_RECEIVE, &limit);
  struct sockaddr_in from;
  _Alignas(struct cmsghdr) uint8_t control[64];
  struct iovec part = {.iov_base = data, .iov_len = most + 1}; /* one more shows truncation */
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  ssize_t got = -1;
  bool asks = wants_message(conn);
  if (!error && asks) {
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    got = nt_sys_recvmsg(net, conn->fd, &message);
    error = got < 0 ? (int)-got : 0;
  } else if (!error) {
    got = nt_sys_recv(net, conn->fd, data, most + 1);
    error = got < 0 ? (int)-got : 0;
  }
  if (got < 0) {
    nt_buffer_give_back(net, buffer);
    if (!nt_io_is_transient(error))
      nt_conn_fail(net, conn, error);
    return false;
  }
  uint32_t length = (uint32_t)got < limit ? (uint32_t)got : limit;
  nt_event_data(net, sink, conn, buffer, data, length);
  nt_net_event *event = &sink->events[sink->count - 1];
  if ((uint32_t)got > length) {
    event->flags = NT_NET_TRUNCATED;
    net->counters.datagrams_truncated += 1;
  }
  if (asks)
    nt_io_describe(event, &from, &message, conn);
  return true;
}

static bool read_stream(nt_net *net, nt_net_sink *sink, nt_conn *conn, uint32_t buffer) {
  uint8_t *data = nt_buffer_at(net, buffer);
  uint32_t most = net->options.receive_buffer_bytes, limit = most;
  int error = nt_fault_next(net, NT_NET_FAULT_RECEIVE, &limit);
  ssize_t got = -1;
  if (!error) {
    got = nt_sys_recv(net, conn->fd, data, limit);
    error = got < 0 ? (int)-got : 0;
  }
  if (got > 0) {
    nt_event_data(net, sink, conn, buffer, data, (uint32_t)got);
    return (uint32_t)got == limit;
  }
  nt_buffer_give_back(net, buffer);
  if (got == 0)
    nt_conn_ended(net, sink, conn);
  else if (!nt_io_is_transient(error))
    nt_conn_fail(net, conn, error);
  return false;
}

void nt_io_read(nt_net *net, nt_net_sink *sink, nt_conn *conn, uint32_t most) {
  for (uint32_t i = 0; i < most && !nt_sink_full(sink); i++) {
    if (!nt_conn_usable(conn) || (conn->state & (NT_READ_ENDED | NT_IS_CONNECTING)))
      return;
    uint32_t buffer = nt_buffer_take(net);
    if (buffer == NT_NET_NIL)
      return;
    bool more = conn->type == NT_CONN_STREAM ? read_stream(net, sink, conn, buffer)
                                             : read_datagram(net, sink, conn, buffer);
    if (!more)
      return;
  }
}

void nt_io_accepted(nt_net *net, nt_net_sink *sink, nt_conn *listener, int fd,
                    const struct sockaddr_in *peer) {
  int fault = nt_fault_next(net, NT_NET_FAULT_ACCEPT, NULL);
  if (fault) {
    nt_sys_close(net, fd);
    nt_event_add(net, sink, listener, NT_NET_ACCEPT_FAILED)->error = fault;
    return;
  }
  nt_conn *conn = nt_conn_take(net);
  if (!conn) {
    nt_sys_close(net, fd);
    net->counters.accepts_refused += 1;
    return;
  }
  conn->fd = fd;
  conn->type = NT_CONN_STREAM;
  conn->flags = listener->flags;
  conn->token = listener->token;
  conn->state |= NT_IS_OPEN;
  conn->peer = *peer;
  int error = nt_conn_start(net, conn);
  if (error) {
    nt_sys_close(net, fd);
    nt_conn_give_back(net, conn);
    nt_event_add(net, sink, listener, NT_NET_ACCEPT_FAILED)->error = error;
    return;
  }
  net->counters.accepted += 1;
  nt_event_add(net, sink, conn, NT_NET_ACCEPTED)->peer = nt_socket_endpoint(peer);
}

void nt_io_accept(nt_net *net, nt_net_sink *sink, nt_conn *listener) {
  for (int i = 0; i < NT_NET_BATCH_MAX && !nt_sink_full(sink); i++) {
    struct sockaddr_in peer = {0};
    int fd = nt_sys_accept(net, listener->fd, &peer);
    if (fd >= 0) {
      nt_io_accepted(net, sink, listener, fd, &peer);
      continue;
    }
    if (!nt_io_accept_is_transient(-fd))
      nt_event_add(net, sink, listener, NT_NET_ACCEPT_FAILED)->error = -fd;
    return;
  }
}
