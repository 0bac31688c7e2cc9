/* What happens when a packet arrives. */
#include "nt_memnet_internal.h"

#include <errno.h>

void nt_mem_fail(nt_memnet *m, nt_mem_socket *s, int error) {
  s->error = error;
  s->state = NT_MEM_CLOSED;
  /* Whoever has met the error in a send still finds the end when he reads. */
  s->flags |= NT_MEM_READ_SHUT;
  s->peer = NT_MEM_NIL;
  nt_mem_ready(m, s);
}

static void send_signal(nt_memnet *m, nt_mem_socket *from, uint8_t kind, nt_mem_packet *packet) {
  nt_mem_socket *to = kind == NT_MEM_SYN ? nt_mem_listener(m, from->remote)
                                         : nt_mem_alive(m, from->peer, from->peer_generation);
  uint32_t host = to ? to->host : 0;
  nt_mem_link *link = nt_mem_link_of(m, from->host, host, from->service, NT_MEMNET_STREAM);
  packet->kind = kind;
  packet->host = (uint16_t)from->host;
  packet->from = nt_mem_index(m, from);
  packet->from_generation = from->generation;
  packet->to = from->peer;
  packet->to_generation = from->peer_generation;
  packet->source = from->local;
  packet->target = from->remote;
  int64_t arrival = kind == NT_MEM_SYN ? nt_mem_first_arrival(m, link, from)
                                       : nt_mem_stream_arrival(m, link, from, 40);
  nt_mem_launch(m, packet, arrival);
}

bool nt_mem_signal(nt_memnet *m, nt_mem_socket *from, uint8_t kind) {
  if (from->flags & NT_MEM_HALF_OPEN)
    return false;
  nt_mem_packet *packet = nt_mem_signal_take(m);
  if (packet)
    send_signal(m, from, kind, packet);
  return packet != NULL;
}

/* The answer to what nobody awaits: the sender's connection is no more. */
static void refuse(nt_memnet *m, nt_mem_packet *packet) {
  nt_mem_socket *from = nt_mem_alive(m, packet->from, packet->from_generation);
  if (!from || packet->kind == NT_MEM_RST) {
    nt_mem_packet_free(m, packet);
    return;
  }
  nt_mem_socket *to = nt_mem_alive(m, packet->to, packet->to_generation);
  nt_mem_link *link =
      nt_mem_link_of(m, to ? to->host : 0, from->host, from->service, NT_MEMNET_STREAM);
  packet->kind = NT_MEM_RST;
  packet->to = packet->from;
  packet->to_generation = packet->from_generation;
  packet->from = NT_MEM_NIL;
  nt_mem_launch(m, packet, nt_mem_stream_arrival(m, link, NULL, 40));
}

/* The first packet of a connection was not taken: it is sent again, a number of times. */
static void try_again(nt_memnet *m, nt_mem_packet *packet) {
  nt_mem_socket *from = nt_mem_alive(m, packet->from, packet->from_generation);
  if (from && from->state == NT_MEM_CONNECTING && ++packet->tries < NT_MEM_SYN_TRIES) {
    nt_mem_socket *to = nt_mem_listener(m, packet->target);
    nt_mem_link *link =
        nt_mem_link_of(m, from->host, to ? to->host : 0, packet->target.port, NT_MEMNET_STREAM);
    int64_t wait = link->rules.retransmit > 0 ? link->rules.retransmit : 1;
    nt_mem_launch(m, packet, m->now + (wait << packet->tries));
    return;
  }
  if (from && from->state == NT_MEM_CONNECTING)
    nt_mem_fail(m, from, ETIMEDOUT);
  nt_mem_packet_free(m, packet);
}

static void opened(nt_memnet *m, nt_mem_packet *packet) {
  nt_mem_socket *listener = nt_mem_listener(m, packet->target);
  nt_mem_socket *from = nt_mem_alive(m, packet->from, packet->from_generation);
  if (!from || from->state != NT_MEM_CONNECTING) {
    nt_mem_packet_free(m, packet);
    return;
  }
  if (!listener) {
    m->counters.refused += 1;
    refuse(m, packet);
    return;
  }
  nt_mem_socket *s =
      listener->unread < listener->backlog ? nt_mem_socket_take(m, listener->host, true) : NULL;
  if (!s) {
    try_again(m, packet);
    return;
  }
  s->state = NT_MEM_CONNECTED;
  s->local = packet->target;
  s->remote = packet->source;
  s->service = packet->target.port;
  s->peer = packet->from;
  s->peer_generation = packet->from_generation;
  s->receive_bytes = listener->receive_bytes;
  s->send_bytes = listener->send_bytes;
  uint32_t index = nt_mem_index(m, s);
  if (listener->last == NT_MEM_NIL)
    listener->first = index;
  else
    m->sockets[listener->last].accept_next = index;
  listener->last = index;
  listener->unread += 1;
  nt_mem_ready(m, listener);
  send_signal(m, s, NT_MEM_SYN_ACK, packet);
}

static void came_to_datagram(nt_memnet *m, nt_mem_packet *packet) {
  nt_mem_socket *s = nt_mem_alive(m, packet->to, packet->to_generation);
  if (!s) {
    m->counters.unreachable += 1;
    nt_mem_packet_free(m, packet);
  } else if ((uint64_t)s->unread + packet->length > s->receive_bytes) {
    m->counters.overflowed += 1;
    nt_mem_packet_free(m, packet);
  } else {
    m->counters.arrived += 1;
    nt_mem_queue(m, s, packet);
  }
}

static void came_to_stream(nt_memnet *m, nt_mem_packet *packet) {
  nt_mem_socket *s = nt_mem_alive(m, packet->to, packet->to_generation);
  bool awaited =
      s && s->state == (packet->kind == NT_MEM_SYN_ACK ? NT_MEM_CONNECTING : NT_MEM_CONNECTED);
  if (s && (s->flags & NT_MEM_HALF_OPEN)) {
    nt_mem_packet_free(m, packet);
    return;
  }
  if (packet->kind == NT_MEM_RST) {
    if (s && (s->state == NT_MEM_CONNECTED || s->state == NT_MEM_CONNECTING))
      nt_mem_fail(m, s, s->state == NT_MEM_CONNECTING ? ECONNREFUSED : ECONNRESET);
    nt_mem_packet_free(m, packet);
    return;
  }
  if (!awaited || (packet->kind == NT_MEM_DATA && (s->flags & NT_MEM_READ_SHUT))) {
    refuse(m, packet);
    return;
  }
  switch (packet->kind) {
  case NT_MEM_DATA:
    nt_mem_queue(m, s, packet);
    return;
  case NT_MEM_SYN_ACK:
    s->state = NT_MEM_CONNECTED;
    s->peer = packet->from;
    s->peer_generation = packet->from_generation;
    s->flags |= NT_MEM_WRITABLE;
    break;
  case NT_MEM_FIN:
    s->flags |= NT_MEM_END_CAME;
    break;
  default:
    break;
  }
  nt_mem_ready(m, s);
  nt_mem_packet_free(m, packet);
}

void nt_mem_arrive(nt_memnet *m, nt_mem_packet *packet) {
  if (packet->kind == NT_MEM_MESSAGE)
    came_to_datagram(m, packet);
  else if (packet->kind == NT_MEM_SYN)
    opened(m, packet);
  else
    came_to_stream(m, packet);
}
