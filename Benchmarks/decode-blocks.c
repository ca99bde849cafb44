/* What liblzma alone needs to unpack the xz blocks of an image, on a number of threads: the time
   that a reader cannot go below.

   decode-blocks IMAGE THREADS prints seconds and megabytes unpacked. Blocks are found by their
   magic and by unpacking them once, which is not timed. */
#define _GNU_SOURCE
#include <lzma.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static unsigned char *image;
static size_t size, count, *starts;
static atomic_size_t next_block, total;

static size_t decode(size_t start, unsigned char *out, size_t room, size_t *used) {
  uint64_t limit = UINT64_MAX;
  size_t in = 0, written = 0;
  lzma_ret status = lzma_stream_buffer_decode(
      &limit, 0, NULL, image + start, &in, size - start, out, &written, room);
  *used = in;
  return status == LZMA_OK ? written : 0;
}

static void *work(void *context) {
  unsigned char *out = malloc(1 << 20);
  for (size_t i; (i = atomic_fetch_add(&next_block, 1)) < count;) {
    size_t used;
    atomic_fetch_add(&total, decode(starts[i], out, 1 << 20, &used));
  }
  free(out);
  return context;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
  if (!file) return 1;
  fseek(file, 0, SEEK_END);
  size = ftell(file);
  rewind(file);
  image = malloc(size);
  if (fread(image, 1, size, file) != size) return 1;
  static const unsigned char magic[] = {0xfd, '7', 'z', 'X', 'Z', 0};
  unsigned char *out = malloc(1 << 20);
  starts = malloc(sizeof *starts * (size / 32 + 1));
  for (size_t at = 0; at + 6 < size;) {
    unsigned char *found = memmem(image + at, size - at, magic, 6);
    if (!found) break;
    at = found - image;
    size_t used, written = decode(at, out, 1 << 20, &used);
    if (written) starts[count++] = at;
    at += written ? used : 1;
  }
  int threads = atoi(argv[2]);
  pthread_t handles[threads];
  double start = now();
  for (int i = 0; i < threads; i++) pthread_create(&handles[i], NULL, work, NULL);
  for (int i = 0; i < threads; i++) pthread_join(handles[i], NULL);
  printf("%.3f %.1f\n", now() - start, total / 1e6);
}
