#include "audit.h"

#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>

/* The C library's locks, each counted and handed on to the C library. Those that are taken inside
 * of the C library itself are not seen here, but where one has to be waited for, its futex is. */

static __thread uint64_t taken;

uint64_t audit_locks(void) {
  return taken;
}

#define AUDIT_LOCK(name, type)                                                                     \
  int name(type *lock) {                                                                           \
    static int (*original)(type *);                                                                \
    int (*next)(type *) = __atomic_load_n(&original, __ATOMIC_RELAXED);                            \
    if (!next) {                                                                                   \
      next = (int (*)(type *))dlsym(RTLD_NEXT, #name);                                             \
      __atomic_store_n(&original, next, __ATOMIC_RELAXED);                                         \
    }                                                                                              \
    taken += 1;                                                                                    \
    audit_lock_taken();                                                                            \
    return next(lock);                                                                             \
  }

AUDIT_LOCK(pthread_mutex_lock, pthread_mutex_t)
AUDIT_LOCK(pthread_mutex_trylock, pthread_mutex_t)
AUDIT_LOCK(pthread_rwlock_rdlock, pthread_rwlock_t)
AUDIT_LOCK(pthread_rwlock_tryrdlock, pthread_rwlock_t)
AUDIT_LOCK(pthread_rwlock_wrlock, pthread_rwlock_t)
AUDIT_LOCK(pthread_rwlock_trywrlock, pthread_rwlock_t)
AUDIT_LOCK(sem_wait, sem_t)
AUDIT_LOCK(sem_trywait, sem_t)
AUDIT_LOCK(sem_post, sem_t)

int pthread_spin_lock(pthread_spinlock_t *lock) {
  static int (*original)(pthread_spinlock_t *);
  int (*next)(pthread_spinlock_t *) = __atomic_load_n(&original, __ATOMIC_RELAXED);
  if (!next) {
    next = (int (*)(pthread_spinlock_t *))dlsym(RTLD_NEXT, "pthread_spin_lock");
    __atomic_store_n(&original, next, __ATOMIC_RELAXED);
  }
  taken += 1;
  audit_lock_taken();
  return next(lock);
}

void audit_lock_on_purpose(void) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&lock);
  pthread_mutex_unlock(&lock);
}
