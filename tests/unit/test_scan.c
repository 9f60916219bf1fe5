/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "core/alloc.h"
#include "datasets/scan.h"

static char folder[TEST_PATH_SIZE], a[TEST_PATH_SIZE], b[TEST_PATH_SIZE];
static const char *const times[] = {a, b};

static int
make(void **state)
{
    (void) state;
    test_make_folder(folder);
    test_write_file(test_join(a, folder, "a.csv"), "1\n3\n5.5\n", 8);
    test_write_file(test_join(b, folder, "b.csv"), "2\n4\n", 4);
    return 0;
}

static int
drop(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

static void
test_regular(void **state)
{
    const size_t volumes[] = {3, 2};
    const double starts[] = {0.5, -20};
    ba_scan_opts_t opts = {.tr = 2,
        .volumes = volumes,
        .n_volumes = 2,
        .slice_time = (double) NAN,
        .stimulus_start = starts,
        .n_starts = 2};
    ba_scan_t scan;

    (void) state;
    assert_int_equal(ba_scan_read(NULL, &opts, 2, NULL, 0, &scan), BA_OK);
    assert_int_equal(scan.runs.n_samples, 5);
    assert_all_close(scan.times, ((double[]){1, 3, 5, 1, 3}), 5, 0);
    assert_all_close(scan.edges, ((double[]){0, 2, 4, 6, 0, 2, 4}), 7, 0);
    assert_all_close(scan.starts, starts, 2, 0);
    ba_scan_free(&scan);
    opts.slice_time = 0;
    opts.n_volumes = opts.n_starts = 1; /* one value is for every run */
    assert_int_equal(ba_scan_read(NULL, &opts, 2, NULL, 6, &scan), BA_OK);
    assert_all_close(scan.times, ((double[]){0, 2, 4, 0, 2, 4}), 6, 0);
    assert_all_close(scan.starts, ((double[]){0.5, 0.5}), 2, 0);
    ba_scan_free(&scan);
}

static void
test_times(void **state)
{
    ba_scan_opts_t opts = {.times = times, .n_times = 2, .slice_time = (double) NAN};
    ba_scan_t scan;

    (void) state;
    assert_int_equal(ba_scan_read(NULL, &opts, 2, NULL, 0, &scan), BA_OK);
    assert_close(scan.tr, 6.5 / 3, 1e-15); /* 4.5 s in two steps, 2 s in one */
    opts.tr = 2;
    ba_scan_free(&scan);
    assert_int_equal(ba_scan_read(NULL, &opts, 2, NULL, 0, &scan), BA_OK);
    assert_all_close(scan.times, ((double[]){1, 3, 5.5, 2, 4}), 5, 0);
    assert_all_close(scan.edges, ((double[]){0, 2, 4.5, 6.5, 1, 3, 5}), 7, 0);
    assert_int_equal(scan.n_files, 2);
    ba_scan_free(&scan);
}

static void
test_responses(void **state)
{
    ba_scan_opts_t opts = {.tr = 2, .slice_time = (double) NAN};
    ba_scan_t scan;

    (void) state;
    assert_int_equal(ba_scan_read(NULL, &opts, 1, "y", 7, &scan), BA_OK);
    assert_int_equal(scan.runs.n_samples, 7);
    ba_scan_free(&scan);
    assert_int_equal(ba_scan_read(NULL, &opts, 2, "y", 7, &scan), BA_VALUE);
    assert_contains(ba_error_message(), "volumes: none for run 1");
    opts.volumes = &(size_t){3};
    opts.n_volumes = 1;
    assert_int_equal(ba_scan_read(NULL, &opts, 2, "y", 7, &scan), BA_SHAPE);
    assert_contains(ba_error_message(), "y: 7 samples, but the runs have 6 volumes");
}

static void
assert_refused(int wanted, ba_scan_opts_t opts, size_t n_runs, const char *words)
{
    ba_scan_t scan;

    assert_int_equal(ba_scan_read(NULL, &opts, n_runs, NULL, 0, &scan), wanted);
    assert_contains(ba_error_message(), words);
    assert_null(scan.times);
}

static void
test_errors(void **state)
{
    const size_t volumes[] = {3, 2, 1};

    (void) state;
    assert_refused(
        BA_VALUE, (ba_scan_opts_t){.volumes = volumes, .n_volumes = 1}, 1, "tr: found 0");
    assert_refused(BA_VALUE,
        (ba_scan_opts_t){.tr = -1, .volumes = volumes, .n_volumes = 1}, 1,
        "tr: found -1");
    assert_refused(BA_SHAPE,
        (ba_scan_opts_t){.tr = 1, .volumes = volumes, .n_volumes = 3}, 2,
        "volumes: 3 values, but the words have 2 runs");
    assert_refused(BA_SHAPE, (ba_scan_opts_t){.times = times, .n_times = 2}, 1,
        "times: 2 files, but the words have 1 run");
    assert_refused(BA_SHAPE,
        (ba_scan_opts_t){
            .times = times, .n_times = 2, .volumes = volumes, .n_volumes = 1},
        2, "b.csv: 2 times, but run 2 has 3 volumes");
    test_write_file(a, "1\n3\n3\n", 6);
    assert_refused(BA_SHAPE, (ba_scan_opts_t){.times = times, .n_times = 1}, 1,
        "row 2 (from 0) is 3 s, not after the one before");
    test_write_file(a, "1\nnan\n3\n", 8);
    assert_refused(BA_NONFINITE, (ba_scan_opts_t){.times = times, .n_times = 1}, 1,
        "row 1 (from 0) is nan s");
    test_write_file(a, "1\n", 2);
    assert_refused(BA_VALUE, (ba_scan_opts_t){.times = times, .n_times = 1}, 1,
        "no run has two volumes");
    test_write_file(a, "1,2\n", 4);
    assert_refused(BA_SHAPE, (ba_scan_opts_t){.times = times, .n_times = 1}, 1,
        "2 columns, wanted one");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_regular, make, drop),
        cmocka_unit_test_setup_teardown(test_times, make, drop),
        cmocka_unit_test_setup_teardown(test_responses, make, drop),
        cmocka_unit_test_setup_teardown(test_errors, make, drop)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
