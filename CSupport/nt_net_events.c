/* What happened to a connection, as events for the owner. */
#include "nt_net_internal.h"

#include <errno.h>
#include <sys/socket.h>

nt_net_event *nt_event_add(nt_net *net, nt_net_sink *sink, const nt_conn *conn, uint16_t kind) {
  nt_net_event *event = &sink->events[sink->count++];
  *event = (nt_net_event){.connection = nt_conn_id(net, conn),
                          .token = conn->token,
                          .buffer = NT_NET_NO_BUFFER,
                          .kind = kind};
  return event;
}

/* `buffer` may be none: a part of one that is still to be used. */
void nt_event_data(nt_net *net, nt_net_sink *sink, nt_conn *conn, uint32_t buffer,
                   const uint8_t *data, uint32_t length) {
  nt_net_event *event = nt_event_add(net, sink, conn, NT_NET_RECEIVED);
  event->data = data;
  event->length = length;
  event->buffer = buffer;
  net->counters.received += 1;
  net->counters.received_bytes += length;
  if (buffer != NT_NET_NO_BUFFER) {
    net->is_out[buffer] = 1;
    if (!net->options.explicit_release)
      net->out[net->out_count++] = buffer;
  }
}

void nt_event_stream(nt_net *net, nt_net_sink *sink, nt_conn *conn, uint32_t buffer,
                     const uint8_t *data, uint32_t length) {
  uint32_t part = length;
  int fault = nt_fault_next(net, NT_NET_FAULT_RECEIVE, &part);
  if (fault && !nt_io_is_transient(fault)) {
    nt_buffer_give_back(net, buffer);
    nt_conn_fail(net, conn, fault);
    return;
  }
  if (part == length) {
    nt_event_data(net, sink, conn, buffer, data, length);
    return;
  }
  nt_event_data(net, sink, conn, NT_NET_NO_BUFFER, data, part);
  net->rest_connection = nt_conn_id(net, conn);
  net->rest_buffer = buffer;
  net->rest_data = data + part;
  net->rest_length = length - part;
}

void nt_events_rest(nt_net *net, nt_net_sink *sink) {
  while (net->rest_connection != 0 && !nt_sink_full(sink)) {
    nt_conn *conn = nt_conn_find(net, net->rest_connection);
    net->rest_connection = 0;
    if (conn && !(conn->state & NT_IS_FAILED))
      nt_event_stream(net, sink, conn, net->rest_buffer, net->rest_data, net->rest_length);
    else
      nt_buffer_give_back(net, net->rest_buffer);
  }
}

void nt_conn_pend(nt_net *net, nt_conn *conn, uint8_t pending) {
  conn->pending |= pending;
  nt_list_add(net, &net->ready, conn, NT_IN_READY);
}

void nt_conn_fail(nt_net *net, nt_conn *conn, int error) {
  if (conn->state & (NT_IS_FAILED | NT_IS_CLOSING))
    return;
  bool connecting = (conn->state & NT_IS_CONNECTING) != 0;
  conn->state |= NT_IS_FAILED;
  conn->state &= (uint16_t)~NT_WAS_FULL;
  conn->error = error;
  conn->head = conn->tail; /* what is with the kernel stays untouched: nothing is queued any more */
  nt_direct_remove(net, conn);
  net->calls->stop(net, conn);
  nt_conn_pend(net, conn, connecting ? NT_PENDING_CONNECTED : NT_PENDING_FAILED);
}

void nt_conn_ended(nt_net *net, nt_net_sink *sink, nt_conn *conn) {
  if (conn->state & NT_SEND_BROKEN) {
    nt_conn_fail(net, conn, conn->send_error);
    return;
  }
  conn->state |= NT_READ_ENDED;
  nt_direct_remove(net, conn);
  nt_event_add(net, sink, conn, NT_NET_END);
}

void nt_conn_break_sending(nt_net *net, nt_conn *conn, int error) {
  if (conn->state & (NT_IS_FAILED | NT_IS_CLOSING | NT_SEND_BROKEN))
    return;
  if (conn->state & NT_READ_ENDED) {
    nt_conn_fail(net, conn, error);
    return;
  }
  conn->state |= NT_SEND_BROKEN;
  conn->send_error = error;
  conn->head = conn->tail;
  nt_sys_shutdown(net, conn->fd,
                  SHUT_RDWR); /* reading comes to its end behind the last byte received */
}

static void deliver(nt_net *net, nt_net_sink *sink, nt_conn *conn) {
  if (conn->pending & NT_PENDING_CONNECTED) {
    nt_net_event *event = nt_event_add(net, sink, conn, NT_NET_CONNECTED);
    event->error = conn->error;
    event->peer = nt_socket_endpoint(&conn->peer);
    conn->pending &= (uint8_t)~NT_PENDING_CONNECTED;
  } else if (conn->pending & NT_PENDING_SENDABLE) {
    if (!(conn->state & NT_IS_FAILED))
      nt_event_add(net, sink, conn, NT_NET_SENDABLE);
    conn->pending &= (uint8_t)~NT_PENDING_SENDABLE;
  } else if (conn->pending & NT_PENDING_SEND_FAILED) {
    nt_event_add(net, sink, conn, NT_NET_SEND_FAILED)->error = conn->send_error;
    conn->pending &= (uint8_t)~NT_PENDING_SEND_FAILED;
  } else {
    nt_event_add(net, sink, conn, NT_NET_FAILED)->error = conn->error;
    conn->pending &= (uint8_t)~NT_PENDING_FAILED;
  }
}

void nt_events_deliver(nt_net *net, nt_net_sink *sink) {
  while (net->ready.first != NT_NET_NIL) {
    nt_conn *conn = &net->conns[net->ready.first];
    bool gone = conn->type == NT_CONN_FREE || (conn->state & NT_IS_CLOSING);
    while (!gone && conn->pending != 0) {
      if (nt_sink_full(sink))
        return;
      deliver(net, sink, conn);
    }
    conn->state &= (uint16_t)~NT_IN_READY;
    net->ready.first = conn->ready_next;
    if (net->ready.first == NT_NET_NIL)
      net->ready.last = NT_NET_NIL;
  }
}
