/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Feature spaces fitted each over one reading of the responses are what separate fits
 * give, to the bit; a stack of them is what textbook loops give. */
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

/* ---- bits ---- */

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

/* ---- a stack by textbook loops ---- */

enum { MOST_COLUMNS = 15, TARGETS = 9 };

typedef struct {
    size_t n_features;
    double x[N][MOST_COLUMNS]; /* delayed 0, 1, 2 within runs */
    size_t p;
} design_t;

static size_t
run_of(size_t i)
{
    return i < 21 ? 0 : i < 40 ? 1 : 2;
}

static void
make_design(const char *file, size_t n_features, design_t *out)
{
    ba_source_t *source = NULL;
    double raw[N * P];

    must(ba_source_open(NULL, in_folder(file), NULL, &source));
    must(ba_source_read(source, 0, 0, N, 0, n_features, raw, N));
    ba_source_close(source);
    out->p = 3 * n_features;
    for (size_t d = 0; d < 3; d++) {
        for (size_t j = 0; j < n_features; j++) {
            for (size_t i = 0; i < N; i++) {
                out->x[i][d * n_features + j] =
                    i >= d && run_of(i - d) == run_of(i) ? raw[i - d + j * N] : 0.0;
            }
        }
    }
}

/* Predictions of `test` rows by a ridge on `train` rows: columns z-scored, y centred. */
static void
ridge(const design_t *design, const double *y, const int *train, const int *test,
    double alpha, double *predicted)
{
    double mean[MOST_COLUMNS] = {0}, scale[MOST_COLUMNS] = {0}, y_mean = 0.0, n = 0.0;
    double y_scale = 0.0, a[MOST_COLUMNS][MOST_COLUMNS + 1] = {{0}};
    size_t p = design->p;

    for (size_t i = 0; i < N; i++) {
        n += train[i];
        y_mean += train[i] * y[i];
        for (size_t j = 0; j < p; j++) {
            mean[j] += train[i] * design->x[i][j];
        }
    }
    y_mean /= n;
    for (size_t j = 0; j < p; j++) {
        mean[j] /= n;
        for (size_t i = 0; i < N; i++) {
            scale[j] += train[i] * pow(design->x[i][j] - mean[j], 2) / n;
        }
        scale[j] = sqrt(scale[j]);
    }
    for (size_t i = 0; i < N; i++) {
        y_scale += train[i] * pow(y[i] - y_mean, 2) / n;
    }
    y_scale = sqrt(y_scale);
    for (size_t j = 0; j < p; j++) {
        for (size_t i = 0; i < N; i++) {
            double xj = train[i] * (design->x[i][j] - mean[j]) / scale[j];

            for (size_t k = 0; k < p; k++) {
                a[j][k] += xj * (design->x[i][k] - mean[k]) / scale[k];
            }
            a[j][p] += xj * (y[i] - y_mean) / y_scale;
        }
        a[j][j] += alpha;
    }
    for (size_t k = 0; k < p; k++) {
        for (size_t j = 0; j < p; j++) {
            double f = j == k ? 0.0 : a[j][k] / a[k][k];

            for (size_t c = 0; c <= p; c++) {
                a[j][c] -= f * a[k][c];
            }
        }
    }
    for (size_t i = 0; i < N; i++) {
        predicted[i] = NAN;
        if (test[i]) {
            predicted[i] = y_mean;
            for (size_t j = 0; j < p; j++) {
                predicted[i] +=
                    y_scale * (design->x[i][j] - mean[j]) / scale[j] * a[j][p] / a[j][j];
            }
        }
    }
}

typedef struct {
    design_t designs[2];
    double *y, *alphas[2], *outer, *inner;
} reference_t;

/* Weight of the first of two models: G as it falls, clipped to the segment. */
static double
weight_of(const reference_t *ref, size_t fold, size_t t)
{
    double g[2][2] = {{0}}, predicted[2][N];

    for (int k = 0; k < 3; k++) {
        int train[N], test[N];

        for (size_t i = 0; i < N; i++) {
            int in = (size_t) ref->outer[i] != fold;

            test[i] = in && (int) ref->inner[fold * N + i] == k;
            train[i] = in && !test[i];
        }
        for (size_t m = 0; m < 2; m++) {
            ridge(&ref->designs[m], ref->y + t * N, train, test,
                ref->alphas[m][fold * V + t], predicted[m]);
        }
        for (size_t i = 0; i < N; i++) {
            for (size_t m = 0; test[i] && m < 4; m++) {
                g[m / 2][m % 2] += (ref->y[i + t * N] - predicted[m / 2][i]) *
                                   (ref->y[i + t * N] - predicted[m % 2][i]);
            }
        }
    }
    return fmin(1.0, fmax(0.0, (g[1][1] - g[0][1]) / (g[0][0] + g[1][1] - 2 * g[0][1])));
}

static void
check_target(
    const reference_t *ref, size_t t, const double *weights, const double *predictions)
{
    for (size_t fold = 0; fold < 3; fold++) {
        double w = weight_of(ref, fold, t), predicted[2][N];
        int train[N], test[N];

        assert_close(weights[(fold * 2 + 0) * V + t], w, 1e-8);
        assert_close(weights[(fold * 2 + 1) * V + t], 1.0 - w, 1e-8);
        for (size_t i = 0; i < N; i++) {
            test[i] = (size_t) ref->outer[i] == fold;
            train[i] = !test[i];
        }
        for (size_t m = 0; m < 2; m++) {
            ridge(&ref->designs[m], ref->y + t * N, train, test,
                ref->alphas[m][fold * V + t], predicted[m]);
        }
        for (size_t i = 0; i < N; i++) {
            if (test[i]) {
                assert_close(predictions[i * V + t],
                    w * predicted[0][i] + (1.0 - w) * predicted[1][i], 1e-7);
            }
        }
    }
}

static void
test_stack(void **state)
{
    static reference_t ref;
    ba_dataset_t *dataset = open_for_fit(2, 0);
    ba_encode_fit_opts_t opts = fit_settings("stack");
    ba_encode_each_info_t info;
    ba_source_t *source = NULL;
    double *weights, *predictions, *r;
    size_t n_inside = 0;

    (void) state;
    opts.gap_inner = opts.gap_outer = 0;
    must(ba_cv_parse("kfold:3", &opts.fit.cv));
    must(ba_encode_each(NULL, dataset, &opts, 1, NULL, &info));
    ba_dataset_free(dataset);
    make_design("x.npy", P, &ref.designs[0]);
    make_design("z.npy", Q, &ref.designs[1]);
    ref.y = malloc(N * TARGETS * sizeof *ref.y);
    must(ba_source_open(NULL, in_folder("y.npy"), NULL, &source));
    must(ba_source_read(source, 0, 0, N, 0, TARGETS, ref.y, N));
    ba_source_close(source);
    ref.alphas[0] = read_array("stack/a.h5", "/best_alphas_by_fold", 3 * V);
    ref.alphas[1] = read_array("stack/b.h5", "/best_alphas_by_fold", 3 * V);
    ref.outer = read_array("stack/a.h5", "/splits/outer", N);
    ref.inner = read_array("stack/a.h5", "/splits/inner_by_fold", 3 * N);
    weights = read_array("stack/stacked.h5", "/stack/weights_by_fold", 3 * 2 * V);
    predictions = read_array("stack/stacked.h5", "/predictions", N * V);
    r = read_array("stack/stacked.h5", "/scores/r", V);
    for (size_t t = 0; t < TARGETS; t++) {
        if (t == 7) { /* holds a NaN */
            assert_true(isnan(weights[t]) && isnan(r[t]) && isnan(predictions[t]));
            continue;
        }
        check_target(&ref, t, weights, predictions);
        n_inside += weights[t] > 0.0 && weights[t] < 1.0;
    }
    assert_true(n_inside > 4);
    assert_true(isfinite(info.stack_r) && info.stack_r > 0.3);
    free(ref.y);
    free(ref.alphas[0]);
    free(ref.alphas[1]);
    free(ref.outer);
    free(ref.inner);
    free(weights);
    free(predictions);
    free(r);
}

/* A model that knows nothing gets little weight, with a fixed test set as well; and the
 * predictions give the scores that are stated. */
static void
test_stack_on_test_set(void **state)
{
    ba_dataset_t *dataset = open_for_fit(2, 1);
    ba_encode_fit_opts_t opts = fit_settings("stack_test");
    double *weights, *final, *r;

    (void) state;
    opts.fit.precision = BA_SINGLE;
    must(ba_encode_each(NULL, dataset, &opts, 1, NULL, NULL));
    ba_dataset_free(dataset);
    weights = read_array("stack_test/stacked.h5", "/stack/weights_by_fold", 2 * V);
    final = read_array("stack_test/stacked.h5", "/stack/weights", 2 * V);
    r = read_array("stack_test/stacked.h5", "/scores/r", V);
    for (size_t t = 0; t < V; t++) {
        if (t != 7) {
            assert_close(weights[t] + weights[V + t], 1.0, 1e-12);
            assert_close(weights[t], final[t], 0.0);
            assert_true(r[t] > -0.5);
        }
    }
    free(weights);
    free(final);
    free(r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bits, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_resume, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_stack, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(
            test_stack_on_test_set, make_folder, remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
