#include "nt_memory.h"
#include "nt_text.h"

#include <errno.h>
#include <numa.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define ARENA_BYTES_MAX (1ull << 46)
#define ARENA_HUGE_PAGE_DEFAULT (2ull << 20)

struct nt_arena {
  uint8_t *base;
  uint64_t bytes, taken;
};

/* The size that MAP_HUGETLB takes by default; 512 MiB on some arm64 kernels. */
static uint64_t arena_huge_page_bytes(void) {
  FILE *file = fopen("/proc/meminfo", "re");
  unsigned long long kibibytes = 0;
  char line[128];
  if (!file)
    return ARENA_HUGE_PAGE_DEFAULT;
  while (kibibytes == 0 && fgets(line, sizeof line, file))
    if (sscanf(line, "Hugepagesize: %llu kB", &kibibytes) != 1)
      kibibytes = 0;
  fclose(file);
  uint64_t bytes = kibibytes * 1024;
  bool sane = bytes >= 4096 && bytes <= (16ull << 30) && (bytes & (bytes - 1)) == 0;
  return sane ? bytes : ARENA_HUGE_PAGE_DEFAULT;
}

static uint64_t arena_round_up(uint64_t bytes, uint64_t unit) {
  return (bytes + unit - 1) & ~(unit - 1);
}

static int arena_map(uint8_t **out, uint64_t bytes, int flags) {
  void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  if (p == MAP_FAILED)
    return errno;
  *out = p;
  return 0;
}

/* Plain memory on a huge-page boundary, so that the kernel can use whole ones. */
static int arena_map_aligned(uint8_t **out, uint64_t bytes, uint64_t unit) {
  uint8_t *p = NULL;
  int error = arena_map(&p, bytes + unit, 0);
  if (error != 0)
    return error;
  uint64_t before = (unit - ((uintptr_t)p & (unit - 1))) & (unit - 1);
  if (before != 0)
    munmap(p, before);
  if (unit != before)
    munmap(p + before + bytes, unit - before);
  *out = p + before;
  return 0;
}

/* A preference and not a strict binding: on explicit huge pages a strict one kills the process when
 * the node has none left. */
static void arena_bind(uint8_t *base, uint64_t bytes, int32_t node, nt_arena_report *report) {
  if (numa_available() < 0) {
    report->numa_errno = ENOSYS;
    return;
  }
  if (node > numa_max_node() || !numa_bitmask_isbitset(numa_all_nodes_ptr, (unsigned)node)) {
    report->numa_errno = EINVAL;
    return;
  }
  numa_set_strict(0);
  numa_tonode_memory(base, bytes, node);
  report->numa_node = node;
}

/* The kernel touches the pages and can say no; by hand a lack of memory would be a signal. */
static int arena_prefault(uint8_t *base, uint64_t bytes) {
  if (madvise(base, bytes, MADV_POPULATE_WRITE) == 0)
    return 0;
  if (errno == ENOMEM || errno == EFAULT)
    return ENOMEM;
  /* The kernel is older than the call, or a filter forbids it. */
  long page = sysconf(_SC_PAGESIZE);
  for (uint64_t at = 0; at < bytes; at += (uint64_t)page)
    *(volatile uint8_t *)(base + at) = 0;
  return 0;
}

/* On explicit huge pages, all of them there; or an errno and nothing mapped. */
static int arena_try_huge(nt_arena *a, uint64_t bytes, nt_arena_options o, nt_arena_report *r) {
  bytes = arena_round_up(bytes, arena_huge_page_bytes());
  int error = arena_map(&a->base, bytes, MAP_HUGETLB);
  if (error != 0)
    return error;
  if (o.numa_node >= 0)
    arena_bind(a->base, bytes, o.numa_node, r);
  /* Always touched: a cgroup's limit shows only now, and later it would be a signal. */
  error = arena_prefault(a->base, bytes);
  if (error != 0) {
    munmap(a->base, bytes);
    r->numa_node = -1;
    return error;
  }
  a->bytes = bytes;
  r->huge_pages = 2;
  return 0;
}

static int arena_try_plain(nt_arena *a, uint64_t bytes, nt_arena_options o, nt_arena_report *r) {
  uint64_t unit = (uint64_t)sysconf(_SC_PAGESIZE);
  if (o.huge_pages)
    unit = ARENA_HUGE_PAGE_DEFAULT;
  bytes = arena_round_up(bytes, unit);
  int error = arena_map_aligned(&a->base, bytes, unit);
  if (error != 0)
    return error;
  if (o.huge_pages && madvise(a->base, bytes, MADV_HUGEPAGE) == 0)
    r->huge_pages = 1;
  if (o.numa_node >= 0)
    arena_bind(a->base, bytes, o.numa_node, r);
  if (o.prefault && (error = arena_prefault(a->base, bytes)) != 0) {
    munmap(a->base, bytes);
    return error;
  }
  a->bytes = bytes;
  return 0;
}

int nt_arena_create(nt_arena **out, uint64_t bytes, nt_arena_options options,
                    nt_arena_report *report) {
  nt_arena_report r = {.numa_node = -1, .wanted = options};
  int error = ENOMEM;
  if (bytes == 0)
    return EINVAL;
  if (bytes > ARENA_BYTES_MAX)
    return ENOMEM;
  nt_arena *a = calloc(1, sizeof *a);
  if (!a)
    return ENOMEM;
  if (options.huge_pages)
    r.huge_errno = error = arena_try_huge(a, bytes, options, &r);
  if (error != 0)
    error = arena_try_plain(a, bytes, options, &r);
  if (error != 0) {
    free(a);
    return error;
  }
  if (options.lock) {
    r.locked = mlock(a->base, a->bytes) == 0;
    r.lock_errno = r.locked ? 0 : errno;
  }
  r.bytes = a->bytes;
  if (report)
    *report = r;
  *out = a;
  return 0;
}

void *nt_arena_take(nt_arena *a, uint64_t bytes, uint64_t alignment) {
  if (alignment == 0 || (alignment & (alignment - 1)) != 0 || alignment > a->bytes)
    return NULL;
  uint64_t here = (uint64_t)(uintptr_t)a->base + a->taken;
  uint64_t at = a->taken + ((alignment - (here & (alignment - 1))) & (alignment - 1));
  if (at > a->bytes || bytes > a->bytes - at)
    return NULL;
  a->taken = at + bytes;
  return a->base + at;
}

uint64_t nt_arena_free_bytes(const nt_arena *a) {
  return a->bytes - a->taken;
}

void nt_arena_destroy(nt_arena *a) {
  if (!a)
    return;
  munmap(a->base, a->bytes);
  free(a);
}

static const char *arena_lock_remedy(int error) {
  return error == EPERM || error == ENOMEM
             ? "raise the memlock limit (ulimit -l) or grant CAP_IPC_LOCK"
             : "pages may be swapped out";
}

size_t nt_arena_report_text(const nt_arena_report *r, char *buffer, size_t bytes) {
  nt_text t = {.buffer = buffer, .bytes = bytes};
  const char *separator = "";
  if (bytes > 0)
    buffer[0] = 0;
  bool huge = r->wanted.huge_pages && r->huge_pages != 2;
  bool node = r->wanted.numa_node >= 0 && r->numa_node != r->wanted.numa_node;
  bool lock = r->wanted.lock && !r->locked;
  if (!huge && !node && !lock)
    return 0;
  nt_text_add(&t, "arena of %llu MiB: ", (unsigned long long)((r->bytes + (1 << 20) - 1) >> 20));
  if (huge) {
    uint64_t page = arena_huge_page_bytes();
    nt_text_add(&t,
                "no explicit huge pages (%s), using %s pages; it takes %llu of %llu MiB: set "
                "vm.nr_hugepages so that so many are free",
                strerror(r->huge_errno), r->huge_pages == 1 ? "transparent huge" : "plain",
                (unsigned long long)(arena_round_up(r->bytes, page) / page),
                (unsigned long long)(page >> 20));
    separator = "; ";
  }
  if (node) {
    nt_text_add(&t, "%snot on NUMA node %d (%s), the kernel places it", separator,
                r->wanted.numa_node, strerror(r->numa_errno));
    separator = "; ";
  }
  if (lock)
    nt_text_add(&t, "%snot locked (%s), %s", separator, strerror(r->lock_errno),
                arena_lock_remedy(r->lock_errno));
  return t.length;
}

int nt_memory_file(const char *name) {
  int descriptor = memfd_create(name, MFD_CLOEXEC);
  return descriptor >= 0 ? descriptor : -errno;
}
