/* What a process asks its sockets to do: the calls that nt_net_memory.c has in place of the
 * kernel's. */
#include "nt_memnet_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define PIECE_MAX 65536u

int nt_memnet_attach(nt_memnet *m) {
  for (uint32_t host = 1; host <= NT_MEMNET_HOSTS_MAX; host++) {
    if (m->hosts[host].is_there)
      continue;
    m->hosts[host] = (nt_mem_host){.first = NT_MEM_NIL, .last = NT_MEM_NIL, .is_there = true};
    return (int)host;
  }
  return -ENOSPC;
}

void nt_memnet_detach(nt_memnet *m, uint32_t host) {
  m->hosts[host].is_there = false;
}

int nt_memnet_open(nt_memnet *m, uint32_t host, bool stream) {
  nt_mem_socket *s = nt_mem_socket_take(m, host, stream);
  return s ? (int)nt_mem_index(m, s) : -ENFILE;
}

/* Ends a connection for its peer; what is under way still arrives. */
static void part(nt_memnet *m, nt_mem_socket *s) {
  if (s->state != NT_MEM_CONNECTED)
    return;
  if (s->unread > 0 || (s->flags & NT_MEM_ABORTS))
    nt_mem_signal(m, s, NT_MEM_RST);
  else if (!(s->flags & NT_MEM_END_SENT))
    nt_mem_signal(m, s, NT_MEM_FIN);
}

void nt_memnet_close(nt_memnet *m, int fd) {
  nt_mem_socket *s = nt_mem_socket_at(m, fd);
  if (!s)
    return;
  if (s->state == NT_MEM_LISTENER) {
    for (uint32_t i = s->first; i != NT_MEM_NIL;) {
      nt_mem_socket *waiting = &m->sockets[i];
      i = waiting->accept_next;
      waiting->flags |= NT_MEM_ABORTS;
      part(m, waiting);
      nt_mem_socket_free(m, waiting);
    }
  }
  part(m, s);
  nt_mem_socket_free(m, s);
}

static int join(nt_mem_socket *s, uint32_t group, bool joins) {
  uint32_t at = 0;
  while (at < s->group_count && s->groups[at] != group)
    at += 1;
  bool found = at < s->group_count;
  if (!joins) {
    if (!found)
      return -EADDRNOTAVAIL;
    s->groups[at] = s->groups[--s->group_count];
    return 0;
  }
  if (found)
    return -EADDRINUSE;
  if (group >> 28 != 14)
    return -EINVAL;
  if (s->group_count == NT_MEM_GROUPS_MAX)
    return -ENOBUFS;
  s->groups[s->group_count++] = group;
  return 0;
}

/* Options that mean nothing here are granted. */
int nt_memnet_setsockopt(nt_memnet *m, int fd, int level, int name, const void *value,
                         uint32_t bytes) {
  nt_mem_socket *s = nt_mem_socket_at(m, fd);
  if (!s)
    return -EBADF;
  if (level == IPPROTO_IP && (name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP)) {
    struct ip_mreqn request;
    if (bytes < sizeof request)
      return -EINVAL;
    memcpy(&request, value, sizeof request);
    return join(s, ntohl(request.imr_multiaddr.s_addr), name == IP_ADD_MEMBERSHIP);
  }
  if (level == SOL_SOCKET && name == SO_LINGER) {
    struct linger linger;
    if (bytes < sizeof linger)
      return -EINVAL;
    memcpy(&linger, value, sizeof linger);
    if (linger.l_onoff && linger.l_linger == 0)
      s->flags |= NT_MEM_ABORTS;
    return 0;
  }
  int32_t number;
  if (bytes != sizeof number)
    return 0;
  memcpy(&number, value, sizeof number);
  if (level == SOL_SOCKET && name == SO_REUSEADDR && number)
    s->flags |= NT_MEM_REUSES;
  if (level == SOL_SOCKET && name == SO_RCVBUF && number > 0)
    s->receive_bytes = (uint32_t)number;
  if (level == SOL_SOCKET && name == SO_SNDBUF && number > 0)
    s->send_bytes = (uint32_t)number;
  return 0;
}

int nt_memnet_bind(nt_memnet *m, int fd, nt_net_endpoint at) {
  nt_mem_socket *s = nt_mem_socket_at(m, fd);
  return s ? -nt_mem_bind(m, s, at) : -EBADF;
}

int nt_memnet_listen(nt_memnet *m, int fd, int backlog) {
  nt_mem_socket *s = nt_mem_socket_at(m, fd);
  if (!s)
    return -EBADF;
  if (!(s->flags & NT_MEM_IS_BOUND) || s->state != NT_MEM_CLOSED)
    return -EINVAL;
  s->state = NT_MEM_LISTENER;
  s->backlog = backlog > 0 ? (uint32_t)backlog : 1;
  return 0;
}

int nt_memnet_connect(nt_memnet *m, int fd, nt_net_endpoint to) {
  nt_mem_socket *s = nt_mem_socket_at(m, fd);
  if (!s)
    return -EBADF;
  if (!(s->flags & NT_MEM_IS_STREAM) || s->state != NT_MEM_CLOSED || s->error != 0)
    return -EISCONN;
  if (!(s->flags & NT_MEM_IS_BOUND)) {
    int error = nt_mem_bind(m, s, (nt_net_endpoint){.address = to.address});
    if (error)
      return -error;
  }
  s->state = NT_MEM_CONNECTING;
  s->remote = to;
  s->service = to.port;
  return nt_mem_signal(m, s, NT_MEM_SYN) ? -EINPROGRESS : -ENOBUFS;
}

int nt_memnet_accept(nt_memnet *m, int fd, nt_net_endpoint *peer) {
  nt_mem_socket *s = nt_mem_socket_at(m, fd);
  if (!s)
    return -EBADF;
  if (s->state != NT_MEM_LISTENER)
    return -EINVAL;
  if (s->first == NT_MEM_NIL)
    return -EAGAIN;
  uint32_t index = s->first;
  nt_mem_socket *accepted = &m->sockets[index];
  s->first = accepted->accept_next;
  if (s->first == NT_MEM_NIL)
    s->last = NT_MEM_NIL;
  s->unread -= 1;
  *peer = accepted->remote;
  return (int)index;
}

int nt_memnet_name(nt_memnet *m, int fd, bool peer, nt_net_endpoint *out) {
  nt_mem_socket *s = nt_mem_socket_at(m, fd);
  if (!s)
    return -EBADF;
  if (peer && s->state != NT_MEM_CONNECTED)
    return -ENOTCONN;
  *out = peer ? s->remote : s->local;
  return 0;
}

int nt_memnet_error(nt_memnet *m, int fd) {
  nt_mem_socket *s = nt_mem_socket_at(m, fd);
  if (!s)
    return EBADF;
  int error = s->error;
  s->error = 0;
  return error;
}

int nt_memnet_shutdown(nt_memnet *m, int fd, int how) {
  nt_mem_socket *s = nt_mem_socket_at(m, fd);
  if (!s)
    return -EBADF;
  if (s->state != NT_MEM_CONNECTED)
    return -ENOTCONN;
  if (how != SHUT_RD && !(s->flags & NT_MEM_END_SENT)) {
    nt_mem_signal(m, s, NT_MEM_FIN);
    s->flags |= NT_MEM_END_SENT;
  }
  if (how != SHUT_WR) {
    s->flags |= NT_MEM_READ_SHUT;
    nt_mem_ready(m, s);
  }
  return 0;
}

/* Nothing passes between the two any more, and neither knows. */
static void cut_off(nt_memnet *m, nt_mem_socket *s) {
  nt_mem_socket *peer = nt_mem_alive(m, s->peer, s->peer_generation);
  s->flags |= NT_MEM_HALF_OPEN;
  if (peer)
    peer->flags |= NT_MEM_HALF_OPEN;
}

static void reset(nt_memnet *m, nt_mem_socket *s) {
  nt_mem_socket *peer = nt_mem_alive(m, s->peer, s->peer_generation);
  nt_mem_fail(m, s, ECONNRESET);
  if (peer && peer->state == NT_MEM_CONNECTED)
    nt_mem_fail(m, peer, ECONNRESET);
}

uint32_t nt_memnet_break(nt_memnet *m, uint32_t from, uint32_t to, uint16_t port, bool half_open) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < m->fresh_socket; i++) {
    nt_mem_socket *s = &m->sockets[i];
    nt_mem_socket *peer = nt_mem_alive(m, s->peer, s->peer_generation);
    if (s->state != NT_MEM_CONNECTED || !peer || (s->flags & NT_MEM_HALF_OPEN) ||
        (port != 0 && s->service != port) || (from != 0 && s->host != from) ||
        (to != 0 && peer->host != to))
      continue;
    if (half_open)
      cut_off(m, s);
    else
      reset(m, s);
    *(half_open ? &m->counters.half_opens : &m->counters.resets) += 1;
    count += 1;
  }
  return count;
}

static uint32_t window_of(const nt_memnet *m, const nt_mem_socket *s) {
  nt_mem_socket *peer = nt_mem_alive(m, s->peer, s->peer_generation);
  uint32_t window = s->send_bytes;
  if (peer && peer->receive_bytes < window)
    window = peer->receive_bytes;
  return s->underway < window ? window - s->underway : 0;
}

bool nt_memnet_has_window(const nt_memnet *m, int fd) {
  const nt_mem_socket *s = nt_mem_socket_at(m, fd);
  return s && !m->starves && (s->state != NT_MEM_CONNECTED || window_of(m, s) > 0);
}

ssize_t nt_memnet_send(nt_memnet *m, int fd, const void *bytes, size_t count) {
  nt_mem_socket *s = nt_mem_socket_at(m, fd);
  if (!s)
    return -EBADF;
  if (s->error != 0)
    return -nt_memnet_error(m, fd);
  if (s->state != NT_MEM_CONNECTED || (s->flags & NT_MEM_END_SENT))
    return -EPIPE;
  nt_mem_socket *peer = nt_mem_alive(m, s->peer, s->peer_generation);
  uint32_t length = window_of(m, s), host = peer ? peer->host : 0;
  if (length == 0) {
    s->flags = (uint16_t)((s->flags | NT_MEM_WAS_FULL) & ~NT_MEM_WRITABLE);
    return -EAGAIN;
  }
  if (length > PIECE_MAX)
    length = PIECE_MAX;
  if (length > count)
    length = (uint32_t)count;
  nt_mem_link *link = nt_mem_link_of(m, s->host, host, s->service, NT_MEMNET_STREAM);
  if (length > 1 && nt_mem_chance(link, link->rules.short_writes))
    length = 1 + (uint32_t)nt_mem_below(link, length);
  if (nt_mem_chance(link, link->rules.reset)) {
    m->counters.resets += 1;
    reset(m, s);
    return -nt_memnet_error(m, fd);
  }
  if (nt_mem_chance(link, link->rules.half_open) && !(s->flags & NT_MEM_HALF_OPEN)) {
    m->counters.half_opens += 1;
    cut_off(m, s);
  }
  bool passes = !(s->flags & NT_MEM_HALF_OPEN);
  nt_mem_packet *packet = passes ? nt_mem_packet_take(m, length) : NULL;
  if (passes && !packet) {
    s->flags = (uint16_t)((s->flags | NT_MEM_WAS_FULL) & ~NT_MEM_WRITABLE);
    m->starves = true;
    return -EAGAIN;
  }
  m->counters.pieces += 1;
  m->counters.piece_bytes += length;
  s->underway += length;
  if (!passes)
    return length;
  packet->kind = NT_MEM_DATA;
  packet->host = (uint16_t)s->host;
  packet->from = nt_mem_index(m, s);
  packet->from_generation = s->generation;
  packet->to = s->peer;
  packet->to_generation = s->peer_generation;
  memcpy(nt_mem_payload(m, packet), bytes, length);
  nt_mem_launch(m, packet, nt_mem_stream_arrival(m, link, s, length));
  return length;
}

static void post(nt_memnet *m, nt_mem_socket *from, nt_mem_socket *to, nt_net_endpoint target,
                 const void *bytes, uint32_t count) {
  nt_mem_link *link = nt_mem_link_of(m, from->host, to->host, target.port, NT_MEMNET_DATAGRAM);
  uint32_t copies = 1;
  if (nt_mem_chance(link, link->rules.duplication)) {
    m->counters.duplicated += 1;
    copies = 2;
  }
  for (uint32_t i = 0; i < copies; i++) {
    int64_t arrival = nt_mem_datagram_arrival(m, link, count);
    if (arrival < 0)
      continue;
    nt_mem_packet *packet = nt_mem_packet_take(m, count);
    if (!packet)
      return; /* lost, and counted as such */
    packet->kind = NT_MEM_MESSAGE;
    packet->to = nt_mem_index(m, to);
    packet->to_generation = to->generation;
    packet->source = from->local;
    packet->target = target;
    if (count > 0)
      memcpy(nt_mem_payload(m, packet), bytes, count);
    nt_mem_launch(m, packet, arrival);
  }
}

static bool hears(const nt_mem_socket *s, nt_net_endpoint target) {
  if (s->state != NT_MEM_DATAGRAM || s->local.port != target.port)
    return false;
  if (s->local.address != 0 && s->local.address != target.address)
    return false;
  if (target.address >> 28 != 14)
    return true;
  for (uint32_t i = 0; i < s->group_count; i++)
    if (s->groups[i] == target.address)
      return true;
  return false;
}

int nt_memnet_send_to(nt_memnet *m, int fd, nt_net_endpoint to, const void *bytes, size_t count) {
  nt_mem_socket *s = nt_mem_socket_at(m, fd);
  if (!s)
    return -EBADF;
  if (s->state != NT_MEM_DATAGRAM)
    return -EOPNOTSUPP;
  if (to.port == 0)
    return -EINVAL;
  m->counters.datagrams += 1;
  m->counters.datagram_bytes += count;
  bool found = false;
  for (uint32_t i = m->ports[to.port % NT_MEM_PORTS]; i != NT_MEM_NIL;
       i = m->sockets[i].port_next) {
    if (!hears(&m->sockets[i], to))
      continue;
    found = true;
    post(m, s, &m->sockets[i], to, bytes, (uint32_t)count);
    if (to.address >> 28 != 14)
      return 0;
  }
  if (!found)
    m->counters.unreachable += 1;
  return 0;
}

/* The peer may send so much more. */
static void credit(nt_memnet *m, const nt_mem_packet *packet, uint32_t bytes) {
  nt_mem_socket *from = nt_mem_alive(m, packet->from, packet->from_generation);
  if (!from)
    return;
  from->underway -= bytes;
  if (from->flags & NT_MEM_WAS_FULL) {
    from->flags = (uint16_t)((from->flags & ~NT_MEM_WAS_FULL) | NT_MEM_WRITABLE);
    nt_mem_ready(m, from);
  }
}

static void drop_first(nt_memnet *m, nt_mem_socket *s) {
  nt_mem_packet *packet = &m->packets[s->first];
  s->first = packet->next;
  if (s->first == NT_MEM_NIL)
    s->last = NT_MEM_NIL;
  nt_mem_packet_free(m, packet);
}

static ssize_t receive_stream(nt_memnet *m, nt_mem_socket *s, uint8_t *into, size_t count) {
  if (s->first == NT_MEM_NIL) {
    if (s->error != 0)
      return -nt_memnet_error(m, (int)nt_mem_index(m, s));
    bool over = (s->flags & (NT_MEM_END_CAME | NT_MEM_READ_SHUT)) != 0;
    return over || s->state == NT_MEM_CLOSED ? 0 : -EAGAIN;
  }
  nt_mem_link *link =
      nt_mem_link_of(m, m->packets[s->first].host, s->host, s->service, NT_MEMNET_STREAM);
  if (count > s->unread)
    count = s->unread;
  if (count > 1 && nt_mem_chance(link, link->rules.short_reads))
    count = 1 + nt_mem_below(link, count);
  size_t done = 0;
  while (done < count) {
    nt_mem_packet *packet = &m->packets[s->first];
    uint32_t part = packet->length - packet->taken;
    if (part > count - done)
      part = (uint32_t)(count - done);
    memcpy(into + done, nt_mem_payload(m, packet) + packet->taken, part);
    packet->taken += part;
    done += part;
    s->unread -= part;
    credit(m, packet, part);
    if (packet->taken == packet->length)
      drop_first(m, s);
  }
  return (ssize_t)done;
}

ssize_t nt_memnet_receive(nt_memnet *m, int fd, void *into, size_t count, nt_net_endpoint *source,
                          int64_t *arrival) {
  nt_mem_socket *s = nt_mem_socket_at(m, fd);
  if (!s)
    return -EBADF;
  if (s->flags & NT_MEM_IS_STREAM)
    return receive_stream(m, s, into, count);
  if (s->first == NT_MEM_NIL)
    return -EAGAIN;
  nt_mem_packet *packet = &m->packets[s->first];
  size_t length = packet->length < count ? packet->length : count;
  memcpy(into, nt_mem_payload(m, packet), length);
  *source = packet->source;
  *arrival = packet->arrival;
  s->unread -= packet->length;
  drop_first(m, s);
  return (ssize_t)length;
}

void nt_memnet_user(nt_memnet *m, int fd, uint64_t user) {
  nt_mem_socket *s = nt_mem_socket_at(m, fd);
  if (s)
    s->user = user;
}

uint32_t nt_memnet_readiness(const nt_memnet *m, int fd) {
  const nt_mem_socket *s = nt_mem_socket_at(m, fd);
  if (!s)
    return 0;
  if (s->state == NT_MEM_LISTENER)
    return s->first != NT_MEM_NIL ? NT_MEM_CAN_ACCEPT : 0;
  uint32_t can = s->flags & NT_MEM_WRITABLE ? NT_MEM_CAN_WRITE : 0;
  if (s->first != NT_MEM_NIL || (s->flags & (NT_MEM_END_CAME | NT_MEM_READ_SHUT)))
    can |= NT_MEM_CAN_READ;
  return s->error != 0 ? can | NT_MEM_CAN_READ | NT_MEM_CAN_WRITE | NT_MEM_HAS_FAILED : can;
}

int nt_memnet_take_ready(nt_memnet *m, uint32_t host, uint64_t *user) {
  uint32_t index = m->hosts[host].first;
  if (index == NT_MEM_NIL)
    return -1;
  nt_mem_socket *s = &m->sockets[index];
  m->hosts[host].first = s->ready_next;
  if (s->ready_next == NT_MEM_NIL)
    m->hosts[host].last = NT_MEM_NIL;
  s->flags &= (uint16_t)~NT_MEM_IN_READY;
  *user = s->user;
  return (int)index;
}

void nt_memnet_put_ready(nt_memnet *m, int fd) {
  nt_mem_socket *s = nt_mem_socket_at(m, fd);
  if (s)
    nt_mem_ready(m, s);
}
