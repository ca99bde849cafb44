// The functions of libcurl that this program calls: result, name, parameters, arguments. The
// compiler compares each with its declaration in libcurl's header.

FUNCTION(CURLcode, curl_global_init, (long a), (a))
FUNCTION(struct curl_slist *, curl_slist_append, (struct curl_slist *a, const char *b), (a, b))
FUNCTION(void, curl_slist_free_all, (struct curl_slist *a), (a))

FUNCTION(CURL *, curl_easy_init, (void), ())
FUNCTION(void, curl_easy_cleanup, (CURL *a), (a))
FUNCTION(const char *, curl_easy_strerror, (CURLcode a), (a))

FUNCTION(CURLM *, curl_multi_init, (void), ())
FUNCTION(CURLMcode, curl_multi_cleanup, (CURLM *a), (a))
FUNCTION(CURLMcode, curl_multi_add_handle, (CURLM *a, CURL *b), (a, b))
FUNCTION(CURLMcode, curl_multi_remove_handle, (CURLM *a, CURL *b), (a, b))
FUNCTION(CURLMcode, curl_multi_perform, (CURLM *a, int *b), (a, b))
FUNCTION(CURLMsg *, curl_multi_info_read, (CURLM *a, int *b), (a, b))
FUNCTION(CURLMcode, curl_multi_poll,
         (CURLM *a, struct curl_waitfd b[], unsigned int c, int d, int *e), (a, b, c, d, e))
FUNCTION(CURLMcode, curl_multi_wakeup, (CURLM *a), (a))
