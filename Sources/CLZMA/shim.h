#pragma once
#include <lzma.h>

// Swift does not import macros built on UINT32_C and UINT64_C.
static const lzma_vli clzma_filter_lzma2 = LZMA_FILTER_LZMA2;
static const lzma_vli clzma_vli_unknown = LZMA_VLI_UNKNOWN;
static const uint32_t clzma_ignore_check = LZMA_IGNORE_CHECK;
static const uint32_t clzma_preset_extreme = LZMA_PRESET_EXTREME;
