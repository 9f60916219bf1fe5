/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "encode/shard_folder.h"

#include "core/alloc.h"
#include "io/outfile.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *
ba_shard_folder(const char *output)
{
    return ba_asprintf("%s.shards", output);
}

char *
ba_shard_file(const char *output, size_t k, size_t n)
{
    return ba_asprintf("%s.shards/%zu-of-%zu.h5", output, k, n);
}

int
ba_shard_folder_exists(const char *output)
{
    char *folder = ba_shard_folder(output);
    struct stat info;
    int exists = folder && stat(folder, &info) == 0;

    ba_free(folder);
    return exists;
}

/* A positive number without leading zeros. */
static int
read_count(const char **at, size_t *out)
{
    char *end;

    if (!isdigit((unsigned char) **at) || **at == '0') {
        return 0;
    }
    errno = 0;
    *out = strtoull(*at, &end, 10);
    *at = end;
    return errno == 0;
}

static int
read_name(const char *name, ba_shard_name_t *out)
{
    if (!read_count(&name, &out->k) || strncmp(name, "-of-", 4) != 0) {
        return 0;
    }
    name += 4;
    return read_count(&name, &out->n) && strcmp(name, ".h5") == 0;
}

static int
compare_names(const void *a, const void *b)
{
    const ba_shard_name_t *x = a, *y = b;

    return x->n != y->n ? (x->n > y->n) - (x->n < y->n) : (x->k > y->k) - (x->k < y->k);
}

static int
list_folder(DIR *entries, ba_shard_name_t **out, size_t *n_out)
{
    size_t room = 0;
    const struct dirent *entry;
    ba_shard_name_t name;

    while ((entry = readdir(entries)) != NULL) {
        if (!read_name(entry->d_name, &name)) {
            continue;
        }
        if (*n_out == room) {
            ba_shard_name_t *grown = ba_realloc(*out, 2 * room + 16, sizeof *grown);

            if (!grown) {
                return BA_NOMEM;
            }
            *out = grown;
            room = 2 * room + 16;
        }
        (*out)[(*n_out)++] = name;
    }
    if (*n_out > 0) {
        qsort(*out, *n_out, sizeof **out, compare_names);
    }
    return BA_OK;
}

int
ba_shard_folder_list(const char *output, ba_shard_name_t **out, size_t *n_out)
{
    int status = BA_OK;
    char *folder;
    DIR *entries;

    *out = NULL;
    *n_out = 0;
    BA_TRY_ALLOC(folder, ba_shard_folder(output));
    entries = opendir(folder);
    if (entries) {
        status = list_folder(entries, out, n_out);
        closedir(entries);
    }
out:
    if (status != BA_OK) {
        ba_free(*out);
        *out = NULL;
    }
    ba_free(folder);
    return status;
}

static int
remove_stale(const char *output)
{
    char *everything = ba_asprintf("%s.shards/", output);
    int status = everything ? ba_outfile_remove_stale(everything) : BA_NOMEM;

    ba_free(everything);
    return status;
}

int
ba_shard_folder_make(const char *output)
{
    int status = BA_OK;
    char *folder;

    BA_TRY_ALLOC(folder, ba_shard_folder(output));
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        BA_TRY(ba_fail(BA_IO, "%s: cannot make the folder: %s", folder, strerror(errno)));
    }
    BA_TRY(remove_stale(output));
out:
    ba_free(folder);
    return status;
}

static int
remove_shard(const char *output, const ba_shard_name_t *name)
{
    char *file = ba_shard_file(output, name->k, name->n);
    int status = BA_OK;

    if (!file) {
        return BA_NOMEM;
    }
    if (unlink(file) != 0 && errno != ENOENT) {
        status = ba_fail(BA_IO, "%s: cannot remove: %s", file, strerror(errno));
    }
    ba_free(file);
    return status;
}

int
ba_shard_folder_remove(const char *output)
{
    int status = BA_OK;
    size_t n = 0;
    char *folder = NULL;
    ba_shard_name_t *names = NULL;

    BA_TRY(ba_shard_folder_list(output, &names, &n));
    for (size_t i = 0; i < n; i++) {
        BA_TRY(remove_shard(output, &names[i]));
    }
    BA_TRY(remove_stale(output));
    BA_TRY_ALLOC(folder, ba_shard_folder(output));
    (void) rmdir(folder);
out:
    ba_free(folder);
    ba_free(names);
    return status;
}
