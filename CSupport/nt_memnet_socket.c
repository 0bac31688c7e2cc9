/* The table of sockets: ports, queues, and the list of those with something to say. */
#include "nt_memnet_internal.h"

#include <errno.h>

#define RECEIVE_BYTES 212992u /* net.core.rmem_default */
#define WINDOW_BYTES 262144u
#define EPHEMERAL_FIRST 32768u
#define EPHEMERAL_LAST 60999u

nt_mem_socket *nt_mem_socket_take(nt_memnet *m, uint32_t host, bool stream) {
  uint32_t index = m->free_socket;
  if (index != NT_MEM_NIL)
    m->free_socket = m->sockets[index].port_next;
  else if (m->fresh_socket < m->options.sockets)
    index = m->fresh_socket++;
  else
    return NULL;
  nt_mem_socket *s = &m->sockets[index];
  uint32_t generation = s->generation + 1;
  *s = (nt_mem_socket){.state = NT_MEM_CLOSED,
                       .flags = stream ? NT_MEM_IS_STREAM : 0,
                       .generation = generation,
                       .host = host,
                       .peer = NT_MEM_NIL,
                       .first = NT_MEM_NIL,
                       .last = NT_MEM_NIL,
                       .receive_bytes = stream ? WINDOW_BYTES : RECEIVE_BYTES,
                       .send_bytes = WINDOW_BYTES,
                       .port_next = NT_MEM_NIL,
                       .ready_next = NT_MEM_NIL,
                       .accept_next = NT_MEM_NIL};
  return s;
}

static void unlink_port(nt_memnet *m, nt_mem_socket *s) {
  uint32_t *link = &m->ports[s->local.port % NT_MEM_PORTS], index = nt_mem_index(m, s);
  while (*link != NT_MEM_NIL && *link != index)
    link = &m->sockets[*link].port_next;
  if (*link == index)
    *link = s->port_next;
}

static void unlink_ready(nt_memnet *m, nt_mem_socket *s) {
  nt_mem_host *host = &m->hosts[s->host];
  uint32_t index = nt_mem_index(m, s), before = NT_MEM_NIL;
  for (uint32_t i = host->first; i != NT_MEM_NIL && i != index; i = m->sockets[i].ready_next)
    before = i;
  *(before == NT_MEM_NIL ? &host->first : &m->sockets[before].ready_next) = s->ready_next;
  if (host->last == index)
    host->last = before;
}

void nt_mem_socket_free(nt_memnet *m, nt_mem_socket *s) {
  if (s->flags & NT_MEM_IS_BOUND)
    unlink_port(m, s);
  if (s->flags & NT_MEM_IN_READY)
    unlink_ready(m, s);
  if (s->state != NT_MEM_LISTENER) {
    for (uint32_t i = s->first; i != NT_MEM_NIL;) {
      nt_mem_packet *packet = &m->packets[i];
      i = packet->next;
      nt_mem_packet_free(m, packet);
    }
  }
  s->state = NT_MEM_FREE;
  s->flags = 0;
  s->port_next = m->free_socket;
  m->free_socket = nt_mem_index(m, s);
}

void nt_mem_ready(nt_memnet *m, nt_mem_socket *s) {
  if (s->flags & NT_MEM_IN_READY)
    return;
  nt_mem_host *host = &m->hosts[s->host];
  uint32_t index = nt_mem_index(m, s);
  s->flags |= NT_MEM_IN_READY;
  s->ready_next = NT_MEM_NIL;
  if (host->last == NT_MEM_NIL)
    host->first = index;
  else
    m->sockets[host->last].ready_next = index;
  host->last = index;
}

void nt_mem_queue(nt_memnet *m, nt_mem_socket *s, nt_mem_packet *packet) {
  uint32_t index = (uint32_t)(packet - m->packets);
  packet->next = NT_MEM_NIL;
  if (s->last == NT_MEM_NIL)
    s->first = index;
  else
    m->packets[s->last].next = index;
  s->last = index;
  s->unread += packet->length;
  nt_mem_ready(m, s);
}

/* Whether two bound sockets would both be meant by a packet, and may not. */
static bool clashes(const nt_mem_socket *s, const nt_mem_socket *other, nt_net_endpoint at) {
  if (other->local.port != at.port || ((s->flags ^ other->flags) & NT_MEM_IS_STREAM))
    return false;
  if (other->local.address != at.address && other->local.address != 0 && at.address != 0)
    return false;
  bool both_share = (s->flags & NT_MEM_REUSES) && (other->flags & NT_MEM_REUSES);
  return !(both_share && other->state != NT_MEM_LISTENER);
}

static bool is_taken(const nt_memnet *m, const nt_mem_socket *s, nt_net_endpoint at) {
  uint32_t i = m->ports[at.port % NT_MEM_PORTS];
  for (; i != NT_MEM_NIL; i = m->sockets[i].port_next)
    if (clashes(s, &m->sockets[i], at))
      return true;
  return false;
}

int nt_mem_bind(nt_memnet *m, nt_mem_socket *s, nt_net_endpoint at) {
  if (s->flags & NT_MEM_IS_BOUND)
    return EINVAL;
  if (at.port != 0) {
    if (is_taken(m, s, at))
      return EADDRINUSE;
  } else {
    uint32_t tries = EPHEMERAL_LAST - EPHEMERAL_FIRST + 1;
    do {
      if (tries-- == 0)
        return EADDRINUSE;
      at.port = m->next_port;
      m->next_port += 1;
      if (m->next_port > EPHEMERAL_LAST)
        m->next_port = EPHEMERAL_FIRST;
    } while (is_taken(m, s, at));
  }
  s->local = at;
  s->flags |= NT_MEM_IS_BOUND;
  s->port_next = m->ports[at.port % NT_MEM_PORTS];
  m->ports[at.port % NT_MEM_PORTS] = nt_mem_index(m, s);
  if (!(s->flags & NT_MEM_IS_STREAM))
    s->state = NT_MEM_DATAGRAM;
  return 0;
}

nt_mem_socket *nt_mem_listener(const nt_memnet *m, nt_net_endpoint at) {
  uint32_t i = m->ports[at.port % NT_MEM_PORTS];
  for (; i != NT_MEM_NIL; i = m->sockets[i].port_next) {
    nt_mem_socket *s = &m->sockets[i];
    if (s->state == NT_MEM_LISTENER && s->local.port == at.port &&
        (s->local.address == at.address || s->local.address == 0))
      return s;
  }
  return NULL;
}
