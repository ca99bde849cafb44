// libarchive comes with libraries for XML, Unicode and access lists, 35 MB that most commands never
// use. So the program is not linked with it: it has functions of the same names, which call those
// of libarchive after carchive_load has found them.
//
// They are hidden: otherwise libarchive's calls of its own functions would end here too.
#include "CLibArchive.h"
#include <dlfcn.h>
#include <stddef.h>

static struct {
#define FUNCTION(result, name, parameters, arguments) __typeof__(name) *name;
#include "functions.h"
#undef FUNCTION
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

const char *carchive_load(void) {
  // All numbers of libarchive 3 have kept this interface.
  void *library = dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return dlerror();
  for (size_t index = 0; index < sizeof functions / sizeof functions[0]; index++) {
    void *function = dlsym(library, functions[index].name);
    if (function == NULL) return dlerror();
    *(void **)((char *)&found + functions[index].place) = function;
  }
  return NULL;
}
