/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/bands.h"

#define N 400
#define SPACES 3

static void
test_samples(void **state)
{
    static double gammas[N * SPACES], fewer[20 * SPACES], other[N * SPACES];
    double spread[2] = {0};

    (void) state;
    assert_int_equal(ba_bands_sample(N, SPACES, 1, gammas), BA_OK);
    assert_int_equal(ba_bands_sample(20, SPACES, 1, fewer), BA_OK);
    assert_int_equal(ba_bands_sample(N, SPACES, 2, other), BA_OK);
    assert_memory_equal(gammas, fewer, sizeof fewer);
    assert_memory_equal(gammas, other, 4 * SPACES * sizeof *gammas);
    assert_memory_not_equal(gammas + 12, other + 12, SPACES * sizeof *gammas);
    for (size_t i = 0; i < N; i++) {
        const double *g = gammas + i * SPACES;
        double largest = fmax(g[0], fmax(g[1], g[2]));

        assert_true(test_is_close(g[0] + g[1] + g[2], 1, 1e-14));
        assert_true(g[0] >= 0 && g[1] >= 0 && g[2] >= 0);
        if (i == 0) {
            assert_true(largest == 1.0 / 3);
        } else if (i <= SPACES) {
            assert_true(g[i - 1] == 1.0);
        } else {
            spread[i % 2] += largest / ((N - 4) / 2);
        }
    }
    /* The mean of the largest of three: 11/18 where uniform, near 1 where sparse. */
    assert_true(test_is_close(spread[1], 11.0 / 18, 0.05));
    assert_true(spread[0] > 0.85 && spread[0] < 1.0);
    assert_int_equal(ba_bands_sample(2, 1, 1, fewer), BA_OK);
    assert_true(fewer[0] == 1.0 && fewer[1] == 1.0);
    assert_int_equal(ba_bands_sample(0, 3, 1, fewer), BA_VALUE);
    assert_int_equal(ba_bands_sample(3, 0, 1, fewer), BA_VALUE);
}

/* Rows without the absent spaces, once each, on the simplex again. */
static void
test_part(void **state)
{
    static const double gammas[] = {
        0.5, 0.25, 0.25, 0, 1, 0, 0.2, 0.7, 0.1, 1, 0, 0, 2, 5, 2};
    static const double wanted_rows[] = {2.0 / 3, 0, 1.0 / 3, 1, 0, 0, 2, 0, 2};
    ba_bands_t bands = {.gammas = gammas, .n_candidates = 5, .n_spaces = 3};
    uint8_t wanted[3] = {1, 0, 1};
    double part[15];

    (void) state;
    assert_int_equal(ba_bands_part(&bands, wanted, part), 3);
    for (size_t i = 0; i < 9; i++) {
        assert_true(test_is_close(part[i], wanted_rows[i], 1e-15));
    }
    wanted[0] = wanted[2] = 0;
    assert_int_equal(ba_bands_part(&bands, wanted, part), 0);
    wanted[1] = 1;
    assert_int_equal(ba_bands_part(&bands, wanted, part), 2);
    assert_true(part[1] == 1.0 && part[4] == 5.0);
}

static void
test_check(void **state)
{
    double gammas[] = {1, 0, 0.5, 0.5};
    ba_bands_t bands = {.gammas = gammas, .n_candidates = 2, .n_spaces = 2};

    (void) state;
    assert_int_equal(ba_bands_check(&bands), BA_OK);
    gammas[1] = -1;
    assert_int_equal(ba_bands_check(&bands), BA_VALUE);
    gammas[1] = (double) NAN;
    assert_int_equal(ba_bands_check(&bands), BA_VALUE);
    gammas[1] = (double) INFINITY;
    assert_int_equal(ba_bands_check(&bands), BA_VALUE);
    gammas[0] = gammas[1] = 0;
    assert_int_equal(ba_bands_check(&bands), BA_VALUE);
}

static void
test_models(void **state)
{
    static const int32_t models[] = {0, 0, 1, 3, 3};
    ba_bands_t bands = {.n_candidates = 5, .models = models, .n_models = 4};
    size_t start, stop;

    (void) state;
    assert_int_equal(ba_bands_n_models(&bands), 4);
    ba_bands_model(&bands, 0, &start, &stop);
    assert_true(start == 0 && stop == 2);
    ba_bands_model(&bands, 3, &start, &stop);
    assert_true(start == 3 && stop == 5);
    ba_bands_model(&bands, 2, &start, &stop);
    assert_true(start == stop);
    bands.models = NULL;
    assert_int_equal(ba_bands_n_models(&bands), 1);
    ba_bands_model(&bands, 0, &start, &stop);
    assert_true(start == 0 && stop == 5);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_part),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_models),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
