/* The io_uring back end.
 *
 * What a connection needs in the kernel is a function of its state (`service`), and every operation
 * that ends, or could not be queued, puts the connection on the todo list to be looked at again. So
 * a multishot that the kernel gave up, a full submission ring and a lack of buffers are one case.
 *
 * A slot is used again only when the kernel has completed everything of its last owner. */
#include "nt_net_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define NT_URING_GROUP 0
#define NT_URING_SUBMIT_RETRIES 2
/* Reaping without entering the kernel again is bounded by the ring; this bounds the entering. */
#define NT_URING_ROUNDS_MAX 4

static uint64_t data_of(const nt_net *net, const nt_conn *conn, uint8_t operation) {
  return ((uint64_t)conn->generation << 32) | (nt_conn_slot(net, conn) << 8) | operation;
}

static int open_ring(nt_net *net) {
  static const unsigned flags[] = {
      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
  };
  int result = -EINVAL;
  for (unsigned i = 0; i < sizeof flags / sizeof *flags && result == -EINVAL; i++) {
    struct io_uring_params params = {.flags = flags[i] | IORING_SETUP_CQSIZE,
                                     .cq_entries = net->options.completion_entries};
    result = io_uring_queue_init_params(net->options.submission_entries, &net->ring, &params);
  }
  return -result;
}

static void nt_uring_give_buffer(nt_net *net, uint32_t buffer) {
  io_uring_buf_ring_add(net->buffer_ring, nt_buffer_at(net, buffer), net->buffer_stride,
                        (unsigned short)buffer,
                        io_uring_buf_ring_mask(net->options.receive_buffers), 0);
  io_uring_buf_ring_advance(net->buffer_ring, 1);
  net->ring_available += 1;
}

/* liburing 2.3 has no io_uring_setup_buf_ring: map the ring and register it ourselves. */
static int open_buffers(nt_net *net) {
  uint32_t count = net->options.receive_buffers;
  size_t bytes = count * sizeof(struct io_uring_buf);
  void *memory =
      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED)
    return errno;
  net->buffer_ring = memory;
  io_uring_buf_ring_init(net->buffer_ring);
  struct io_uring_buf_reg registration = {
      .ring_addr = (uintptr_t)memory, .ring_entries = count, .bgid = NT_URING_GROUP};
  int result = io_uring_register_buf_ring(&net->ring, &registration, 0);
  if (result < 0)
    return -result;
  for (uint32_t i = 0; i < count; i++)
    nt_uring_give_buffer(net, i);
  return 0;
}

static const char *why_not(int error) {
  switch (error) {
  case ENOSYS:
    return "the kernel has no io_uring";
  case EPERM:
  case EACCES:
    return "forbidden here (seccomp filter or kernel.io_uring_disabled)";
  case EINVAL:
    return "the kernel is older than 6.0";
  case ENOMEM:
    return "not enough lockable memory (ulimit -l)";
  default:
    return strerror(error);
  }
}

static void nt_uring_destroy(nt_net *net) {
  if (net->ring_open)
    io_uring_queue_exit(&net->ring);
  net->ring_open = false;
  if (net->buffer_ring)
    munmap(net->buffer_ring, net->options.receive_buffers * sizeof(struct io_uring_buf));
  net->buffer_ring = NULL;
  net->ring_available = 0;
}

static int nt_uring_create(nt_net *net, char *reason, uint32_t reason_bytes) {
  const char *step = "io_uring_setup";
  int error = open_ring(net);
  if (!error) {
    net->ring_open = true;
    step = "buffer ring";
    error = open_buffers(net);
  }
  if (!error) {
    step = "registered files";
    error = -io_uring_register_files_sparse(&net->ring, net->options.connections);
  }
  if (error) {
    bool wanted = net->options.back_end == NT_NET_URING;
    snprintf(reason, reason_bytes, "%s: no io_uring, %s: %s (errno %d)",
             wanted ? "io_uring asked for by setting" : "epoll", step, why_not(error), error);
    nt_uring_destroy(net);
    return error;
  }
  snprintf(reason, reason_bytes, "io_uring: the kernel grants it%s",
           net->ring.flags & IORING_SETUP_DEFER_TASKRUN ? ", with deferred task work" : "");
  return 0;
}

/* An entry, after submitting what fills the ring if need be; NULL: try at the next poll. */
static struct io_uring_sqe *take_entry(nt_net *net) {
  struct io_uring_sqe *entry = NULL;
  if (nt_fault_next(net, NT_NET_FAULT_SUBMISSION, NULL) != 0) {
    net->counters.submission_full += 1;
    return NULL;
  }
  entry = io_uring_get_sqe(&net->ring);
  for (int i = 0; !entry && i < NT_URING_SUBMIT_RETRIES; i++) {
    net->counters.submission_full += 1;
    net->counters.submits += 1;
    if (io_uring_submit(&net->ring) < 0)
      return NULL;
    entry = io_uring_get_sqe(&net->ring);
  }
  return entry;
}

static void finish(nt_net *net, nt_conn *conn, struct io_uring_sqe *entry, uint8_t operation) {
  entry->flags |= IOSQE_FIXED_FILE;
  io_uring_sqe_set_data64(entry, data_of(net, conn, operation));
  conn->inflight |= operation;
}

static bool arm_receive(nt_net *net, nt_conn *conn) {
  if (net->ring_available == 0)
    return false;
  if (nt_fault_next(net, NT_NET_FAULT_BUFFER, NULL) != 0) {
    net->counters.buffers_exhausted += 1;
    return false;
  }
  struct io_uring_sqe *entry = take_entry(net);
  if (!entry)
    return false;
  int file = (int)nt_conn_slot(net, conn);
  if (conn->type == NT_CONN_DATAGRAM && (conn->flags & (NT_NET_PEER_ADDRESS | NT_NET_TIMESTAMP))) {
    conn->message = (struct msghdr){.msg_namelen = sizeof(struct sockaddr_in),
                                    .msg_controllen = NT_NET_CONTROL_BYTES};
    io_uring_prep_recvmsg_multishot(entry, file, &conn->message, 0);
  } else {
    io_uring_prep_recv_multishot(entry, file, NULL, 0, 0);
  }
  entry->buf_group = NT_URING_GROUP;
  entry->flags |= IOSQE_BUFFER_SELECT;
  finish(net, conn, entry, NT_OP_RECEIVE);
  return true;
}

static bool arm_poll(nt_net *net, nt_conn *conn, uint8_t operation) {
  if (conn->inflight & operation)
    return true;
  struct io_uring_sqe *entry = take_entry(net);
  if (!entry)
    return false;
  io_uring_prep_poll_add(entry, (int)nt_conn_slot(net, conn),
                         operation == NT_OP_POLL_IN ? POLLIN : POLLOUT);
  finish(net, conn, entry, operation);
  return true;
}

static bool arm_send(nt_net *net, nt_conn *conn) {
  const uint8_t *data;
  uint32_t part = nt_io_next_part(net, conn, &data);
  uint32_t limit = part;
  int error = nt_fault_next(net, NT_NET_FAULT_SEND, &limit);
  if (error) {
    if (!nt_io_is_transient(error))
      nt_conn_break_sending(net, conn, error);
    return !nt_io_is_transient(error);
  }
  struct io_uring_sqe *entry = take_entry(net);
  if (!entry)
    return false;
  if (limit < part)
    net->counters.partial_sends += 1;
  io_uring_prep_send(entry, (int)nt_conn_slot(net, conn), data, limit, MSG_NOSIGNAL);
  finish(net, conn, entry, NT_OP_SEND);
  conn->sending = limit;
  return true;
}

static bool arm_connect(nt_net *net, nt_conn *conn) {
  struct io_uring_sqe *entry = take_entry(net);
  if (!entry)
    return false;
  io_uring_prep_connect(entry, (int)nt_conn_slot(net, conn), (struct sockaddr *)&conn->peer,
                        sizeof conn->peer);
  finish(net, conn, entry, NT_OP_CONNECT);
  return true;
}

static bool arm_accept(nt_net *net, nt_conn *conn) {
  struct io_uring_sqe *entry = take_entry(net);
  if (!entry)
    return false;
  io_uring_prep_multishot_accept(entry, (int)nt_conn_slot(net, conn), NULL, NULL, SOCK_CLOEXEC);
  finish(net, conn, entry, NT_OP_ACCEPT);
  return true;
}

/* Everything of this socket ends; then the slot is free. */
static bool wind_up(nt_net *net, nt_conn *conn) {
  if ((conn->inflight & ~NT_OP_CANCEL) && !(conn->state & NT_IS_CANCELLED)) {
    struct io_uring_sqe *entry = take_entry(net);
    if (!entry)
      return false;
    io_uring_prep_cancel_fd(entry, (int)nt_conn_slot(net, conn),
                            IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD_FIXED);
    io_uring_sqe_set_data64(entry, data_of(net, conn, NT_OP_CANCEL));
    conn->inflight |= NT_OP_CANCEL;
    conn->state |= NT_IS_CANCELLED;
  }
  if ((conn->state & NT_IS_CLOSING) && conn->inflight == 0) {
    int none = -1;
    io_uring_register_files_update(&net->ring, nt_conn_slot(net, conn), &none, 1);
    close(conn->fd);
    nt_conn_give_back(net, conn);
  }
  return true;
}

static bool service_sends(nt_net *net, nt_conn *conn) {
  if (conn->head == conn->tail)
    return true;
  if (conn->type == NT_CONN_STREAM && !(conn->flags & NT_NET_DIRECT))
    return (conn->inflight & NT_OP_SEND) || arm_send(net, conn);
  /* Datagrams leave by sendmmsg, sixteen a call: that beats one entry each. */
  nt_io_write(net, conn);
  if (conn->state & NT_WAIT_WRITE)
    return arm_poll(net, conn, NT_OP_POLL_OUT);
  return conn->head == conn->tail;
}

/* Queues what the connection's state asks for. False: something is left to do at the next poll. */
static bool service(nt_net *net, nt_conn *conn) {
  if (conn->type == NT_CONN_FREE)
    return true;
  if (conn->state & (NT_IS_CLOSING | NT_IS_FAILED))
    return wind_up(net, conn);
  if (conn->state & NT_IS_CONNECTING)
    return (conn->inflight & NT_OP_CONNECT) || arm_connect(net, conn);
  if (conn->type == NT_CONN_LISTENER)
    return (conn->inflight & NT_OP_ACCEPT) || arm_accept(net, conn);
  bool done = true;
  if (!(conn->state & NT_READ_ENDED) && !(conn->flags & NT_NET_DIRECT) &&
      !(conn->inflight & NT_OP_RECEIVE))
    done = arm_receive(net, conn);
  return service_sends(net, conn) && done;
}

static int nt_uring_start(nt_net *net, nt_conn *conn) {
  int result = io_uring_register_files_update(&net->ring, nt_conn_slot(net, conn), &conn->fd, 1);
  if (result < 0)
    return -result;
  nt_conn_look(net, conn);
  return 0;
}

static void nt_uring_stop(nt_net *net, nt_conn *conn) {
  if (!wind_up(net, conn))
    nt_conn_look(net, conn);
}

static void service_all(nt_net *net) {
  uint32_t slot = net->todo.first;
  net->todo = (nt_net_list){NT_NET_NIL, NT_NET_NIL};
  while (slot != NT_NET_NIL) {
    nt_conn *conn = &net->conns[slot];
    slot = conn->todo_next;
    conn->state &= (uint16_t)~NT_IN_TODO;
    if (!service(net, conn))
      nt_conn_look(net, conn);
  }
}

/* EBUSY: completions wait to be reaped first. EAGAIN: no kernel memory at the moment. */
static int judge(int result) {
  if (result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN || result == -EBUSY)
    return 0;
  return -result;
}

static int nt_uring_submit(nt_net *net) {
  service_all(net);
  if (io_uring_sq_ready(&net->ring) == 0)
    return 0;
  net->counters.submits += 1;
  return judge(io_uring_submit(&net->ring));
}

/* Direct sockets and the wake-up are watched by the kernel only while we sleep. */
static void watch_all(nt_net *net) {
  for (uint32_t i = 0; i < net->direct_count; i++) {
    nt_conn *conn = &net->conns[net->direct[i]];
    if (conn->state & NT_IS_OPEN)
      arm_poll(net, conn, NT_OP_POLL_IN);
  }
  if (net->wake_inflight)
    return;
  struct io_uring_sqe *entry = take_entry(net);
  if (!entry)
    return;
  io_uring_prep_read(entry, net->wake_fd, &net->wake_value, sizeof net->wake_value, 0);
  io_uring_sqe_set_data64(entry, NT_OP_WAKE);
  net->wake_inflight = 1;
}

static int enter(nt_net *net, int64_t wait) {
  int fault = nt_fault_next(net, NT_NET_FAULT_POLL, NULL);
  if (fault)
    return -fault;
  net->counters.submits += 1;
  if (wait == 0)
    return io_uring_submit_and_get_events(&net->ring);
  struct __kernel_timespec limit = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
  struct io_uring_cqe *ignored;
  return io_uring_submit_and_wait_timeout(&net->ring, &ignored, 1, &limit, NULL);
}

/* The kernel says in the ring when it has something for us: a spinning poll need not enter it. */
static bool kernel_calls(nt_net *net) {
  unsigned flags = __atomic_load_n(net->ring.sq.kflags, __ATOMIC_RELAXED);
  if (flags & IORING_SQ_CQ_OVERFLOW)
    net->counters.completion_overflow += 1;
  return (flags & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)) != 0;
}

static int nt_uring_collect(nt_net *net, nt_net_sink *sink, int64_t wait) {
  nt_uring_reap(net, sink);
  service_all(net);
  if (sink->count > 0 || net->ready.first != NT_NET_NIL || net->todo.first != NT_NET_NIL)
    wait = 0;
  if (wait > 0)
    watch_all(net);
  for (int round = 0; round < NT_URING_ROUNDS_MAX && !nt_sink_full(sink); round++) {
    bool called = kernel_calls(net);
    if (wait == 0 && !called && io_uring_sq_ready(&net->ring) == 0)
      return 0;
    int error = judge(enter(net, wait));
    wait = 0;
    nt_uring_reap(net, sink);
    if (error)
      return error;
    service_all(net); /* re-arms go out in the next round, not in the next poll */
  }
  return 0;
}

const nt_back_end nt_uring = {.create = nt_uring_create,
                              .destroy = nt_uring_destroy,
                              .start = nt_uring_start,
                              .stop = nt_uring_stop,
                              .submit = nt_uring_submit,
                              .collect = nt_uring_collect,
                              .give_buffer = nt_uring_give_buffer,
                              .asks_direct = true};
