#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

// libfuse's own types stay behind these functions: its header changes with its versions, and some of
// its structs differ between libfuse3.so.3 and libfuse3.so.4.

// A request of the kernel, which is answered exactly once.
typedef struct fuse_req *cfuse_request;
typedef struct cfuse_session cfuse_session;

// Loads libfuse; no other function may be called before.
//
// Returns NULL, or why it cannot be loaded. Call it from one thread at a time.
const char *cfuse_load(void);

// What stat(2) shows of a file.
struct cfuse_attributes {
  uint64_t inode;
  uint64_t size;
  // Of 512 bytes.
  uint64_t blocks;
  // Seconds since 1970.
  int64_t modified;
  // As the C library encodes it.
  uint64_t device;
  uint32_t mode;
  uint32_t links;
  uint32_t uid;
  uint32_t gid;
};

// How requests are answered. `image` is what cfuse_new was given.
struct cfuse_operations {
  void (*lookup)(void *image, cfuse_request, uint64_t directory, const char *name);
  void (*attributes)(void *image, cfuse_request, uint64_t node);
  void (*target)(void *image, cfuse_request, uint64_t node);
  void (*read)(void *image, cfuse_request, uint64_t node, size_t size, int64_t offset);
  void (*seek)(void *image, cfuse_request, uint64_t node, int64_t offset, int whence);
  void (*list)(void *image, cfuse_request, uint64_t node, size_t size, int64_t offset, int is_plus);
  void (*statistics)(void *image, cfuse_request);
  void (*xattr)(void *image, cfuse_request, uint64_t node, const char *name, size_t size);
  void (*xattrs)(void *image, cfuse_request, uint64_t node, size_t size);
};

// The most bytes of an answer. Its pieces are blocks of 4 KiB or more, and writev(2) takes 1024.
enum { CFUSE_MOST_BYTES = 1 << 20 };

// Makes a session; `options` is a list as for mount -o.
//
// Returns NULL if an option is unknown; cfuse_messages has libfuse's reason.
cfuse_session *cfuse_new(const char *options, const struct cfuse_operations *, void *image);

// Mounts it. Returns whether that worked.
int cfuse_mount(cfuse_session *, const char *folder);

// Answers the kernel's first message; once, before cfuse_serve.
void cfuse_begin(cfuse_session *);

// Answers requests until the file system is unmounted. Any number of threads may call it.
void cfuse_serve(cfuse_session *);

// Frees it. No thread may use it, and no request may be left without an answer.
void cfuse_close(cfuse_session *);

// What libfuse has said so far, cut to a few hundred bytes.
const char *cfuse_messages(void);

// The user who makes a request.
uid_t cfuse_user(cfuse_request);

// Has `interrupted` called when the caller of the request is interrupted, possibly at once; NULL
// ends that, and waits for a call in progress.
void cfuse_when_interrupted(cfuse_request, void (*interrupted)(cfuse_request, void *), void *data);

// Answers. What they say is valid as long as the image is mounted.
void cfuse_reply_error(cfuse_request, int error);
void cfuse_reply_entry(cfuse_request, uint64_t node, const struct cfuse_attributes *);
void cfuse_reply_no_entry(cfuse_request);
void cfuse_reply_attributes(cfuse_request, const struct cfuse_attributes *);
void cfuse_reply_target(cfuse_request, const char *target);
void cfuse_reply_bytes(cfuse_request, const void *bytes, size_t count);
void cfuse_reply_pieces(cfuse_request, const struct iovec *pieces, int count);
void cfuse_reply_size(cfuse_request, size_t size);
void cfuse_reply_offset(cfuse_request, int64_t offset);
void cfuse_reply_statistics(
    cfuse_request, uint32_t block_size, uint64_t blocks, uint64_t files, uint32_t longest_name);

// Adds an entry to a buffer with `room` bytes left. `next` is where a later request goes on. Without
// a node, the entry has a type and an inode number only.
//
// Returns the size of the entry; if that is more than `room`, it was not added.
size_t cfuse_add_entry(cfuse_request, void *buffer, size_t room, const char *name,
                       const struct cfuse_attributes *, int64_t next);
size_t cfuse_add_entry_with_node(cfuse_request, void *buffer, size_t room, const char *name,
                                 uint64_t node, const struct cfuse_attributes *, int64_t next);
