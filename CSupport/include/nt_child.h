/* A process of our own that ends with us: started in a process group of its own (so that Ctrl-C on
 * the terminal reaches only us) and with SIGTERM sent to it by the kernel when we die.
 *
 * Threading: the kernel ties the child to the starting thread's life, so start from one that lives
 * as long as the process does. */
#ifndef NT_CHILD_H
#define NT_CHILD_H

#include "nt_hot.h"

/* Starts path with the arguments (argv[0] first, NULL at the end), standard input from the
 * descriptor input (-1: /dev/null), output and errors to output. Every signal is unblocked and at
 * its default. 0 and the process id in *pid, or the errno, that of exec included. */
int nt_child_start(const char *path, char *const argv[], int input, int output, int32_t *pid);
/* True when the child has ended (and is forgotten); *status is then its exit code, or 256 + the
 * signal that killed it. Does not wait. */
bool nt_child_ended(int32_t pid, int32_t *status);
/* Sends the signal; 0 or the errno. */
int nt_child_signal(int32_t pid, int32_t signal);

#endif
