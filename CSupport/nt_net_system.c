/* The calls that sockets are made of: the kernel's, or those of a network in memory where the
 * nt_net stands on one. Each is as the system call of its name, with a negative errno for a
 * failure. */
#include "nt_memnet_internal.h"
#include "nt_net_internal.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

/* What a call that says -1 comes to. */
static inline int checked(int result) {
  return result < 0 ? -errno : result;
}

static inline bool in_memory(const nt_net *net) {
  return __builtin_expect(net->memnet != NULL, 0);
}

int nt_sys_open(nt_net *net, int type) {
  if (in_memory(net))
    return nt_memnet_open(net->memnet, net->host, type == SOCK_STREAM);
  return checked(socket(AF_INET, type | SOCK_CLOEXEC | net->calls->socket_mode, 0));
}

void nt_sys_close(nt_net *net, int fd) {
  if (in_memory(net))
    nt_memnet_close(net->memnet, fd);
  else
    close(fd);
}

int nt_sys_setsockopt(nt_net *net, int fd, int level, int name, const void *value, uint32_t bytes) {
  if (in_memory(net))
    return nt_memnet_setsockopt(net->memnet, fd, level, name, value, bytes);
  return checked(setsockopt(fd, level, name, value, bytes));
}

int nt_sys_bind(nt_net *net, int fd, nt_net_endpoint at) {
  if (in_memory(net))
    return nt_memnet_bind(net->memnet, fd, at);
  struct sockaddr_in address = nt_socket_address(at);
  return checked(bind(fd, (struct sockaddr *)&address, sizeof address));
}

int nt_sys_listen(nt_net *net, int fd, int backlog) {
  return in_memory(net) ? nt_memnet_listen(net->memnet, fd, backlog) : checked(listen(fd, backlog));
}

int nt_sys_accept(nt_net *net, int fd, struct sockaddr_in *peer) {
  if (in_memory(net)) {
    nt_net_endpoint from;
    int accepted = nt_memnet_accept(net->memnet, fd, &from);
    if (accepted >= 0)
      *peer = nt_socket_address(from);
    return accepted;
  }
  socklen_t bytes = sizeof *peer;
  return checked(accept4(fd, (struct sockaddr *)peer, &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

int nt_sys_name(nt_net *net, int fd, bool peer, nt_net_endpoint *out) {
  if (in_memory(net))
    return nt_memnet_name(net->memnet, fd, peer, out);
  struct sockaddr_in address = {0};
  socklen_t bytes = sizeof address;
  int result = peer ? getpeername(fd, (struct sockaddr *)&address, &bytes)
                    : getsockname(fd, (struct sockaddr *)&address, &bytes);
  if (result != 0)
    return -errno;
  *out = nt_socket_endpoint(&address);
  return 0;
}

int nt_sys_shutdown(nt_net *net, int fd, int how) {
  return in_memory(net) ? nt_memnet_shutdown(net->memnet, fd, how) : checked(shutdown(fd, how));
}

ssize_t nt_sys_send(nt_net *net, int fd, const void *bytes, size_t count) {
  if (in_memory(net))
    return nt_memnet_send(net->memnet, fd, bytes, count);
  ssize_t sent = send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? -errno : sent;
}

static ssize_t memory_sendmsg(nt_net *net, int fd, const struct msghdr *message) {
  ssize_t total = 0;
  for (size_t i = 0; i < message->msg_iovlen; i++) {
    const struct iovec *part = &message->msg_iov[i];
    ssize_t sent = nt_memnet_send(net->memnet, fd, part->iov_base, part->iov_len);
    if (sent < 0)
      return total > 0 ? total : sent;
    total += sent;
    if ((size_t)sent < part->iov_len)
      break;
  }
  return total;
}

ssize_t nt_sys_sendmsg(nt_net *net, int fd, const struct msghdr *message) {
  if (in_memory(net))
    return memory_sendmsg(net, fd, message);
  ssize_t sent = sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? -errno : sent;
}

static int memory_sendmmsg(nt_net *net, int fd, struct mmsghdr *messages, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    const struct msghdr *message = &messages[i].msg_hdr;
    struct sockaddr_in to;
    memcpy(&to, message->msg_name, sizeof to);
    int error = nt_memnet_send_to(net->memnet, fd, nt_socket_endpoint(&to),
                                  message->msg_iov[0].iov_base, message->msg_iov[0].iov_len);
    if (error)
      return i > 0 ? (int)i : error;
  }
  return (int)count;
}

int nt_sys_sendmmsg(nt_net *net, int fd, struct mmsghdr *messages, uint32_t count) {
  if (in_memory(net))
    return memory_sendmmsg(net, fd, messages, count);
  return checked(sendmmsg(fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL));
}

int nt_sys_sendto(nt_net *net, int fd, nt_net_endpoint to, const void *bytes, uint32_t count) {
  return nt_memnet_send_to(net->memnet, fd, to, bytes, count);
}

ssize_t nt_sys_recv(nt_net *net, int fd, void *into, size_t count) {
  if (in_memory(net)) {
    nt_net_endpoint source;
    int64_t arrival;
    return nt_memnet_receive(net->memnet, fd, into, count, &source, &arrival);
  }
  ssize_t got = recv(fd, into, count, MSG_DONTWAIT);
  return got < 0 ? -errno : got;
}

static ssize_t memory_recvmsg(nt_net *net, int fd, struct msghdr *message) {
  nt_net_endpoint source = {0};
  int64_t arrival = 0;
  ssize_t got = nt_memnet_receive(net->memnet, fd, message->msg_iov[0].iov_base,
                                  message->msg_iov[0].iov_len, &source, &arrival);
  if (got < 0)
    return got;
  struct sockaddr_in from = nt_socket_address(source);
  memcpy(message->msg_name, &from, sizeof from);
  /* The kernel's stamp is of the wall clock, which is the network's own here. */
  struct timespec at = {.tv_sec = arrival / 1000000000, .tv_nsec = arrival % 1000000000};
  struct cmsghdr *control = CMSG_FIRSTHDR(message);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_TIMESTAMPNS;
  control->cmsg_len = CMSG_LEN(sizeof at);
  memcpy(CMSG_DATA(control), &at, sizeof at);
  message->msg_controllen = CMSG_SPACE(sizeof at);
  return got;
}

ssize_t nt_sys_recvmsg(nt_net *net, int fd, struct msghdr *message) {
  if (in_memory(net))
    return memory_recvmsg(net, fd, message);
  ssize_t got = recvmsg(fd, message, MSG_DONTWAIT);
  return got < 0 ? -errno : got;
}
