/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests, ceilings and increments do not depend on threads, memory or shards, to the last
 * bit; shards of other tests are refused. */
#include "tests/property/shard_study.h"
#include "tests/property/inference_study.h"

static int
fit_with(const ba_ctx_t *ctx, int with_test, const ba_encode_fit_opts_t *opts,
    ba_encode_fit_info_t *info)
{
    ba_dataset_t *dataset = open_for_fit(2, with_test);
    int status = ba_encode_fit(ctx, dataset, opts, info);

    ba_dataset_free(dataset);
    return status;
}

static ba_encode_fit_opts_t
everything(const char *output, int with_test)
{
    ba_encode_fit_opts_t opts = settings(output);

    opts.force = 1;
    opts.fit.scale_targets = BA_SCALE_RUNS;
    opts.fit.precision = BA_SINGLE;
    ask_for_everything(&opts, with_test);
    if (with_test) {
        opts.inference.ceiling = BA_CEILING_ISC;
    }
    return opts;
}

/* The least budget at which the fit is planned: predictions go to a file. */
static size_t
least_memory(int with_test, ba_encode_fit_opts_t opts)
{
    ba_ctx_t ctx = ba_ctx_default();
    int status = BA_TOO_LARGE;

    opts.dry_run = 1;
    ctx.n_threads = 1;
    ctx.memory = 1 << 20;
    while (status == BA_TOO_LARGE) {
        ctx.memory += ctx.memory / 8;
        status = fit_with(&ctx, with_test, &opts, NULL);
    }
    must(status);
    return ctx.memory;
}

static void
check_threads_and_memory(int with_test)
{
    ba_encode_fit_opts_t opts = everything("whole.h5", with_test);
    ba_ctx_t ctx = ba_ctx_default();

    ctx.n_threads = 2;
    must(fit_with(&ctx, with_test, &opts, NULL));
    ctx.n_threads = 1;
    opts.output = lasting("other.h5");
    must(fit_with(&ctx, with_test, &opts, NULL));
    assert_same_files("whole.h5", "other.h5");
    ctx.memory = least_memory(with_test, opts);
    assert_true(ctx.memory < (size_t) 64 << 20);
    must(fit_with(&ctx, with_test, &opts, NULL));
    assert_same_files("whole.h5", "other.h5");
}

static void
check_shards(int with_test)
{
    ba_encode_fit_opts_t opts = everything("whole.h5", with_test);
    ba_encode_fit_info_t whole, joined;
    ba_ctx_t ctx = ba_ctx_default();

    ctx.n_threads = 2;
    must(fit_with(&ctx, with_test, &opts, &whole));
    opts.output = lasting("other.h5");
    opts.n_shards = 3;
    must(fit_with(&ctx, with_test, &opts, &joined));
    assert_same_files("whole.h5", "other.h5");
    assert_true(whole.inference.r.n_tested > 1000);
    assert_memory_equal(
        &whole.inference.r, &joined.inference.r, sizeof whole.inference.r);
    assert_memory_equal(&whole.inference.increment, &joined.inference.increment,
        sizeof whole.inference.increment);
    assert_int_equal(whole.inference.n_ceiling, joined.inference.n_ceiling);
    assert_string_equal(whole.inference.null_words, joined.inference.null_words);
    assert_string_equal(whole.inference.control_words, joined.inference.control_words);
    assert_string_equal(whole.inference.ceiling_words, joined.inference.ceiling_words);
    /* Finished before: the account comes from the file. */
    opts.n_shards = 0;
    opts.resume = 1;
    opts.force = 0;
    must(fit_with(&ctx, with_test, &opts, &joined));
    assert_true(joined.was_complete);
    assert_memory_equal(
        &whole.inference.r, &joined.inference.r, sizeof whole.inference.r);
}

static void
test_threads_and_memory(void **state)
{
    (void) state;
    check_threads_and_memory(0);
    write_repeats("yt.npy");
    check_threads_and_memory(1);
}

static void
test_shards(void **state)
{
    (void) state;
    check_shards(0);
    write_repeats("yt.npy");
    check_shards(1);
}

/* Ranges that cut tiles. */
static void
test_any_ranges(void **state)
{
    static const size_t borders[] = {0, 300, 301, 900, V};
    char paths[4][TEST_PATH_SIZE];
    const char *files[4];
    ba_encode_fit_opts_t opts = everything("whole.h5", 0);
    ba_encoder_merge_opts_t merge = {
        .files = files, .n_files = 4, .output = lasting("other.h5"), .force = 1};

    (void) state;
    must(fit_with(NULL, 0, &opts, NULL));
    for (size_t i = 0; i < 4; i++) {
        char name[16];

        snprintf(name, sizeof name, "part%zu.h5", i);
        files[i] = test_join(paths[i], folder, name);
        opts.output = files[i];
        opts.fit.target_start = borders[i];
        opts.fit.target_stop = borders[i + 1];
        must(fit_with(NULL, 0, &opts, NULL));
    }
    must(ba_encoder_merge(NULL, &merge, NULL));
    assert_same_files("whole.h5", "other.h5");
}

/* What decides a test decides the work. */
static void
test_other_tests(void **state)
{
    ba_encode_fit_opts_t opts = everything("a.h5", 1);
    ba_encoder_merge_opts_t merge = {
        .files = (const char *const[]){lasting("a.h5"), lasting("b.h5")},
        .n_files = 2,
        .output = lasting("refused.h5")};

    (void) state;
    write_repeats("yt.npy");
    opts.fit.target_stop = 512;
    must(fit_with(NULL, 1, &opts, NULL));
    for (int which = 0; which < 6; which++) {
        ba_encode_fit_opts_t other = everything("b.h5", 1);

        other.fit.target_start = 512;
        other.inference.null.seed += which == 0;
        other.inference.null.n_permutations += which == 1;
        if (which == 2) {
            must(ba_null_parse("blocks:5", &other.inference.null));
        }
        other.inference.has_ceiling = which != 3;
        other.inference.ceiling_floor += which == 4 ? 0.01 : 0.0;
        other.inference.n_controls = which != 5;
        must(fit_with(NULL, 1, &other, NULL));
        assert_int_equal(ba_encoder_merge(NULL, &merge, NULL), BA_SHAPE);
        assert_contains(ba_error_message(), "other tests");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_and_memory),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_any_ranges),
        cmocka_unit_test(test_other_tests),
    };

    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
