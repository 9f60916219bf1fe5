/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/synthlib.h"

/* Zipf: the most frequent word is heard far more often than the tenth; concepts come in
 * bursts, so their counts vary more between stretches than by chance. */
static void
test_words(void **state)
{
    size_t n_rows = opts.n_runs * opts.run_length, n_concepts = opts.n_concepts;
    double *counts = count_concepts(), ratio = 0;
    enum { STRETCH = 6 };

    (void) state;
    for (size_t c = 0; c < n_concepts; c++) {
        double mean = 0, squares = 0, n = (double) (n_rows / STRETCH);

        for (size_t i = 0; i < n_rows / STRETCH; i++) {
            double sum = 0;

            for (size_t t = 0; t < STRETCH; t++) {
                sum += counts[(i * STRETCH + t) * n_concepts + c];
            }
            mean += sum / n;
            squares += sum * sum / n;
        }
        assert_true(mean > 0.2);
        ratio += (squares - mean * mean) / mean / (double) n_concepts;
    }
    assert_true(ratio > 1.4); /* 1 without bursts, with a deviation of 0.05 */
    free(counts);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
