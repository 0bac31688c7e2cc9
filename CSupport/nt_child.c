#include "nt_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Between fork and exec only calls that are safe in a forked thread. Never returns. */
static void become(const char *path, char *const argv[], int given, int output, int report,
                   pid_t parent) {
  sigset_t none;
  struct sigaction plain = {.sa_handler = SIG_DFL};
  int input = given >= 0 ? given : open("/dev/null", O_RDONLY);
  int error;
  for (int number = 1; number < NSIG; number++)
    sigaction(number, &plain, NULL); /* SIGKILL, SIGSTOP and reserved ones refuse: as they should */
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, NULL) == 0 && setpgid(0, 0) == 0 &&
      prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && input >= 0 && dup2(input, 0) >= 0 &&
      fcntl(0, F_SETFD, 0) == 0 && /* which dup2 leaves as it is where both are one */
      dup2(output, 1) >= 0 && dup2(output, 2) >= 0) {
    if (getppid() != parent) /* it died before prctl */
      _exit(0);
    execv(path, argv);
  }
  error = errno;
  (void)!write(report, &error, sizeof error);
  _exit(127);
}

int nt_child_start(const char *path, char *const argv[], int input, int output, int32_t *pid) {
  int report[2];
  int error = 0;
  ssize_t got;
  pid_t parent = getpid();
  pid_t child;
  if (pipe2(report, O_CLOEXEC) != 0)
    return errno;
  child = fork();
  if (child < 0) {
    error = errno;
    close(report[0]);
    close(report[1]);
    return error;
  }
  if (child == 0)
    become(path, argv, input, output, report[1], parent);
  close(report[1]);
  /* Closed without a word by a successful exec. */
  do
    got = read(report[0], &error, sizeof error);
  while (got < 0 && errno == EINTR);
  close(report[0]);
  if (got == (ssize_t)sizeof error) {
    waitpid(child, NULL, 0);
    return error;
  }
  *pid = child;
  return 0;
}

bool nt_child_ended(int32_t pid, int32_t *status) {
  int word = 0;
  pid_t got;
  if (pid <= 0)
    return true;
  do
    got = waitpid(pid, &word, WNOHANG);
  while (got < 0 && errno == EINTR);
  if (got == 0)
    return false;
  if (got < 0) {
    *status = -1;
    return true;
  }
  if (!WIFEXITED(word) && !WIFSIGNALED(word))
    return false;
  *status = WIFEXITED(word) ? WEXITSTATUS(word) : 256 + WTERMSIG(word);
  return true;
}

int nt_child_signal(int32_t pid, int32_t signal) {
  if (pid <= 0)
    return ESRCH;
  return kill(pid, signal) == 0 ? 0 : errno;
}
