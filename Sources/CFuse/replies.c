// Answers to requests. Nothing in an image changes, so that the kernel may keep them for ever.
#define _GNU_SOURCE
#include "CFuse.h"
#include "libfuse.h"
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

// Seconds: ten years.
static const double forever = 315360000;

// What the kernel's own file system shows as st_blksize.
static const blksize_t block_size = 1024;

static void fill(struct stat *status, const struct cfuse_attributes *attributes) {
  memset(status, 0, sizeof *status);
  status->st_ino = attributes->inode;
  status->st_mode = attributes->mode;
  status->st_nlink = attributes->links;
  status->st_uid = attributes->uid;
  status->st_gid = attributes->gid;
  status->st_rdev = attributes->device;
  status->st_size = (off_t)attributes->size;
  status->st_blocks = (blkcnt_t)attributes->blocks;
  status->st_blksize = block_size;
  status->st_mtim.tv_sec = attributes->modified;
  status->st_atim = status->st_ctim = status->st_mtim;
}

static void fill_entry(struct fuse_entry_param *entry, uint64_t node,
                       const struct cfuse_attributes *attributes) {
  memset(entry, 0, sizeof *entry);
  entry->ino = node;
  entry->attr_timeout = forever;
  entry->entry_timeout = forever;
  fill(&entry->attr, attributes);
}

uid_t cfuse_user(cfuse_request request) { return fuse_req_ctx(request)->uid; }

void cfuse_when_interrupted(cfuse_request request, void (*interrupted)(cfuse_request, void *),
                            void *data) {
  fuse_req_interrupt_func(request, interrupted, data);
}

void cfuse_reply_error(cfuse_request request, int error) { fuse_reply_err(request, error); }

void cfuse_reply_entry(cfuse_request request, uint64_t node,
                       const struct cfuse_attributes *attributes) {
  struct fuse_entry_param entry;
  fill_entry(&entry, node, attributes);
  fuse_reply_entry(request, &entry);
}

void cfuse_reply_no_entry(cfuse_request request) {
  struct fuse_entry_param entry = {.entry_timeout = forever};
  fuse_reply_entry(request, &entry);
}

void cfuse_reply_attributes(cfuse_request request, const struct cfuse_attributes *attributes) {
  struct stat status;
  fill(&status, attributes);
  fuse_reply_attr(request, &status, forever);
}

void cfuse_reply_target(cfuse_request request, const char *target) {
  fuse_reply_readlink(request, target);
}

void cfuse_reply_bytes(cfuse_request request, const void *bytes, size_t count) {
  fuse_reply_buf(request, bytes, count);
}

void cfuse_reply_pieces(cfuse_request request, const struct iovec *pieces, int count) {
  fuse_reply_iov(request, pieces, count);
}

void cfuse_reply_size(cfuse_request request, size_t size) { fuse_reply_xattr(request, size); }

void cfuse_reply_offset(cfuse_request request, int64_t offset) {
  fuse_reply_lseek(request, offset);
}

void cfuse_reply_statistics(cfuse_request request, uint32_t size, uint64_t blocks, uint64_t files,
                            uint32_t longest_name) {
  struct statvfs statistics = {
      .f_bsize = size,
      .f_frsize = size,
      .f_blocks = blocks,
      .f_files = files,
      .f_namemax = longest_name,
  };
  fuse_reply_statfs(request, &statistics);
}

size_t cfuse_add_entry(cfuse_request request, void *buffer, size_t room, const char *name,
                       const struct cfuse_attributes *attributes, int64_t next) {
  struct stat status;
  fill(&status, attributes);
  return fuse_add_direntry(request, buffer, room, name, &status, next);
}

size_t cfuse_add_entry_with_node(cfuse_request request, void *buffer, size_t room,
                                 const char *name, uint64_t node,
                                 const struct cfuse_attributes *attributes, int64_t next) {
  struct fuse_entry_param entry;
  fill_entry(&entry, node, attributes);
  return fuse_add_direntry_plus(request, buffer, room, name, &entry, next);
}
