/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "lm/ngram_impl.h"

static int
compare_keys(size_t a, size_t b, const void *payload)
{
    const int *key = payload;

    return (key[a] > key[b]) - (key[a] < key[b]);
}

/* Any length: sorted, every number still there, equal ones in the order they came. */
static void
test_sorts_stably(void **state)
{
    enum { MOST = 70 };
    size_t numbers[MOST], scratch[MOST];
    int key[MOST];
    uint64_t random = 3;

    (void) state;
    for (size_t n = 0; n <= MOST; n++) {
        unsigned char seen[MOST] = {0};

        for (size_t i = 0; i < n; i++) {
            numbers[i] = i;
            key[i] = (int) (test_random(&random) % 9);
        }
        ba_sort_numbers(numbers, scratch, n, compare_keys, key);
        for (size_t i = 0; i < n; i++) {
            assert_true(numbers[i] < n && !seen[numbers[i]]);
            seen[numbers[i]] = 1;
            assert_true(
                i == 0 || key[numbers[i - 1]] < key[numbers[i]] ||
                (key[numbers[i - 1]] == key[numbers[i]] && numbers[i - 1] < numbers[i]));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sorts_stably)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
