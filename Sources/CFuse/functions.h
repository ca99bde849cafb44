// The functions of libfuse that this program calls: result, name, parameters, arguments. The
// compiler compares each with its declaration in libfuse's header.

FUNCTION(int, fuse_opt_add_arg, (struct fuse_args *a, const char *b), (a, b))
FUNCTION(void, fuse_opt_free_args, (struct fuse_args *a), (a))
FUNCTION(void, fuse_set_log_func, (fuse_log_func_t a), (a))

FUNCTION(int, fuse_session_mount, (struct fuse_session *a, const char *b), (a, b))
FUNCTION(int, fuse_session_receive_buf, (struct fuse_session *a, struct fuse_buf *b), (a, b))
FUNCTION(void, fuse_session_process_buf, (struct fuse_session *a, const struct fuse_buf *b), (a, b))
FUNCTION(int, fuse_session_fd, (struct fuse_session *a), (a))
FUNCTION(int, fuse_session_exited, (struct fuse_session *a), (a))
FUNCTION(void, fuse_session_destroy, (struct fuse_session *a), (a))

FUNCTION(void *, fuse_req_userdata, (fuse_req_t a), (a))
FUNCTION(const struct fuse_ctx *, fuse_req_ctx, (fuse_req_t a), (a))
FUNCTION(void, fuse_req_interrupt_func, (fuse_req_t a, fuse_interrupt_func_t b, void *c), (a, b, c))

FUNCTION(int, fuse_reply_err, (fuse_req_t a, int b), (a, b))
FUNCTION(int, fuse_reply_entry, (fuse_req_t a, const struct fuse_entry_param *b), (a, b))
FUNCTION(int, fuse_reply_attr, (fuse_req_t a, const struct stat *b, double c), (a, b, c))
FUNCTION(int, fuse_reply_readlink, (fuse_req_t a, const char *b), (a, b))
FUNCTION(int, fuse_reply_buf, (fuse_req_t a, const char *b, size_t c), (a, b, c))
FUNCTION(int, fuse_reply_iov, (fuse_req_t a, const struct iovec *b, int c), (a, b, c))
FUNCTION(int, fuse_reply_statfs, (fuse_req_t a, const struct statvfs *b), (a, b))
FUNCTION(int, fuse_reply_xattr, (fuse_req_t a, size_t b), (a, b))
FUNCTION(int, fuse_reply_lseek, (fuse_req_t a, off_t b), (a, b))
FUNCTION(size_t, fuse_add_direntry,
         (fuse_req_t a, char *b, size_t c, const char *d, const struct stat *e, off_t f),
         (a, b, c, d, e, f))
FUNCTION(size_t, fuse_add_direntry_plus,
         (fuse_req_t a, char *b, size_t c, const char *d, const struct fuse_entry_param *e, off_t f),
         (a, b, c, d, e, f))
