/* Packets: their payloads, in blocks of a few sizes, and the line and the heap of what is under
 * way. */
#include "nt_memnet_internal.h"

#define SMALLEST 64u

static uint32_t class_of(uint32_t length) {
  return length <= SMALLEST ? 0 : 26u - (uint32_t)__builtin_clz(length - 1);
}

/* The offset of a free block, or UINT64_MAX. */
static uint64_t block_take(nt_memnet *m, uint32_t size_class) {
  uint64_t found = m->free_payloads[size_class];
  if (found != 0) {
    memcpy(&m->free_payloads[size_class], m->arena + found - 1, sizeof(uint64_t));
    return found - 1;
  }
  uint64_t size = (uint64_t)SMALLEST << size_class;
  if (m->options.bytes - m->arena_used < size)
    return UINT64_MAX;
  m->arena_used += size;
  return m->arena_used - size;
}

static void block_free(nt_memnet *m, uint64_t offset, uint32_t size_class) {
  memcpy(m->arena + offset, &m->free_payloads[size_class], sizeof(uint64_t));
  m->free_payloads[size_class] = offset + 1;
}

/* A packet without a payload. */
static nt_mem_packet *take(nt_memnet *m) {
  uint32_t index = m->free_packet;
  if (index != NT_MEM_NIL)
    m->free_packet = m->packets[index].next;
  else
    index = m->fresh_packet++;
  m->used_packets += 1;
  nt_mem_packet *packet = &m->packets[index];
  packet->length = 0;
  packet->size_class = NT_MEM_CLASSES;
  packet->taken = 0;
  packet->next = NT_MEM_NIL;
  packet->tries = 0;
  return packet;
}

nt_mem_packet *nt_mem_signal_take(nt_memnet *m) {
  if (m->used_packets < nt_mem_packets(&m->options))
    return take(m);
  m->counters.no_room += 1;
  return NULL;
}

nt_mem_packet *nt_mem_packet_take(nt_memnet *m, uint32_t length) {
  uint32_t size_class = class_of(length);
  uint64_t payload = UINT64_MAX;
  if (m->used_packets < m->options.packets)
    payload = size_class < NT_MEM_CLASSES ? block_take(m, size_class) : UINT64_MAX;
  if (payload == UINT64_MAX) {
    m->counters.no_room += 1;
    return NULL;
  }
  nt_mem_packet *packet = take(m);
  packet->payload = payload;
  packet->length = length;
  packet->size_class = (uint8_t)size_class;
  return packet;
}

void nt_mem_packet_free(nt_memnet *m, nt_mem_packet *packet) {
  if (packet->size_class < NT_MEM_CLASSES)
    block_free(m, packet->payload, packet->size_class);
  m->used_packets -= 1;
  packet->next = m->free_packet;
  m->free_packet = (uint32_t)(packet - m->packets);
}

static bool sooner(const nt_mem_underway *a, const nt_mem_underway *b) {
  return a->arrival != b->arrival ? a->arrival < b->arrival : a->order < b->order;
}

static nt_mem_underway *line_at(const nt_memnet *m, uint32_t place) {
  uint32_t at = m->line_first + place;
  return &m->line[at < m->options.packets ? at : at - m->options.packets];
}

static void heap_add(nt_memnet *m, nt_mem_underway entry) {
  uint32_t at = m->heap_count++;
  while (at > 0 && sooner(&entry, &m->heap[(at - 1) / 2])) {
    m->heap[at] = m->heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  m->heap[at] = entry;
}

static void heap_drop_first(nt_memnet *m) {
  nt_mem_underway moved = m->heap[--m->heap_count];
  uint32_t at = 0;
  for (uint32_t child; (child = 2 * at + 1) < m->heap_count; at = child) {
    if (child + 1 < m->heap_count && sooner(&m->heap[child + 1], &m->heap[child]))
      child += 1;
    if (!sooner(&m->heap[child], &moved))
      break;
    m->heap[at] = m->heap[child];
  }
  m->heap[at] = moved;
}

void nt_mem_launch(nt_memnet *m, nt_mem_packet *packet, int64_t arrival) {
  packet->arrival = arrival;
  /* At one moment market data comes before what goes over streams, the rest in the order of
   * sending. */
  bool is_message = packet->kind == NT_MEM_MESSAGE;
  nt_mem_underway entry = {.arrival = arrival,
                           .order = ((uint64_t)!is_message << 62) | m->order++,
                           .packet = (uint32_t)(packet - m->packets)};
  if (is_message && (m->line_count == 0 || arrival >= line_at(m, m->line_count - 1)->arrival))
    *line_at(m, m->line_count++) = entry;
  else
    heap_add(m, entry);
}

const nt_mem_underway *nt_mem_soonest(const nt_memnet *m) {
  const nt_mem_underway *line = m->line_count > 0 ? line_at(m, 0) : NULL;
  const nt_mem_underway *heap = m->heap_count > 0 ? m->heap : NULL;
  return heap && (!line || sooner(heap, line)) ? heap : line;
}

nt_mem_packet *nt_mem_land(nt_memnet *m, int64_t until) {
  const nt_mem_underway *soonest = nt_mem_soonest(m);
  if (!soonest || soonest->arrival > until)
    return NULL;
  nt_mem_packet *packet = &m->packets[soonest->packet];
  if (soonest == m->heap) {
    heap_drop_first(m);
  } else {
    m->line_first = m->line_first + 1 < m->options.packets ? m->line_first + 1 : 0;
    m->line_count -= 1;
  }
  return packet;
}
