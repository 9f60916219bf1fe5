/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "tests/faults/exhaust.h"

#include "brainalign/error.h"
#include "core/alloc.h"
#include "io/confounds.h"

static char folder[TEST_PATH_SIZE], a[TEST_PATH_SIZE], b[TEST_PATH_SIZE];
static const char *const specs[] = {a, b};

static void
put(const char *path, const char *text)
{
    test_write_file(path, text, strlen(text));
}

static int
make(void **state)
{
    (void) state;
    test_make_folder(folder);
    put(test_join(a, folder, "a.tsv"),
        "csf\ttrans_x\ttrans_x_derivative1\trot_z\tmotion_outlier00\n"
        "1\t2\tn/a\t4\t0\n5\t6\t7\t8\t1\n9\tn/a\t11\t12\t0\n");
    put(test_join(b, folder, "b.tsv"),
        "trans_x\tcsf\trot_z\ttrans_x_derivative1\n21\t22\t23\tn/a\n24\t25\t26\t27\n");
    return 0;
}

static int
drop(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

static char said[200];

static void
say(ba_log_level_t level, const char *line, void *payload)
{
    (void) level;
    (void) payload;
    snprintf(said, sizeof said, "%s", line);
}

static void
assert_source(ba_source_t *source, const char *const *names, size_t n_cols, size_t n_rows,
    const double *wanted)
{
    double values[40];

    assert_int_equal(ba_source_n_cols(source), n_cols);
    assert_int_equal(ba_source_n_rows(source), n_rows);
    for (size_t j = 0; j < n_cols; j++) {
        assert_string_equal(ba_source_column_name(source, j), names[j]);
    }
    assert_int_equal(
        ba_source_read(source, 0, 0, n_rows, 0, n_cols, values, n_rows), BA_OK);
    assert_all_close(values, wanted, n_rows * n_cols, 0);
}

static void
test_one(void **state)
{
    const char *const names[] = {"trans_x", "trans_x_derivative1", "csf"};
    ba_ctx_t ctx = ba_ctx_default();
    ba_source_t *source;
    double value;

    (void) state;
    ctx.log = say;
    assert_int_equal(ba_confounds_open(&ctx, specs, 1, "trans_*,csf", &source), BA_OK);
    assert_source(source, names, 3, 3,
        (double[]){2, 6, (double) NAN, 0, 7, 11, 1, 5, 9}); /* only the first row fills */
    assert_contains(
        said, "a.tsv: n/a in the first row of 1 column (trans_x_derivative1)");
    assert_int_equal(ba_source_read(source, 0, 1, 1, 2, 1, &value, 1), BA_OK);
    assert_close(value, 5, 0);
    assert_string_equal(ba_source_name(source), a);
    assert_string_equal(ba_source_file(source, 0), a);
    ba_source_close(source);
}

/* Runs get the columns of all, in one order; what one lacks is 0 there. */
static void
test_runs(void **state)
{
    const char *const names[] = {"csf", "rot_z", "motion_outlier00", "trans_x"};
    ba_source_t *sources[2];

    (void) state;
    assert_int_equal(ba_confounds_open(NULL, specs, 2,
                         "csf,rot_?,motion_outlier*,trans_[xyz],csf", sources),
        BA_OK);
    assert_source(sources[0], names, 4, 3,
        (double[]){1, 5, 9, 4, 8, 12, 0, 1, 0, 2, 6, (double) NAN});
    assert_source(sources[1], names, 4, 2, (double[]){22, 25, 23, 26, 0, 0, 21, 24});
    ba_source_close(sources[0]);
    ba_source_close(sources[1]);
}

static void
assert_refused(int wanted, size_t n, const char *patterns, const char *words)
{
    ba_source_t *sources[2];

    assert_int_equal(ba_confounds_open(NULL, specs, n, patterns, sources), wanted);
    assert_contains(ba_error_message(), words);
    assert_null(sources[0]);
}

static void
test_errors(void **state)
{
    (void) state;
    assert_refused(BA_MISSING, 1, "csv", "a.tsv: no column 'csv': nearest is 'csf'");
    assert_refused(
        BA_MISSING, 1, "trans_y*", "no column 'trans_y*': nearest is 'trans_x'");
    assert_refused(
        BA_MISSING, 2, "motion_outlier00", "b.tsv: no column 'motion_outlier00'");
    assert_refused(BA_VALUE, 1, "csf,", "has an empty name");
    assert_refused(BA_VALUE, 1, "", "has an empty name");
    put(b, "1\t2\n");
    assert_refused(BA_FORMAT, 2, "csf", "b.tsv: no names of columns");
}

/* libcsv absorbs a failure by asking again for less. */
static void
test_no_memory(void **state)
{
    ba_source_t *sources[2];
    size_t n_failures = 0;

    (void) state;
    for (size_t n = 1;; n++) {
        int status, pending;

        ba_alloc_fail_at(n);
        status = ba_confounds_open(NULL, specs, 2, "csf,rot_*", sources);
        pending = is_pending(n);
        assert_true(status == BA_OK || status == BA_NOMEM);
        n_failures += status == BA_NOMEM;
        ba_source_close(sources[0]);
        ba_source_close(sources[1]);
        if (pending) {
            assert_int_equal(status, BA_OK);
            break;
        }
    }
    assert_true(n_failures > 30);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one, make, drop),
        cmocka_unit_test_setup_teardown(test_runs, make, drop),
        cmocka_unit_test_setup_teardown(test_errors, make, drop),
        cmocka_unit_test_setup_teardown(test_no_memory, make, drop)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
