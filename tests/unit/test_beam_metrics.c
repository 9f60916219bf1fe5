/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "decode/beam_metrics.h"

/* By the definition, without a table. */
static size_t
distance(const size_t *a, size_t n, const size_t *b, size_t m)
{
    size_t best, other;

    if (n == 0 || m == 0) {
        return n + m;
    }
    best = distance(a, n - 1, b, m - 1) + (a[n - 1] != b[m - 1]);
    other = distance(a, n - 1, b, m) + 1;
    best = other < best ? other : best;
    other = distance(a, n, b, m - 1) + 1;
    return other < best ? other : best;
}

static void
test_edit_distance(void **state)
{
    uint64_t seed = 4;

    (void) state;
    for (size_t trial = 0; trial < 200; trial++) {
        size_t a[6], b[6], n = test_below(&seed, 7), m = test_below(&seed, 7), got;

        for (size_t i = 0; i < 6; i++) {
            a[i] = test_below(&seed, 3);
            b[i] = test_below(&seed, 3);
        }
        assert_int_equal(ba_edit_distance(a, n, b, m, &got), 0);
        assert_int_equal(got, distance(a, n, b, m));
    }
}

/* "the the the the" for "the cat is on the mat": 2 of 4 count, and 6 words are missed
 * by 2. */
static void
test_bleu1(void **state)
{
    static const size_t said[] = {0, 1, 2, 3, 0, 4}, the[] = {0, 0, 0, 0, 0, 0, 0};

    (void) state;
    assert_close(ba_bleu1(said, 6, the, 4), 0.5 * exp(1.0 - 6.0 / 4.0), 1e-15);
    assert_close(ba_bleu1(said, 6, the, 7), 2.0 / 7.0, 1e-15);
    assert_close(ba_bleu1(said, 6, said, 6), 1.0, 1e-15);
    assert_close(ba_bleu1(said, 6, the, 0), 0.0, 0.0);
}

static void
test_similarity(void **state)
{
    static const double unit[] = {1.0, 0.0, 0.6, 0.8, 0.0, -1.0, 9.0, 9.0};
    static const double weight[] = {1.0, 3.0, 2.0, 5.0};
    static const unsigned char has[] = {1, 1, 1, 0};
    const ba_word_space_t space = {2, 4, unit, weight, has};
    static const size_t said[] = {0, 1, 3}, decoded[] = {2, 3, 1}, lost[] = {3};

    (void) state;
    assert_close(ba_word_similarity(&space, said, 3, decoded, 3),
        (1.0 * 0.6 + 3.0 * 1.0) / 4.0, 1e-15);
    assert_close(ba_word_similarity(&space, said, 1, decoded, 1), 0.0, 1e-15);
    assert_close(ba_word_similarity(&space, said, 2, lost, 1), 0.0, 0.0);
    assert_true(isnan(ba_word_similarity(&space, lost, 1, said, 2)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edit_distance),
        cmocka_unit_test(test_bleu1),
        cmocka_unit_test(test_similarity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
