// Swift's runtime aborts if malloc fails, and libraries have their own messages. Here the program
// ends with one message and nothing half-written, whoever asked. The memory is still glibc's: these
// are its functions, and free() is unchanged.
#include "CMemory.h"
#include "clinux.h"
#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>

// The sanitizers have their own allocators.
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

// No machine has more: the input lies, and the caller has to cope.
static const size_t most = (size_t)1 << 40;

// glibc reserves 64 MiB of addresses per thread, which a limit (ulimit -v) may not leave room for.
__attribute__((constructor)) static void share(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) mallopt(M_ARENA_MAX, 1);
}

static void *checked(void *memory, size_t size) {
  if (__builtin_expect(memory == NULL, 0) && size > 0 && size <= most) clinux_out_of_memory();
  return memory;
}

void *malloc(size_t size) { return checked(__libc_malloc(size), size); }

void *calloc(size_t count, size_t size) {
  void *memory = __libc_calloc(count, size);
  if (__builtin_expect(memory != NULL, 1)) return memory;
  size_t total;
  return checked(NULL, __builtin_mul_overflow(count, size, &total) ? SIZE_MAX : total);
}

void *realloc(void *old, size_t size) { return checked(__libc_realloc(old, size), size); }

void *memalign(size_t alignment, size_t size) {
  return checked(__libc_memalign(alignment, size), size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
  if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) {
    return EINVAL;
  }
  void *memory = memalign(alignment, size);
  if (memory == NULL) return ENOMEM;
  *result = memory;
  return 0;
}

#endif
