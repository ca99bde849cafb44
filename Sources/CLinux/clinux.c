#include "clinux.h"
#include <sys/stat.h>

int64_t clinux_fts_size(const FTSENT *entry) { return entry->fts_statp->st_size; }
