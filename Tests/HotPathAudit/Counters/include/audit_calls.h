/* Counts the system calls of one thread, all of them, by name: a child of this process traces it
 * meanwhile (ptrace), so that neither the thread's own code nor a filter changes what is counted.
 * Linux 5.3 or later. clock_gettime and the like make none: they read a page of the kernel's.
 *
 * Threading: one trace at a time; begin and end on one thread, which may be the traced one. */
#ifndef AUDIT_CALLS_H
#define AUDIT_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#define AUDIT_CALLS_MAX 512

typedef struct audit_call {
  uint64_t count;
  uint64_t useful; /* of these: gave more than 0: bytes, mostly */
  uint64_t gave;   /* the sum of what these gave */
  uint64_t empty;  /* of these: EAGAIN */
} audit_call;

/* How long the tracer may take to stop the thread, and to give it back when it is asked to. */
#define AUDIT_TRACER_SECONDS 10

/* Starts to count the system calls of the thread, from zero. 0, or an errno: EPERM where tracing is
 * not allowed or somebody else traces already, ETIMEDOUT where the thread cannot be stopped. */
int audit_calls_begin(int thread);

/* Ends it. 0, or ECHILD when the tracer or the thread was gone before, or ETIMEDOUT when the tracer
 * did not answer: it is gone now, and what was counted is worth nothing. */
int audit_calls_end(void);

/* Ends it at once, whatever was counted; nothing where there is no trace. The thread goes on. */
void audit_calls_abandon(void);

/* What was counted of a number below AUDIT_CALLS_MAX; the last one stands for all above. */
audit_call audit_calls_of(uint32_t number);

/* All, whatever they are. */
uint64_t audit_calls_total(void);

/* The call's name, or "system call"; never NULL. */
const char *audit_call_name(uint32_t number);

/* The calling thread, as audit_calls_begin wants it; or that of this process which has the name, 0
 * when there is none. */
int audit_thread_own(void);
int audit_thread_named(const char *name);

/* One system call on purpose. */
void audit_call_on_purpose(void);

/* The tracer hangs from now on, and the thread with it at its next system call. */
void audit_stop_tracer_on_purpose(void);

/* From now on each send of this program, by the socket's call or by io_uring_submit, does one thing
 * more, until it is told nothing. */
typedef enum audit_plant {
  AUDIT_PLANT_NOTHING,
  AUDIT_PLANT_CALL,
  AUDIT_PLANT_ALLOCATION,
  AUDIT_PLANT_LOCK,
  AUDIT_PLANT_RETAIN
} audit_plant;
void audit_plant_in_send(audit_plant what, void *object);

#endif
