/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A fit that goes on: what was finished is not done again, what is of other work is
 * refused, what a killed process left is removed; and the options that divide a fit. */
#include "tests/property/shard_study.h"

#include <fcntl.h>
#include <sys/file.h>

/* Every shard of the study that a killed process could have left has to be taken or
 * refused, never mixed up: all prefixes of the work. */
static void
test_resume_takes_what_is_finished(void **state)
{
    ba_encode_fit_opts_t opts = settings("whole.h5");

    (void) state;
    opts.force = 1;
    must(fit_status(1, 0, &opts, NULL));
    opts.force = 0;
    for (size_t n_before = 0; n_before <= 4; n_before++) {
        ba_encode_fit_info_t info;

        remove(in_folder("joined.h5"));
        mkdir(in_folder("joined.h5.shards"), 0777);
        for (size_t k = 4; k > 4 - n_before; k--) {
            char name[64];
            size_t start, stop;

            snprintf(name, sizeof name, "joined.h5.shards/%zu-of-4.h5", k);
            must(ba_encode_shard(V, k, 4, &start, &stop));
            fit_range(opts, name, start, stop);
        }
        opts.output = lasting("joined.h5");
        opts.n_shards = 4;
        if (n_before > 0) {
            assert_int_equal(fit_status(1, 0, &opts, NULL), BA_EXISTS);
            assert_contains(ba_error_message(), "joined.h5.shards: exists: --resume ");
            /* The number is that of the shards that are there. */
            opts.n_shards = n_before % 2 ? 4 : 0;
        }
        opts.resume = 1;
        must(fit_status(1, 0, &opts, &info));
        assert_int_equal(info.n_resumed, n_before);
        assert_int_equal(info.n_shards, 4);
        assert_same_files("whole.h5", "joined.h5");
        assert_false(is_there("joined.h5.shards"));
        must(fit_status(1, 0, &opts, &info));
        assert_true(info.was_complete);
        opts.resume = 0;
        opts.n_shards = 0;
    }
}

static void
test_resume_refuses_other_work(void **state)
{
    ba_encode_fit_opts_t opts = settings("joined.h5"), other;
    ba_encode_fit_info_t info;

    (void) state;
    remove(in_folder("joined.h5"));
    mkdir(in_folder("joined.h5.shards"), 0777);
    other = opts;
    other.detrend = "poly:1";
    fit_range(other, "joined.h5.shards/2-of-4.h5", 256, 512);
    opts.n_shards = 4;
    opts.resume = 1;
    assert_int_equal(fit_status(1, 0, &opts, NULL), BA_SHAPE);
    assert_contains(ba_error_message(),
        "2-of-4.h5: a result of other work: other preparation (remove it, or --force");
    assert_true(is_there("joined.h5.shards/2-of-4.h5"));
    opts.n_shards = 3;
    assert_int_equal(fit_status(1, 0, &opts, NULL), BA_SHAPE);
    assert_contains(ba_error_message(), "2-of-4.h5: a shard of 4, wanted shards of 3");
    opts.force = 1;
    must(fit_status(1, 0, &opts, &info));
    assert_int_equal(info.n_resumed, 0);
    opts = settings("whole.h5");
    opts.force = 1;
    must(fit_status(1, 0, &opts, NULL));
    assert_same_files("whole.h5", "joined.h5");
    /* An output of other work, of another part, and of no work at all. */
    other.output = lasting("joined.h5");
    other.resume = 1;
    assert_int_equal(fit_status(1, 0, &other, NULL), BA_SHAPE);
    assert_contains(ba_error_message(), "joined.h5: a result of other work");
    opts = settings("joined.h5");
    opts.resume = 1;
    opts.shard = 2;
    opts.n_shards = 4;
    assert_int_equal(fit_status(1, 0, &opts, NULL), BA_SHAPE);
    assert_contains(ba_error_message(), "targets 0 to 1099 of the same work, wanted 256");
    opts.output = lasting("x.npy");
    assert_int_equal(fit_status(1, 0, &opts, NULL), BA_FORMAT);
}

/* A table that was not renamed any more is made up for; a shard that is complete is not
 * touched. */
static void
test_resume_of_one_part(void **state)
{
    ba_encode_fit_opts_t opts = settings("part.h5");
    ba_encode_fit_info_t info;
    struct stat before, after;

    (void) state;
    opts.shard = 5;
    opts.n_shards = 5;
    opts.resume = 1;
    must(fit_status(1, 0, &opts, &info));
    assert_false(info.was_complete);
    assert_int_equal(stat(in_folder("part.h5"), &before), 0);
    opts.table = lasting("part.tsv");
    must(fit_status(1, 0, &opts, &info));
    assert_true(info.was_complete);
    assert_int_equal(info.n_targets, V - 1024);
    assert_int_equal(info.n_scored, V - 1024);
    assert_true(is_there("part.tsv"));
    assert_int_equal(stat(in_folder("part.h5"), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    opts.resume = 0;
    assert_int_equal(fit_status(1, 0, &opts, &info), BA_EXISTS);
}

/* ---- files that killed processes leave ---- */

static void
test_stale_files(void **state)
{
    static const char *const stale[] = {".joined.h5.4000000-1.tmp",
        ".scores.tsv.12-0.tmp", "joined.h5.shards/.1-of-4.h5.4000000-3.tmp"};
    static const char *const kept[] = {
        ".other.h5.4000000-1.tmp", ".joined.h5.12-.tmp", "joined.h5.shards/notes.txt"};
    const char *held = "joined.h5.shards/.3-of-4.h5.4000000-2.tmp";
    ba_encode_fit_opts_t opts = settings("joined.h5");
    int fd;

    (void) state;
    remove(in_folder("joined.h5"));
    mkdir(in_folder("joined.h5.shards"), 0777);
    for (size_t i = 0; i < 3; i++) {
        test_write_file(in_folder(stale[i]), "half", 4);
        test_write_file(in_folder(kept[i]), "whole", 5);
    }
    test_write_file(in_folder(held), "half", 4);
    fd = open(in_folder(held), O_RDONLY);
    assert_int_equal(flock(fd, LOCK_SH), 0);
    opts.n_shards = 4;
    opts.resume = 1;
    opts.table = lasting("scores.tsv");
    must(fit_status(1, 0, &opts, NULL));
    for (size_t i = 0; i < 3; i++) {
        assert_false(is_there(stale[i]));
        assert_true(is_there(kept[i]));
    }
    assert_true(is_there(held));
    close(fd);
    remove(in_folder("scores.tsv"));
    test_remove_folder(in_folder("joined.h5.shards"));
}

/* ---- options ---- */

static void
must_be_refused(ba_encode_fit_opts_t opts, const char *words)
{
    assert_int_equal(fit_status(1, 0, &opts, NULL), BA_VALUE);
    assert_contains(ba_error_message(), words);
}

static void
test_options_that_are_refused(void **state)
{
    ba_encode_fit_opts_t opts = settings("refused.h5");

    (void) state;
    opts.n_shards = TILES + 1;
    must_be_refused(opts, "found 6 of them, wanted at most 5");
    opts.n_shards = 2;
    opts.shard = 3;
    must_be_refused(opts, "found number 3 of 2");
    opts.shard = 1;
    opts.fit.shared_alpha = 1;
    must_be_refused(opts, "cannot share one alpha");
    opts.shard = 0;
    must_be_refused(opts, "cannot share one alpha");
    opts.fit.shared_alpha = 0;
    opts.fit.target_stop = 256;
    must_be_refused(opts, "given with a target range");
    assert_false(is_there("refused.h5"));
    assert_false(is_there("refused.h5.shards"));
}

/* ---- rows that a shard was fitted on ---- */

/* The encoder of a shard knows its rows in all responses and in a file of its part alone,
 * whose columns count from 0. */
static void
test_a_shard_knows_its_rows(void **state)
{
    static double other[N * P];
    static const char *const responses[] = {"y.npy", "y.npy[,300:420]"};
    ba_encode_fit_opts_t opts = settings("part.h5");

    (void) state;
    fit_range(opts, "part.h5", 300, 420);
    test_fill_normal(other, N * P, 21);
    write_npy("xt.npy", other, N, P);
    for (size_t i = 0; i < 2; i++) {
        ba_encode_apply_opts_t apply = apply_settings("part.h5", "score.h5");
        ba_dataset_t *dataset = open_for_use(1, 1, responses[i]);
        ba_encode_score_info_t info;

        assert_int_equal(ba_encode_score(NULL, dataset, &apply, &info), BA_SHAPE);
        assert_contains(ba_error_message(), "y.npy");
        assert_contains(ba_error_message(), "60 rows are known");
        ba_dataset_free(dataset);
    }
    write_study();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume_takes_what_is_finished),
        cmocka_unit_test(test_resume_refuses_other_work),
        cmocka_unit_test(test_resume_of_one_part),
        cmocka_unit_test(test_stale_files),
        cmocka_unit_test(test_options_that_are_refused),
        cmocka_unit_test(test_a_shard_knows_its_rows),
    };

    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
