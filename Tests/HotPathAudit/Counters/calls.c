#include "audit.h"
#include "audit_calls.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WAITING, ALLOWED, TRACING, ENDED };

/* Between this process and the tracer. */
typedef struct board {
  int state;
  int error;
  bool whole;
  audit_call calls[AUDIT_CALLS_MAX];
} board;

static board *shared;
static pid_t tracer;
static volatile sig_atomic_t asked_to_end;

static void on_end(int number) {
  (void)number;
  asked_to_end = 1;
}

static int state(void) {
  return __atomic_load_n(&shared->state, __ATOMIC_ACQUIRE);
}

static void become(int next) {
  __atomic_store_n(&shared->state, next, __ATOMIC_RELEASE);
}

static uint32_t slot(uint64_t number) {
  return number < AUDIT_CALLS_MAX ? (uint32_t)number : AUDIT_CALLS_MAX - 1;
}

/* The stop before or after a call. True: this call is the thread's own wish to end the count. */
static bool note(pid_t thread, uint64_t *open) {
  struct __ptrace_syscall_info info = {0};
  if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0)
    return false;
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
    if (info.entry.nr == SYS_kill && (pid_t)info.entry.args[0] == getpid())
      return true;
    *open = info.entry.nr;
    shared->calls[slot(*open)].count += 1;
  } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && *open != UINT64_MAX) {
    audit_call *call = &shared->calls[slot(*open)];
    call->useful += info.exit.rval > 0;
    call->gave += info.exit.rval > 0 ? (uint64_t)info.exit.rval : 0;
    call->empty += info.exit.rval == -EAGAIN;
    *open = UINT64_MAX;
  }
  return false;
}

/* Follows the thread until it is asked to end; false when the thread ended before. */
static bool follow(pid_t thread) {
  uint64_t open = UINT64_MAX;
  for (;;) {
    int status;
    if (waitpid(thread, &status, __WALL) < 0) {
      if (errno != EINTR)
        return false;
      if (asked_to_end)
        ptrace(PTRACE_INTERRUPT, thread, 0, 0);
      continue;
    }
    if (!WIFSTOPPED(status))
      return false;
    int signal = WSTOPSIG(status);
    if (signal == (SIGTRAP | 0x80)) {
      if (note(thread, &open))
        return ptrace(PTRACE_DETACH, thread, 0, 0) == 0;
      signal = 0;
    } else if (status >> 16 == PTRACE_EVENT_STOP) {
      if (asked_to_end)
        return ptrace(PTRACE_DETACH, thread, 0, 0) == 0;
      signal = 0;
    }
    ptrace(PTRACE_SYSCALL, thread, 0, signal);
  }
}

static int64_t seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now); /* no system call */
  return now.tv_sec;
}

static void trace(pid_t parent, pid_t thread) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  /* Whoever started us may have all signals blocked, as threads that run tests do. */
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  /* A thread that cannot be stopped: the signal ends this process, and the thread goes on. */
  alarm(AUDIT_TRACER_SECONDS);
  struct sigaction action = {.sa_handler = on_end};
  sigaction(SIGUSR1, &action, NULL);
  while (state() == WAITING)
    if (getppid() != parent)
      _exit(1);
  int status;
  if (ptrace(PTRACE_SEIZE, thread, 0, PTRACE_O_TRACESYSGOOD) != 0 ||
      ptrace(PTRACE_INTERRUPT, thread, 0, 0) != 0 || waitpid(thread, &status, __WALL) < 0 ||
      ptrace(PTRACE_SYSCALL, thread, 0, 0) != 0) {
    shared->error = errno;
    become(ENDED);
    _exit(1);
  }
  alarm(0);
  become(TRACING);
  shared->whole = follow(thread);
  become(ENDED);
  _exit(0);
}

int audit_calls_begin(int thread) {
  if (!shared) {
    void *page =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
      return errno;
    shared = page;
  }
  memset(shared, 0, sizeof *shared);
  asked_to_end = 0;
  pid_t self = getpid();
  tracer = fork();
  if (tracer < 0)
    return errno;
  if (tracer == 0)
    trace(self, thread);
  prctl(PR_SET_PTRACER, tracer, 0, 0, 0); /* refused where nothing restricts tracing */
  become(ALLOWED);
  /* No call here: the thread that waits may be the one that is stopped and looked at. */
  for (int64_t end = seconds() + 2 * AUDIT_TRACER_SECONDS; state() == ALLOWED && seconds() < end;)
    __asm__ __volatile__("" ::: "memory");
  if (state() == TRACING)
    return 0;
  bool told = state() == ENDED;
  int error = shared->error;
  audit_calls_abandon();
  return !told ? ETIMEDOUT : error ? error : ECHILD;
}

void audit_calls_abandon(void) {
  if (tracer <= 0)
    return;
  kill(tracer, SIGKILL);
  waitpid(tracer, NULL, 0);
  tracer = 0;
}

int audit_calls_end(void) {
  if (tracer <= 0)
    return ECHILD;
  int64_t end = seconds() + AUDIT_TRACER_SECONDS;
  kill(tracer, SIGUSR1);
  /* A signal that came between the tracer's look and its wait is lost: it is sent again. */
  while (state() != ENDED) {
    usleep(1000);
    if (waitpid(tracer, NULL, WNOHANG) == tracer) {
      tracer = 0;
      return shared->whole ? 0 : ECHILD;
    }
    if (seconds() >= end) {
      audit_calls_abandon();
      return ETIMEDOUT;
    }
    kill(tracer, SIGUSR1);
  }
  waitpid(tracer, NULL, 0);
  tracer = 0;
  return shared->whole ? 0 : ECHILD;
}

void audit_stop_tracer_on_purpose(void) {
  kill(tracer, SIGSTOP);
}

audit_call audit_calls_of(uint32_t number) {
  return shared && number < AUDIT_CALLS_MAX ? shared->calls[number] : (audit_call){0};
}

uint64_t audit_calls_total(void) {
  uint64_t total = 0;
  for (uint32_t i = 0; i < AUDIT_CALLS_MAX; i++)
    total += audit_calls_of(i).count;
  return total;
}

const char *audit_call_name(uint32_t number) {
  static const struct {
    uint32_t number;
    const char *name;
  } names[] = {
      {SYS_recvfrom, "recvfrom"},
      {SYS_recvmsg, "recvmsg"},
      {SYS_recvmmsg, "recvmmsg"},
      {SYS_sendto, "sendto"},
      {SYS_sendmsg, "sendmsg"},
      {SYS_sendmmsg, "sendmmsg"},
      {SYS_read, "read"},
      {SYS_write, "write"},
      {SYS_close, "close"},
      {SYS_futex, "futex"},
      {SYS_mmap, "mmap"},
      {SYS_munmap, "munmap"},
      {SYS_mprotect, "mprotect"},
      {SYS_madvise, "madvise"},
      {SYS_mremap, "mremap"},
      {SYS_brk, "brk"},
      {SYS_clone, "clone"},
      {SYS_clone3, "clone3"},
      {SYS_epoll_pwait, "epoll_pwait"},
      {SYS_epoll_pwait2, "epoll_pwait2"},
      {SYS_epoll_ctl, "epoll_ctl"},
      {SYS_io_uring_enter, "io_uring_enter"},
      {SYS_io_uring_register, "io_uring_register"},
      {SYS_ppoll, "ppoll"},
      {SYS_nanosleep, "nanosleep"},
      {SYS_clock_nanosleep, "clock_nanosleep"},
      {SYS_clock_gettime, "clock_gettime"},
      {SYS_gettimeofday, "gettimeofday"},
      {SYS_sched_yield, "sched_yield"},
      {SYS_getppid, "getppid"},
      {SYS_gettid, "gettid"},
      {SYS_kill, "kill"},
      {SYS_tgkill, "tgkill"},
      {SYS_rt_sigprocmask, "rt_sigprocmask"},
      {SYS_rt_sigreturn, "rt_sigreturn"},
      {SYS_fsync, "fsync"},
      {SYS_fdatasync, "fdatasync"},
      {SYS_msync, "msync"},
      {SYS_fallocate, "fallocate"},
      {SYS_getrandom, "getrandom"},
      {SYS_ioctl, "ioctl"},
      {SYS_getsockopt, "getsockopt"},
      {SYS_setsockopt, "setsockopt"},
      {SYS_shutdown, "shutdown"},
      {SYS_restart_syscall, "restart_syscall"},
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].number == number)
      return names[i].name;
  return "system call";
}

int audit_thread_own(void) {
  return (int)syscall(SYS_gettid);
}

int audit_thread_named(const char *name) {
  DIR *tasks = opendir("/proc/self/task");
  int found = 0;
  for (struct dirent *entry; tasks && !found && (entry = readdir(tasks));) {
    char path[64], text[32] = {0};
    snprintf(path, sizeof path, "/proc/self/task/%.16s/comm", entry->d_name);
    FILE *comm = fopen(path, "r");
    if (comm && fgets(text, sizeof text, comm)) {
      text[strcspn(text, "\n")] = 0;
      if (strcmp(text, name) == 0)
        found = atoi(entry->d_name);
    }
    if (comm)
      fclose(comm);
  }
  if (tasks)
    closedir(tasks);
  return found;
}

void audit_call_on_purpose(void) {
  syscall(SYS_getppid);
}

static int in_send;
static void *planted_object;

void audit_plant_in_send(audit_plant what, void *object) {
  planted_object = object;
  __atomic_store_n(&in_send, what, __ATOMIC_RELEASE);
}

static void plant(int what) {
  static void *volatile memory;
  switch (what) {
  case AUDIT_PLANT_CALL:
    audit_call_on_purpose();
    break;
  case AUDIT_PLANT_ALLOCATION:
    memory = malloc(24);
    free(memory);
    break;
  case AUDIT_PLANT_LOCK:
    audit_lock_on_purpose();
    break;
  case AUDIT_PLANT_RETAIN:
    audit_retain_and_release(planted_object);
    break;
  default:
    break;
  }
}

/* The C library's own, in the C library's way, and one thing more where that was planted. */
ssize_t send(int fd, const void *bytes, size_t count, int flags) {
  plant(__atomic_load_n(&in_send, __ATOMIC_ACQUIRE));
  return sendto(fd, bytes, count, flags, NULL, 0);
}

/* The same of the io_uring library: here an order is handed to the kernel, where it goes that way.
 */
struct io_uring;
int io_uring_submit(struct io_uring *ring) {
  static int (*original)(struct io_uring *);
  if (!original)
    original = (int (*)(struct io_uring *))dlsym(RTLD_NEXT, "io_uring_submit");
  plant(__atomic_load_n(&in_send, __ATOMIC_ACQUIRE));
  return original(ring);
}
