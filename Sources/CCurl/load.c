// libcurl comes with 32 other libraries, which take 4 ms to load and which no command on local
// images uses. So the program is not linked with it: it has functions of the same names, which call
// those of libcurl after ccurl_load has found them.
//
// They are hidden: otherwise libcurl's calls of its own functions would end here too.
#define CURL_DISABLE_TYPECHECK
#include "CCurl.h"
#include <dlfcn.h>
#include <stddef.h>

static struct {
#define FUNCTION(result, name, parameters, arguments) __typeof__(name) *name;
#include "functions.h"
#undef FUNCTION
  CURLcode (*set)(CURL *, CURLoption, ...);
  CURLcode (*get)(CURL *, CURLINFO, ...);
  CURLMcode (*set_multi)(CURLM *, CURLMoption, ...);
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
    {"curl_easy_setopt", offsetof(__typeof__(found), set)},
    {"curl_easy_getinfo", offsetof(__typeof__(found), get)},
    {"curl_multi_setopt", offsetof(__typeof__(found), set_multi)},
};

const char *ccurl_load(void) {
  // All numbers of libcurl since 7.16 have kept this interface.
  void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return dlerror();
  for (size_t index = 0; index < sizeof functions / sizeof functions[0]; index++) {
    void *function = dlsym(library, functions[index].name);
    if (function == NULL) return dlerror();
    *(void **)((char *)&found + functions[index].place) = function;
  }
  return NULL;
}

CURLcode ccurl_set_long(CURL *easy, CURLoption option, long value) {
  return found.set(easy, option, value);
}

CURLcode ccurl_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
  return found.set(easy, option, value);
}

CURLcode ccurl_set_string(CURL *easy, CURLoption option, const char *value) {
  return found.set(easy, option, value);
}

CURLcode ccurl_set_pointer(CURL *easy, CURLoption option, void *value) {
  return found.set(easy, option, value);
}

CURLcode ccurl_set_write(CURL *easy, CURLoption option, curl_write_callback value) {
  return found.set(easy, option, value);
}

CURLcode ccurl_set_read(CURL *easy, curl_read_callback value) {
  return found.set(easy, CURLOPT_READFUNCTION, value);
}

CURLcode ccurl_set_seek(CURL *easy, curl_seek_callback value) {
  return found.set(easy, CURLOPT_SEEKFUNCTION, value);
}

CURLcode ccurl_set_socket(CURL *easy, curl_sockopt_callback value) {
  return found.set(easy, CURLOPT_SOCKOPTFUNCTION, value);
}

CURLcode ccurl_get_long(CURL *easy, CURLINFO info, long *value) {
  return found.get(easy, info, value);
}

CURLcode ccurl_get_offset(CURL *easy, CURLINFO info, curl_off_t *value) {
  return found.get(easy, info, value);
}

CURLMcode ccurl_set_multi_long(CURLM *multi, CURLMoption option, long value) {
  return found.set_multi(multi, option, value);
}
