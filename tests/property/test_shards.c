/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A fit in shards is the fit in one piece, to the last bit of every data set and attribute
 * but the provenance; what does not belong together is refused. */
#include "tests/property/shard_study.h"

#include "core/alloc.h"

#include <fcntl.h>
#include <sys/stat.h>

static int
merge_status(size_t n, const char *const *names, const char *output)
{
    char paths[8][TEST_PATH_SIZE];
    const char *files[8];
    ba_encoder_merge_opts_t opts = {
        .files = files, .n_files = n, .output = in_folder(output), .force = 1};

    for (size_t i = 0; i < n; i++) {
        files[i] = test_join(paths[i], folder, names[i]);
    }
    return ba_encoder_merge(NULL, &opts, NULL);
}

/* ---- ranges ---- */

/* Whole tiles, in order, each once, their numbers at most one apart. */
static void
test_ranges(void **state)
{
    static const size_t sizes[] = {1, 255, 256, 257, 1100, 2560, 80000, 300001};

    (void) state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t v = sizes[i], tiles = (v + 255) / 256;

        for (size_t n = 1; n <= tiles && n < 40; n++) {
            size_t at = 0;

            for (size_t k = 1; k <= n; k++) {
                size_t start, stop, length;

                must(ba_encode_shard(v, k, n, &start, &stop));
                length = (stop - start + 255) / 256;
                assert_int_equal(start, at);
                assert_int_equal(start % 256, 0);
                assert_true(stop == v || stop % 256 == 0);
                assert_true(length == tiles / n || length == tiles / n + 1);
                at = stop;
            }
            assert_int_equal(at, v);
        }
        assert_int_equal(
            ba_encode_shard(v, 1, tiles + 1, &(size_t){0}, &(size_t){0}), BA_VALUE);
        assert_int_equal(ba_encode_shard(v, 0, 1, &(size_t){0}, &(size_t){0}), BA_VALUE);
        assert_int_equal(ba_encode_shard(v, 2, 1, &(size_t){0}, &(size_t){0}), BA_VALUE);
    }
}

/* ---- the same file ---- */

static void
check_shards_of(size_t n_spaces, int with_test, ba_encode_fit_opts_t opts)
{
    static const size_t numbers[] = {2, 3, TILES};

    opts.output = lasting("whole.h5");
    opts.force = 1;
    must(fit_status(n_spaces, with_test, &opts, NULL));
    for (size_t i = 0; i < 3; i++) {
        ba_encode_fit_info_t info;

        opts.output = lasting("joined.h5");
        opts.n_shards = numbers[i];
        must(fit_status(n_spaces, with_test, &opts, &info));
        assert_int_equal(info.n_shards, numbers[i]);
        assert_int_equal(info.n_targets, V);
        assert_same_files("whole.h5", "joined.h5");
        assert_false(is_there("joined.h5.shards"));
    }
}

static void
test_everything_that_is_kept(void **state)
{
    ba_encode_fit_opts_t opts = settings("whole.h5");

    (void) state;
    opts.fit.want_fold_weights = opts.fit.want_cv = 1;
    check_shards_of(1, 0, opts);
}

static void
test_a_fixed_test_set(void **state)
{
    ba_encode_fit_opts_t opts = settings("whole.h5");

    (void) state;
    opts.fit.precision = BA_SINGLE;
    check_shards_of(1, 1, opts);
}

static void
test_automatic_alphas_and_two_spaces(void **state)
{
    static const char *const own[] = {"b:0,4"};
    ba_encode_fit_opts_t opts = settings("whole.h5");

    (void) state;
    opts.fit.alphas = (ba_alphas_t){NULL, 0};
    opts.fit.scale_targets = BA_SCALE_RUNS;
    opts.fit.want_cv = 1;
    opts.space_delays = own;
    opts.n_space_delays = 1;
    check_shards_of(2, 0, opts);
}

static void
test_nothing_kept_and_no_scores(void **state)
{
    ba_encode_fit_opts_t opts = settings("whole.h5");

    (void) state;
    opts.fit.want_weights = opts.fit.want_predictions = 0;
    opts.fit.outer_cv.kind = BA_CV_NONE;
    check_shards_of(1, 0, opts);
}

/* Ranges of any kind, given in any order, and joined files joined again. */
static void
test_any_ranges_in_any_order(void **state)
{
    ba_encode_fit_opts_t opts = settings("whole.h5");

    (void) state;
    opts.force = 1;
    must(fit_status(1, 0, &opts, NULL));
    fit_range(opts, "a.h5", 0, 100);
    fit_range(opts, "b.h5", 100, 611);
    fit_range(opts, "c.h5", 611, V);
    must(merge_status(3, (const char *[]){"c.h5", "a.h5", "b.h5"}, "joined.h5"));
    assert_same_files("whole.h5", "joined.h5");
    must(merge_status(1, (const char *[]){"joined.h5"}, "again.h5"));
    assert_same_files("whole.h5", "again.h5");
}

/* ---- what does not belong together ---- */

static void
must_not_merge(size_t n, const char *const *names, int wanted, const char *words)
{
    remove(in_folder("refused.h5"));
    assert_int_equal(merge_status(n, names, "refused.h5"), wanted);
    assert_contains(ba_error_message(), words);
    assert_false(is_there("refused.h5"));
}

static void
test_targets_that_do_not_add_up(void **state)
{
    ba_encode_fit_opts_t opts = settings("whole.h5");

    (void) state;
    fit_range(opts, "a.h5", 0, 256);
    fit_range(opts, "b.h5", 256, 512);
    fit_range(opts, "c.h5", 512, V);
    fit_range(opts, "overlap.h5", 500, V);
    must_not_merge(2, (const char *[]){"c.h5", "a.h5"}, BA_SHAPE,
        "targets 256 to 511 are missing, of 1100");
    must_not_merge(1, (const char *[]){"b.h5"}, BA_SHAPE,
        "targets 0 to 255, 512 to 1099 are missing");
    must_not_merge(3, (const char *[]){"b.h5", "overlap.h5", "a.h5"}, BA_SHAPE,
        "overlap.h5: targets 500 to 511 stand in ");
    must_not_merge(4, (const char *[]){"a.h5", "b.h5", "c.h5", "a.h5"}, BA_SHAPE,
        "a.h5: targets 0 to 255 stand in ");
    must_not_merge(0, NULL, BA_VALUE, "none given");
}

/* One thing that decides the result, changed, and the part of the work that it belongs
 * to. */
static const char *
change(size_t which, ba_encode_fit_opts_t *opts)
{
    static double grid[] = {1.0, 10.0, 100.5};
    static const char *const own[] = {"a:0,1,3"};

    switch (which) {
    case 0:
        opts->fit.select = BA_SCORE_R;
        return "other model";
    case 1:
        opts->fit.alphas = (ba_alphas_t){grid, 3};
        return "other model";
    case 2:
        opts->fit.inner_scaling = BA_INNER_OUTER;
        return "other model";
    case 3:
        opts->fit.intercept = 1;
        return "other model";
    case 4:
        opts->fit.solver = BA_SOLVER_DUAL;
        return "other model";
    case 5:
        opts->delay_across_runs = 1;
        return "other preparation";
    case 6:
        opts->space_delays = own;
        opts->n_space_delays = 1;
        return "other preparation";
    case 7:
        opts->fit.trim_last = 1;
        return "other preparation";
    case 8:
        opts->fit.scale_features = BA_SCALE_CENTER;
        return "other preparation";
    case 9:
        opts->detrend = "poly:1";
        return "other preparation";
    case 10:
        opts->gap_outer = 3;
        return "other splits";
    case 11:
        opts->gap_inner = 3;
        return "other splits";
    case 12:
        opts->fit.outer_cv.seed = 5;
        return "other splits";
    case 13:
        opts->fit.want_predictions = 0;
        return "other saved";
    case 14:
        opts->fit.want_cv = 1;
        return "other saved";
    default:
        return NULL;
    }
}

static void
test_other_work(void **state)
{
    ba_encode_fit_opts_t opts = settings("whole.h5"), other = opts;
    const char *words = "";

    (void) state;
    opts.gap_inner = opts.gap_outer = 2;
    opts.fit.outer_cv =
        (ba_cv_opts_t){.kind = BA_CV_CHUNKS, .chunk_len = 5, .n_folds = 3};
    fit_range(opts, "a.h5", 0, 512);
    for (size_t i = 0; words; i++) {
        other = opts;
        words = change(i, &other);
        fit_range(other, "b.h5", 512, V);
        if (words) {
            must_not_merge(2, (const char *[]){"a.h5", "b.h5"}, BA_SHAPE,
                "b.h5: a shard of other work than ");
            assert_contains(ba_error_message(), words);
        }
    }
    /* What does not decide the result is no other work. */
    other.argc = 1;
    other.argv = (const char *const[]){"brainalign"};
    other.fit.cv.seed = 5;
    fit_range(other, "b.h5", 512, V);
    must(merge_status(2, (const char *[]){"a.h5", "b.h5"}, "joined.h5"));
}

/* Features are known by what they hold, responses by size and time of their file. */
static void
test_other_inputs(void **state)
{
    static const char *const names[] = {"a.h5", "b.h5"};
    static const struct timespec times[2] = {{1, 0}, {1, 0}};
    static double other[N * P];
    ba_encode_fit_opts_t opts = settings("whole.h5");

    (void) state;
    fit_range(opts, "a.h5", 0, 512);
    assert_int_equal(utimensat(AT_FDCWD, in_folder("x.npy"), times, 0), 0);
    fit_range(opts, "b.h5", 512, V);
    must(merge_status(2, names, "joined.h5"));
    test_fill_normal(other, N * P, 22);
    write_npy("x.npy", other, N, P);
    fit_range(opts, "b.h5", 512, V);
    must_not_merge(2, names, BA_SHAPE, ": other features");
    write_study();
    assert_int_equal(utimensat(AT_FDCWD, in_folder("y.npy"), times, 0), 0);
    fit_range(opts, "b.h5", 512, V);
    must_not_merge(2, names, BA_SHAPE, ": other responses");
}

/* Changes the first bytes of a data set in place. */
static void
spoil(const char *name, const char *path)
{
    hid_t file = H5Fopen(in_folder(name), H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t dataset = H5Dopen2(file, path, H5P_DEFAULT), type = H5Dget_type(dataset);
    hid_t space = H5Dget_space(dataset);
    size_t n;
    unsigned char *bytes = stored(type, space, &n);

    assert_true(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) >= 0);
    bytes[0] ^= 1;
    assert_true(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) >= 0);
    free(bytes);
    H5Tclose(type);
    H5Sclose(space);
    H5Dclose(dataset);
    H5Fclose(file);
}

static void
unmark(const char *name, const char *object, const char *attribute)
{
    hid_t file = H5Fopen(in_folder(name), H5F_ACC_RDWR, H5P_DEFAULT);

    assert_true(H5Adelete_by_name(file, object, attribute, H5P_DEFAULT) >= 0);
    H5Fclose(file);
}

static void
test_damaged_shards(void **state)
{
    static const char *const arrays[] = {
        "/alphas", "/splits/inner", "/features/space_names", "/scaling/feature_mean"};
    static const char *const names[] = {"a.h5", "b.h5"};
    ba_encode_fit_opts_t opts = settings("whole.h5");
    hid_t file;

    (void) state;
    fit_range(opts, "a.h5", 0, 512);
    for (size_t i = 0; i < 4; i++) {
        char words[128];

        fit_range(opts, "b.h5", 512, V);
        spoil("b.h5", arrays[i]);
        snprintf(words, sizeof words, "b.h5:%s: not the same as in ", arrays[i]);
        must_not_merge(2, names, BA_SHAPE, words);
    }
    fit_range(opts, "b.h5", 512, V);
    unmark("b.h5", "/", "zscore_runs");
    must_not_merge(2, names, BA_SHAPE, "attribute 'zscore_runs' is not the same");
    fit_range(opts, "b.h5", 512, V);
    unmark("b.h5", "/status", "names");
    must_not_merge(2, names, BA_SHAPE, "attribute 'names' is not the same");
    fit_range(opts, "b.h5", 512, V);
    file = H5Fopen(in_folder("b.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Ldelete(file, "/weights", H5P_DEFAULT) >= 0);
    H5Fclose(file);
    must_not_merge(2, names, BA_SHAPE, "b.h5:/weights: not the same as in ");
    fit_range(opts, "b.h5", 512, V);
    unmark("b.h5", "/provenance", "work");
    must_not_merge(2, names, BA_FORMAT, "no attribute 'work'");
    fit_range(opts, "b.h5", 512, V);
    unmark("b.h5", "/", "complete");
    must_not_merge(2, names, BA_FORMAT, "b.h5: incomplete");
    must_not_merge(2, (const char *[]){"a.h5", "y.npy"}, BA_FORMAT, "y.npy: not an HDF5");
    must_not_merge(2, (const char *[]){"a.h5", "none.h5"}, BA_IO, "none.h5: cannot open");
}

/* Wherever memory runs out, nothing stands under the name of the output. */
static void
test_no_memory_to_merge(void **state)
{
    static const char *const names[] = {"a.h5", "b.h5"};
    ba_encode_fit_opts_t opts = settings("whole.h5");
    size_t n = 0;
    int status;

    (void) state;
    fit_range(opts, "a.h5", 0, 512);
    fit_range(opts, "b.h5", 512, V);
    remove(in_folder("joined.h5"));
    do {
        ba_alloc_fail_at(++n);
        status = merge_status(2, names, "joined.h5");
        ba_alloc_fail_at(0);
        if (status != BA_OK) {
            assert_int_equal(status, BA_NOMEM);
            assert_false(is_there("joined.h5"));
        }
    } while (status != BA_OK);
    assert_true(n > 100);
    opts.force = 1;
    must(fit_status(1, 0, &opts, NULL));
    assert_same_files("whole.h5", "joined.h5");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_everything_that_is_kept),
        cmocka_unit_test(test_a_fixed_test_set),
        cmocka_unit_test(test_automatic_alphas_and_two_spaces),
        cmocka_unit_test(test_nothing_kept_and_no_scores),
        cmocka_unit_test(test_any_ranges_in_any_order),
        cmocka_unit_test(test_targets_that_do_not_add_up),
        cmocka_unit_test(test_other_work),
        cmocka_unit_test(test_other_inputs),
        cmocka_unit_test(test_damaged_shards),
        cmocka_unit_test(test_no_memory_to_merge),
    };

    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
