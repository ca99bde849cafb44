// A session: what the kernel is promised, and the loop that takes its requests.
#define _GNU_SOURCE
#include "CFuse.h"
#include "libfuse.h"
#include "session.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static cfuse_session *of(fuse_req_t request) { return fuse_req_userdata(request); }

// The kernel then asks for no more at once, whatever the system allows.
static const unsigned most_bytes = CFUSE_MOST_BYTES;

static void initialize(void *data, struct fuse_conn_info *connection) {
  (void)data;
  // Not FUSE_CAP_ASYNC_DIO: the kernel then waits for direct reads where nothing interrupts it.
  unsigned wanted = FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_READDIRPLUS |
                    FUSE_CAP_NO_OPEN_SUPPORT | FUSE_CAP_NO_OPENDIR_SUPPORT |
                    FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_EXPLICIT_INVAL_DATA;
  connection->want = connection->capable & wanted;
  if (connection->max_write > most_bytes) connection->max_write = most_bytes;
  connection->max_background = 64;
  connection->congestion_threshold = 48;
}

// The kernel then opens files and directories by itself, and keeps what it has read of them.
static void open_unasked(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *file) {
  (void)node;
  (void)file;
  fuse_reply_err(request, ENOSYS);
}

static void lookup(fuse_req_t request, fuse_ino_t directory, const char *name) {
  of(request)->operations.lookup(of(request)->image, request, directory, name);
}

static void attributes(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *file) {
  (void)file;
  of(request)->operations.attributes(of(request)->image, request, node);
}

static void target(fuse_req_t request, fuse_ino_t node) {
  of(request)->operations.target(of(request)->image, request, node);
}

static void read_file(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset,
                      struct fuse_file_info *file) {
  (void)file;
  of(request)->operations.read(of(request)->image, request, node, size, offset);
}

static void seek(fuse_req_t request, fuse_ino_t node, off_t offset, int whence,
                 struct fuse_file_info *file) {
  (void)file;
  of(request)->operations.seek(of(request)->image, request, node, offset, whence);
}

static void list(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset,
                 struct fuse_file_info *file) {
  (void)file;
  of(request)->operations.list(of(request)->image, request, node, size, offset, 0);
}

static void list_with_nodes(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset,
                            struct fuse_file_info *file) {
  (void)file;
  of(request)->operations.list(of(request)->image, request, node, size, offset, 1);
}

static void statistics(fuse_req_t request, fuse_ino_t node) {
  (void)node;
  of(request)->operations.statistics(of(request)->image, request);
}

static void xattr(fuse_req_t request, fuse_ino_t node, const char *name, size_t size) {
  of(request)->operations.xattr(of(request)->image, request, node, name, size);
}

static void xattrs(fuse_req_t request, fuse_ino_t node, size_t size) {
  of(request)->operations.xattrs(of(request)->image, request, node, size);
}

static const struct fuse_lowlevel_ops operations = {
    .init = initialize,
    .open = open_unasked,
    .opendir = open_unasked,
    .lookup = lookup,
    .getattr = attributes,
    .readlink = target,
    .read = read_file,
    .lseek = seek,
    .readdir = list,
    .readdirplus = list_with_nodes,
    .statfs = statistics,
    .getxattr = xattr,
    .listxattr = xattrs,
};

static pthread_mutex_t message_lock = PTHREAD_MUTEX_INITIALIZER;
static char messages[512];

static void keep_message(enum fuse_log_level level, const char *format, va_list arguments) {
  (void)level;
  pthread_mutex_lock(&message_lock);
  size_t count = strlen(messages);
  vsnprintf(messages + count, sizeof messages - count, format, arguments);
  pthread_mutex_unlock(&message_lock);
}

const char *cfuse_messages(void) { return messages; }

cfuse_session *cfuse_new(const char *options, const struct cfuse_operations *given, void *image) {
  cfuse_session *made = calloc(1, sizeof *made);
  if (made == NULL) return NULL;
  made->operations = *given;
  made->image = image;
  fuse_set_log_func(keep_message);
  struct fuse_args arguments = FUSE_ARGS_INIT(0, NULL);
  if (fuse_opt_add_arg(&arguments, "autosquash") == 0 && fuse_opt_add_arg(&arguments, "-o") == 0 &&
      fuse_opt_add_arg(&arguments, options) == 0)
    made->session = cfuse_session_new(&arguments, &operations, sizeof operations, made);
  fuse_opt_free_args(&arguments);
  if (made->session != NULL) return made;
  free(made);
  return NULL;
}

void cfuse_close(cfuse_session *session) {
  fuse_session_destroy(session->session);
  free(session);
}

int cfuse_mount(cfuse_session *session, const char *folder) {
  return fuse_session_mount(session->session, folder) == 0;
}

void cfuse_serve(cfuse_session *session) {
  union message_space space;
  memset(&space, 0, sizeof space);
  while (!fuse_session_exited(session->session)) {
    int count = fuse_session_receive_buf(session->session, &space.buffer);
    if (count == -EINTR || count == -EAGAIN) continue;
    if (count <= 0) break;
    fuse_session_process_buf(session->session, &space.buffer);
  }
  free(space.buffer.mem);
}
