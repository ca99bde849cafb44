#include "CChecksums.h"
#include <pthread.h>
#include <string.h>

// The polynomial ad93d23594c93659, with its bits in reverse: the highest bit is the coefficient of
// x to the power of 0.
static const uint64_t polynomial = 0x9a6c9329ac4bc9b5;

// tables[k][b]: what byte b is worth with k bytes behind it.
static uint64_t tables[8][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill(void) {
  for (unsigned byte = 0; byte < 256; byte++) {
    uint64_t value = byte;
    for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? polynomial : 0);
    tables[0][byte] = value;
  }
  for (unsigned byte = 0; byte < 256; byte++) {
    for (int k = 1; k < 8; k++) {
      uint64_t before = tables[k - 1][byte];
      tables[k][byte] = before >> 8 ^ tables[0][before & 0xff];
    }
  }
}

uint64_t cchecksums_crc64nvme(uint64_t start, const void *bytes, size_t count) {
  pthread_once(&once, fill);
  const uint8_t *next = bytes;
  uint64_t value = ~start;
  for (; count >= 8; count -= 8, next += 8) {
    uint64_t word;
    memcpy(&word, next, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    word ^= value;
    value = tables[7][word & 0xff] ^ tables[6][word >> 8 & 0xff] ^ tables[5][word >> 16 & 0xff] ^
            tables[4][word >> 24 & 0xff] ^ tables[3][word >> 32 & 0xff] ^
            tables[2][word >> 40 & 0xff] ^ tables[1][word >> 48 & 0xff] ^ tables[0][word >> 56];
  }
  for (; count > 0; count--) value = value >> 8 ^ tables[0][(value ^ *next++) & 0xff];
  return ~value;
}

// The product of two polynomials, modulo ours.
static uint64_t product(uint64_t a, uint64_t b) {
  uint64_t result = 0;
  for (uint64_t bit = 1ull << 63; bit != 0; bit >>= 1) {
    if (a & bit) result ^= b;
    b = b >> 1 ^ (b & 1 ? polynomial : 0);
  }
  return result;
}

uint64_t cchecksums_crc64nvme_joined(uint64_t first, uint64_t second, uint64_t second_count) {
  // Each byte that follows multiplies by x to the power of 8.
  uint64_t power = 1ull << (63 - 8);
  for (; second_count != 0; second_count >>= 1) {
    if (second_count & 1) first = product(first, power);
    power = product(power, power);
  }
  return first ^ second;
}
