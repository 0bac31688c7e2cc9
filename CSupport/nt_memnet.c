/* Creation, the clock, and the table of links. */
#include "nt_memnet_internal.h"

#include <errno.h>
#include <sys/mman.h>

static uint64_t take(uint64_t *at, uint64_t bytes) {
  uint64_t start = (*at + 63) & ~63ull;
  *at = start + bytes;
  return start;
}

static bool is_possible(const nt_memnet_options *o) {
  return o->start > 0 && o->start < 1ll << 62 && o->sockets >= 1 && o->sockets <= 65536 &&
         o->packets >= 16 && o->packets <= 1u << 24 && o->bytes >= 1u << 20 &&
         o->bytes <= 1ull << 36;
}

int nt_memnet_create(nt_memnet **out, const nt_memnet_options *options) {
  if (!is_possible(options))
    return EINVAL;
  uint64_t end = sizeof(nt_memnet);
  uint64_t sockets = take(&end, options->sockets * sizeof(nt_mem_socket));
  uint32_t packet_count = nt_mem_packets(options);
  uint64_t packets = take(&end, packet_count * sizeof(nt_mem_packet));
  uint64_t heap = take(&end, packet_count * sizeof(nt_mem_underway));
  uint64_t line = take(&end, options->packets * sizeof(nt_mem_underway));
  uint64_t arena = take(&end, options->bytes);
  uint8_t *memory =
      mmap(NULL, end, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return ENOMEM;
  nt_memnet *m = (nt_memnet *)memory;
  m->now = options->start;
  m->options = *options;
  m->sockets = (nt_mem_socket *)(memory + sockets);
  m->packets = (nt_mem_packet *)(memory + packets);
  m->heap = (nt_mem_underway *)(memory + heap);
  m->line = (nt_mem_underway *)(memory + line);
  m->arena = memory + arena;
  m->memory_bytes = end;
  m->next_port = 32768;
  /* The free are chained when they are first used: fresh memory stays untouched. */
  m->free_socket = m->free_packet = NT_MEM_NIL;
  for (uint32_t i = 0; i < NT_MEM_PORTS; i++)
    m->ports[i] = NT_MEM_NIL;
  for (uint32_t i = 0; i <= NT_MEMNET_HOSTS_MAX; i++)
    m->hosts[i] = (nt_mem_host){.first = NT_MEM_NIL, .last = NT_MEM_NIL};
  nt_memnet_link plain = {.latency = 5000, .retransmit = 200000000};
  nt_memnet_link_add(m, &plain);
  *out = m;
  return 0;
}

void nt_memnet_destroy(nt_memnet *memnet) {
  if (memnet)
    munmap(memnet, memnet->memory_bytes);
}

int64_t nt_memnet_now(const nt_memnet *memnet) {
  return memnet->now;
}

int64_t nt_memnet_next(const nt_memnet *memnet) {
  const nt_mem_underway *soonest = nt_mem_soonest(memnet);
  return soonest ? soonest->arrival : INT64_MAX;
}

int64_t nt_memnet_last(const nt_memnet *memnet) {
  int64_t last = INT64_MIN;
  for (uint32_t i = 0; i < memnet->heap_count; i++)
    if (memnet->heap[i].arrival > last)
      last = memnet->heap[i].arrival;
  for (uint32_t i = 0; i < memnet->line_count; i++) {
    int64_t arrival = memnet->line[(memnet->line_first + i) % memnet->options.packets].arrival;
    if (arrival > last)
      last = arrival;
  }
  return last;
}

/* Whoever found no room may try again. */
static void feed_starved(nt_memnet *m) {
  m->starves = false;
  for (uint32_t i = 0; i < m->fresh_socket; i++) {
    nt_mem_socket *s = &m->sockets[i];
    if (s->state != NT_MEM_CONNECTED || !(s->flags & NT_MEM_WAS_FULL))
      continue;
    s->flags = (uint16_t)((s->flags & ~NT_MEM_WAS_FULL) | NT_MEM_WRITABLE);
    nt_mem_ready(m, s);
  }
}

void nt_memnet_advance(nt_memnet *memnet, int64_t to) {
  /* Beyond it a sum of two times would be none. */
  if (to > 1ll << 62)
    to = 1ll << 62;
  /* What an arrival sets off is sent at its own time, and may arrive before `to` too. */
  for (nt_mem_packet *packet; (packet = nt_mem_land(memnet, to)) != NULL;) {
    if (packet->arrival > memnet->now)
      memnet->now = packet->arrival;
    nt_mem_arrive(memnet, packet);
  }
  if (to > memnet->now)
    memnet->now = to;
  if (memnet->starves)
    feed_starved(memnet);
}

static bool is_sane(const nt_memnet_link *l) {
  uint32_t most = 1000000;
  return l->from <= NT_MEMNET_HOSTS_MAX && l->to <= NT_MEMNET_HOSTS_MAX &&
         l->transport <= NT_MEMNET_DATAGRAM && l->loss <= most && l->duplication <= most &&
         l->reordering <= most && l->reset <= most && l->half_open <= most &&
         l->short_reads <= most && l->short_writes <= most && l->latency >= 0 && l->jitter >= 0 &&
         l->reordered_by >= 0 && l->retransmit >= 0 && l->latency < 1ll << 50 &&
         l->jitter < 1ll << 50 && l->reordered_by < 1ll << 50 && l->retransmit < 1ll << 50 &&
         l->cut_until < 1ll << 62;
}

int nt_memnet_link_add(nt_memnet *memnet, const nt_memnet_link *link) {
  if (!is_sane(link))
    return -EINVAL;
  if (memnet->link_count == NT_MEMNET_LINKS_MAX)
    return -ENOSPC;
  uint32_t number = memnet->link_count++;
  memnet->links[number].rules = *link;
  /* Each link has numbers of its own: traffic of one changes nothing of another. */
  memnet->links[number].random = memnet->options.seed + (number + 1) * 0x9E3779B97F4A7C15ull;
  return (int)number;
}

int nt_memnet_link_set(nt_memnet *memnet, uint32_t number, const nt_memnet_link *link) {
  if (number >= memnet->link_count || !is_sane(link))
    return EINVAL;
  memnet->links[number].rules = *link;
  return 0;
}

uint32_t nt_memnet_link_count(const nt_memnet *memnet) {
  return memnet->link_count;
}

nt_memnet_link nt_memnet_link_get(const nt_memnet *memnet, uint32_t number) {
  return memnet->links[number < memnet->link_count ? number : 0].rules;
}

const nt_memnet_counters *nt_memnet_counters_of(const nt_memnet *memnet) {
  return &memnet->counters;
}
