#define _GNU_SOURCE
#include "clinux.h"
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int64_t clinux_fts_size(const FTSENT *entry) { return entry->fts_statp->st_size; }

int clinux_openat2(int folder, const char *path, uint64_t flags, uint64_t resolve) {
  struct open_how how = {.flags = flags, .resolve = resolve};
  return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

pid_t clinux_fork(void) { return fork(); }

int clinux_may_hang(const char *path) {
  struct statx status;
  int flags = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW;
  if (statx(AT_FDCWD, path, flags, STATX_TYPE, &status) != 0) return -1;
  // Only a file system on a block device has a device number of its own.
  return S_ISLNK(status.stx_mode) || status.stx_dev_major == 0;
}
