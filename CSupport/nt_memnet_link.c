/* What a link does to the packets on it. */
#include "nt_memnet_internal.h"

#define MILLION 1000000u
#define NANOSECONDS 1000000000

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t next_random(nt_mem_link *link) {
  uint64_t z = link->random += 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

uint64_t nt_mem_below(nt_mem_link *link, uint64_t bound) {
  return (uint64_t)(((unsigned __int128)next_random(link) * bound) >> 64);
}

bool nt_mem_chance(nt_mem_link *link, uint32_t parts) {
  return parts != 0 && nt_mem_below(link, MILLION) < parts;
}

nt_mem_link *nt_mem_link_of(nt_memnet *m, uint32_t from, uint32_t to, uint16_t port,
                            uint16_t transport) {
  for (uint32_t i = 1; i < m->link_count; i++) {
    const nt_memnet_link *l = &m->links[i].rules;
    if ((l->from == 0 || l->from == from) && (l->to == 0 || l->to == to) &&
        (l->port == 0 || l->port == port) && (l->transport == 0 || l->transport == transport))
      return &m->links[i];
  }
  return &m->links[0];
}

/* What the link's width and its queue add; -1: the queue is full. */
static int64_t waiting(nt_memnet *m, nt_mem_link *link, uint32_t length, bool may_lose) {
  uint64_t rate = link->rules.bytes_per_second;
  if (rate == 0)
    return 0;
  int64_t begins = link->busy_until > m->now ? link->busy_until : m->now;
  unsigned __int128 queued = (unsigned __int128)(uint64_t)(begins - m->now) * rate / NANOSECONDS;
  if (may_lose && link->rules.queue_bytes != 0 && queued > link->rules.queue_bytes)
    return -1;
  unsigned __int128 takes = (unsigned __int128)length * NANOSECONDS / rate;
  link->busy_until = begins + (int64_t)takes;
  return link->busy_until - m->now;
}

static int64_t flight(nt_mem_link *link) {
  int64_t time = link->rules.latency > 0 ? link->rules.latency : 1;
  if (link->rules.jitter > 0)
    time += (int64_t)nt_mem_below(link, (uint64_t)link->rules.jitter + 1);
  return time;
}

int64_t nt_mem_datagram_arrival(nt_memnet *m, nt_mem_link *link, uint32_t length) {
  if (m->now < link->rules.cut_until) {
    m->counters.cut += 1;
    return -1;
  }
  if (nt_mem_chance(link, link->rules.loss)) {
    m->counters.lost += 1;
    return -1;
  }
  int64_t wait = waiting(m, link, length, true);
  if (wait < 0) {
    m->counters.queue_full += 1;
    return -1;
  }
  int64_t arrival = m->now + wait + flight(link);
  if (nt_mem_chance(link, link->rules.reordering)) {
    m->counters.reordered += 1;
    return arrival + 1 + (int64_t)nt_mem_below(link, (uint64_t)link->rules.reordered_by + 1);
  }
  if (arrival > link->last_arrival)
    link->last_arrival = arrival;
  return link->last_arrival;
}

int64_t nt_mem_first_arrival(nt_memnet *m, nt_mem_link *link, nt_mem_socket *from) {
  if (m->now >= link->rules.cut_until)
    return nt_mem_stream_arrival(m, link, from, 40);
  m->counters.cut += 1;
  int64_t wait = link->rules.retransmit > 0 ? link->rules.retransmit : 1;
  int64_t sent = m->now;
  /* Each try later by twice the wait: nobody tells the sender when the cut ends. */
  while (sent < link->rules.cut_until) {
    sent += wait;
    wait *= 2;
  }
  return sent + flight(link);
}

int64_t nt_mem_stream_arrival(nt_memnet *m, nt_mem_link *link, nt_mem_socket *from,
                              uint32_t length) {
  int64_t arrival = m->now + waiting(m, link, length, false) + flight(link);
  if (m->now < link->rules.cut_until) {
    m->counters.cut += 1;
    arrival = link->rules.cut_until + flight(link);
  } else if (nt_mem_chance(link, link->rules.loss)) {
    m->counters.retransmitted += 1;
    arrival += link->rules.retransmit;
  }
  if (!from)
    return arrival;
  if (arrival > from->last_arrival)
    from->last_arrival = arrival;
  return from->last_arrival;
}
