/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes the n-th allocation fail, for n = 1, 2, ... until nothing fails any more: every
 * call must say BA_NOMEM, leave nothing open and nothing under the output's name. Leaks
 * of memory show under MODE=asan. */
#ifndef BA_FAULTS_EXHAUST_H
#define BA_FAULTS_EXHAUST_H

#include "tests/testlib.h"

#include "brainalign/error.h"
#include "core/alloc.h"

#include <hdf5.h>

/* The folder that attempts write to, and the one file that they may leave there. */
static char out_folder[TEST_PATH_SIZE], out_path[TEST_PATH_SIZE];

static inline size_t
count_entries(const char *path)
{
    DIR *entries = opendir(path);
    size_t n = 0;

    assert_non_null(entries);
    while (readdir(entries)) {
        n++;
    }
    closedir(entries);
    return n;
}

/* What a failed call could have left behind. */
typedef struct {
    size_t n_files, n_descriptors;
    ssize_t n_hdf5;
} traces_t;

static inline traces_t
traces(void)
{
    return (traces_t){count_entries(out_folder), count_entries("/proc/self/fd"),
        H5Fget_obj_count((hid_t) H5F_OBJ_ALL, H5F_OBJ_ALL)};
}

/* Whether the failure that was asked for is still to come: then one of the next n
 * allocations fails. */
static inline int
is_pending(size_t n)
{
    int pending = 0;

    for (size_t i = 0; i < n && !pending; i++) {
        void *block = ba_malloc(1, 1);

        pending = !block;
        ba_free(block);
    }
    ba_alloc_fail_at(0);
    return pending;
}

/* Runs `attempt`, which cleans up after itself, with every allocation failing in turn.
 * One failure may be absorbed: libcsv asks again, for half as much. */
static inline void
exhaust(int (*attempt)(void), size_t at_least)
{
    traces_t before, after;
    size_t n_failures = 0, n_absorbed = 0;

    assert_int_equal(attempt(), BA_OK);
    remove(out_path);
    before = traces();
    for (size_t n = 1;; n++) {
        int status, pending;

        ba_alloc_fail_at(n);
        status = attempt();
        pending = is_pending(n);
        if (status != BA_OK && status != BA_NOMEM) {
            fail_msg("allocation %zu: status %d (%s)", n, status, ba_error_message());
        }
        if (status == BA_OK) {
            n_absorbed += !pending;
            remove(out_path);
        } else {
            n_failures++;
            assert_contains(ba_error_message(), "memory");
        }
        after = traces();
        assert_int_equal(after.n_files, before.n_files);
        assert_int_equal(after.n_descriptors, before.n_descriptors);
        assert_int_equal(after.n_hdf5, before.n_hdf5);
        if (pending) {
            assert_int_equal(status, BA_OK);
            break;
        }
    }
    assert_true(n_failures >= at_least);
    assert_true(n_absorbed <= 1);
}

#endif
