/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/synthlib.h"

/* Power of the cosine of k half waves, the mean over runs; white noise of variance 1 has
 * 1. */
static double
wave_power(const double *x, size_t n_runs, size_t n, size_t k)
{
    double power = 0;

    for (size_t run = 0; run < n_runs; run++) {
        double sum = 0;

        for (size_t t = 0; t < n; t++) {
            sum += x[run * n + t] * cos(3.14159265358979323846 * (double) k *
                                        ((double) t + 0.5) / (double) n);
        }
        power += sum * sum / (double) n_runs / ((double) n / 2);
    }
    return power;
}

static double
mean_product(const double *x, size_t n_runs, size_t n, size_t lag)
{
    double sum = 0;

    for (size_t run = 0; run < n_runs; run++) {
        double mean = 0;

        for (size_t t = 0; t < n; t++) {
            mean += x[run * n + t] / (double) n;
        }
        for (size_t t = lag; t < n; t++) {
            sum += (x[run * n + t] - mean) * (x[run * n + t - lag] - mean);
        }
    }
    return sum / (double) (n_runs * n);
}

/* Variance 1 about the mean; 30 % of it drift with power proportional to 1 / frequency up
 * to 0.02 Hz; lag-1 autocorrelation of the rest as asked. */
static void
test_noise(void **state)
{
    enum { RUNS = 3000, LENGTH = 200 };
    const double rho[3] = {0, 0.4, 0.8};
    double *x = malloc(sizeof *x * RUNS * LENGTH), products[3];
    ba_rng_t *rng = ba_rng_new(3, 0);

    (void) state;
    assert_non_null(x);
    for (size_t i = 0; i < 3; i++) {
        double flat, waves = 0;

        for (size_t run = 0; run < RUNS; run++) {
            ba_synth_noise(rng, LENGTH, 2.0, rho[i], x + run * LENGTH);
        }
        assert_close(mean_product(x, RUNS, LENGTH, 0), 1, 0.02);
        products[i] = mean_product(x, RUNS, LENGTH, 1);
        for (size_t k = 1; k <= 16 && i == 0; k++) {
            waves += wave_power(x, RUNS, LENGTH, k) / LENGTH;
        }
        if (i == 0) {
            flat = wave_power(x, RUNS, LENGTH, 50);
            assert_close(flat, 0.7, 0.06);
            assert_close(wave_power(x, RUNS, LENGTH, 18), flat, 0.08);
            assert_close(waves, 0.3 + 16 * 0.7 / LENGTH, 0.02);
            assert_close((wave_power(x, RUNS, LENGTH, 4) - flat) /
                             (wave_power(x, RUNS, LENGTH, 8) - flat),
                2, 0.25);
        }
    }
    assert_close((products[1] - products[0]) / 0.7, 0.4, 0.02);
    assert_close((products[2] - products[0]) / 0.7, 0.8, 0.03);
    ba_rng_free(rng);
    free(x);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noise),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
