#include "counted.h"

#include <signal.h>
#include <sys/prctl.h>

void bench_die_with_parent(void) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
}

__attribute__((noinline)) void bench_counted(void (*body)(void *), void *context) {
  body(context);
  /* Not a tail call: the function is left only when the body is done. */
  __asm__ __volatile__("" ::: "memory");
}

__attribute__((noinline)) void bench_uncounted(void (*body)(void *), void *context) {
  body(context);
  __asm__ __volatile__("" : : : "memory");
}
