/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Per-run preprocessing and delays against the reference numbers of golden files E8 and
 * E1. */
#include "tests/testlib.h"

#include "brainalign/design.h"
#include "brainalign/detrend.h"
#include "brainalign/source.h"

#define E8 "golden/encode/e8_preprocess.h5"
#define E1 "golden/encode/e1_ridge_cv.h5"
#define NARRATIVES "data/narratives_black/narratives_black.h5"

typedef struct {
    double *data;
    size_t n_rows, n_cols;
} array_t;

static array_t
read_array(const char *file, const char *path)
{
    char spec[TEST_PATH_SIZE + 64];
    ba_source_t *source;
    array_t array;

    snprintf(spec, sizeof spec, "%s:%s", file, path);
    if (ba_source_open(NULL, spec, NULL, &source) != 0) {
        fail_msg("%s", ba_error_message());
    }
    array.n_rows = ba_source_n_rows(source);
    array.n_cols = ba_source_n_cols(source);
    array.data = malloc(array.n_rows * array.n_cols * sizeof(double));
    assert_non_null(array.data);
    if (ba_source_read(
            source, 0, 0, array.n_rows, 0, array.n_cols, array.data, array.n_rows) != 0) {
        fail_msg("%s", ba_error_message());
    }
    ba_source_close(source);
    return array;
}

static ba_dmat_t
view(const array_t *array)
{
    return (ba_dmat_t){array->data, array->n_rows, array->n_cols, array->n_rows};
}

static ba_runs_t
read_runs(const char *file)
{
    array_t onsets = read_array(file, "/run_onsets");
    array_t lengths = read_array(file, "/run_lengths");
    size_t onset[16], n = onsets.n_rows * onsets.n_cols;
    ba_runs_t runs;

    assert_true(n <= 16);
    for (size_t k = 0; k < n; k++) {
        onset[k] = (size_t) onsets.data[k];
    }
    assert_int_equal(
        ba_runs_from_onsets(onset, n, onset[n - 1] + (size_t) lengths.data[n - 1], &runs),
        0);
    free(onsets.data);
    free(lengths.data);
    return runs;
}

/* Compares column by column; a column's tolerance is in units of its largest value in x,
 * or absolute. */
static void
compare(const array_t *found, const char *file, const char *path, const array_t *x,
    double tolerance)
{
    array_t wanted = read_array(file, path);
    double worst = 0;

    assert_int_equal(found->n_rows, wanted.n_rows);
    assert_int_equal(found->n_cols, wanted.n_cols);
    for (size_t j = 0; j < wanted.n_cols; j++) {
        double unit = x ? 0 : 1;

        for (size_t i = 0; x && i < x->n_rows; i++) {
            unit = fmax(unit, fabs(x->data[i + j * x->n_rows]));
        }
        for (size_t i = 0; i < wanted.n_rows; i++) {
            double a = found->data[i + j * found->n_rows];
            double b = wanted.data[i + j * wanted.n_rows];

            if (!test_is_close(a, b, tolerance * unit)) {
                fail_msg("%s: row %zu, column %zu: %.17g, wanted %.17g within %.3g", path,
                    i, j, a, b, tolerance * unit);
            }
            worst = isnan(a) ? worst : fmax(worst, fabs(a - b) / unit);
        }
    }
    print_message("%s: largest difference %.2g, allowed %.2g\n", path, worst, tolerance);
    free(wanted.data);
}

static void
check_detrend(const char *file, const ba_detrend_opts_t *opts, const char *path)
{
    array_t x = read_array(file, "/x"), y = read_array(file, "/x");
    ba_runs_t runs = read_runs(file);
    ba_detrend_t *detrend;

    assert_int_equal(ba_detrend_new(opts, &runs, (ba_cdmat_t){0}, &detrend), 0);
    assert_int_equal(ba_detrend_apply(detrend, view(&y)), 0);
    compare(&y, file, path, &x, 1e-12);
    ba_detrend_free(detrend);
    ba_runs_free(&runs);
    free(x.data);
    free(y.data);
}

static void
test_legendre(void **state)
{
    static const size_t orders[] = {1, 2, 3, 5};
    char file[TEST_PATH_SIZE], path[64];

    (void) state;
    test_need_data(file, E8);
    for (size_t i = 0; i < 4; i++) {
        ba_detrend_opts_t opts = {.kind = BA_DETREND_POLY, .degree = orders[i]};

        snprintf(path, sizeof path, "/legendre/order%zu", orders[i]);
        check_detrend(file, &opts, path);
    }
}

static void
test_savgol(void **state)
{
    ba_detrend_opts_t opts = {.kind = BA_DETREND_SAVGOL, .seconds = 120, .tr = 1.5};
    char file[TEST_PATH_SIZE];
    array_t x, y;
    ba_runs_t runs;
    ba_detrend_t *detrend;

    (void) state;
    test_need_data(file, E8);
    check_detrend(file, &opts, "/savgol/residual");

    x = read_array(file, "/x");
    y = read_array(file, "/x");
    runs = read_runs(file);
    assert_int_equal(ba_detrend_new(&opts, &runs, (ba_cdmat_t){0}, &detrend), 0);
    assert_int_equal(ba_detrend_apply(detrend, view(&y)), 0);
    for (size_t i = 0; i < y.n_rows * y.n_cols; i++) {
        y.data[i] = x.data[i] - y.data[i];
    }
    compare(&y, file, "/savgol/trend", &x, 1e-12);
    ba_detrend_free(detrend);
    ba_runs_free(&runs);
    free(x.data);
    free(y.data);
}

static void
check_zscore(const char *file, size_t ddof, const char *path)
{
    array_t y = read_array(file, "/x");
    ba_runs_t runs = read_runs(file);

    ba_zscore_runs(&runs, view(&y), ddof, NULL, NULL, NULL);
    compare(&y, file, path, NULL, 1e-12);
    ba_runs_free(&runs);
    free(y.data);
}

static void
test_zscore(void **state)
{
    char file[TEST_PATH_SIZE];

    (void) state;
    test_need_data(file, E8);
    check_zscore(file, 0, "/zscore/rule");
    check_zscore(file, 1, "/zscore/rule_ddof1");
}

/* A constant column is rounding noise after detrending; its deviation must not become
 * 1. */
static void
test_zscore_after_detrending(void **state)
{
    ba_detrend_opts_t opts = {.kind = BA_DETREND_POLY, .degree = 3};
    char file[TEST_PATH_SIZE];
    double size[16 * 8], scale[16 * 8];
    array_t y;
    ba_runs_t runs;
    ba_detrend_t *detrend;

    (void) state;
    test_need_data(file, E8);
    y = read_array(file, "/x");
    runs = read_runs(file);
    for (size_t k = 0; k < runs.n_runs; k++) {
        for (size_t j = 0; j < y.n_cols; j++) {
            size[k + j * runs.n_runs] = 0;
            for (size_t t = runs.onset[k]; t < runs.onset[k + 1]; t++) {
                size[k + j * runs.n_runs] =
                    fmax(size[k + j * runs.n_runs], fabs(y.data[t + j * y.n_rows]));
            }
        }
    }
    assert_int_equal(ba_detrend_new(&opts, &runs, (ba_cdmat_t){0}, &detrend), 0);
    assert_int_equal(ba_detrend_apply(detrend, view(&y)), 0);
    ba_zscore_runs(&runs, view(&y), 0, size, NULL, scale);
    for (size_t t = 0; t < y.n_rows; t++) {
        assert_close(y.data[t + 4 * y.n_rows], 0, 1e-12); /* constant everywhere */
        assert_true(isnan(y.data[t + 5 * y.n_rows]) || t >= runs.onset[1]);
    }
    for (size_t t = 0; t < runs.onset[1]; t++) {
        assert_close(y.data[t + 7 * y.n_rows], 0, 1e-12); /* in the first run only */
    }
    assert_true(scale[4 * runs.n_runs] == 1 && scale[7 * runs.n_runs] == 1);
    assert_true(scale[0] != 1 && scale[2 * runs.n_runs] != 1);
    ba_detrend_free(detrend);
    ba_runs_free(&runs);
    free(y.data);
}

static void
check_design(const char *file, const array_t *features, const ba_runs_t *runs,
    ba_delay_borders_t borders, const char *group)
{
    static const int delays[] = {2, 3, 4, 5};
    ba_space_t space = {.name = "glove",
        .full = features->data,
        .n_features = features->n_cols,
        .delays = delays,
        .n_delays = 4};
    char path[3][64];
    array_t rows, cols, wanted;
    ba_design_t *design;

    snprintf(path[0], sizeof path[0], "/%s/design_rows", group);
    snprintf(path[1], sizeof path[1], "/%s/design_cols", group);
    snprintf(path[2], sizeof path[2], "/%s/design_sample", group);
    rows = read_array(file, path[0]);
    cols = read_array(file, path[1]);
    wanted = read_array(file, path[2]);
    assert_int_equal(ba_design_new(&space, 1, runs, borders, &design), 0);
    assert_int_equal(ba_design_n_columns(design), 1200);
    for (size_t j = 0; j < wanted.n_cols; j++) {
        for (size_t i = 0; i < wanted.n_rows; i++) {
            size_t row = (size_t) rows.data[i];
            double found;

            ba_design_read(design, &row, 1, (size_t) cols.data[j], 1, &found, 1);
            assert_true(found == wanted.data[i + j * wanted.n_rows]);
        }
    }
    ba_design_free(design);
    free(rows.data);
    free(cols.data);
    free(wanted.data);
}

static void
test_delayed_design(void **state)
{
    char golden[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    array_t features, fold;
    ba_runs_t runs;

    (void) state;
    test_need_data(golden, E1);
    test_need_data(data, NARRATIVES);
    features = read_array(data, "/features/glove_content");
    fold = read_array(golden, "/fold");
    assert_int_equal(ba_runs_from_ids(fold.data, features.n_rows, "fold", &runs), 0);
    check_design(golden, &features, &runs, BA_DELAY_ACROSS_RUNS, "whole");
    check_design(golden, &features, &runs, BA_DELAY_WITHIN_RUNS, "reset");
    ba_runs_free(&runs);
    free(features.data);
    free(fold.data);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_legendre),
        cmocka_unit_test(test_savgol),
        cmocka_unit_test(test_zscore),
        cmocka_unit_test(test_zscore_after_detrending),
        cmocka_unit_test(test_delayed_design),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
