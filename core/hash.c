/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "brainalign/hash.h"

#include "core/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define BUFFER_SIZE ((size_t) 1 << 20)

static int
open_regular(const char *file, int *fd)
{
    struct stat info;

    *fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0) {
        return ba_fail(BA_IO, "%s: cannot open: %s", file, strerror(errno));
    }
    if (fstat(*fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(*fd);
        *fd = -1;
        return ba_fail(BA_IO, "%s: cannot open: not a regular file", file);
    }
    return BA_OK;
}

static int
digest_file(
    int fd, const char *file, XXH3_state_t *state, void *buffer, uint64_t *n_bytes)
{
    for (;;) {
        ssize_t n = read(fd, buffer, BUFFER_SIZE);

        if (n == 0) {
            return BA_OK;
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return ba_fail(BA_IO, "%s: cannot read: %s", file, strerror(errno));
        }
        XXH3_128bits_update(state, buffer, (size_t) n);
        *n_bytes += (uint64_t) n;
    }
}

int
ba_hash_file(const char *file, char hex[33], uint64_t *n_bytes)
{
    int fd = -1;
    void *buffer = NULL;
    XXH3_state_t *state = NULL;
    XXH128_hash_t hash;
    uint64_t n = 0;
    int status;

    BA_TRY(open_regular(file, &fd));
    BA_TRY_ALLOC(buffer, ba_malloc(BUFFER_SIZE, 1));
    state = XXH3_createState();
    if (!state) {
        status = ba_fail(BA_NOMEM, "memory: no state for hashing could be had");
        goto out;
    }
    XXH3_128bits_reset(state);
    BA_TRY(digest_file(fd, file, state, buffer, &n));
    hash = XXH3_128bits_digest(state);
    snprintf(hex, 33, "%016llx%016llx", (unsigned long long) hash.high64,
        (unsigned long long) hash.low64);
    if (n_bytes) {
        *n_bytes = n;
    }
out:
    if (fd >= 0) {
        close(fd);
    }
    XXH3_freeState(state);
    ba_free(buffer);
    return status;
}

uint64_t
ba_hash_bytes(const void *data, size_t n_bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, n_bytes, seed);
}
