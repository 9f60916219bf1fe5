/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a dry run knows what the run takes. */
#ifndef BA_TESTS_MEMORYLIB_H
#define BA_TESTS_MEMORYLIB_H

#include "tests/testlib.h"

#include "brainalign/error.h"

/* Runs with so much memory; *planned = bytes that it says. */
typedef int (*test_run_t)(void *payload, size_t memory, int dry_run, size_t *planned);

/* The least memory that a dry run takes, of 16 MiB at most: it plans no more than that,
 * the run itself takes as much, and with less both are refused. */
static inline size_t
test_least_memory(test_run_t run, void *payload)
{
    size_t low = 0, high = (size_t) 16 << 20, planned = 0;

    assert_int_equal(run(payload, high, 1, &planned), BA_OK);
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        int status = run(payload, middle, 1, &planned);

        if (status == BA_OK) {
            high = middle;
        } else {
            assert_int_equal(status, BA_TOO_LARGE);
            low = middle;
        }
    }
    assert_int_equal(run(payload, high, 1, &planned), BA_OK);
    assert_in_range(planned, 1, high);
    assert_int_equal(run(payload, high, 0, &planned), BA_OK);
    assert_int_equal(run(payload, low, 0, &planned), BA_TOO_LARGE);
    return high;
}

#endif
