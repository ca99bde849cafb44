#define _GNU_SOURCE
#include "clinux.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/loop.h>
#include <linux/openat2.h>
#include <malloc.h>
#include <syslog.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

int64_t clinux_fts_size(const FTSENT *entry) { return entry->fts_statp->st_size; }

int clinux_openat2(int folder, const char *path, uint64_t flags, uint64_t resolve) {
  struct open_how how = {.flags = flags, .resolve = resolve};
  return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

static int kept_count;
static char **kept_arguments;

// glibc calls constructors with main's arguments.
__attribute__((constructor)) static void keep_arguments(int count, char **arguments) {
  kept_count = count;
  kept_arguments = arguments;
}

int clinux_argument_count(void) { return kept_count; }
const char *clinux_argument(int index) { return kept_arguments[index]; }

pid_t clinux_fork(void) { return fork(); }

int clinux_may_hang(const char *path) {
  struct statx status;
  int flags = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW;
  if (statx(AT_FDCWD, path, flags, STATX_TYPE, &status) != 0) return -1;
  // Only a file system on a block device has a device number of its own.
  return S_ISLNK(status.stx_mode) || status.stx_dev_major == 0;
}

int clinux_clock_is_synchronised(void) {
  struct timex clock = {0};
  int state = adjtimex(&clock);
  return state < 0 ? -1 : state != TIME_ERROR && !(clock.status & STA_UNSYNC);
}

// The threshold is glibc's own, which it would raise to the size of what is freed.
void clinux_map_large_memory(void) { mallopt(M_MMAP_THRESHOLD, 128 << 10); }

int64_t clinux_mount_at(const char *path) {
  struct statx status;
  int flags = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW;
  // STATX_MNT_ID_UNIQUE, since Linux 6.8; older kernels use numbers again.
  if (statx(AT_FDCWD, path, flags, STATX_MNT_ID | 0x4000, &status) != 0) return -1;
  return status.stx_attributes & STATX_ATTR_MOUNT_ROOT ? (int64_t)status.stx_mnt_id : 0;
}

int clinux_mount_is_dead(const char *path) {
  struct statx status;
  int flags = AT_STATX_FORCE_SYNC | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW;
  return statx(AT_FDCWD, path, flags, STATX_BASIC_STATS, &status) != 0 &&
         (errno == ENOTCONN || errno == ECONNABORTED);
}

int clinux_keep_capabilities(uint64_t capabilities) {
  for (int number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++) {
    // Without CAP_SETPCAP the set stays as it is.
    prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
  }
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct sets[2];
  if (syscall(SYS_capget, &header, sets) != 0) return -1;
  for (int half = 0; half < 2; half++) {
    sets[half].permitted &= (uint32_t)(capabilities >> (32 * half));
    sets[half].effective = sets[half].permitted;
    sets[half].inheritable = 0;
  }
  return (int)syscall(SYS_capset, &header, sets);
}

int clinux_forbid_new_rights(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

int clinux_forbid_inspection(void) {
  struct rlimit none = {0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) return -1;
  return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void clinux_log(const char *program, const char *line) {
  openlog(program, LOG_PID, LOG_DAEMON);
  syslog(LOG_ERR, "%s", line);
  closelog();
}

int clinux_loop_file_system(int loop, dev_t *number) {
  struct loop_info64 info;
  if (ioctl(loop, LOOP_GET_STATUS64, &info) < 0) return -1;
  // The kernel's 32-bit encoding, which differs from the C library's.
  *number = makedev((info.lo_device >> 8) & 0xfff,
                    (info.lo_device & 0xff) | ((info.lo_device >> 12) & 0xfff00));
  return 0;
}

int clinux_free_loop_device(void) {
  int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  if (control < 0) return -1;
  int number = ioctl(control, LOOP_CTL_GET_FREE);
  close(control);
  return number;
}
