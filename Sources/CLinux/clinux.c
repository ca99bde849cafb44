#define _GNU_SOURCE
#include "clinux.h"
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/openat2.h>
#include <syslog.h>
#include <sys/ioctl.h>
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
