#pragma once
#include <archive.h>
#include <archive_entry.h>

// Loads libarchive; no other function may be called before.
//
// Returns NULL, or why it cannot be loaded. Call it from one thread at a time.
const char *carchive_load(void);

// The AE_IF* macros are casts, which Swift does not import.
static const unsigned carchive_ifmt = AE_IFMT;
static const unsigned carchive_ifreg = AE_IFREG;
static const unsigned carchive_iflnk = AE_IFLNK;
static const unsigned carchive_ifdir = AE_IFDIR;
static const unsigned carchive_ifchr = AE_IFCHR;
static const unsigned carchive_ifblk = AE_IFBLK;
static const unsigned carchive_ififo = AE_IFIFO;
static const unsigned carchive_ifsock = AE_IFSOCK;
