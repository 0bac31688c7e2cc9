#include "book_floor.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LOCATES 65536u
#define ROOM 4u   /* Levels of a side's first array: one line of the cache. */
#define BLOCK 12u /* Far enough ahead for memory, few enough to be still in the cache. */
#define HUGE_PAGE ((size_t)2 << 20)

/* Rank: the price of a bid, the complement of an offer's; on both sides the highest is best. */
struct order {
  uint64_t reference;
  uint32_t shares;
  uint32_t rank;
  uint32_t side;
  uint32_t lives; /* 0: a free slot. */
};

struct level {
  uint64_t shares;
  uint32_t orders;
  uint32_t rank;
};

/* An array of levels sorted by rank, the best at the end; and the side's part of the last quote. */
struct side {
  uint32_t first;
  uint32_t count;
  uint32_t room;
  uint32_t rank;
  uint64_t shares;
  uint32_t price;
};

struct floor_books {
  struct side *sides;   /* The bids of a locate at twice its number, its offers behind. */
  struct order *orders; /* A hash table with linear probing, never more than half full. */
  struct level *levels;
  uint64_t mask;
  uint32_t live, orders_max;
  uint32_t levels_used, levels_max;
};

static inline uint32_t two(const uint8_t *p) {
  return (uint32_t)p[0] << 8 | p[1];
}

static inline uint32_t four(const uint8_t *p) {
  return two(p) << 16 | two(p + 2);
}

static inline uint64_t eight(const uint8_t *p) {
  return (uint64_t)four(p) << 32 | four(p + 4);
}

/* And the price of a rank. */
static inline uint32_t rank_of(uint32_t price, uint32_t side) {
  return side & 1 ? ~price : price;
}

/* References count up, so that their low bits spread them and new orders lie side by side. */
static inline size_t home(const struct floor_books *b, uint64_t reference) {
  return reference & b->mask;
}

/* The order, or the free slot where it would go. */
static inline struct order *find(const struct floor_books *b, uint64_t reference) {
  size_t at = home(b, reference);
  while (b->orders[at].lives && b->orders[at].reference != reference)
    at = (at + 1) & b->mask;
  return b->orders + at;
}

/* Frees a slot, and moves up what would not be found behind it any more. */
static void forget(struct floor_books *b, struct order *order) {
  size_t hole = (size_t)(order - b->orders);
  for (size_t at = (hole + 1) & b->mask; b->orders[at].lives; at = (at + 1) & b->mask) {
    size_t wanted = home(b, b->orders[at].reference);
    if (((at - wanted) & b->mask) < ((at - hole) & b->mask))
      continue;
    b->orders[hole] = b->orders[at];
    hole = at;
  }
  b->orders[hole].lives = 0;
  b->live--;
}

/* Gives a side an array of twice as many levels. All that it ever leaves is less than that. */
static bool grow(struct floor_books *b, struct side *s) {
  uint32_t room = s->room == 0 ? ROOM : 2 * s->room, first = b->levels_used;
  if (room > b->levels_max - first)
    return false;
  memcpy(b->levels + first, b->levels + s->first, s->count * sizeof(struct level));
  s->first = first;
  s->room = room;
  b->levels_used += room;
  return true;
}

/* The level of a rank, made if need be; most are near the best. NULL when there is no room. */
static inline struct level *level_at(struct floor_books *b, struct side *s, uint32_t rank) {
  if (s->count == s->room && !grow(b, s))
    return NULL;
  struct level *levels = b->levels + s->first;
  uint32_t at = s->count;
  while (at > 0 && levels[at - 1].rank > rank)
    at--;
  if (at > 0 && levels[at - 1].rank == rank)
    return levels + at - 1;
  memmove(levels + at + 1, levels + at, (s->count - at) * sizeof *levels);
  levels[at] = (struct level){.rank = rank};
  s->count++;
  return levels + at;
}

/* A reference that lives already names the new order from now on, as in the twin's dictionary. */
static inline bool add(struct floor_books *b, uint64_t reference, uint32_t side, uint32_t rank,
                       uint32_t shares) {
  struct order *order = find(b, reference);
  if (!order->lives && b->live == b->orders_max)
    return false;
  struct level *level = level_at(b, b->sides + side, rank);
  if (level == NULL)
    return false;
  b->live += !order->lives;
  level->orders++;
  level->shares += shares;
  *order = (struct order){reference, shares, rank, side, 1};
  return true;
}

static inline void take(struct floor_books *b, struct order *order, uint32_t shares) {
  struct side *s = b->sides + order->side;
  struct level *level = b->levels + s->first + s->count - 1;
  uint32_t taken = shares < order->shares ? shares : order->shares;
  while (level->rank != order->rank) /* It is there: a level stays while an order is in it. */
    level--;
  level->shares -= taken;
  order->shares -= taken;
  if (order->shares != 0)
    return;
  forget(b, order);
  if (--level->orders != 0)
    return;
  s->count--;
  size_t behind = (size_t)(b->levels + s->first + s->count - level);
  memmove(level, level + 1, behind * sizeof *level);
}

/* Takes up the best level of a side; false when price and size are what they were. */
static inline bool changes(const struct floor_books *b, uint32_t side) {
  struct side *s = b->sides + side;
  struct level best = s->count == 0 ? (struct level){0} : b->levels[s->first + s->count - 1];
  uint32_t price = s->count == 0 ? 0 : rank_of(best.rank, side);
  bool differs = price != s->price || best.shares != s->shares;
  s->rank = best.rank;
  s->price = price;
  s->shares = best.shares;
  return differs;
}

static inline void tell(const struct floor_books *b, uint32_t locate, struct floor_quotes *q) {
  const struct side *bid = b->sides + 2 * locate, *ask = bid + 1;
  uint64_t prices = ((uint64_t)ask->price << 32 | bid->price) * 0x9E3779B97F4A7C15u;
  uint64_t sizes = bid->shares * 0xBF58476D1CE4E5B9u ^ ask->shares * 0x94D049BB133111EBu;
  uint64_t hash = ((q->hash ^ prices ^ sizes) + locate) * 0xFF51AFD7ED558CCDu;
  q->hash = hash ^ hash >> 29;
  q->changes++;
}

static inline bool adds(const uint8_t *m) {
  return m[0] == 'A' || m[0] == 'F';
}

/* One message of a book; false when there is no room for it. */
static inline bool apply(struct floor_books *b, const uint8_t *m, struct floor_quotes *q) {
  uint32_t locate = two(m + 1), side, rank;
  uint64_t reference = eight(m + 11);
  if (adds(m)) {
    side = 2 * locate + (m[19] != 'B');
    rank = rank_of(four(m + 32), side);
    if (!add(b, reference, side, rank, four(m + 20)))
      return false;
  } else {
    struct order *order = find(b, reference);
    if (!order->lives)
      return true;
    side = order->side;
    rank = order->rank;
    take(b, order, m[0] == 'D' || m[0] == 'U' ? UINT32_MAX : four(m + 19));
    if (m[0] == 'U') {
      uint32_t next = rank_of(four(m + 31), side);
      if (!add(b, eight(m + 19), side, next, four(m + 27)))
        return false;
      rank = next > rank ? next : rank;
    }
  }
  /* Nothing behind the best level changes the quote. */
  if (rank >= b->sides[side].rank && changes(b, side) && side / 2 == locate)
    tell(b, locate, q);
  return true;
}

/* The least length of the kinds that change a book; 0 for all others. */
static const uint8_t least[256] = {
    ['A'] = 36, ['F'] = 40, ['E'] = 31, ['C'] = 36, ['X'] = 23, ['D'] = 19, ['U'] = 35,
};

struct input {
  const uint8_t *bytes;
  size_t count;
  size_t at;
  uint64_t messages;
  enum floor_books_end end;
};

/* The next frame's message, whole and of its kind's length; NULL at the end. */
static inline const uint8_t *next(struct input *in) {
  size_t left = in->count - in->at;
  const uint8_t *frame = in->bytes + in->at;
  if (left == 0)
    return NULL;
  in->end = FLOOR_BOOKS_CUT;
  if (left < 2 || two(frame) > left - 2)
    return NULL;
  in->end = FLOOR_BOOKS_MALFORMED;
  if (two(frame) == 0 || two(frame) < least[frame[2]])
    return NULL;
  in->end = FLOOR_BOOKS_WHOLE;
  in->at += 2 + two(frame);
  in->messages++;
  return frame + 2;
}

/* The next messages of books, their orders and books already asked for; then the ends of arrays. */
static unsigned look(const struct floor_books *b, struct input *in, const uint8_t **block) {
  unsigned found = 0;
  for (const uint8_t *m; found < BLOCK && (m = next(in)) != NULL;) {
    if (least[m[0]] == 0)
      continue;
    __builtin_prefetch(b->orders + home(b, eight(m + 11)));
    __builtin_prefetch(b->sides + 2 * two(m + 1));
    block[found++] = m;
  }
  for (unsigned i = 0; i < found; i++) {
    const uint8_t *m = block[i];
    uint32_t side = adds(m) ? m[19] != 'B' : b->orders[home(b, eight(m + 11))].side & 1;
    const struct side *s = b->sides + 2 * two(m + 1) + side;
    __builtin_prefetch(b->levels + s->first + s->count);
  }
  return found;
}

enum floor_books_end floor_books_play(struct floor_books *books, const uint8_t *bytes, size_t count,
                                      struct floor_quotes *quotes) {
  struct input in = {.bytes = bytes, .count = count};
  struct floor_quotes q = *quotes;
  const uint8_t *block[BLOCK];
  for (unsigned found; (found = look(books, &in, block)) > 0;)
    for (unsigned i = 0; i < found; i++)
      if (!apply(books, block[i], &q)) {
        *quotes = q;
        return FLOOR_BOOKS_FULL;
      }
  q.messages += in.messages;
  *quotes = q;
  return in.end;
}

/* Zeros, written now so that no page is missing later; on huge pages where the kernel has them. */
static void *zeros(size_t count, size_t size) {
  size_t bytes = (count * size / HUGE_PAGE + 1) * HUGE_PAGE;
  void *memory = aligned_alloc(HUGE_PAGE, bytes);
  if (memory == NULL)
    return NULL;
  madvise(memory, bytes, MADV_HUGEPAGE);
  return memset(memory, 0, bytes);
}

struct floor_books *floor_books_create(uint32_t orders, uint32_t levels) {
  struct floor_books *b = calloc(1, sizeof *b);
  if (b == NULL)
    return NULL;
  size_t slots = 2;
  while (slots < 2 * (size_t)orders)
    slots *= 2;
  b->mask = slots - 1;
  b->orders_max = orders;
  b->levels_max = levels;
  b->sides = zeros(2 * (size_t)LOCATES, sizeof *b->sides);
  b->orders = zeros(slots, sizeof *b->orders);
  b->levels = zeros(levels, sizeof *b->levels);
  if (b->sides && b->orders && b->levels)
    return b;
  floor_books_destroy(b);
  return NULL;
}

void floor_books_destroy(struct floor_books *books) {
  if (books == NULL)
    return;
  free(books->sides);
  free(books->orders);
  free(books->levels);
  free(books);
}
