/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "datasets/neuron_table.h"
#include "neurons/redundancy.h"
#include "brainalign/error.h"

enum { TOKENS = 3000, NEURONS = 2000 };

static ba_activations_t activations;
static double *numbers;

/* Neighbours share half of their variance; more columns than a block that is read. */
static int
make_activations(void **state)
{
    static const char *const names[] = {"n"};

    (void) state;
    numbers = malloc((size_t) TOKENS * NEURONS * sizeof *numbers);
    activations.n_tokens = TOKENS;
    activations.file_column = malloc(NEURONS * sizeof(size_t));
    test_fill_normal(numbers, (size_t) TOKENS, 1);
    for (size_t j = 1; j < NEURONS; j++) {
        for (size_t i = 0; i < TOKENS; i++) {
            double noise =
                (double) (test_random(&(uint64_t){i + TOKENS * j}) >> 11) * 0x1p-53;

            numbers[i + j * TOKENS] =
                0.7 * numbers[i + (j - 1) * TOKENS] + 2.5 * (noise - 0.5) + 4;
        }
    }
    if (ba_source_from_memory(
            numbers, TOKENS, NEURONS, TOKENS, "act", &activations.source) ||
        ba_neuron_table_make(NEURONS, names, 1, &activations.neurons)) {
        return 1;
    }
    for (size_t j = 0; j < NEURONS; j++) {
        activations.file_column[j] = j;
    }
    return 0;
}

static int
free_activations(void **state)
{
    (void) state;
    ba_source_close(activations.source);
    ba_neuron_table_free(&activations.neurons);
    free(activations.file_column);
    free(numbers);
    return 0;
}

static double
correlation(size_t a, size_t b)
{
    const double *x = numbers + a * TOKENS, *y = numbers + b * TOKENS;
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;

    for (size_t i = 0; i < TOKENS; i++) {
        mx += x[i] / TOKENS;
        my += y[i] / TOKENS;
    }
    for (size_t i = 0; i < TOKENS; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
        xy += (x[i] - mx) * (y[i] - my);
    }
    return xy / sqrt(xx * yy);
}

/* Candidates in any order; |r| to about the rounding of float32. */
static void
correlations(void **state)
{
    const size_t candidates[5] = {1500, 3, 1999, 1501, 4};
    ba_redundancy_t *redundancy;

    (void) state;
    assert_int_equal(
        ba_redundancy_open(NULL, &activations, candidates, 5, &redundancy), BA_OK);
    for (size_t i = 0; i < 5; i++) {
        for (size_t k = 0; k < 5; k++) {
            double r = fabs(correlation(candidates[i], candidates[k]));
            int below, above;

            assert_int_equal(
                ba_redundancy_check(redundancy, i, &k, 1, r - 1e-6, &below), BA_OK);
            assert_int_equal(
                ba_redundancy_check(redundancy, i, &k, 1, r + 1e-6, &above), BA_OK);
            assert_int_equal(below, 0);
            assert_int_equal(above, 1);
        }
    }
    ba_redundancy_free(redundancy);
    ba_redundancy_free(NULL);
}

/* What does not fit is refused only when it is asked for. */
static void
small_budget(void **state)
{
    const size_t candidates[3] = {7, 100, 200};
    ba_ctx_t ctx = ba_ctx_default();
    ba_redundancy_t *redundancy;
    size_t first = 0;
    int is_new;

    (void) state;
    ctx.memory = 2 * 2 * TOKENS * sizeof(float);
    assert_int_equal(
        ba_redundancy_open(&ctx, &activations, candidates, 3, &redundancy), BA_OK);
    assert_int_equal(ba_redundancy_check(redundancy, 1, &first, 1, 0.5, &is_new), BA_OK);
    assert_int_equal(is_new, 1);
    assert_int_equal(
        ba_redundancy_check(redundancy, 2, &first, 1, 0.5, &is_new), BA_TOO_LARGE);
    assert_contains(ba_error_message(), "2 columns of 3000 tokens fit the memory budget");
    ba_redundancy_free(redundancy);
}

static void
numbers_of_neurons(void **state)
{
    const size_t candidates[1] = {6}, unknown[1] = {7};
    size_t number[NEURONS];
    ba_redundancy_t *redundancy;

    (void) state;
    for (size_t j = 0; j < NEURONS; j++) {
        number[j] = 2 * j;
    }
    activations.neurons.number = number;
    assert_int_equal(
        ba_redundancy_open(NULL, &activations, candidates, 1, &redundancy), BA_OK);
    ba_redundancy_free(redundancy);
    assert_int_equal(
        ba_redundancy_open(NULL, &activations, unknown, 1, &redundancy), BA_SHAPE);
    assert_null(redundancy);
    assert_contains(ba_error_message(), "neuron 7: not among those of the activations");
    activations.neurons.number = NULL;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(correlations),
        cmocka_unit_test(small_budget), cmocka_unit_test(numbers_of_neurons)};

    return cmocka_run_group_tests(tests, make_activations, free_activations);
}
