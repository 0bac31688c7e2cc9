#include "nt_thread.h"
#include "nt_text.h"

#include <errno.h>
#include <linux/capability.h>
#include <numa.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

#define THREAD_NAME_BYTES 16 /* the kernel's, with the terminator */
#define THREAD_STACK_KEPT (16u * 1024u)

struct nt_thread {
  pthread_t pthread;
  nt_thread_options options;
  char name[THREAD_NAME_BYTES];
  void (*body)(void *);
  void *context;
  nt_thread_report report;
  sem_t ready; /* posted once the report is complete */
};

static void thread_copy_name(char to[THREAD_NAME_BYTES], const char *name) {
  size_t length = strnlen(name, THREAD_NAME_BYTES - 1);
  memcpy(to, name, length);
  to[length] = 0;
}

int nt_thread_name_self(const char *name) {
  char kept[THREAD_NAME_BYTES];
  thread_copy_name(kept, name);
  return pthread_setname_np(pthread_self(), kept);
}

/* What the process was started with, before any thread of ours pinned itself. */
static cpu_set_t thread_allowed;

__attribute__((constructor)) static void thread_note_allowed(void) {
  if (sched_getaffinity(0, sizeof thread_allowed, &thread_allowed) != 0)
    CPU_ZERO(&thread_allowed);
}

int nt_thread_pin_self(const int32_t *cpus, uint32_t count) {
  cpu_set_t wanted;
  CPU_ZERO(&wanted);
  if (count == 0)
    return EINVAL;
  for (uint32_t i = 0; i < count; i++) {
    if (cpus[i] < 0 || cpus[i] >= CPU_SETSIZE || !CPU_ISSET((size_t)cpus[i], &thread_allowed))
      return EINVAL;
    CPU_SET((size_t)cpus[i], &wanted);
  }
  return sched_setaffinity(0, sizeof wanted, &wanted) == 0 ? 0 : errno;
}

int nt_thread_fifo_self(int32_t priority) {
  struct sched_param parameters = {.sched_priority = priority};
  return pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters);
}

uint64_t nt_thread_prefault_stack(uint64_t bytes) {
  pthread_attr_t attributes;
  void *low;
  size_t size;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0)
    return 0;
  int error = pthread_attr_getstack(&attributes, &low, &size);
  pthread_attr_destroy(&attributes);
  if (error != 0)
    return 0;
  uintptr_t here = (uintptr_t)__builtin_frame_address(0);
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t floor = (uintptr_t)low + page + THREAD_STACK_KEPT;
  if (here <= floor)
    return 0;
  uint64_t room = here - floor;
  if (bytes > room)
    bytes = room;
  /* In one frame that is really this deep: the kernel lets the main stack grow only down to the
   * stack pointer, and nothing may be written below it. */
  volatile uint8_t *touched = __builtin_alloca(bytes + 1);
  for (uint64_t at = 0; at <= bytes; at += page)
    touched[bytes - at] = 0;
  return bytes;
}

/* What is not asked for is not inherited either: a thread made by a pinned one with priority would
 * otherwise sit on the same CPU, above everything. */
static void thread_settle(const nt_thread_options *o, nt_thread_report *r) {
  if (o->cpu >= 0) {
    r->pin_errno = nt_thread_pin_self(&o->cpu, 1);
    r->cpu = r->pin_errno == 0 ? o->cpu : -1;
  }
  if (r->cpu < 0)
    sched_setaffinity(0, sizeof thread_allowed, &thread_allowed);
  if (o->fifo_priority != 0) {
    r->priority_errno = nt_thread_fifo_self(o->fifo_priority);
  } else if (sched_getscheduler(0) != SCHED_OTHER) {
    struct sched_param ordinary = {.sched_priority = 0};
    r->priority_errno = pthread_setschedparam(pthread_self(), SCHED_OTHER, &ordinary);
  }
}

static void *thread_main(void *argument) {
  nt_thread *t = argument;
  nt_thread_report *r = &t->report;
  r->thread_id = (int32_t)syscall(SYS_gettid);
  if (t->name[0] != 0)
    r->name_errno = nt_thread_name_self(t->name);
  thread_settle(&t->options, r);
  /* First the place, then the pages: they come from the node the thread runs on. */
  if (t->options.prefault_stack)
    nt_thread_prefault_stack(t->options.stack_bytes);
  r->numa_node = nt_cpu_numa_node(nt_cpu_current());
  /* Read before the post: afterwards the handle may be joined only after this returns. */
  void (*body)(void *) = t->body;
  void *context = t->context;
  sem_post(&t->ready);
  body(context);
  return NULL;
}

static int thread_create(nt_thread *t) {
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error != 0)
    return error;
  error = pthread_attr_setstacksize(&attributes, t->options.stack_bytes);
  if (error == 0)
    error = pthread_create(&t->pthread, &attributes, thread_main, t);
  pthread_attr_destroy(&attributes);
  return error;
}

int nt_thread_start(nt_thread **out, nt_thread_options options, void (*body)(void *), void *context,
                    nt_thread_report *report) {
  if (!body || options.cpu < -1 || options.fifo_priority < 0 || options.fifo_priority > 99)
    return EINVAL;
  if (options.stack_bytes == 0)
    options.stack_bytes = NT_THREAD_STACK_DEFAULT;
  if (options.stack_bytes < NT_THREAD_STACK_MIN)
    return EINVAL;
  nt_thread *t = calloc(1, sizeof *t);
  if (!t)
    return ENOMEM;
  uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
  options.stack_bytes = (options.stack_bytes + page - 1) & ~(page - 1);
  t->options = options;
  t->body = body;
  t->context = context;
  t->report.cpu = -1;
  if (options.name)
    thread_copy_name(t->name, options.name);
  int error = sem_init(&t->ready, 0, 0) == 0 ? thread_create(t) : errno;
  if (error != 0) {
    free(t);
    return error;
  }
  while (sem_wait(&t->ready) != 0 && errno == EINTR) {
  }
  if (report)
    *report = t->report;
  *out = t;
  return 0;
}

int nt_thread_join(nt_thread *t) {
  int error = pthread_join(t->pthread, NULL);
  if (error != 0)
    return error;
  sem_destroy(&t->ready);
  free(t);
  return 0;
}

uint32_t nt_cpu_allowed(int32_t *cpus, uint32_t max) {
  uint32_t count = 0;
  for (int32_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET((size_t)cpu, &thread_allowed))
      continue;
    if (count < max)
      cpus[count] = cpu;
    count++;
  }
  return count;
}

int32_t nt_cpu_current(void) {
  return sched_getcpu();
}

int32_t nt_cpu_numa_node(int32_t cpu) {
  if (cpu < 0 || numa_available() < 0)
    return -1;
  return numa_node_of_cpu(cpu);
}

/* Whether locking future pages can never run into a limit. */
static bool memory_lock_unlimited(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY)
    return true;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
  if (syscall(SYS_capget, &header, data) != 0)
    return false;
  return (data[0].effective & (1u << CAP_IPC_LOCK)) != 0;
}

int nt_memory_lock_all(void) {
  if (!memory_lock_unlimited())
    return EPERM;
  return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0 ? 0 : errno;
}

size_t nt_thread_report_text(const nt_thread_report *r, const char *name, char *buffer,
                             size_t bytes) {
  nt_text t = {.buffer = buffer, .bytes = bytes};
  const char *separator = "";
  if (bytes > 0)
    buffer[0] = 0;
  if (r->pin_errno == 0 && r->priority_errno == 0 && r->name_errno == 0)
    return 0;
  nt_text_add(&t, "thread %s: ", name ? name : "(unnamed)");
  if (r->pin_errno != 0) {
    nt_text_add(&t, "not pinned (%s), runs on any CPU; %s", strerror(r->pin_errno),
                r->pin_errno == EINVAL ? "choose one that this process may use (taskset -p)"
                                       : "grant CAP_SYS_NICE");
    separator = "; ";
  }
  if (r->priority_errno != 0) {
    nt_text_add(&t, "%sno real-time priority (%s); grant CAP_SYS_NICE or raise ulimit -r",
                separator, strerror(r->priority_errno));
    separator = "; ";
  }
  if (r->name_errno != 0)
    nt_text_add(&t, "%snot named (%s)", separator, strerror(r->name_errno));
  return t.length;
}
