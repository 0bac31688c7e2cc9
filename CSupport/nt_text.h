/* Appending to a caller's buffer of fixed size, for the one-line reports. Not imported. */
#ifndef NT_TEXT_H
#define NT_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

typedef struct nt_text {
  char *buffer;
  size_t bytes, length; /* length counts what did not fit too */
} nt_text;

__attribute__((format(printf, 2, 3))) static inline void nt_text_add(nt_text *t, const char *format,
                                                                     ...) {
  va_list arguments;
  size_t room = t->length < t->bytes ? t->bytes - t->length : 0;
  va_start(arguments, format);
  int n = vsnprintf(room ? t->buffer + t->length : NULL, room, format, arguments);
  va_end(arguments);
  if (n > 0)
    t->length += (size_t)n;
}

#endif
