/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Feature spaces fitted each over one reading of the responses are what separate fits
 * give, to the bit. */
#include "tests/property/encode_study.h"

#include "brainalign/compare.h"
#include "io/bundle_walk.h"

static const char *
in_each(const char *folder_name, const char *file)
{
    static char relative[2][64];
    static size_t next = 0;

    next = 1 - next;
    snprintf(relative[next], sizeof relative[next], "%s/%s", folder_name, file);
    return in_folder(relative[next]);
}

static int
is_provenance(const char *path)
{
    return strncmp(path, "/provenance", 11) == 0;
}

static void
assert_same_array(const ba_bundle_t *a, const ba_bundle_t *b,
    const ba_bundle_array_t *left, const ba_bundle_array_t *right)
{
    size_t n = 1;
    void *x, *y;

    assert_string_equal(left->path, right->path);
    assert_int_equal(left->is_string, right->is_string);
    assert_int_equal(left->rank, right->rank);
    for (int i = 0; i < left->rank; i++) {
        assert_int_equal(left->dims[i], right->dims[i]);
        n *= left->dims[i];
    }
    if (left->is_string) {
        char **texts[2];
        size_t n_texts[2];

        must(ba_bundle_read_strings(a, left->path, &n_texts[0], &texts[0]));
        must(ba_bundle_read_strings(b, left->path, &n_texts[1], &texts[1]));
        for (size_t i = 0; i < n_texts[0]; i++) {
            assert_string_equal(texts[0][i], texts[1][i]);
        }
        free(texts[0]);
        free(texts[1]);
        return;
    }
    assert_int_equal(left->type, right->type);
    x = malloc(n * left->size);
    y = malloc(n * left->size);
    must(ba_bundle_read(a, left->path, left->type, NULL, NULL, x));
    must(ba_bundle_read(b, left->path, left->type, NULL, NULL, y));
    if (memcmp(x, y, n * left->size) != 0) {
        fail_msg("%s differs", left->path);
    }
    free(x);
    free(y);
}

static void
assert_same_file(const char *first, const char *second)
{
    ba_bundle_t *a = NULL, *b = NULL;
    ba_bundle_content_t left = {0}, right = {0};
    size_t n_compared = 0;

    must(ba_bundle_open(first, NULL, &a));
    must(ba_bundle_open(second, NULL, &b));
    must(ba_bundle_content(a, &left));
    must(ba_bundle_content(b, &right));
    assert_int_equal(left.n_arrays, right.n_arrays);
    for (size_t i = 0; i < left.n_arrays; i++) {
        if (!is_provenance(left.arrays[i].path)) {
            assert_same_array(a, b, &left.arrays[i], &right.arrays[i]);
            n_compared++;
        }
    }
    assert_true(n_compared > 15);
    assert_int_equal(left.n_attrs, right.n_attrs);
    for (size_t i = 0; i < left.n_attrs; i++) {
        if (!is_provenance(left.attrs[i].object)) {
            assert_int_equal(left.attrs[i].n_bytes, right.attrs[i].n_bytes);
            assert_memory_equal(
                left.attrs[i].bytes, right.attrs[i].bytes, left.attrs[i].n_bytes);
        }
    }
    ba_bundle_content_free(&left);
    ba_bundle_content_free(&right);
    ba_bundle_free(a);
    ba_bundle_free(b);
}

/* Space `b` alone. */
static void
fit_second(int with_test, ba_encode_fit_opts_t opts, const char *output)
{
    ba_dataset_t *dataset = NULL;
    ba_dataset_opts_t names = {.features = spaces(0) + 1,
        .n_features = 1,
        .responses = in_folder("y.npy"),
        .runs = runs_of_training};

    if (with_test) {
        names.test_features = spaces(1) + 1;
        names.n_test_features = 1;
        names.test_responses = in_folder("yt.npy");
        names.test_runs = runs_of_test;
    }
    opts.output = output;
    must(ba_dataset_open(NULL, &names, &dataset));
    must(ba_encode_fit(NULL, dataset, &opts, NULL));
    ba_dataset_free(dataset);
}

static void
check_bits(const char *name, int with_test, size_t memory, ba_encode_fit_opts_t opts)
{
    ba_dataset_t *dataset = open_for_fit(2, with_test);
    ba_ctx_t ctx = ba_ctx_default();
    ba_encode_fit_info_t infos[2];
    ba_encode_each_info_t info;
    int status;
    char one[TEST_PATH_SIZE], two[TEST_PATH_SIZE], output[TEST_PATH_SIZE];

    snprintf(output, sizeof output, "%s", in_folder(name));
    snprintf(one, sizeof one, "%s", in_folder("one.h5"));
    snprintf(two, sizeof two, "%s", in_folder("two.h5"));
    opts.output = output;
    ctx.n_threads = memory > 0 ? 1 : 0;
    ctx.memory = memory;
    /* The least that is enough: prepared responses are not kept. */
    while ((status = ba_encode_each(&ctx, dataset, &opts, 0, infos, &info)) ==
               BA_TOO_LARGE &&
           memory > 0) {
        ctx.memory += 16384;
    }
    must(status);
    assert_int_equal(info.is_shared, memory == 0);
    assert_true(memory != 0 || info.n_passes == 1);
    assert_int_equal(infos[0].n_columns, 3 * P);
    ba_dataset_free(dataset);
    opts.force = 1;
    opts.output = one;
    fit_to_file(1, with_test, &opts);
    fit_second(with_test, opts, two);
    assert_same_file(in_each(name, "a.h5"), one);
    assert_same_file(in_each(name, "b.h5"), two);
}

static void
test_bits(void **state)
{
    ba_encode_fit_opts_t opts = fit_settings("unused.h5");

    (void) state;
    opts.fit.want_fold_weights = opts.fit.want_cv = 1;
    check_bits("double", 0, 0, opts);
    check_bits("with_test", 1, 0, opts);
    opts.fit.precision = BA_SINGLE;
    opts.fit.scale_targets = BA_SCALE_RUNS;
    opts.fit.alphas = (ba_alphas_t){NULL, 0};
    check_bits("single", 0, 0, opts);
    check_bits("unshared", 0, 65536, opts);
}

/* ---- resuming, refusing ---- */

/* The table of the space fitted by itself. */
static void
assert_same_text(const char *file, int is_first)
{
    char own[TEST_PATH_SIZE], output[TEST_PATH_SIZE], lines[2][4096];
    ba_encode_fit_opts_t opts = fit_settings("unused");
    size_t n[2];

    snprintf(own, sizeof own, "%s", in_folder("own.tsv"));
    snprintf(output, sizeof output, "%s", in_folder("own.h5"));
    opts.table = own;
    opts.output = output;
    opts.force = 1;
    if (is_first) {
        fit_to_file(1, 0, &opts);
    } else {
        fit_second(0, opts, output);
    }
    for (int i = 0; i < 2; i++) {
        FILE *stream = fopen(i == 0 ? own : in_folder(file), "r");

        assert_non_null(stream);
        n[i] = fread(lines[i], 1, sizeof lines[i], stream);
        fclose(stream);
    }
    assert_true(n[0] > 100 && n[0] == n[1]);
    assert_memory_equal(lines[0], lines[1], n[0]);
}

static void
test_resume(void **state)
{
    ba_dataset_t *dataset = open_for_fit(2, 0);
    ba_encode_fit_opts_t opts = fit_settings("resumed");
    ba_encode_fit_info_t infos[2];
    ba_encode_each_info_t info;
    char table[TEST_PATH_SIZE], output[TEST_PATH_SIZE];

    (void) state;
    snprintf(table, sizeof table, "%s", in_folder("scores.tsv"));
    snprintf(output, sizeof output, "%s", in_folder("resumed"));
    opts.table = table;
    opts.output = output;
    must(ba_encode_each(NULL, dataset, &opts, 0, infos, &info));
    assert_same_text("scores.a.tsv", 1);
    assert_same_text("scores.b.tsv", 0);
    assert_int_equal(ba_encode_each(NULL, dataset, &opts, 0, infos, &info), BA_EXISTS);
    assert_contains(ba_error_message(), "resumed/a.h5");
    assert_int_equal(remove(in_each("resumed", "b.h5")), 0);
    assert_int_equal(remove(in_folder("scores.b.tsv")), 0);
    opts.resume = 1;
    must(ba_encode_each(NULL, dataset, &opts, 1, infos, &info));
    assert_true(infos[0].was_complete && !infos[1].was_complete);
    assert_true(isfinite(info.stack_r));
    assert_int_equal(access(in_each("resumed", "b.h5"), R_OK), 0);
    assert_same_text("scores.b.tsv", 0);
    assert_int_equal(access(in_folder("scores.stacked.tsv"), R_OK), 0);
    ba_dataset_free(dataset);
}

static void
expect(const ba_encode_fit_opts_t *opts, int stack, int code, const char *words)
{
    ba_dataset_t *dataset = open_for_fit(2, 0);

    assert_int_equal(ba_encode_each(NULL, dataset, opts, stack, NULL, NULL), code);
    assert_contains(ba_error_message(), words);
    ba_dataset_free(dataset);
}

static void
test_refused(void **state)
{
    ba_encode_fit_opts_t opts = fit_settings("refused");
    const char *unknown = "c:1,2", *own = "a:0,1,2,3";

    (void) state;
    opts.n_shards = 2;
    expect(&opts, 0, BA_VALUE, "shards");
    opts.n_shards = 0;
    opts.space_delays = &unknown;
    opts.n_space_delays = 1;
    expect(&opts, 0, BA_VALUE, "'c:1,2' names no feature space");
    opts.space_delays = &own;
    expect(&opts, 1, BA_VALUE, "gaps of 3 and 2");
    opts.fit.cv.kind = BA_CV_NONE;
    expect(&opts, 1, BA_VALUE, "no inner splits");
    assert_int_not_equal(access(in_folder("refused"), F_OK), 0);
    opts = fit_settings("y.npy");
    expect(&opts, 0, BA_EXISTS, "a file, wanted a folder");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bits, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_resume, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_refused, make_folder, remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
