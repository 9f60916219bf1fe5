/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/synthlib.h"

static const char *const FILES[] = {"study.h5", "truth.h5", "runs.tsv", "words.tsv",
    "neurons.tsv", "mask.nii.gz", "rois.nii.gz", "bold/run-01_bold.nii.gz",
    "bold/run-05_repeat-03_bold.nii.gz"};
enum { N_FILES = sizeof FILES / sizeof FILES[0] };

static void
test_same_seed_same_bytes(void **state)
{
    (void) state;
    assert_int_equal(write_study(0, &opts, "again", 0), BA_OK);
    assert_int_equal(write_study(1, &opts, "other", 0), BA_OK);
    for (size_t i = 0; i < N_FILES; i++) {
        char name[TEST_PATH_SIZE], path[TEST_PATH_SIZE], hex[3][33];
        const char *const folders[3] = {"study", "again", "other"};
        uint64_t n_bytes;

        for (size_t k = 0; k < 3; k++) {
            test_join(name, folder, folders[k]);
            assert_int_equal(
                ba_hash_file(test_join(path, name, FILES[i]), hex[k], &n_bytes), BA_OK);
            assert_true(n_bytes > 0);
        }
        assert_string_equal(hex[0], hex[1]);
        if (strcmp(FILES[i], "runs.tsv") != 0 && !strstr(FILES[i], "mask") &&
            !strstr(FILES[i], "rois")) {
            assert_string_not_equal(hex[0], hex[2]);
        }
    }
}

/* A longer study has the words of the shorter one. */
static void
test_runs_have_streams_of_their_own(void **state)
{
    ba_synth_opts_t fewer = opts;
    char path[TEST_PATH_SIZE], inner[TEST_PATH_SIZE];
    ba_table_t *all, *some;

    (void) state;
    fewer.n_runs = 2;
    fewer.n_test_repeats = 0;
    assert_int_equal(write_study(0, &fewer, "fewer", 0), BA_OK);
    test_join(inner, folder, "fewer");
    assert_int_equal(
        ba_table_read(test_join(path, inner, "words.tsv"), BA_TABLE_HEADER, &some),
        BA_OK);
    assert_int_equal(
        ba_table_read(test_join(path, study_folder, "words.tsv"), BA_TABLE_HEADER, &all),
        BA_OK);
    assert_true(ba_table_n_rows(some) > 500);
    assert_true(ba_table_n_rows(all) > ba_table_n_rows(some));
    for (size_t i = 0; i < ba_table_n_rows(some); i++) {
        for (size_t j = 0; j < 5; j++) {
            assert_string_equal(ba_table_cell(some, i, j), ba_table_cell(all, i, j));
        }
    }
    ba_table_free(some);
    ba_table_free(all);
}

static void
test_existing_study(void **state)
{
    (void) state;
    assert_int_equal(write_study(0, &opts, "study", 0), BA_EXISTS);
    assert_contains(ba_error_message(), "a study stands there (study.h5)");
    assert_int_equal(write_study(0, &opts, "study", 1), BA_OK);
    assert_int_equal(write_study(0, &opts, "absent/study", 0), BA_IO);
    assert_int_equal(write_study(0, &opts, "study/study.h5", 0), BA_IO);
}

static void
expect_refusal(ba_synth_opts_t wanted, const char *words)
{
    assert_int_equal(write_study(0, &wanted, "refused", 0), BA_VALUE);
    assert_contains(ba_error_message(), words);
}

static void
test_bad_options(void **state)
{
    ba_synth_opts_t bad = opts;
    ba_ctx_t ctx = ba_ctx_default();

    (void) state;
    bad.n_layers = 0;
    expect_refusal(bad, "0 layers, wanted 1");
    bad = opts;
    bad.run_length = 7;
    expect_refusal(bad, "7 volumes per run, wanted 8");
    bad = opts;
    bad.neurons_per_concept = 25;
    expect_refusal(bad, "100 planted neurons in a layer of 96");
    bad = opts;
    bad.n_x = bad.n_y = bad.n_z = 1;
    expect_refusal(bad, "has 1 voxels inside its ellipsoid, wanted at least 8");
    bad = opts;
    bad.tr = nan("");
    expect_refusal(bad, "tr of nan s");
    bad = opts;
    bad.signal = 1;
    expect_refusal(bad, "signal of 1,");
    bad = opts;
    bad.autocorrelation = 1;
    expect_refusal(bad, "autocorrelation of 1,");
    ctx.memory = 1 << 20;
    assert_int_equal(ba_synth_write(&ctx, &opts, "refused", 0), BA_TOO_LARGE);
}

/* The smallest study of each kind works. */
static void
test_small_studies(void **state)
{
    ba_synth_opts_t small = {.n_layers = 1,
        .layer_size = 1,
        .n_concepts = 1,
        .neurons_per_concept = 1,
        .n_runs = 1,
        .run_length = 8,
        .n_x = 3,
        .n_y = 3,
        .n_z = 1,
        .tr = 0.7};

    (void) state;
    assert_int_equal(write_study(4, &small, "small", 0), BA_OK);
    small.n_test_repeats = 1;
    small.signal = 0.7;
    small.autocorrelation = 0.99;
    small.n_layers = 5;
    small.n_concepts = 3;
    small.layer_size = 4;
    small.neurons_per_concept = 2;
    assert_int_equal(write_study(4, &small, "small", 1), BA_OK);
}

static int
always(void *payload)
{
    (void) payload;
    return 1;
}

/* Nothing but complete files is ever left; study.h5 comes last. */
static void
test_interrupt(void **state)
{
    ba_ctx_t ctx = ba_ctx_default();
    char inner[TEST_PATH_SIZE], path[TEST_PATH_SIZE];

    (void) state;
    ctx.cancelled = always;
    test_join(inner, folder, "cancelled");
    assert_int_equal(ba_synth_write(&ctx, &opts, inner, 0), BA_CANCELLED);
    assert_int_not_equal(access(test_join(path, inner, "study.h5"), F_OK), 0);
    ctx.cancelled = NULL;
    assert_int_equal(ba_synth_write(&ctx, &opts, inner, 0), BA_OK);
}

static void
test_no_memory(void **state)
{
    ba_synth_opts_t small = {.n_layers = 2,
        .layer_size = 2,
        .n_concepts = 2,
        .neurons_per_concept = 1,
        .n_runs = 1,
        .run_length = 8,
        .n_test_repeats = 1,
        .n_x = 2,
        .n_y = 2,
        .n_z = 1,
        .tr = 1};
    int status = BA_NOMEM;
    size_t n;

    (void) state;
    for (n = 1; status != BA_OK && n < 5000; n++) {
        ba_alloc_fail_at(n);
        status = write_study(0, &small, "starved", 1);
        ba_alloc_fail_at(0);
        /* HDF5 knows its file driver's shortage of memory only as a failed write. */
        assert_true(status == BA_OK || status == BA_NOMEM || status == BA_IO);
    }
    assert_int_equal(status, BA_OK);
    assert_true(n > 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_seed_same_bytes),
        cmocka_unit_test(test_runs_have_streams_of_their_own),
        cmocka_unit_test(test_existing_study),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_small_studies),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
