/* The kernel's sockets. */
#include "nt_net_internal.h"

#include <errno.h>
#include <unistd.h>

/* What a call that says -1 comes to. */
static inline int checked(int result) {
  return result < 0 ? -errno : result;
}

static int kernel_open(nt_net *net, int type) {
  return checked(socket(AF_INET, type | SOCK_CLOEXEC | net->calls->socket_mode, 0));
}

static void kernel_close(nt_net *net, int fd) {
  (void)net;
  close(fd);
}

static int kernel_setsockopt(nt_net *net, int fd, int level, int name, const void *value,
                             uint32_t bytes) {
  (void)net;
  return checked(setsockopt(fd, level, name, value, bytes));
}

static int kernel_bind(nt_net *net, int fd, nt_net_endpoint at) {
  (void)net;
  struct sockaddr_in address = nt_socket_address(at);
  return checked(bind(fd, (struct sockaddr *)&address, sizeof address));
}

static int kernel_listen(nt_net *net, int fd, int backlog) {
  (void)net;
  return checked(listen(fd, backlog));
}

static int kernel_accept(nt_net *net, int fd, struct sockaddr_in *peer) {
  (void)net;
  socklen_t bytes = sizeof *peer;
  return checked(accept4(fd, (struct sockaddr *)peer, &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

static int kernel_name(nt_net *net, int fd, bool peer, nt_net_endpoint *out) {
  (void)net;
  struct sockaddr_in address = {0};
  socklen_t bytes = sizeof address;
  int result = peer ? getpeername(fd, (struct sockaddr *)&address, &bytes)
                    : getsockname(fd, (struct sockaddr *)&address, &bytes);
  if (result != 0)
    return -errno;
  *out = nt_socket_endpoint(&address);
  return 0;
}

static int kernel_shutdown(nt_net *net, int fd, int how) {
  (void)net;
  return checked(shutdown(fd, how));
}

static ssize_t kernel_send(nt_net *net, int fd, const void *bytes, size_t count) {
  (void)net;
  ssize_t sent = send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? -errno : sent;
}

static ssize_t kernel_sendmsg(nt_net *net, int fd, const struct msghdr *message) {
  (void)net;
  ssize_t sent = sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? -errno : sent;
}

static int kernel_sendmmsg(nt_net *net, int fd, struct mmsghdr *messages, uint32_t count) {
  (void)net;
  return checked(sendmmsg(fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static ssize_t kernel_recv(nt_net *net, int fd, void *into, size_t count) {
  (void)net;
  ssize_t got = recv(fd, into, count, MSG_DONTWAIT);
  return got < 0 ? -errno : got;
}

static ssize_t kernel_recvmsg(nt_net *net, int fd, struct msghdr *message) {
  (void)net;
  ssize_t got = recvmsg(fd, message, MSG_DONTWAIT);
  return got < 0 ? -errno : got;
}

const nt_system nt_kernel = {.open = kernel_open,
                             .close = kernel_close,
                             .setsockopt = kernel_setsockopt,
                             .bind = kernel_bind,
                             .listen = kernel_listen,
                             .accept = kernel_accept,
                             .name = kernel_name,
                             .shutdown = kernel_shutdown,
                             .send = kernel_send,
                             .sendmsg = kernel_sendmsg,
                             .sendmmsg = kernel_sendmmsg,
                             .recv = kernel_recv,
                             .recvmsg = kernel_recvmsg};
