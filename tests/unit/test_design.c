/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/design.h"

#include <limits.h>

#define N 60

static const size_t onsets[] = {0, 17, 25, 26 + 14};

/* Two spaces, one of each type, with delays of their own. */
typedef struct {
    ba_runs_t runs;
    float single[N * 5];
    double full[N * 20];
    ba_space_t spaces[2];
} study_t;

static const int delays_a[] = {2, 0, -3};
static const int delays_b[] = {-3, 1, 7};

static void
set_up(study_t *study)
{
    assert_int_equal(ba_runs_from_onsets(onsets, 4, N, &study->runs), BA_OK);
    test_fill_normal_f32(study->single, N * 5, 1);
    test_fill_normal(study->full, N * 20, 2);
    study->spaces[0] = (ba_space_t){.name = "a",
        .single = study->single,
        .n_features = 5,
        .delays = delays_a,
        .n_delays = 3};
    study->spaces[1] = (ba_space_t){.name = "b",
        .full = study->full,
        .n_features = 20,
        .delays = delays_b,
        .n_delays = 3};
}

/* One number of the design by its definition: column order from a list written by hand.
 */
static double
expected(const study_t *study, ba_delay_borders_t borders, size_t t, size_t column)
{
    /* delay, space, first column: delays in order of first appearance 2 0 -3 1 7 */
    static const int blocks[][3] = {
        {2, 0, 0}, {0, 0, 5}, {-3, 0, 10}, {-3, 1, 15}, {1, 1, 35}, {7, 1, 55}};
    size_t b = 5;
    long source;

    while (column < (size_t) blocks[b][2]) {
        b--;
    }
    column -= (size_t) blocks[b][2];
    source = (long) t - blocks[b][0];
    if (source < 0 || source >= N) {
        return 0;
    }
    if (borders == BA_DELAY_WITHIN_RUNS) {
        for (size_t k = 0; k < 4; k++) {
            if ((t < onsets[k]) != (source < (long) onsets[k])) {
                return 0;
            }
        }
    }
    return blocks[b][1] == 0 ? (double) study->single[column * N + (size_t) source]
                             : study->full[column * N + (size_t) source];
}

static void
check_rows(const study_t *study, const ba_design_t *design, ba_delay_borders_t borders,
    const size_t *rows, size_t n_rows)
{
    static double dst[75 * (N + 3)];
    size_t ld = n_rows + 3;

    for (size_t col0 = 0; col0 < 75; col0 += 13) {
        for (size_t n_cols = 1; col0 + n_cols <= 75; n_cols += 11) {
            test_fill_normal(dst, 75 * (N + 3), 3);
            ba_design_read(design, rows, n_rows, col0, n_cols, dst, ld);
            for (size_t j = 0; j < n_cols; j++) {
                for (size_t i = 0; i < n_rows; i++) {
                    assert_true(
                        dst[i + j * ld] == expected(study, borders, rows[i], col0 + j));
                }
            }
        }
    }
}

static void
check_borders(ba_delay_borders_t borders)
{
    study_t study;
    ba_design_t *design;
    size_t rows[N], n = 0;
    uint64_t seed = 5;

    set_up(&study);
    assert_int_equal(
        ba_design_new(study.spaces, 2, &study.runs, borders, &design), BA_OK);
    assert_int_equal(ba_design_n_columns(design), 75);
    for (size_t t = 0; t < N; t++) {
        rows[t] = t;
    }
    check_rows(&study, design, borders, rows, N);
    check_rows(&study, design, borders, rows + 16, 1);
    check_rows(&study, design, borders, rows + 20, 30);
    check_rows(&study, design, borders, rows, 0);
    for (size_t t = 0; t < N; t++) { /* with holes */
        if (test_below(&seed, 4) > 0) {
            rows[n++] = t;
        }
    }
    check_rows(&study, design, borders, rows, n);
    for (size_t i = 0; i < N; i++) { /* any order, with repetition */
        rows[i] = test_below(&seed, N);
    }
    check_rows(&study, design, borders, rows, N);
    ba_design_free(design);
    ba_runs_free(&study.runs);
}

static void
test_within_runs(void **state)
{
    (void) state;
    check_borders(BA_DELAY_WITHIN_RUNS);
}

static void
test_across_runs(void **state)
{
    (void) state;
    check_borders(BA_DELAY_ACROSS_RUNS);
}

/* Nothing but the asked for numbers is written. */
static void
test_writes_only_its_part(void **state)
{
    study_t study;
    ba_design_t *design;
    size_t rows[] = {3, 4, 5, 30};
    double dst[10 * 6];

    (void) state;
    set_up(&study);
    assert_int_equal(
        ba_design_new(study.spaces, 2, &study.runs, BA_DELAY_WITHIN_RUNS, &design), 0);
    for (size_t i = 0; i < 60; i++) {
        dst[i] = 1e30;
    }
    ba_design_read(design, rows, 4, 12, 5, dst + 2, 10);
    for (size_t i = 0; i < 60; i++) {
        int inside = i >= 2 && (i - 2) % 10 < 4 && (i - 2) / 10 < 5;

        assert_true((dst[i] == 1e30) == !inside);
    }
    ba_design_free(design);
    ba_runs_free(&study.runs);
}

static void
test_columns(void **state)
{
    study_t study;
    ba_design_t *design;
    const int *delays;
    size_t n_delays;
    ba_column_t column;

    (void) state;
    set_up(&study);
    assert_int_equal(
        ba_design_new(study.spaces, 2, &study.runs, BA_DELAY_WITHIN_RUNS, &design), 0);
    delays = ba_design_delays(design, &n_delays);
    assert_int_equal(n_delays, 5);
    for (size_t i = 0; i < 5; i++) {
        const int wanted[] = {2, 0, -3, 1, 7};

        assert_int_equal(delays[i], wanted[i]);
    }
    assert_int_equal(ba_design_n_features(design), 25);
    column = ba_design_column(design, 13);
    assert_true(column.space == 0 && column.feature == 3 && column.delay_index == 2 &&
                column.feature_index == 3);
    column = ba_design_column(design, 15);
    assert_true(column.space == 1 && column.feature == 0 && column.delay_index == 2 &&
                column.feature_index == 5);
    column = ba_design_column(design, 74);
    assert_true(column.space == 1 && column.feature == 19 && column.delay_index == 4 &&
                column.feature_index == 24);
    ba_design_free(design);
    ba_runs_free(&study.runs);
}

static int
make(study_t *study, const int *delays, size_t n_delays, ba_delay_borders_t borders)
{
    ba_design_t *design = NULL;
    int status;

    study->spaces[1].delays = delays;
    study->spaces[1].n_delays = n_delays;
    status = ba_design_new(study->spaces, 2, &study->runs, borders, &design);
    ba_design_free(design);
    return status;
}

static void
test_bad_delays(void **state)
{
    study_t study;

    (void) state;
    set_up(&study);
    /* The shortest run has 8 samples. */
    assert_int_equal(make(&study, (int[]){-7}, 1, BA_DELAY_WITHIN_RUNS), BA_OK);
    assert_int_equal(make(&study, (int[]){8}, 1, BA_DELAY_WITHIN_RUNS), BA_SHAPE);
    assert_string_equal(ba_error_message(),
        "delays: b: delay 8, wanted shorter than run 1 (counted from 0) of 8 samples");
    assert_int_equal(make(&study, (int[]){-8}, 1, BA_DELAY_WITHIN_RUNS), BA_SHAPE);
    assert_int_equal(make(&study, (int[]){-8}, 1, BA_DELAY_ACROSS_RUNS), BA_OK);
    assert_int_equal(make(&study, (int[]){N - 1}, 1, BA_DELAY_ACROSS_RUNS), BA_OK);
    assert_int_equal(make(&study, (int[]){N}, 1, BA_DELAY_ACROSS_RUNS), BA_SHAPE);
    assert_contains(ba_error_message(), "delay 60, wanted shorter than the 60 samples");
    assert_int_equal(make(&study, (int[]){INT_MIN}, 1, BA_DELAY_ACROSS_RUNS), BA_SHAPE);
    assert_int_equal(make(&study, (int[]){1, 2, 1}, 3, BA_DELAY_WITHIN_RUNS), BA_VALUE);
    assert_contains(ba_error_message(), "b: delay 1 is given twice");
    assert_int_equal(make(&study, NULL, 0, BA_DELAY_WITHIN_RUNS), BA_VALUE);
    ba_runs_free(&study.runs);
}

static void
test_one_sample(void **state)
{
    ba_runs_t runs;
    const double x[] = {4.5};
    const int none[] = {0};
    ba_space_t space = {
        .name = "x", .full = x, .n_features = 1, .delays = none, .n_delays = 1};
    ba_design_t *design;
    const size_t row = 0;
    double found;

    (void) state;
    assert_int_equal(ba_runs_one(1, &runs), BA_OK);
    assert_int_equal(ba_design_new(&space, 1, &runs, BA_DELAY_WITHIN_RUNS, &design), 0);
    ba_design_read(design, &row, 1, 0, 1, &found, 1);
    assert_true(found == 4.5);
    ba_design_free(design);
    ba_runs_free(&runs);
}

static void
test_parse(void **state)
{
    static const char *const bad[] = {"", ",", "1,", ",1", "1,,2", "1.5", "a", "1 2",
        " 1", "99999999999", "--1", "-", "1,2x"};
    int *delays;
    size_t n;

    (void) state;
    assert_int_equal(ba_delays_parse("-1,0,+2,2147483647", &delays, &n), BA_OK);
    assert_int_equal(n, 4);
    assert_true(delays[0] == -1 && delays[1] == 0 && delays[2] == 2);
    assert_true(delays[3] == INT_MAX);
    free(delays);
    assert_int_equal(ba_delays_parse("4", &delays, &n), BA_OK);
    assert_true(n == 1 && delays[0] == 4);
    free(delays);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ba_delays_parse(bad[i], &delays, &n), BA_VALUE);
        assert_contains(ba_error_message(), bad[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_within_runs),
        cmocka_unit_test(test_across_runs),
        cmocka_unit_test(test_writes_only_its_part),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_bad_delays),
        cmocka_unit_test(test_one_sample),
        cmocka_unit_test(test_parse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
