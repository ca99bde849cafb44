#pragma once
#include <stddef.h>
#include <stdint.h>
// All of it in this header: no library to load at run time.
#define XXH_INLINE_ALL
#include <xxhash.h>

// XXH_INLINE_ALL renames its functions with macros, which Swift does not import.
static inline uint64_t cxxhash_xxh3(const void *bytes, size_t count, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes, count, seed);
}
