/* The epoll back end: level-triggered, so that whatever a bounded batch leaves behind shows again.
 */
#include "nt_net_internal.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define NT_EPOLL_BATCH_MAX 64
#define NT_EPOLL_WAKE UINT64_MAX

static int nt_epoll_create(nt_net *net, char *reason, uint32_t reason_bytes) {
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = NT_EPOLL_WAKE};
  net->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (net->epoll_fd >= 0 && epoll_ctl(net->epoll_fd, EPOLL_CTL_ADD, net->wake_fd, &event) == 0)
    return 0;
  int error = errno;
  snprintf(reason, reason_bytes, "epoll: %s", strerror(error));
  return error;
}

static void nt_epoll_destroy(nt_net *net) {
  if (net->epoll_fd >= 0)
    close(net->epoll_fd);
}

/* What a connection needs to hear about in its present state. */
static uint32_t wanted(const nt_conn *conn) {
  if (conn->state & (NT_IS_FAILED | NT_IS_CLOSING))
    return 0;
  uint32_t events = 0;
  if (conn->state & NT_IS_CONNECTING)
    return EPOLLOUT;
  if (!(conn->state & NT_READ_ENDED))
    events |= EPOLLIN;
  if (conn->state & NT_WAIT_WRITE)
    events |= EPOLLOUT;
  return events;
}

/* A spinning poll may leave epoll out when only direct sockets are left, and all of them are
 * writable. */
static bool needs_epoll(const nt_conn *conn, uint32_t events) {
  bool direct = (conn->flags & NT_NET_DIRECT) && conn->type != NT_CONN_LISTENER;
  return direct ? (events & EPOLLOUT) != 0 : events != 0;
}

static int set_interest(nt_net *net, nt_conn *conn, uint32_t events) {
  if (events == conn->interest)
    return 0;
  struct epoll_event event = {.events = events, .data.u64 = nt_conn_id(net, conn)};
  int operation = conn->interest == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  if (epoll_ctl(net->epoll_fd, operation, conn->fd, &event) != 0)
    return errno;
  net->watched += needs_epoll(conn, events);
  net->watched -= needs_epoll(conn, conn->interest);
  conn->interest = events;
  return 0;
}

static int nt_epoll_start(nt_net *net, nt_conn *conn) {
  if ((conn->state & NT_IS_CONNECTING) &&
      connect(conn->fd, (struct sockaddr *)&conn->peer, sizeof conn->peer) != 0 &&
      errno != EINPROGRESS) {
    nt_conn_fail(net, conn, errno); /* reported like a failure that came later */
    return 0;
  }
  return set_interest(net, conn, wanted(conn));
}

static void nt_epoll_stop(nt_net *net, nt_conn *conn) {
  set_interest(net, conn, 0);
  if (conn->state & NT_IS_CLOSING) {
    close(conn->fd);
    nt_conn_give_back(net, conn);
  }
}

static void nt_epoll_update(nt_net *net, nt_conn *conn) {
  int error = set_interest(net, conn, wanted(conn));
  if (error)
    nt_conn_fail(net, conn, error);
  /* A writable socket tells nothing more: a batch used up, or a moment's failure, is resumed by us.
   */
  if ((conn->state & NT_IS_OPEN) && conn->head != conn->tail && !(conn->state & NT_WAIT_WRITE))
    nt_conn_look(net, conn);
}

static int nt_epoll_submit(nt_net *net) {
  nt_io_write_todo(net, nt_epoll_update);
  return 0;
}

static void connected(nt_net *net, nt_net_sink *sink, nt_conn *conn) {
  int error = 0;
  socklen_t bytes = sizeof error;
  if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0)
    error = errno;
  nt_io_connected(net, sink, conn, error, nt_epoll_update);
}

static void ready(nt_net *net, nt_net_sink *sink, nt_conn *conn, uint32_t events) {
  if (conn->state & NT_IS_CONNECTING) {
    connected(net, sink, conn);
    return;
  }
  if (conn->type == NT_CONN_LISTENER) {
    nt_io_accept(net, sink, conn);
    return;
  }
  if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) && (conn->state & NT_WAIT_WRITE)) {
    conn->state &= (uint16_t)~NT_WAIT_WRITE;
    nt_io_write(net, conn);
  }
  if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
    nt_io_read(net, sink, conn, NT_NET_BATCH_MAX);
  if (!nt_conn_usable(conn))
    return;
  /* Both directions over: nothing is wanted, but EPOLLHUP would be reported for ever. */
  bool over = (events & (EPOLLHUP | EPOLLERR)) && (conn->state & NT_READ_ENDED);
  if (over && !(conn->state & NT_WAIT_WRITE))
    set_interest(net, conn, 0);
  else
    nt_epoll_update(net, conn);
}

static int wait_for(nt_net *net, struct epoll_event *events, int capacity, int64_t wait) {
  struct timespec limit = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
  int fault = nt_fault_next(net, NT_NET_FAULT_POLL, NULL);
  if (fault) {
    errno = fault;
    return -1;
  }
  int count = epoll_pwait2(net->epoll_fd, events, capacity, &limit, NULL);
  if (count < 0 && errno == ENOSYS) /* before Linux 5.11: milliseconds, rounded up */
    count = epoll_wait(net->epoll_fd, events, capacity, (int)((wait + 999999) / 1000000));
  return count;
}

static int nt_epoll_collect(nt_net *net, nt_net_sink *sink, int64_t wait) {
  nt_epoll_submit(net);
  if (net->ready.first != NT_NET_NIL || net->todo.first != NT_NET_NIL)
    wait = 0;
  if (nt_sink_full(sink) || (wait == 0 && net->watched == 0))
    return 0;
  struct epoll_event events[NT_EPOLL_BATCH_MAX];
  uint32_t room = sink->capacity - sink->count;
  int capacity = room < NT_EPOLL_BATCH_MAX ? (int)room : NT_EPOLL_BATCH_MAX;
  int count = wait_for(net, events, capacity, wait);
  if (count < 0)
    return errno == EINTR || errno == EAGAIN || errno == EBUSY ? 0 : errno;
  for (int i = 0; i < count && !nt_sink_full(sink); i++) {
    if (events[i].data.u64 == NT_EPOLL_WAKE) {
      uint64_t value;
      ssize_t ignored = read(net->wake_fd, &value, sizeof value);
      (void)ignored; /* the event is made from `woken` */
      continue;
    }
    nt_conn *conn = nt_conn_find(net, events[i].data.u64);
    if (conn)
      ready(net, sink, conn, events[i].events);
    else
      net->counters.stale += 1;
  }
  return 0;
}

const nt_back_end nt_epoll = {.create = nt_epoll_create,
                              .destroy = nt_epoll_destroy,
                              .start = nt_epoll_start,
                              .stop = nt_epoll_stop,
                              .submit = nt_epoll_submit,
                              .collect = nt_epoll_collect,
                              .socket_mode = SOCK_NONBLOCK,
                              .asks_direct = true};
