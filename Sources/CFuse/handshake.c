// The first message, in which both sides say what they can. Before 3.17, libfuse does not tell the kernel
// that requests for one directory may come at the same time, although it is told to: then all who look
// for names there wait for one another, and cannot even be killed meanwhile. Therefore its answer goes
// through a pipe, where that is added.
#define _GNU_SOURCE
#include "CFuse.h"
#include "libfuse.h"
#include "session.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add_flags(char *answer, size_t count, const char *asked, size_t asked_count) {
  struct fuse_init_in in;
  struct fuse_init_out out;
  size_t flags_end = offsetof(struct fuse_init_out, flags) + sizeof out.flags;
  if (asked_count < sizeof(struct fuse_in_header) + offsetof(struct fuse_init_in, flags2) ||
      count < sizeof(struct fuse_out_header) + flags_end)
    return;
  memset(&in, 0, sizeof in);
  memcpy(&in, asked + sizeof(struct fuse_in_header), offsetof(struct fuse_init_in, flags2));
  char *place = answer + sizeof(struct fuse_out_header);
  memcpy(&out, place, flags_end);
  out.flags |= in.flags & FUSE_PARALLEL_DIROPS;
  memcpy(place, &out, flags_end);
}

void cfuse_begin(cfuse_session *session) {
  union message_space space;
  memset(&space, 0, sizeof space);
  int count;
  do count = fuse_session_receive_buf(session->session, &space.buffer);
  while (count == -EINTR || count == -EAGAIN);
  if (count > 0) {
    int connection = fuse_session_fd(session->session);
    int device = fcntl(connection, F_DUPFD_CLOEXEC, 0);
    int ends[2] = {-1, -1};
    if (device >= 0 && pipe2(ends, O_CLOEXEC) == 0 &&
        dup3(ends[1], connection, O_CLOEXEC) >= 0) {
      fuse_session_process_buf(session->session, &space.buffer);
      dup3(device, connection, O_CLOEXEC);
      close(ends[1]);
      ends[1] = -1;
      char answer[256];
      ssize_t length = read(ends[0], answer, sizeof answer);
      if (length > 0) {
        add_flags(answer, (size_t)length, space.buffer.mem, (size_t)count);
        // If it is not taken, the connection has ended, as those who serve will find out.
        if (write(device, answer, (size_t)length) < 0) length = 0;
      }
    } else {
      fuse_session_process_buf(session->session, &space.buffer);
    }
    for (int index = 0; index < 2; index++)
      if (ends[index] >= 0) close(ends[index]);
    if (device >= 0) close(device);
  }
  free(space.buffer.mem);
}
