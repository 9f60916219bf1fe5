/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands under the names of outputs: all of a result or nothing. */
#include "tests/property/encode_study.h"

static size_t
count_files(void)
{
    DIR *dir = opendir(folder);
    size_t n = 0;

    assert_non_null(dir);
    while (readdir(dir)) {
        n++;
    }
    closedir(dir);
    return n;
}

static void
test_existing_output_is_kept(void **state)
{
    ba_encode_fit_opts_t opts = fit_settings("there.h5");
    ba_encode_apply_opts_t apply = apply_settings("enc.h5", "there.h5");
    ba_dataset_t *dataset = open_for_fit(1, 1), *use = open_for_use(1, 1, "yt.npy");
    ba_encode_score_info_t info;
    struct stat status;

    (void) state;
    test_write_file(in_folder("there.h5"), "mine", 4);
    opts.output = in_folder("enc.h5");
    must(ba_encode_fit(NULL, dataset, &opts, NULL));
    opts.output = in_folder("there.h5");
    assert_int_equal(ba_encode_fit(NULL, dataset, &opts, NULL), BA_EXISTS);
    assert_contains(ba_error_message(), "there.h5");
    assert_int_equal(ba_encode_predict(NULL, use, &apply), BA_EXISTS);
    assert_int_equal(ba_encode_score(NULL, use, &apply, &info), BA_EXISTS);
    opts.output = in_folder("new-one.h5");
    opts.table = in_folder("there.h5");
    assert_int_equal(ba_encode_fit(NULL, dataset, &opts, NULL), BA_EXISTS);
    assert_int_equal(stat(in_folder("there.h5"), &status), 0);
    assert_int_equal(status.st_size, 4);
    assert_int_not_equal(access(in_folder("new-one.h5"), F_OK), 0);
    opts = fit_settings("there.h5");
    opts.force = 1;
    must(ba_encode_fit(NULL, dataset, &opts, NULL));
    assert_int_equal(stat(in_folder("there.h5"), &status), 0);
    assert_true(status.st_size > 4);
    ba_dataset_free(dataset);
    ba_dataset_free(use);
}

/* Asks to stop at the n-th question. */
static int
stop_when_zero(void *payload)
{
    long *left = payload;

    return (*left)-- <= 0;
}

/* Interrupted at any of its points a fit leaves nothing, not even a temporary file. */
static void
test_interrupted_fit_leaves_nothing(void **state)
{
    ba_encode_fit_opts_t opts = fit_settings("interrupted.h5");
    ba_dataset_t *dataset = open_for_fit(2, 1);
    size_t n_files = count_files(), n_stops = 0;
    int status = BA_CANCELLED;

    (void) state;
    opts.table = in_folder("interrupted.tsv");
    opts.fit.want_fold_weights = 1;
    for (long at = 0; status == BA_CANCELLED; at++) {
        long left = at;
        ba_ctx_t ctx = ba_ctx_default();

        ctx.payload = &left;
        ctx.cancelled = stop_when_zero;
        status = ba_encode_fit(&ctx, dataset, &opts, NULL);
        if (status == BA_CANCELLED) {
            n_stops++;
            assert_int_equal(count_files(), n_files);
        }
    }
    assert_int_equal(status, BA_OK);
    assert_true(n_stops > 5);
    assert_int_equal(count_files(), n_files + 2);
    ba_dataset_free(dataset);
}

/* Failures of every kind leave nothing behind. */
static void
test_failed_fit_leaves_nothing(void **state)
{
    ba_encode_fit_opts_t opts = fit_settings("failed.h5");
    ba_dataset_t *dataset = open_for_fit(1, 1);
    size_t n_files = count_files();
    ba_ctx_t ctx = ba_ctx_default();

    (void) state;
    opts.table = in_folder("no-such-folder/scores.tsv");
    assert_int_equal(ba_encode_fit(NULL, dataset, &opts, NULL), BA_IO);
    opts.table = NULL;
    opts.map = in_folder("map.nii");
    assert_int_equal(ba_encode_fit(NULL, dataset, &opts, NULL), BA_VALUE);
    opts.map = NULL;
    opts.output = in_folder("no-such-folder/enc.h5");
    assert_int_equal(ba_encode_fit(NULL, dataset, &opts, NULL), BA_IO);
    opts = fit_settings("failed.h5");
    opts.delays = "0,30";
    assert_int_equal(ba_encode_fit(NULL, dataset, &opts, NULL), BA_SHAPE);
    opts = fit_settings("failed.h5");
    ctx.memory = 4096;
    assert_int_equal(ba_encode_fit(&ctx, dataset, &opts, NULL), BA_TOO_LARGE);
    opts.dry_run = 1;
    must(ba_encode_fit(NULL, dataset, &opts, NULL));
    assert_int_equal(count_files(), n_files);
    ba_dataset_free(dataset);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_existing_output_is_kept),
        cmocka_unit_test(test_interrupted_fit_leaves_nothing),
        cmocka_unit_test(test_failed_fit_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
