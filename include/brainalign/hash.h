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

/* One number more in a row's fingerprint: start at 0, call for every number in order.
 * Cheap, and the same for any cutting into tiles. */
static inline uint64_t
ba_hash_number(uint64_t hash, double number)
{
    union {
        double number;
        uint64_t bits;
    } value = {number};

    hash = (hash ^ value.bits) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

#ifdef __cplusplus
}
#endif

#endif
