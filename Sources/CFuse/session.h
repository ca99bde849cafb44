#pragma once
#include "CFuse.h"
#include "libfuse.h"
#include <stdlib.h>

struct cfuse_session {
  struct fuse_session *session;
  struct cfuse_operations operations;
  void *image;
};

// Room for a message. Newer versions have a longer struct.
union message_space {
  struct fuse_buf buffer;
  char room[256];
};
