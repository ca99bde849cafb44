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

// Which module Swift assigns struct stat to depends on the other imports.
int64_t clinux_fts_size(const FTSENT *entry);
static inline uint64_t clinux_makedev(uint32_t high, uint32_t low) { return makedev(high, low); }

// openat2(2) has no wrapper in glibc; the flags are RESOLVE_* of linux/openat2.h.
enum { clinux_resolve_no_xdev = 0x01, clinux_resolve_no_magiclinks = 0x02,
       clinux_resolve_no_symlinks = 0x04, clinux_resolve_beneath = 0x08 };
int clinux_openat2(int folder, const char *path, uint64_t flags, uint64_t resolve);

// The process's arguments, the first of which is its name. Swift reads them from /proc, which a
// bare chroot may not have.
int clinux_argument_count(void);
const char *clinux_argument(int index);

// Makes malloc ask the system for each piece of memory beyond 128 KiB, and give it back when it is
// freed: in heaps, a few large pieces that come and go take the room of many.
void clinux_map_large_memory(void);

// Swift hides fork; a single-threaded process may use it.
pid_t clinux_fork(void);

// The device of a file's file system, as far as the kernel knows without asking the file system's
// server: 0 for a local disk, 1 for a symbolic link and for anything that a program or the network
// may serve, -1 with errno if there is no such file.
int clinux_may_hang(const char *path);

// Whether something keeps the kernel's clock synchronised: 1 yes, 0 no, -1 unknown.
int clinux_clock_is_synchronised(void);

// The number of the mount whose root is at a path, without asking its server; 0 if the path is not
// the root of a mount, -1 with errno if there is no such file.
int64_t clinux_mount_at(const char *path);

// Whether the server of the FUSE mount at a path has ended.
int clinux_mount_is_dead(const char *path);

// Leaves this thread with at most these capabilities (CAP_* of linux/capability.h, as bits), and the
// programs it may run with none. Returns 0, or -1 with errno.
int clinux_keep_capabilities(uint64_t capabilities);

// Forbids this process new rights by running programs, core dumps, and being looked into by others
// of the same user. Returns 0, or -1 with errno.
int clinux_forbid_new_rights(void);
int clinux_forbid_inspection(void);

// Writes a line to the system log.
void clinux_log(const char *program, const char *line);

// The device number of the file system with a loop device's file; -1 with errno if there is none.
int clinux_loop_file_system(int loop, dev_t *number);

// The number of a free loop device; -1 with errno if there is none.
int clinux_free_loop_device(void);

// Ends the program with an out-of-memory message, without allocating. Files that threads have begun
// are first completed or removed.
_Noreturn void clinux_out_of_memory(void);

// Between begin and end, a thread makes a file that must not remain unfinished; it calls the middle
// function once the file has a name in an open folder. Both are quick, and must not be nested.
void clinux_unfinished_begin(void);
void clinux_unfinished_name(int folder, const char *name);
void clinux_unfinished_end(void);

// A name in an open folder, to be removed if the program ends early.
struct clinux_hidden {
  int folder;
  char name[64];
  struct clinux_hidden *previous, *next;
};
void clinux_hidden_add(struct clinux_hidden *name);
void clinux_hidden_remove(struct clinux_hidden *name);

// Sets the exit status, a hint and a cleanup function; 0 and NULL keep the previous value. Nothing
// is copied.
void clinux_when_out_of_memory(int status, const char *hint, void (*tidying)(void));
