// Ends the program when memory runs out, on any thread, without allocating.
#define _GNU_SOURCE
#include "clinux.h"
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
// Guarded by `lock`: the number of threads between begin and end, and what to remove.
static int unfinished;
static int is_ending;
static struct clinux_hidden *hidden;

static int end_status = 1;
static const char *end_hint = "";
static void (*end_tidying)(void);

static _Thread_local int is_unfinished;
static _Thread_local int own_folder = -1;
static _Thread_local char own_name[256];

void clinux_unfinished_begin(void) {
  pthread_mutex_lock(&lock);
  while (is_ending) pthread_cond_wait(&changed, &lock);
  unfinished++;
  is_unfinished = 1;
  pthread_mutex_unlock(&lock);
}

void clinux_unfinished_name(int folder, const char *name) {
  own_folder = folder;
  strncpy(own_name, name, sizeof own_name - 1);
}

static void end(void) {
  own_folder = -1;
  is_unfinished = 0;
  unfinished--;
  if (is_ending) pthread_cond_broadcast(&changed);
}

void clinux_unfinished_end(void) {
  pthread_mutex_lock(&lock);
  end();
  pthread_mutex_unlock(&lock);
}

void clinux_hidden_add(struct clinux_hidden *name) {
  pthread_mutex_lock(&lock);
  name->previous = NULL;
  name->next = hidden;
  if (hidden) hidden->previous = name;
  hidden = name;
  pthread_mutex_unlock(&lock);
}

void clinux_hidden_remove(struct clinux_hidden *name) {
  pthread_mutex_lock(&lock);
  if (name->previous) name->previous->next = name->next;
  else hidden = name->next;
  if (name->next) name->next->previous = name->previous;
  pthread_mutex_unlock(&lock);
}

void clinux_when_out_of_memory(int status, const char *hint, void (*tidying)(void)) {
  if (status) end_status = status;
  if (hint) end_hint = hint;
  if (tidying) end_tidying = tidying;
}

static void say(const char *text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) return;
}

void clinux_out_of_memory(void) {
  pthread_mutex_lock(&lock);
  if (is_unfinished) {
    if (own_folder >= 0) unlinkat(own_folder, own_name, 0);
    end();
  }
  // Another thread is ending the program.
  while (is_ending) pthread_cond_wait(&changed, &lock);
  is_ending = 1;
  // Other threads complete what they have begun, or run out of memory and come here themselves.
  struct timespec latest;
  clock_gettime(CLOCK_REALTIME, &latest);
  latest.tv_sec += 10;
  while (unfinished > 0 && pthread_cond_timedwait(&changed, &lock, &latest) == 0) continue;
  for (struct clinux_hidden *name = hidden; name; name = name->next) {
    unlinkat(name->folder, name->name, 0);
  }
  if (end_tidying) end_tidying();
  say("autosquash: not enough memory; free some, or raise its limit (ulimit -v)");
  say(end_hint);
  say("\n");
  _exit(end_status);
}
