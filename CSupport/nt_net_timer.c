/* Timers: a binary heap by deadline, and by arming order among equals. One clock read a poll while
 * any is armed; sleeping is bounded by the first, so no kernel timer is needed. */
#include "nt_net_internal.h"

#include <errno.h>

void nt_timers_create(nt_net *net) {
  net->free_timer = 0;
  for (uint32_t i = 0; i < net->options.timers; i++) {
    net->timers[i] = (nt_net_timer){.generation = 1, .at = NT_NET_NIL, .free_next = i + 1};
  }
  net->timers[net->options.timers - 1].free_next = NT_NET_NIL;
}

static bool sooner(const nt_net *net, uint32_t a, uint32_t b) {
  const nt_net_timer *x = &net->timers[a], *y = &net->timers[b];
  return x->deadline != y->deadline ? x->deadline < y->deadline : x->order < y->order;
}

static void put(nt_net *net, uint32_t at, uint32_t timer) {
  net->heap[at] = timer;
  net->timers[timer].at = at;
}

static void sift_up(nt_net *net, uint32_t at, uint32_t timer) {
  while (at > 0) {
    uint32_t parent = (at - 1) / 2;
    if (!sooner(net, timer, net->heap[parent]))
      break;
    put(net, at, net->heap[parent]);
    at = parent;
  }
  put(net, at, timer);
}

static void sift_down(nt_net *net, uint32_t at, uint32_t timer) {
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= net->heap_count)
      break;
    if (child + 1 < net->heap_count && sooner(net, net->heap[child + 1], net->heap[child]))
      child += 1;
    if (!sooner(net, net->heap[child], timer))
      break;
    put(net, at, net->heap[child]);
    at = child;
  }
  put(net, at, timer);
}

static void take_out(nt_net *net, uint32_t timer) {
  uint32_t at = net->timers[timer].at;
  net->heap_count -= 1;
  uint32_t moved = net->heap[net->heap_count];
  if (moved != timer) {
    if (at > 0 && sooner(net, moved, net->heap[(at - 1) / 2]))
      sift_up(net, at, moved);
    else
      sift_down(net, at, moved);
  }
  net->timers[timer].at = NT_NET_NIL;
  net->timers[timer].generation += 1;
  net->timers[timer].free_next = net->free_timer;
  net->free_timer = timer;
}

int nt_net_arm(nt_net *net, int64_t deadline, uint64_t token, uint64_t *timer) {
  uint32_t free = net->free_timer;
  if (free == NT_NET_NIL)
    return ENOSPC;
  nt_net_timer *t = &net->timers[free];
  net->free_timer = t->free_next;
  t->deadline = deadline;
  t->token = token;
  t->order = net->timer_order++;
  net->heap_count += 1;
  sift_up(net, net->heap_count - 1, free);
  *timer = ((uint64_t)t->generation << 32) | free;
  return 0;
}

int nt_net_disarm(nt_net *net, uint64_t timer) {
  uint32_t slot = (uint32_t)timer;
  if (slot >= net->options.timers || net->timers[slot].at == NT_NET_NIL ||
      net->timers[slot].generation != (uint32_t)(timer >> 32))
    return ENOENT;
  take_out(net, slot);
  return 0;
}

void nt_timers_fire(nt_net *net, nt_net_sink *sink) {
  if (net->heap_count == 0)
    return;
  int64_t now = nt_net_now(net);
  while (net->heap_count > 0 && !nt_sink_full(sink)) {
    uint32_t first = net->heap[0];
    nt_net_timer *t = &net->timers[first];
    if (t->deadline > now)
      return;
    sink->events[sink->count++] = (nt_net_event){
        .connection = ((uint64_t)t->generation << 32) | first,
        .token = t->token,
        .buffer = NT_NET_NO_BUFFER,
        .kind = NT_NET_TIMER,
    };
    take_out(net, first);
  }
}

int64_t nt_timers_bound(const nt_net *net, int64_t wait) {
  if (wait <= 0 || net->heap_count == 0)
    return wait;
  int64_t left;
  if (__builtin_sub_overflow(net->timers[net->heap[0]].deadline, nt_net_now(net), &left))
    left = net->timers[net->heap[0]].deadline > 0 ? wait : 0;
  if (left < 0)
    left = 0;
  return left < wait ? left : wait;
}
