// libfuse is needed for mounting only, so the program is not linked with it: it has functions of
// the same names, which call those of libfuse after cfuse_load has found them.
//
// They are hidden: otherwise libfuse's calls of its own functions would end here too.
#define _GNU_SOURCE
#include "CFuse.h"
#include "libfuse.h"
#include <dlfcn.h>

static struct {
#define FUNCTION(result, name, parameters, arguments) __typeof__(name) *name;
#include "functions.h"
#undef FUNCTION
  __typeof__(cfuse_session_new) *session_new;
} found;

#define FUNCTION(result, name, parameters, arguments) \
  __attribute__((visibility("hidden"))) result name parameters { return found.name arguments; }
#include "functions.h"
#undef FUNCTION

static const struct {
  const char *name;
  size_t place;
} functions[] = {
#define FUNCTION(result, name, parameters, arguments) {#name, offsetof(__typeof__(found), name)},
#include "functions.h"
#undef FUNCTION
};

const char *cfuse_load(void) {
  // Number 4 is that of 3.17; what is used here is the same in both.
  void *library = dlopen("libfuse3.so.4", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) library = dlopen("libfuse3.so.3", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return dlerror();
  for (size_t index = 0; index < sizeof functions / sizeof functions[0]; index++) {
    void *function = dlsym(library, functions[index].name);
    if (function == NULL) return dlerror();
    *(void **)((char *)&found + functions[index].place) = function;
  }
  // Since 3.17 the name alone means a macro; the function remains under its version.
  void *session_new = dlvsym(library, "fuse_session_new", "FUSE_3.0");
  if (session_new == NULL) session_new = dlsym(library, "fuse_session_new");
  if (session_new == NULL) return dlerror();
  *(void **)&found.session_new = session_new;
  return NULL;
}

__attribute__((visibility("hidden"))) struct fuse_session *cfuse_session_new(
    struct fuse_args *arguments, const struct fuse_lowlevel_ops *operations, size_t size,
    void *data) {
  return found.session_new(arguments, operations, size, data);
}
