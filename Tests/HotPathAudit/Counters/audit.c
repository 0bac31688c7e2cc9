#include "audit.h"
#include "audit_calls.h"

#include <errno.h>
#include <stddef.h>

static __thread bool counting;
static __thread audit_counts counts;

/* The thread that another one watches, 0 for none, and what it did; each thread learns its own
 * number when it first takes memory, which is long before, so that no call for it falls in between.
 */
static int watched;
static audit_counts watched_counts;
static __thread int own;

static inline void learn(void) {
  if (own == 0)
    own = audit_thread_own();
}

static inline bool is_watched(void) {
  return own != 0 && own == __atomic_load_n(&watched, __ATOMIC_ACQUIRE);
}

#define AUDIT_COUNT(what)                                                                          \
  do {                                                                                             \
    counts.what += counting;                                                                       \
    if (is_watched())                                                                              \
      __atomic_fetch_add(&watched_counts.what, 1, __ATOMIC_RELAXED);                               \
  } while (0)

void audit_lock_taken(void) {
  if (is_watched())
    __atomic_fetch_add(&watched_counts.locks, 1, __ATOMIC_RELAXED);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define AUDIT_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define AUDIT_MALLOC 0
#else
#define AUDIT_MALLOC 1
#endif
#else
#define AUDIT_MALLOC 1
#endif

bool audit_counts_allocations(void) {
  return AUDIT_MALLOC;
}

/* Where the heap is: its lowest and highest object in each sixteenth of what can be addressed. */
enum { ZONES = 16, ZONE_SHIFT = 44 };
static struct { uintptr_t low, high; } heap[ZONES];

static inline void *reach(void *made) {
  uintptr_t at = (uintptr_t)made;
  uintptr_t *low = &heap[at >> ZONE_SHIFT & (ZONES - 1)].low;
  uintptr_t *high = &heap[at >> ZONE_SHIFT & (ZONES - 1)].high;
  uintptr_t seen = __atomic_load_n(high, __ATOMIC_RELAXED);
  while (made && at > seen &&
         !__atomic_compare_exchange_n(high, &seen, at, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    ;
  seen = __atomic_load_n(low, __ATOMIC_RELAXED);
  while (made && (at < seen || seen == 0) &&
         !__atomic_compare_exchange_n(low, &seen, at, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    ;
  return made;
}

/* The runtime's way through the hooks forgets what a pointer's upper bits say: that a small string
 * lies in it, or that the object is a constant. Neither has a count to change, and neither is in
 * the heap. */
static inline bool is_counted_object(const void *object) {
  uintptr_t at = (uintptr_t)object;
  uint32_t zone = at >> ZONE_SHIFT & (ZONES - 1);
  return at >> ZONE_SHIFT < ZONES && at >= __atomic_load_n(&heap[zone].low, __ATOMIC_RELAXED) &&
         at <= __atomic_load_n(&heap[zone].high, __ATOMIC_RELAXED) && at != 0;
}

#if AUDIT_MALLOC

/* glibc's own, under the names that it keeps for this. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static inline void allocation(void) {
  learn();
  AUDIT_COUNT(allocations);
}

void *malloc(size_t size) {
  allocation();
  return reach(__libc_malloc(size));
}

void *calloc(size_t count, size_t size) {
  allocation();
  return reach(__libc_calloc(count, size));
}

void *realloc(void *old, size_t size) {
  allocation();
  return reach(__libc_realloc(old, size));
}

void *memalign(size_t alignment, size_t size) {
  allocation();
  return reach(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size) {
  allocation();
  return reach(__libc_memalign(alignment, size));
}

int posix_memalign(void **out, size_t alignment, size_t size) {
  allocation();
  void *made = reach(__libc_memalign(alignment, size));
  if (!made)
    return ENOMEM;
  *out = made;
  return 0;
}

void free(void *old) {
  AUDIT_COUNT(frees);
  __libc_free(old);
}

#endif

/* The runtime's functions may keep more registers than C asks for; hooks that keep them all, and
 * call the original as plain C, are right either way. */
#if defined(__x86_64__) || defined(__aarch64__)
#define AUDIT_KEEPS __attribute__((preserve_most))
#else
#define AUDIT_KEEPS
#endif

typedef void *retain_function(void *);
typedef void *retain_n_function(void *, uint32_t);
typedef void release_function(void *);
typedef void release_n_function(void *, uint32_t);
typedef void *allocate_function(const void *, size_t, size_t);

extern void *_swift_retain, *_swift_retain_n, *_swift_tryRetain;
extern void *_swift_release, *_swift_release_n, *_swift_allocObject;
/* Without it the runtime's inner calls go past the pointers. */
extern bool _swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly;

static struct { void *retain, *retain_n, *try_retain, *release, *release_n, *allocate; } original;

AUDIT_KEEPS static void *hook_retain(void *object) {
  AUDIT_COUNT(retains);
  return is_counted_object(object) ? ((retain_function *)original.retain)(object) : object;
}

AUDIT_KEEPS static void *hook_retain_n(void *object, uint32_t n) {
  AUDIT_COUNT(retains);
  return is_counted_object(object) ? ((retain_n_function *)original.retain_n)(object, n) : object;
}

static void *hook_try_retain(void *object) {
  AUDIT_COUNT(retains);
  return is_counted_object(object) ? ((retain_function *)original.try_retain)(object) : object;
}

AUDIT_KEEPS static void hook_release(void *object) {
  AUDIT_COUNT(releases);
  if (is_counted_object(object))
    ((release_function *)original.release)(object);
}

AUDIT_KEEPS static void hook_release_n(void *object, uint32_t n) {
  AUDIT_COUNT(releases);
  if (is_counted_object(object))
    ((release_n_function *)original.release_n)(object, n);
}

static void *hook_allocate(const void *type, size_t size, size_t mask) {
  AUDIT_COUNT(objects);
  return ((allocate_function *)original.allocate)(type, size, mask);
}

static void hook(void) {
  original.retain = _swift_retain;
  original.retain_n = _swift_retain_n;
  original.try_retain = _swift_tryRetain;
  original.release = _swift_release;
  original.release_n = _swift_release_n;
  original.allocate = _swift_allocObject;
  _swift_retain = (void *)hook_retain;
  _swift_retain_n = (void *)hook_retain_n;
  _swift_tryRetain = (void *)hook_try_retain;
  _swift_release = (void *)hook_release;
  _swift_release_n = (void *)hook_release_n;
  _swift_allocObject = (void *)hook_allocate;
  __atomic_store_n(&_swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly,
                   true, __ATOMIC_SEQ_CST);
}

static void unhook(void) {
  if (!original.retain)
    return;
  __atomic_store_n(&_swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly,
                   false, __ATOMIC_SEQ_CST);
  _swift_retain = original.retain;
  _swift_retain_n = original.retain_n;
  _swift_tryRetain = original.try_retain;
  _swift_release = original.release;
  _swift_release_n = original.release_n;
  _swift_allocObject = original.allocate;
  original.retain = NULL;
}

void audit_begin(void) {
  counts = (audit_counts){0};
  hook();
  counts.locks = audit_locks();
  counting = true;
}

audit_counts audit_end(void) {
  counting = false;
  counts.locks = audit_locks() - counts.locks;
  unhook();
  return counts;
}

void audit_watch(int thread) {
  watched_counts = (audit_counts){0};
  hook();
  __atomic_store_n(&watched, thread, __ATOMIC_RELEASE);
}

audit_counts audit_watch_end(void) {
  __atomic_store_n(&watched, 0, __ATOMIC_RELEASE);
  unhook();
  return watched_counts;
}

extern void *swift_retain(void *);
extern void swift_release(void *);

void audit_retain_and_release(void *object) {
  swift_retain(object);
  swift_release(object);
}
