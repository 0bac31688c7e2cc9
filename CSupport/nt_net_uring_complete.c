/* What io_uring's completions mean for the connections they belong to. */
#include "nt_net_internal.h"

#include <errno.h>
#include <unistd.h>

/* A completion of a connection that its owner has closed. */
static void discard(nt_net *net, nt_conn *conn, uint8_t operation,
                    const struct io_uring_cqe *done) {
  net->counters.stale += 1;
  if (operation == NT_OP_ACCEPT && done->res >= 0)
    close(done->res);
  if (done->flags & IORING_CQE_F_BUFFER)
    nt_buffer_give_back(net, done->flags >> IORING_CQE_BUFFER_SHIFT);
  nt_conn_look(net, conn);
}

static void receive_failed(nt_net *net, nt_conn *conn, int error) {
  if (error == ENOBUFS)
    net->counters.buffers_exhausted += 1;
  else if (!nt_io_is_transient(error) && error != ECANCELED)
    nt_conn_fail(net, conn, error);
}

static void received_message(nt_net *net, nt_net_sink *sink, nt_conn *conn, uint32_t buffer,
                             int bytes) {
  struct io_uring_recvmsg_out *out =
      io_uring_recvmsg_validate(nt_buffer_at(net, buffer), bytes, &conn->message);
  if (!out) {
    nt_buffer_give_back(net, buffer);
    return;
  }
  uint32_t limit = net->options.receive_buffer_bytes;
  int fault = nt_fault_next(net, NT_NET_FAULT_RECEIVE, &limit);
  if (fault && !nt_io_is_transient(fault)) {
    nt_buffer_give_back(net, buffer);
    nt_conn_fail(net, conn, fault);
    return;
  }
  uint32_t length = io_uring_recvmsg_payload_length(out, bytes, &conn->message);
  bool cut = length > limit || (out->flags & MSG_TRUNC);
  nt_event_data(net, sink, conn, buffer, io_uring_recvmsg_payload(out, &conn->message),
                length < limit ? length : limit);
  nt_net_event *event = &sink->events[sink->count - 1];
  event->flags = cut ? NT_NET_TRUNCATED : 0;
  net->counters.datagrams_truncated += cut;
  struct msghdr message = {.msg_control = io_uring_recvmsg_cmsg_firsthdr(out, &conn->message),
                           .msg_controllen = out->controllen};
  nt_io_describe(event, io_uring_recvmsg_name(out), &message, conn);
}

static void received_datagram(nt_net *net, nt_net_sink *sink, nt_conn *conn, uint32_t buffer,
                              int bytes) {
  if (conn->flags & (NT_NET_PEER_ADDRESS | NT_NET_TIMESTAMP)) {
    received_message(net, sink, conn, buffer, bytes);
    return;
  }
  uint32_t limit = net->options.receive_buffer_bytes;
  int fault = nt_fault_next(net, NT_NET_FAULT_RECEIVE, &limit);
  if (fault && !nt_io_is_transient(fault)) {
    nt_buffer_give_back(net, buffer);
    nt_conn_fail(net, conn, fault);
    return;
  }
  bool cut = (uint32_t)bytes > limit; /* buffers have room to spare, which shows truncation */
  nt_event_data(net, sink, conn, buffer, nt_buffer_at(net, buffer), cut ? limit : (uint32_t)bytes);
  sink->events[sink->count - 1].flags = cut ? NT_NET_TRUNCATED : 0;
  net->counters.datagrams_truncated += cut;
}

static void received(nt_net *net, nt_net_sink *sink, nt_conn *conn,
                     const struct io_uring_cqe *done) {
  bool more = (done->flags & IORING_CQE_F_MORE) != 0;
  uint32_t buffer =
      done->flags & IORING_CQE_F_BUFFER ? done->flags >> IORING_CQE_BUFFER_SHIFT : NT_NET_NO_BUFFER;
  if (done->res < 0) {
    receive_failed(net, conn, -done->res);
  } else if (buffer != NT_NET_NO_BUFFER && !(conn->state & NT_IS_FAILED) &&
             (done->res > 0 || conn->type == NT_CONN_DATAGRAM)) {
    if (conn->type == NT_CONN_STREAM)
      nt_event_stream(net, sink, conn, buffer, nt_buffer_at(net, buffer), (uint32_t)done->res);
    else
      received_datagram(net, sink, conn, buffer, done->res);
    buffer = NT_NET_NO_BUFFER;
  } else if (done->res == 0 && !(conn->state & NT_IS_FAILED)) {
    if (conn->type == NT_CONN_STREAM)
      nt_conn_ended(net, sink, conn);
    else /* an empty datagram takes no buffer, and ends the multishot */
      nt_event_data(net, sink, conn, NT_NET_NO_BUFFER, NULL, 0);
  }
  if (buffer != NT_NET_NO_BUFFER)
    nt_buffer_give_back(net, buffer);
  if (!more) {
    if (nt_conn_usable(conn) && !(conn->state & NT_READ_ENDED))
      net->counters.rearmed += 1;
    nt_conn_look(net, conn);
  }
}

static void sent(nt_net *net, nt_conn *conn, int result) {
  uint32_t offered = conn->sending;
  conn->sending = 0;
  if (!(conn->state & (NT_IS_FAILED | NT_SEND_BROKEN))) {
    if (result >= 0) {
      uint32_t count = (uint32_t)result < offered ? (uint32_t)result : offered;
      net->counters.partial_sends += count < offered;
      net->counters.sent_bytes += count;
      nt_io_sent(net, conn, count);
    } else if (!nt_io_is_transient(-result) && result != -ECANCELED) {
      nt_conn_break_sending(net, conn, -result);
    }
  }
  nt_conn_look(net, conn);
}

static void connected(nt_net *net, nt_net_sink *sink, nt_conn *conn, int result) {
  if (conn->state & NT_IS_FAILED)
    return;
  if (result < 0) {
    nt_conn_fail(net, conn, -result);
    return;
  }
  conn->state = (uint16_t)((conn->state & ~NT_IS_CONNECTING) | NT_IS_OPEN);
  nt_event_add(net, sink, conn, NT_NET_CONNECTED)->peer = nt_socket_endpoint(&conn->peer);
  nt_io_shutdown_if_drained(net, conn);
  nt_conn_look(net, conn);
}

static void accepted(nt_net *net, nt_net_sink *sink, nt_conn *listener,
                     const struct io_uring_cqe *done) {
  if (done->res >= 0) {
    struct sockaddr_in peer = {0}; /* one multishot cannot report an address for each */
    socklen_t bytes = sizeof peer;
    getpeername(done->res, (struct sockaddr *)&peer, &bytes);
    nt_io_accepted(net, sink, listener, done->res, &peer);
  } else if (!nt_io_accept_is_transient(-done->res) && done->res != -ECANCELED) {
    nt_event_add(net, sink, listener, NT_NET_ACCEPT_FAILED)->error = -done->res;
  }
  if (!(done->flags & IORING_CQE_F_MORE)) {
    net->counters.rearmed += 1;
    nt_conn_look(net, listener);
  }
}

static void complete(nt_net *net, nt_net_sink *sink, const struct io_uring_cqe *done) {
  uint8_t operation = (uint8_t)done->user_data;
  if (done->flags & IORING_CQE_F_BUFFER)
    net->ring_available -= 1;
  if (operation == NT_OP_WAKE) {
    net->wake_inflight = 0;
    return;
  }
  nt_conn *conn = &net->conns[(uint32_t)done->user_data >> 8];
  if (!(done->flags & IORING_CQE_F_MORE))
    conn->inflight &= (uint8_t)~operation;
  if (operation == NT_OP_CANCEL) {
    nt_conn_look(net, conn);
  } else if (conn->state & NT_IS_CLOSING) {
    discard(net, conn, operation, done);
  } else if (operation == NT_OP_RECEIVE) {
    received(net, sink, conn, done);
  } else if (operation == NT_OP_SEND) {
    sent(net, conn, done->res);
  } else if (operation == NT_OP_CONNECT) {
    connected(net, sink, conn, done->res);
  } else if (operation == NT_OP_ACCEPT) {
    accepted(net, sink, conn, done);
  } else if (operation == NT_OP_POLL_OUT) {
    conn->state &= (uint16_t)~NT_WAIT_WRITE;
    nt_conn_look(net, conn);
  } else if (operation == NT_OP_POLL_IN) {
    nt_io_read(net, sink, conn, 1);
  }
}

void nt_uring_reap(nt_net *net, nt_net_sink *sink) {
  for (;;) {
    nt_events_rest(net, sink);
    if (nt_sink_full(sink))
      return;
    struct io_uring_cqe *next = NULL;
    unsigned head;
    io_uring_for_each_cqe(&net->ring, head, next) {
      break;
    }
    if (!next)
      return;
    struct io_uring_cqe done = {
        .user_data = next->user_data, .res = next->res, .flags = next->flags};
    io_uring_cq_advance(&net->ring, 1);
    complete(net, sink, &done);
  }
}
