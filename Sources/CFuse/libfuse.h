#pragma once
// The fields of fuse_file_info moved in 3.17; nothing here uses them.
#define FUSE_USE_VERSION 34
#include <fuse3/fuse_lowlevel.h>
#include <fuse3/fuse_log.h>

struct fuse_session *cfuse_session_new(
    struct fuse_args *arguments, const struct fuse_lowlevel_ops *operations, size_t size, void *data);
