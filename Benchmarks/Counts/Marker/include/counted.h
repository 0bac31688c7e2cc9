/* The region whose instructions callgrind counts: everything inside the call, nothing else. */
#ifndef COUNTED_H
#define COUNTED_H

/* Calls body(context). callgrind finds it by its name (--toggle-collect=bench_*counted,
 * --dump-after). */
void bench_counted(void (*body)(void *), void *context);

/* The same for what is not to count within such a region; not to be called outside of one. */
void bench_uncounted(void (*body)(void *), void *context);

/* The calling process ends when the thread that started it does: callgrind's guest must not go on
 * when the one that reads its dumps has been killed. */
void bench_die_with_parent(void);

#endif
