/* The memory back end: the calls of the kernel's sockets, made to a network in memory. What is
 * ready is asked of it, as epoll is asked; the rest is what the epoll back end does. */
#include "nt_memnet_internal.h"
#include "nt_net_internal.h"

#include <errno.h>
#include <stdio.h>

static int memory_create(nt_net *net, char *reason, uint32_t reason_bytes) {
  net->memnet = net->options.memnet;
  int host = nt_memnet_attach(net->memnet);
  if (host < 0) {
    snprintf(reason, reason_bytes, "memory: the network has %d hosts", NT_MEMNET_HOSTS_MAX);
    return -host;
  }
  net->host = (uint32_t)host;
  net->clock.now = &net->memnet->now;
  snprintf(reason, reason_bytes, "memory: a network of this process, in virtual time");
  return 0;
}

static void memory_destroy(nt_net *net) {
  for (uint32_t i = 0; i < net->options.connections; i++) {
    if (net->conns[i].fd >= 0)
      nt_memnet_close(net->memnet, net->conns[i].fd);
    net->conns[i].fd = -1;
  }
  if (net->host != 0)
    nt_memnet_detach(net->memnet, net->host);
}

static int memory_start(nt_net *net, nt_conn *conn) {
  nt_memnet_user(net->memnet, conn->fd, nt_conn_id(net, conn));
  if (conn->state & NT_IS_CONNECTING) {
    int error = -nt_memnet_connect(net->memnet, conn->fd, nt_socket_endpoint(&conn->peer));
    if (error != EINPROGRESS)
      nt_conn_fail(net, conn, error); /* reported like a failure that came later */
    return 0;
  }
  /* What came between the arrival of a connection and its acceptance. */
  if (nt_memnet_readiness(net->memnet, conn->fd) != 0)
    nt_memnet_put_ready(net->memnet, conn->fd);
  return 0;
}

static void memory_stop(nt_net *net, nt_conn *conn) {
  if (conn->state & NT_IS_CLOSING) {
    nt_memnet_close(net->memnet, conn->fd);
    nt_conn_give_back(net, conn);
  }
}

/* A moment's failure, or a batch used up, is resumed by us; a full window tells when there is room.
 */
static void update(nt_net *net, nt_conn *conn) {
  if ((conn->state & NT_WAIT_WRITE) && nt_memnet_has_window(net->memnet, conn->fd))
    conn->state &= (uint16_t)~NT_WAIT_WRITE;
  if ((conn->state & NT_IS_OPEN) && conn->head != conn->tail && !(conn->state & NT_WAIT_WRITE))
    nt_conn_look(net, conn);
}

static int memory_submit(nt_net *net) {
  nt_io_write_todo(net, update);
  return 0;
}

/* Acts on what is possible now; what is left of it shows again. */
static void ready(nt_net *net, nt_net_sink *sink, nt_conn *conn, int fd) {
  uint32_t can = nt_memnet_readiness(net->memnet, fd);
  if (conn->state & NT_IS_CONNECTING) {
    if (can & (NT_MEM_CAN_WRITE | NT_MEM_HAS_FAILED))
      nt_io_connected(net, sink, conn, nt_memnet_error(net->memnet, conn->fd), update);
  } else if (conn->type == NT_CONN_LISTENER) {
    nt_io_accept(net, sink, conn);
  } else {
    if ((can & NT_MEM_CAN_WRITE) && (conn->state & NT_WAIT_WRITE)) {
      conn->state &= (uint16_t)~NT_WAIT_WRITE;
      nt_io_write(net, conn);
      if (nt_conn_usable(conn))
        update(net, conn);
    }
    if (can & NT_MEM_CAN_READ)
      nt_io_read(net, sink, conn, NT_NET_BATCH_MAX);
  }
  if (!nt_conn_usable(conn) || (conn->state & (NT_READ_ENDED | NT_IS_CONNECTING)))
    return;
  can = nt_memnet_readiness(net->memnet, fd);
  if (can & (NT_MEM_CAN_READ | NT_MEM_CAN_ACCEPT))
    nt_memnet_put_ready(net->memnet, fd);
}

static int memory_collect(nt_net *net, nt_net_sink *sink, int64_t wait) {
  (void)wait; /* time is the network's, and does not pass in a poll */
  memory_submit(net);
  int fault = nt_fault_next(net, NT_NET_FAULT_POLL, NULL);
  if (fault)
    return nt_io_is_transient(fault) || fault == EBUSY ? 0 : fault;
  uint64_t id;
  /* Bounded; those that are put back come behind the ones that were there. */
  for (uint32_t i = 0; i < net->options.connections && !nt_sink_full(sink); i++) {
    int fd = nt_memnet_take_ready(net->memnet, net->host, &id);
    if (fd < 0)
      return 0;
    nt_conn *conn = nt_conn_find(net, id);
    if (conn && conn->fd == fd)
      ready(net, sink, conn, fd);
  }
  return 0;
}

const nt_back_end nt_memory_net = {.create = memory_create,
                                   .destroy = memory_destroy,
                                   .start = memory_start,
                                   .stop = memory_stop,
                                   .submit = memory_submit,
                                   .collect = memory_collect};
