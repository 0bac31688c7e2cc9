/* Threads of the data path: named, pinned, with priority, with a stack that is already there.
 *
 * Nothing here is fatal but a thread that cannot be made: what the kernel refuses (no permission to
 * pin, to raise the priority, to lock memory) is written into the report as an errno, and the
 * thread runs without it.
 *
 * Threading: any thread may call these. Start-up calls, not for the hot path, but for
 * nt_cpu_current. */
#ifndef NT_THREAD_H
#define NT_THREAD_H

#include "nt_hot.h"

#define NT_CPUS_MAX 1024 /* numbered higher: not usable */
#define NT_THREAD_STACK_MIN (64u * 1024u)
#define NT_THREAD_STACK_DEFAULT (1024u * 1024u)

typedef struct nt_thread nt_thread;

typedef struct nt_thread_options {
  const char *name;      /* at most 15 bytes are kept by the kernel; copied; NULL for none */
  int32_t cpu;           /* the CPU to run on, -1 for any the process started with */
  int32_t fifo_priority; /* 1 to 99: SCHED_FIFO; 0: the ordinary scheduler */
  uint64_t stack_bytes;  /* 0: NT_THREAD_STACK_DEFAULT */
  bool prefault_stack;   /* touch the stack before the body runs */
} nt_thread_options;

/* What was obtained: each errno is 0 when the wish was granted or not expressed. */
typedef struct nt_thread_report {
  int32_t thread_id; /* the kernel's */
  int32_t cpu;       /* pinned to, -1 when not */
  int32_t numa_node; /* of the CPU it started on, -1 when unknown */
  int32_t name_errno;
  int32_t pin_errno;      /* EINVAL: no such CPU, or not ours to use */
  int32_t priority_errno; /* EPERM: needs CAP_SYS_NICE or RLIMIT_RTPRIO */
} nt_thread_report;

/* Starts body(context) on a thread of its own and waits until its settings have been tried, so that
 * the report (may be NULL) is complete. 0, or the errno for which there is no thread. */
int nt_thread_start(nt_thread **out, nt_thread_options options, void (*body)(void *), void *context,
                    nt_thread_report *report);
/* Waits for the end of the body and frees the handle. */
int nt_thread_join(nt_thread *thread);

/* The same settings for the calling thread; the errno is also returned where there is only one. */
int nt_thread_name_self(const char *name);
/* EINVAL when any of the CPUs does not exist or is not allowed to this process; nothing changes
 * then. */
int nt_thread_pin_self(const int32_t *cpus, uint32_t count);
int nt_thread_fifo_self(int32_t priority);
/* Touches bytes of the calling thread's stack below the current frame; what would come within a
 * page of the end of the stack is left. Returns the bytes touched. */
uint64_t nt_thread_prefault_stack(uint64_t bytes);

/* The CPUs this process was started with, ascending; how many (at most max are written). */
uint32_t nt_cpu_allowed(int32_t *cpus, uint32_t max);
/* The CPU the caller is on at this moment, -1 when unknown. */
NT_HOT int32_t nt_cpu_current(void);
/* NUMA node of a CPU, -1 when the machine does not say. */
int32_t nt_cpu_numa_node(int32_t cpu);

/* Locks all present and future pages as they are touched. EPERM or ENOMEM when the process may
 * not; then nothing is locked, because a limit on future pages would fail later allocations. */
int nt_memory_lock_all(void);

/* One line that names every refusal and what would cure it, into buffer (always terminated when
 * bytes is above 0). Returns the length of the whole line; 0 when nothing was refused. */
size_t nt_thread_report_text(const nt_thread_report *report, const char *name, char *buffer,
                             size_t bytes);

#endif
