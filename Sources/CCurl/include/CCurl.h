#pragma once
#include <curl/curl.h>

// Loads libcurl; no other function may be called before.
//
// Returns NULL, or why it cannot be loaded. Call it from one thread at a time.
const char *ccurl_load(void);

// curl_easy_setopt, for each type of value that an option may have: Swift cannot call functions with
// a variable number of arguments.
CURLcode ccurl_set_long(CURL *easy, CURLoption option, long value);
CURLcode ccurl_set_offset(CURL *easy, CURLoption option, curl_off_t value);
CURLcode ccurl_set_string(CURL *easy, CURLoption option, const char *value);
CURLcode ccurl_set_pointer(CURL *easy, CURLoption option, void *value);
// CURLOPT_WRITEFUNCTION and CURLOPT_HEADERFUNCTION.
CURLcode ccurl_set_write(CURL *easy, CURLoption option, curl_write_callback value);
CURLcode ccurl_set_read(CURL *easy, curl_read_callback value);
CURLcode ccurl_set_seek(CURL *easy, curl_seek_callback value);
CURLcode ccurl_set_socket(CURL *easy, curl_sockopt_callback value);

// curl_easy_getinfo and curl_multi_setopt, likewise.
CURLcode ccurl_get_long(CURL *easy, CURLINFO info, long *value);
CURLcode ccurl_get_offset(CURL *easy, CURLINFO info, curl_off_t *value);
CURLMcode ccurl_set_multi_long(CURLM *multi, CURLMoption option, long value);

// Macros that Swift does not import.
static const long ccurl_global_default = CURL_GLOBAL_DEFAULT;
static const int ccurl_error_size = CURL_ERROR_SIZE;
