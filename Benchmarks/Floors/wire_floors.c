#include "wire_floors.h"

#include <errno.h>
#include <liburing.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define REPLY_MAX 256
#define BUFFERS 256
#define BUFFER_BYTES 2048
#define ENTRIES 64

enum { DATAGRAM = 0, STREAM = 1 };
enum { RECEIVED = 1, SENT = 2 };

int floor_wire_flow(int datagram_fd, int stream_fd, size_t reply_bytes, uint64_t count,
                    const int *stop) {
  uint8_t in[BUFFER_BYTES], out[REPLY_MAX] = {0};
  if (reply_bytes > sizeof out)
    return EINVAL;
  for (uint64_t done = 0; done < count;) {
    ssize_t n = recv(datagram_fd, in, sizeof in, MSG_DONTWAIT);
    if (n > 0 && in[0] != 0) {
      size_t sent = 0;
      while (sent < reply_bytes) {
        ssize_t w = send(stream_fd, out + sent, reply_bytes - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (w > 0)
          sent += (size_t)w;
        else if (errno != EAGAIN && errno != EINTR)
          return errno;
      }
      done++;
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
      return errno;
    } else if (n < 0 && __atomic_load_n(stop, __ATOMIC_RELAXED)) {
      return 0;
    }
  }
  return 0;
}

struct floor_ring {
  struct io_uring ring;
  struct io_uring_buf_ring *provided;
  uint8_t *buffers;
  uint8_t out[REPLY_MAX];
  size_t reply_bytes;
  size_t sent;
  bool sending;
};

static void give(struct floor_ring *f, uint16_t buffer) {
  io_uring_buf_ring_add(f->provided, f->buffers + (size_t)buffer * BUFFER_BYTES, BUFFER_BYTES,
                        buffer, io_uring_buf_ring_mask(BUFFERS), 0);
  io_uring_buf_ring_advance(f->provided, 1);
}

static void arm_receive(struct floor_ring *f) {
  struct io_uring_sqe *entry = io_uring_get_sqe(&f->ring);
  io_uring_prep_recv_multishot(entry, DATAGRAM, NULL, 0, 0);
  entry->flags |= IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
  entry->buf_group = 0;
  io_uring_sqe_set_data64(entry, RECEIVED);
}

static void arm_send(struct floor_ring *f) {
  struct io_uring_sqe *entry = io_uring_get_sqe(&f->ring);
  io_uring_prep_send(entry, STREAM, f->out + f->sent, f->reply_bytes - f->sent, MSG_NOSIGNAL);
  entry->flags |= IOSQE_FIXED_FILE;
  io_uring_sqe_set_data64(entry, SENT);
  f->sending = true;
}

static int open_ring(struct floor_ring *f, int datagram_fd, int stream_fd) {
  struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                            IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG};
  int error = -io_uring_queue_init_params(ENTRIES, &f->ring, &params);
  if (error)
    return error;
  size_t ring_bytes = BUFFERS * sizeof(struct io_uring_buf);
  size_t bytes = ring_bytes + (size_t)BUFFERS * BUFFER_BYTES;
  void *memory =
      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) {
    error = errno;
    io_uring_queue_exit(&f->ring);
    return error;
  }
  f->provided = memory;
  f->buffers = (uint8_t *)memory + ring_bytes;
  io_uring_buf_ring_init(f->provided);
  struct io_uring_buf_reg registration = {
      .ring_addr = (uintptr_t)memory, .ring_entries = BUFFERS, .bgid = 0};
  int files[2] = {datagram_fd, stream_fd};
  error = -io_uring_register_buf_ring(&f->ring, &registration, 0);
  if (!error)
    error = -io_uring_register_files(&f->ring, files, 2);
  for (int i = 0; i < BUFFERS && !error; i++)
    give(f, (uint16_t)i);
  if (error) {
    io_uring_queue_exit(&f->ring);
    munmap(memory, bytes);
  }
  return error;
}

static void close_ring(struct floor_ring *f) {
  io_uring_queue_exit(&f->ring);
  munmap(f->provided, BUFFERS * (sizeof(struct io_uring_buf) + BUFFER_BYTES));
}

struct outcome {
  uint64_t operation;
  int32_t result;
  uint32_t flags;
};

/* What one completion asks for; adds the answers that are through to *done. An errno ends it. */
static int complete(struct floor_ring *f, struct outcome o, uint64_t *done) {
  if (o.operation == SENT) {
    if (o.result < 0)
      return -o.result;
    f->sent += (size_t)o.result;
    f->sending = false;
    if (f->sent < f->reply_bytes)
      arm_send(f);
    else
      *done += 1;
    return 0;
  }
  if (o.result < 0 && o.result != -ENOBUFS)
    return -o.result;
  if (o.flags & IORING_CQE_F_BUFFER) {
    uint16_t buffer = (uint16_t)(o.flags >> IORING_CQE_BUFFER_SHIFT);
    bool asks = f->buffers[(size_t)buffer * BUFFER_BYTES] != 0;
    give(f, buffer);
    /* One answer at a time: the asker waits for each. */
    if (asks && !f->sending) {
      f->sent = 0;
      arm_send(f);
    }
  }
  if (!(o.flags & IORING_CQE_F_MORE))
    arm_receive(f);
  return 0;
}

int floor_wire_uring(int datagram_fd, int stream_fd, size_t reply_bytes, uint64_t count,
                     const int *stop) {
  struct floor_ring f = {.reply_bytes = reply_bytes};
  if (reply_bytes > sizeof f.out)
    return EINVAL;
  int error = open_ring(&f, datagram_fd, stream_fd);
  if (error)
    return error;
  arm_receive(&f);
  for (uint64_t done = 0; done < count && !error;) {
    struct io_uring_cqe *next = NULL;
    unsigned head;
    io_uring_for_each_cqe(&f.ring, head, next) {
      break;
    }
    if (next) {
      struct outcome o = {next->user_data, next->res, next->flags};
      io_uring_cq_advance(&f.ring, 1);
      error = complete(&f, o, &done);
      continue;
    }
    /* The kernel says in the ring when it has something for us. */
    unsigned flags = __atomic_load_n(f.ring.sq.kflags, __ATOMIC_RELAXED);
    if (io_uring_sq_ready(&f.ring) != 0 ||
        (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0) {
      int result = io_uring_submit_and_get_events(&f.ring);
      if (result < 0 && result != -EINTR && result != -EAGAIN && result != -EBUSY)
        error = -result;
    } else if (__atomic_load_n(stop, __ATOMIC_RELAXED)) {
      break;
    }
  }
  close_ring(&f);
  return error;
}

void floor_wire_tell(int *where, int error) {
  __atomic_store_n(where, error, __ATOMIC_RELEASE);
}

int floor_wire_told(const int *where) {
  return __atomic_load_n(where, __ATOMIC_ACQUIRE);
}
