/* Opening, tuning and closing sockets: everything that happens outside the hot path. */
#include "nt_net_internal.h"

#include <errno.h>
#include <netinet/tcp.h>

/* An option that only tunes: a refusal is counted. */
static void tune(nt_net *net, int fd, int level, int name, int value) {
  if (nt_sys_setsockopt(net, fd, level, name, &value, sizeof value) != 0)
    net->counters.options_refused += 1;
}

static int open_socket(nt_net *net, int type, const nt_net_socket_options *options, bool reuse,
                       int *out) {
  int fault = nt_fault_next(net, NT_NET_FAULT_SOCKET, NULL);
  if (fault)
    return fault;
  int fd = nt_sys_open(net, type);
  if (fd < 0)
    return -fd;
  int one = 1;
  int error = reuse ? nt_sys_setsockopt(net, fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) : 0;
  if (error) {
    nt_sys_close(net, fd);
    return -error;
  }
  if (options->flags & NT_NET_REUSE_PORT)
    tune(net, fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (options->receive_buffer_bytes > 0)
    tune(net, fd, SOL_SOCKET, SO_RCVBUF, options->receive_buffer_bytes);
  if (options->send_buffer_bytes > 0)
    tune(net, fd, SOL_SOCKET, SO_SNDBUF, options->send_buffer_bytes);
  if (options->busy_poll_us > 0)
    tune(net, fd, SOL_SOCKET, SO_BUSY_POLL, options->busy_poll_us);
  if (type == SOCK_STREAM)
    tune(net, fd, IPPROTO_TCP, TCP_NODELAY, 1); /* a listener hands it down */
  *out = fd;
  return 0;
}

static int bind_socket(nt_net *net, int fd, nt_net_endpoint at) {
  int fault = nt_fault_next(net, NT_NET_FAULT_BIND, NULL);
  if (fault)
    return fault;
  return -nt_sys_bind(net, fd, at);
}

static const nt_net_socket_options no_options;

/* A slot with an open descriptor. */
static int open_conn(nt_net *net, uint8_t type, int socket_type,
                     const nt_net_socket_options *options, bool reuse, uint64_t token,
                     nt_conn **out) {
  nt_conn *conn = nt_conn_take(net);
  if (!conn)
    return ENFILE;
  int fd;
  int error = open_socket(net, socket_type, options, reuse, &fd);
  if (error) {
    nt_conn_give_back(net, conn);
    return error;
  }
  conn->fd = fd;
  conn->type = type;
  conn->flags = (uint16_t)options->flags;
  conn->token = token;
  *out = conn;
  return 0;
}

static int abandon(nt_net *net, nt_conn *conn, int error) {
  if (conn->fd >= 0)
    nt_sys_close(net, conn->fd);
  nt_conn_give_back(net, conn);
  return error;
}

int nt_net_listen(nt_net *net, nt_net_endpoint at, const nt_net_socket_options *options,
                  uint64_t token, uint64_t *connection) {
  if (!options)
    options = &no_options;
  nt_conn *conn;
  bool reuse = !(options->flags & NT_NET_EXCLUSIVE);
  int error = open_conn(net, NT_CONN_LISTENER, SOCK_STREAM, options, reuse, token, &conn);
  if (error)
    return error;
  error = bind_socket(net, conn->fd, at);
  if (!error)
    error = nt_fault_next(net, NT_NET_FAULT_LISTEN, NULL);
  if (!error)
    error = -nt_sys_listen(net, conn->fd, options->backlog > 0 ? options->backlog : 128);
  if (error)
    return abandon(net, conn, error);
  conn->state |= NT_IS_OPEN;
  error = nt_conn_start(net, conn);
  if (error)
    return abandon(net, conn, error);
  *connection = nt_conn_id(net, conn);
  return 0;
}

int nt_net_connect(nt_net *net, nt_net_endpoint to, const nt_net_endpoint *from,
                   const nt_net_socket_options *options, uint64_t token, uint64_t *connection) {
  if (!options)
    options = &no_options;
  nt_conn *conn;
  int error = open_conn(net, NT_CONN_STREAM, SOCK_STREAM, options, from != NULL, token, &conn);
  if (error)
    return error;
  if (from)
    error = bind_socket(net, conn->fd, *from);
  if (error)
    return abandon(net, conn, error);
  conn->peer = nt_socket_address(to);
  conn->state |= NT_IS_CONNECTING;
  int fault = nt_fault_next(net, NT_NET_FAULT_CONNECT, NULL);
  if (fault) { /* reported like a failure that came later */
    nt_conn_fail(net, conn, fault);
  } else {
    error = nt_conn_start(net, conn);
    if (error)
      return abandon(net, conn, error);
  }
  *connection = nt_conn_id(net, conn);
  return 0;
}

int nt_net_open_datagram(nt_net *net, nt_net_endpoint at, const nt_net_socket_options *options,
                         uint64_t token, uint64_t *connection) {
  if (!options)
    options = &no_options;
  nt_conn *conn;
  /* Several receivers of one multicast group on one machine need SO_REUSEADDR; for a unicast
   * address it would let two programs share a port in silence. */
  bool multicast = at.address >> 28 == 14;
  bool reuse = multicast && !(options->flags & NT_NET_EXCLUSIVE);
  int error = open_conn(net, NT_CONN_DATAGRAM, SOCK_DGRAM, options, reuse, token, &conn);
  if (error)
    return error;
  tune(net, conn->fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
  if (options->flags & NT_NET_TIMESTAMP)
    tune(net, conn->fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  error = bind_socket(net, conn->fd, at);
  if (error)
    return abandon(net, conn, error);
  conn->state |= NT_IS_OPEN;
  error = nt_conn_start(net, conn);
  if (error)
    return abandon(net, conn, error);
  *connection = nt_conn_id(net, conn);
  return 0;
}

static int membership(nt_net *net, uint64_t connection, int name, uint32_t group,
                      uint32_t interface) {
  nt_conn *conn = nt_conn_find(net, connection);
  if (!conn)
    return EBADF;
  if (conn->type != NT_CONN_DATAGRAM)
    return EOPNOTSUPP;
  struct ip_mreqn request = {.imr_multiaddr.s_addr = htonl(group),
                             .imr_address.s_addr = htonl(interface)};
  return -nt_sys_setsockopt(net, conn->fd, IPPROTO_IP, name, &request, sizeof request);
}

int nt_net_join(nt_net *net, uint64_t connection, uint32_t group, uint32_t interface) {
  return membership(net, connection, IP_ADD_MEMBERSHIP, group, interface);
}

int nt_net_leave(nt_net *net, uint64_t connection, uint32_t group, uint32_t interface) {
  return membership(net, connection, IP_DROP_MEMBERSHIP, group, interface);
}

int nt_net_multicast_output(nt_net *net, uint64_t connection, uint32_t interface, uint8_t ttl,
                            bool loop) {
  nt_conn *conn = nt_conn_find(net, connection);
  if (!conn)
    return EBADF;
  if (conn->type != NT_CONN_DATAGRAM)
    return EOPNOTSUPP;
  struct ip_mreqn request = {.imr_address.s_addr = htonl(interface)};
  int hops = ttl, hears = loop;
  int error =
      nt_sys_setsockopt(net, conn->fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request);
  if (!error)
    error = nt_sys_setsockopt(net, conn->fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof hops);
  if (!error)
    error = nt_sys_setsockopt(net, conn->fd, IPPROTO_IP, IP_MULTICAST_LOOP, &hears, sizeof hears);
  return -error;
}

static int name_of(nt_net *net, uint64_t connection, nt_net_endpoint *out, bool peer) {
  nt_conn *conn = nt_conn_find(net, connection);
  return conn ? -nt_sys_name(net, conn->fd, peer, out) : EBADF;
}

int nt_net_local(nt_net *net, uint64_t connection, nt_net_endpoint *out) {
  return name_of(net, connection, out, false);
}

int nt_net_peer(nt_net *net, uint64_t connection, nt_net_endpoint *out) {
  return name_of(net, connection, out, true);
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
    nt_sys_setsockopt(net, conn->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  } else if (conn->type != NT_CONN_DATAGRAM && conn->inflight != 0) {
    nt_sys_shutdown(net, conn->fd,
                    SHUT_RDWR); /* the peer learns it now, not when the kernel has let go */
  }
  net->calls->stop(net, conn);
  return 0;
}
