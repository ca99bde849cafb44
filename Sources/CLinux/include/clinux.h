#pragma once
#include <fts.h>
#include <stdint.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/xattr.h>

// major and minor are function-like macros, which Swift does not import.
static inline uint32_t clinux_major(dev_t device) { return major(device); }
static inline uint32_t clinux_minor(dev_t device) { return minor(device); }
