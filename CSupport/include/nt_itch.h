/* How the message types of NASDAQ TotalView-ITCH 5.0 are laid out, a word each, in a table: a
 * switch would be a jump that the processor guesses wrong.
 *
 * Bits 0 to 7: length. Then, for the common types, the offsets of shares, price, second word,
 * symbol and side, 11 (the reference) where there is none; from bit 48 in the same order which of
 * them the type has; bit 53: one more field (F and C); bit 54: a common type. Bits 56 to 63: the
 * type.
 *
 * Threading: constant. */
#ifndef NT_ITCH_H
#define NT_ITCH_H

#include "nt_hot.h"

#define NT_ITCH_AT(type) [(type)&63]
#define NT_ITCH_RARE(type, length) NT_ITCH_AT(type) = (uint64_t)(type) << 56 | (length)
#define NT_ITCH_COMMON(type, length, shares, price, second, symbol, side, has)                     \
  NT_ITCH_AT(type) = (uint64_t)(type) << 56 | 1ull << 54 | (uint64_t)(has) << 48 |                 \
                     (uint64_t)(side) << 40 | (uint64_t)(symbol) << 32 |                           \
                     (uint64_t)(second) << 24 | (price) << 16 | (shares) << 8 | (length)

static const uint64_t nt_itch_shapes[64] = {
    NT_ITCH_COMMON('A', 36, 20, 32, 11, 24, 19, 0x1b),
    NT_ITCH_COMMON('F', 40, 20, 32, 11, 24, 19, 0x3b),
    NT_ITCH_COMMON('E', 31, 19, 11, 23, 11, 11, 0x05),
    NT_ITCH_COMMON('C', 36, 19, 32, 23, 11, 11, 0x27),
    NT_ITCH_COMMON('X', 23, 19, 11, 11, 11, 11, 0x01),
    NT_ITCH_COMMON('D', 19, 11, 11, 11, 11, 11, 0x00),
    NT_ITCH_COMMON('U', 35, 27, 31, 19, 11, 11, 0x07),
    NT_ITCH_COMMON('P', 44, 20, 32, 36, 24, 19, 0x1f),
    NT_ITCH_RARE('Q', 40),
    NT_ITCH_RARE('B', 19),
    NT_ITCH_RARE('I', 50),
    NT_ITCH_RARE('S', 12),
    NT_ITCH_RARE('W', 12),
    NT_ITCH_RARE('R', 39),
    NT_ITCH_RARE('H', 25),
    NT_ITCH_RARE('Y', 20),
    NT_ITCH_RARE('N', 20),
    NT_ITCH_RARE('L', 26),
    NT_ITCH_RARE('V', 35),
    NT_ITCH_RARE('J', 35),
    NT_ITCH_RARE('K', 28),
    NT_ITCH_RARE('h', 21),
    NT_ITCH_RARE('O', 48),
};

/* 0 for a type that there is not. */
static inline NT_HOT uint64_t nt_itch_shape(uint8_t type) {
  uint64_t shape = nt_itch_shapes[type & 63];
  return shape >> 56 == type ? shape : 0;
}

#endif
