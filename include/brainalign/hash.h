/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fingerprints of files and of rows (XXH3). */
#ifndef BRAINALIGN_HASH_H
#define BRAINALIGN_HASH_H

#include "brainalign/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* XXH3-128 of a file's bytes as 32 hexadecimal digits, and its size in bytes. BA_IO.
 * Cost: one read of the file. */
BA_API int ba_hash_file(const char *file, char hex[33], uint64_t *n_bytes);

/* XXH3-64 of bytes, seeded: chain calls by handing the last result as the seed. */
BA_API uint64_t ba_hash_bytes(const void *data, size_t n_bytes, uint64_t seed);

#ifdef __cplusplus
}
#endif

#endif
