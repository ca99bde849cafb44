#pragma once
#include <stddef.h>
#include <stdint.h>

// CRC-64/NVME (NVM Command Set Specification, section 5.2.1.3.4): the checksum of whole objects in
// S3. The start value of a chain is 0.
uint64_t cchecksums_crc64nvme(uint64_t start, const void *bytes, size_t count);

// The checksum of two strings in a row, from theirs and the length of the second; O(log count).
uint64_t cchecksums_crc64nvme_joined(uint64_t first, uint64_t second, uint64_t second_count);
