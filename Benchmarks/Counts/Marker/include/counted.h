/* The region whose instructions callgrind counts: everything inside the call, nothing else. */
#ifndef COUNTED_H
#define COUNTED_H

/* Calls body(context). callgrind finds it by its name (--toggle-collect, --dump-after). */
void bench_counted(void (*body)(void *), void *context);

#endif
