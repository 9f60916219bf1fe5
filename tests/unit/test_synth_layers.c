/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/synthlib.h"

/* Every planted neuron follows its concept more than any other; plain ones hardly follow
 * one. Deeper layers remember longer, so their match within a volume is weaker. */
static void
test_planted_neurons(void **state)
{
    size_t dims[BA_MAX_RANK], size = opts.layer_size, n_concepts = opts.n_concepts;
    double *planted = read_array("truth.h5", "/layers/planted", dims);
    double *counts = count_concepts();

    (void) state;
    for (size_t k = 0; k < opts.n_layers; k++) {
        size_t n_planted = 0, n_rows;
        double *x, mean_planted = 0, mean_plain = 0;
        char path[64];

        snprintf(path, sizeof path, "/features/layer_%zu", k + 1);
        x = read_array("study.h5", path, dims);
        n_rows = dims[0];
        for (size_t j = 0; j < size; j++) {
            int own = (int) planted[k * size + j];
            double most = 0, r_own = 0;

            for (size_t c = 0; c < n_concepts; c++) {
                double r = correlate(x + j, size, counts + c, n_concepts, n_rows);

                r_own = (int) c == own ? r : r_own;
                most = (int) c == own ? most : fmax(most, fabs(r));
            }
            if (own >= 0) {
                assert_true(r_own > 0.15 && r_own > most);
                mean_planted += r_own;
                n_planted++;
            } else {
                mean_plain += most;
            }
        }
        assert_int_equal(n_planted, n_concepts / 2 * opts.neurons_per_concept);
        assert_true(mean_planted / (double) n_planted > (k < 3 ? 0.5 : 0.25));
        assert_true(mean_plain / (double) (size - n_planted) < 0.17);
        free(x);
    }
    free(planted);
    free(counts);
}

static void
test_time_constants(void **state)
{
    size_t dims[BA_MAX_RANK], size = opts.layer_size;
    double *tau = read_array("truth.h5", "/layers/time_constant", dims);
    double last = -1;

    (void) state;
    assert_close(tau[0], 0.3, 1e-12);
    assert_close(tau[opts.n_layers - 1], 24, 1e-9);
    for (size_t k = 0; k < opts.n_layers; k++) {
        char path[64];
        double *x, mean = 0;

        snprintf(path, sizeof path, "/features/layer_%zu", k + 1);
        x = read_array("study.h5", path, dims);
        for (size_t j = 0; j < size; j++) {
            mean += correlate(x + j, size, x + j + size, size, opts.run_length - 1) /
                    (double) size;
        }
        assert_true(mean > last);
        last = mean;
        free(x);
    }
    assert_true(last > 0.6);
    free(tau);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_planted_neurons),
        cmocka_unit_test(test_time_constants),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
