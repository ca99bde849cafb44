#pragma once
#include <fts.h>
#include <stdint.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/xattr.h>

// major and minor are function-like macros, which Swift does not import.
static inline uint32_t clinux_major(dev_t device) { return major(device); }
static inline uint32_t clinux_minor(dev_t device) { return minor(device); }

// To which module Swift reckons struct stat depends on what else is imported.
int64_t clinux_fts_size(const FTSENT *entry);
static inline uint64_t clinux_makedev(uint32_t high, uint32_t low) { return makedev(high, low); }
