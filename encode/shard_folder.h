/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The folder OUT.shards in which the shards of a fit wait to be joined: K-of-N.h5 each. */
#ifndef BA_ENCODE_SHARD_FOLDER_H
#define BA_ENCODE_SHARD_FOLDER_H

#include "brainalign/error.h"

/* A shard file by its name: number k of n, from 1. */
typedef struct {
    size_t k, n;
} ba_shard_name_t;

/* Names, for the caller to free with ba_free(); NULL = no memory. */
char *ba_shard_folder(const char *output) BA_MUST_USE;
char *ba_shard_file(const char *output, size_t k, size_t n) BA_MUST_USE;

/* Whether there is such a folder. */
int ba_shard_folder_exists(const char *output);

/* The shard files in the folder, ordered by n and k; none where there is no folder. The
 * caller frees *out with ba_free(). BA_NOMEM. */
int ba_shard_folder_list(
    const char *output, ba_shard_name_t **out, size_t *n_out) BA_MUST_USE;

/* Makes the folder unless it is there, and removes what killed processes left in it.
 * BA_IO. */
int ba_shard_folder_make(const char *output) BA_MUST_USE;

/* Removes the shard files, what killed processes left, and the folder unless other files
 * are in it. BA_IO: a shard cannot be removed. */
int ba_shard_folder_remove(const char *output) BA_MUST_USE;

#endif
