#pragma once
#include <fts.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

// major and minor are function-like macros, which Swift does not import.
static inline uint32_t clinux_major(dev_t device) { return major(device); }
static inline uint32_t clinux_minor(dev_t device) { return minor(device); }

// To which module Swift reckons struct stat depends on what else is imported.
int64_t clinux_fts_size(const FTSENT *entry);
static inline uint64_t clinux_makedev(uint32_t high, uint32_t low) { return makedev(high, low); }

// openat2(2) has no wrapper in glibc; the flags are RESOLVE_* of linux/openat2.h.
enum { clinux_resolve_no_xdev = 0x01, clinux_resolve_no_magiclinks = 0x02,
       clinux_resolve_no_symlinks = 0x04, clinux_resolve_beneath = 0x08 };
int clinux_openat2(int folder, const char *path, uint64_t flags, uint64_t resolve);

// The process's arguments, the first of which is its name. Swift reads them from /proc, which a bare
// chroot may not have.
int clinux_argument_count(void);
const char *clinux_argument(int index);

// Swift hides fork; a process of one thread may use it.
pid_t clinux_fork(void);

// The device a file system is on as far as the kernel knows without asking the file system's
// server: 0 for a local disk, 1 for what may be served by a program or the network and for a
// symbolic link, -1 and errno when there is no such file.
int clinux_may_hang(const char *path);

// Whether the kernel's clock is kept right by something: 1 yes, 0 no, -1 unknown.
int clinux_clock_is_synchronised(void);

// Puts a line into the system's log.
void clinux_log(const char *program, const char *line);

// The number of the file system that a loop device's file is on; -1 and errno for what is none.
int clinux_loop_file_system(int loop, dev_t *number);

// The number of a loop device that is free, -1 and errno when there is none.
int clinux_free_loop_device(void);

// Ends the program with a message because there is no memory; needs none itself. What threads have
// begun to make is completed first, or removed.
_Noreturn void clinux_out_of_memory(void);

// Between these two, a thread makes a file that must not stay as it is; it calls the middle one once
// the file has a name in an open folder. Both are quick, and cannot be nested.
void clinux_unfinished_begin(void);
void clinux_unfinished_name(int folder, const char *name);
void clinux_unfinished_end(void);

// A name, in an open folder, that has to go when the program ends early.
struct clinux_hidden {
  int folder;
  char name[64];
  struct clinux_hidden *previous, *next;
};
void clinux_hidden_add(struct clinux_hidden *name);
void clinux_hidden_remove(struct clinux_hidden *name);

// The exit status, what else helps, and what there is to remove besides; 0 and NULL keep what was
// said before. Nothing is copied.
void clinux_when_out_of_memory(int status, const char *hint, void (*tidying)(void));
