/* Floor of books: a book builder of the usual kind in plain C, which does the work that our own
 * books are timed for. Not to be changed: a floor that changes makes every ratio before it
 * incomparable. */
#ifndef BOOK_FLOOR_H
#define BOOK_FLOOR_H

#include <stddef.h>
#include <stdint.h>

/* Full-depth books of every locate, order by order; all of their memory is taken at once. */
struct floor_books;

/* Whole frames, of books or not (left out when the books are full), and the changes of best bids
 * and offers, with a hash of them. */
struct floor_quotes {
  uint64_t messages;
  uint64_t changes;
  uint64_t hash;
};

enum floor_books_end {
  FLOOR_BOOKS_WHOLE = 0,
  /* The last frame is not whole; those before it are in the books. */
  FLOOR_BOOKS_CUT,
  /* A frame is shorter than its kind; those before it are in the books. */
  FLOOR_BOOKS_MALFORMED,
  /* No room for an order or a level; the messages before it are in the books. */
  FLOOR_BOOKS_FULL,
};

/* Room for orders that live at one time, and for levels in the sides' sorted arrays, which double
 * as they grow. NULL where there is no memory. */
struct floor_books *floor_books_create(uint32_t orders, uint32_t levels);
void floor_books_destroy(struct floor_books *books);

/* Books frames of ITCH 5.0, two bytes of length before each message, and adds to the quotes.
 * Whatever the bytes are, it reads none beyond count and writes none outside of the books. */
enum floor_books_end floor_books_play(struct floor_books *books, const uint8_t *bytes, size_t count,
                                      struct floor_quotes *quotes);

#endif
