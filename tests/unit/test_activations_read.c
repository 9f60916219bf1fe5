/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "core/alloc.h"
#include "datasets/neuron_table.h"
#include "brainalign/error.h"

enum { ROWS = 3000, COLUMNS = 700 };

static double *numbers;
static ba_activations_t activations;

/* Wider than one piece of the reader. */
static int
make_activations(void **state)
{
    static const char *const names[] = {"ffn"};

    (void) state;
    numbers = malloc((size_t) ROWS * COLUMNS * sizeof *numbers);
    for (size_t i = 0; i < (size_t) ROWS * COLUMNS; i++) {
        numbers[i] = (double) i;
    }
    activations.n_tokens = ROWS;
    activations.file_column = malloc(COLUMNS * sizeof(size_t));
    if (ba_source_from_memory(numbers, ROWS, COLUMNS, ROWS, "act", &activations.source) ||
        ba_neuron_table_make(COLUMNS, names, 1, &activations.neurons)) {
        return 1;
    }
    for (size_t j = 0; j < COLUMNS; j++) {
        activations.file_column[j] = j;
        activations.neurons.layer[j] = j / 100;
        activations.neurons.unit[j] = j % 100;
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

static void
all_of_it(void **state)
{
    double *wide = malloc((size_t) ROWS * COLUMNS * sizeof *wide);
    float *single = malloc((size_t) ROWS * COLUMNS * sizeof *single);

    (void) state;
    assert_int_equal(
        ba_activations_read(&activations, NULL, ROWS, 0, COLUMNS, wide, ROWS), BA_OK);
    assert_memory_equal(wide, numbers, (size_t) ROWS * COLUMNS * sizeof *wide);
    assert_int_equal(
        ba_activations_read_single(&activations, NULL, ROWS, 0, COLUMNS, single, ROWS),
        BA_OK);
    for (size_t i = 0; i < (size_t) ROWS * COLUMNS; i++) {
        assert_true(single[i] == (float) numbers[i]);
    }
    free(wide);
    free(single);
}

/* Rows in any choice, columns with gaps as after a choice of layers. */
static void
rows_and_gaps(void **state)
{
    enum { LD = ROWS + 5, N_COLS = 3 };
    size_t *rows = malloc(ROWS * sizeof *rows), n = 0, seed = 3;
    double *x = malloc((size_t) LD * N_COLS * sizeof *x);

    (void) state;
    for (size_t i = 0; i < ROWS; i++) {
        uint64_t number = seed += 77;

        if (test_random(&number) % 3 == 0) {
            rows[n++] = i;
        }
    }
    activations.file_column[11] = 400;
    activations.file_column[12] = 401;
    assert_int_equal(
        ba_activations_read(&activations, rows, n, 10, N_COLS, x, LD), BA_OK);
    for (size_t i = 0; i < n; i++) {
        assert_close(x[i], (double) (10 * ROWS + rows[i]), 0);
        assert_close(x[i + LD], (double) (400 * ROWS + rows[i]), 0);
        assert_close(x[i + 2 * LD], (double) (401 * ROWS + rows[i]), 0);
    }
    activations.file_column[11] = 11;
    activations.file_column[12] = 12;
    free(rows);
    free(x);
}

static void
not_finite(void **state)
{
    const size_t rows[2] = {7, 2900};
    double x[4];
    float y[4];

    (void) state;
    numbers[2900 + 201 * ROWS] = (double) NAN;
    assert_int_equal(
        ba_activations_read(&activations, rows, 2, 200, 2, x, 2), BA_NONFINITE);
    assert_string_equal(ba_error_message(),
        "act: token 2900, neuron 201 (layer 2, ffn unit "
        "1; all from 0): found nan, wanted finite "
        "numbers");
    assert_int_equal(
        ba_activations_read_single(&activations, rows, 2, 200, 2, y, 2), BA_NONFINITE);
    assert_int_equal(ba_activations_read(&activations, rows, 1, 200, 2, x, 2), BA_OK);
    numbers[2900 + 201 * ROWS] = 0;
}

static void
out_of_bounds(void **state)
{
    const size_t back[2] = {3, 3}, far[1] = {ROWS};
    double x[4];

    (void) state;
    assert_int_equal(ba_activations_read(&activations, back, 2, 0, 1, x, 2), BA_VALUE);
    assert_int_equal(ba_activations_read(&activations, far, 1, 0, 1, x, 1), BA_VALUE);
    assert_int_equal(ba_activations_read(&activations, NULL, 2, 0, 1, x, 1), BA_VALUE);
    assert_int_equal(
        ba_activations_read(&activations, NULL, 1, COLUMNS, 1, x, 1), BA_VALUE);
    assert_int_equal(ba_activations_read(&activations, NULL, 0, 0, 1, x, 1), BA_OK);
    assert_int_equal(ba_activations_read(&activations, NULL, 1, COLUMNS, 0, x, 1), BA_OK);
    ba_alloc_fail_at(1);
    assert_int_equal(ba_activations_read(&activations, NULL, 1, 0, 1, x, 1), BA_NOMEM);
    ba_alloc_fail_at(0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_of_it),
        cmocka_unit_test(rows_and_gaps), cmocka_unit_test(not_finite),
        cmocka_unit_test(out_of_bounds)};

    return cmocka_run_group_tests(tests, make_activations, free_activations);
}
