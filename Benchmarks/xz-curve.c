/* The time and size of liblzma's settings for the blocks of an xz image, by what the blocks hold.

   xz-curve IMAGE STEP takes every STEPth block, packs it with each setting in turn, and prints a row
   for each kind of block and setting: megabytes, nice_len, depth (0: liblzma's own), and the ratios
   of processor time and size to preset 6. Blocks are found by their magic. Kinds are those of
   XZSettings.swift: machine code, tables (entropy below 4 bits), text (below 5.2) and rich (above).
*/
#define _GNU_SOURCE
#include <lzma.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BLOCK = 1 << 17, SETTINGS = 14, KINDS = 4 };
static const struct { uint32_t nice, depth; } settings[SETTINGS] = {
    {64, 0},  {60, 0},  {60, 16}, {60, 12}, {60, 8},  {52, 16}, {48, 16},
    {44, 16}, {40, 16}, {36, 16}, {32, 16}, {28, 16}, {24, 16}, {24, 8}};
static const char *kinds[KINDS] = {"code", "tables", "text", "rich"};

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec + now.tv_nsec * 1e-9;
}

static int is_code(const unsigned char *block, size_t size) {
  static uint32_t addresses[8192], distances[8192];
  int repeated_addresses = 0, repeated_distances = 0;
  memset(addresses, 0, sizeof addresses);
  memset(distances, 0, sizeof distances);
  for (size_t i = 0; i + 5 <= size; i++) {
    if ((block[i] & 0xfe) != 0xe8 || (block[i + 4] != 0 && block[i + 4] != 0xff)) continue;
    uint32_t distance;
    memcpy(&distance, block + i + 1, 4);
    uint32_t address = distance + (uint32_t)i + 5;
    uint32_t *slot = &addresses[address * 2654435761u >> 19];
    repeated_addresses += *slot == address;
    *slot = address;
    slot = &distances[distance * 2654435761u >> 19];
    repeated_distances += *slot == distance;
    *slot = distance;
  }
  return repeated_addresses - repeated_distances > 20 &&
         2 * repeated_addresses > 3 * repeated_distances;
}

static double entropy(const double *counts, double total) {
  double sum = 0;
  for (int i = 0; i < 256; i++)
    if (counts[i] > 0) sum += counts[i] * log2(counts[i]);
  return log2(total) - sum / total;
}

int main(int argc, char **argv) {
  FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
  int step = argc == 3 ? atoi(argv[2]) : 0;
  if (!file || step < 1) return fprintf(stderr, "xz-curve IMAGE STEP\n"), 64;
  fseek(file, 0, SEEK_END);
  size_t size = ftell(file);
  unsigned char *image = malloc(size), *block = malloc(BLOCK), *out = malloc(2 * BLOCK);
  rewind(file);
  if (!image || !block || !out || fread(image, 1, size, file) != size) return 1;
  static double times[KINDS][SETTINGS], sizes[KINDS][SETTINGS], plain[KINDS];
  int seen = 0;
  for (size_t start = 0; start + 32 < size; start++) {
    if (memcmp(image + start, "\3757zXZ", 6)) continue;
    uint64_t limit = UINT64_MAX;
    size_t used = 0, count = 0;
    if (lzma_stream_buffer_decode(&limit, 0, NULL, image + start, &used, size - start, block,
                                  &count, BLOCK) != LZMA_OK)
      continue;
    start += used - 1;
    if (count < BLOCK / 2 || seen++ % step) continue;
    double all[256] = {0}, part[4][256] = {{0}}, apart = 0;
    for (size_t i = 0; i < count; i++) all[block[i]]++, part[i & 3][block[i]]++;
    for (int i = 0; i < 4; i++) apart += entropy(part[i], count / 4.0) / 4;
    double whole = entropy(all, count), gain = whole - apart;
    int kind = is_code(block, count) ? 0 : whole < 4 ? 1 : whole < 5.2 ? 2 : 3;
    plain[kind] += count;
    for (int i = 0; i < SETTINGS; i++) {
      lzma_options_lzma options;
      lzma_lzma_preset(&options, 6);
      options.dict_size = BLOCK;
      options.nice_len = settings[i].nice;
      options.depth = settings[i].depth;
      if (i > 0) {
        int is_table = whole < 4;
        options.pb = is_table && gain >= 0.025 ? 2 : 0;
        if (!is_table && gain >= 0.15) options.lc = 0, options.lp = 2, options.pb = 2;
      }
      lzma_filter filters[] = {{LZMA_FILTER_X86, NULL}, {LZMA_FILTER_LZMA2, &options},
                               {LZMA_VLI_UNKNOWN, NULL}};
      size_t written = 0;
      double before = seconds();
      if (lzma_stream_buffer_encode(filters + (kind || !i), LZMA_CHECK_CRC32, NULL, block, count,
                                    out, &written, 2 * BLOCK) != LZMA_OK)
        return 1;
      times[kind][i] += seconds() - before;
      sizes[kind][i] += written < count ? written : count;
    }
  }
  for (int kind = 0; kind < KINDS; kind++)
    for (int i = 1; plain[kind] > 0 && i < SETTINGS; i++)
      printf("| %s | %.1f | %u | %u | %.3f | %.4f |\n", kinds[kind], plain[kind] / 1e6,
             settings[i].nice, settings[i].depth, times[kind][i] / times[kind][0],
             sizes[kind][i] / sizes[kind][0]);
}
