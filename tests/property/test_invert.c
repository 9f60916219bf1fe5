/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode invert and identify over whole files: what they know of the decoded rows
 * (nothing), what they find in noise (nothing) and in a signal, and threads. */
#include "tests/testlib.h"

#include "brainalign/encode.h"
#include "brainalign/invert.h"
#include "decode/invert_impl.h"
#include "linalg/blas.h"
#include "tests/bundlelib.h"

enum { N = 100, P = 10, V = 24, RUNS = 5 };

static char folder[TEST_PATH_SIZE];

/* One thread: small work, and the machine may be busy. */
static const ba_ctx_t *
alone(void)
{
    static ba_ctx_t ctx;

    ctx = ba_ctx_default();
    ctx.n_threads = 1;
    return &ctx;
}

static void
must(int status)
{
    if (status != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
}

static int
make_folder(void **state)
{
    (void) state;
    test_make_folder(folder);
    return 0;
}

static int
remove_folder(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

static const char *
in_folder(const char *name)
{
    static char paths[4][TEST_PATH_SIZE];
    static size_t next = 0;

    next = (next + 1) % 4;
    return test_join(paths[next], folder, name);
}

/* Features, and responses of shared noise with as much signal as asked for. */
typedef struct {
    double x[N * P], y[N * V];
    ba_source_t *features, *responses;
    ba_dataset_t dataset;
    char name[16], *names[1];
} study_t;

static void
make_study(study_t *s, double signal, uint64_t seed)
{
    double w[P * V], shared[N * 4], load[4 * V];
    size_t onsets[RUNS];

    test_fill_normal(s->x, N * P, seed);
    test_fill_normal(s->y, N * V, seed + 1);
    test_fill_normal(w, P * V, seed + 2);
    test_fill_normal(shared, N * 4, seed + 3);
    test_fill_normal(load, 4 * V, seed + 4);
    for (size_t j = 0; j < V; j++) {
        for (size_t i = 0; i < N; i++) {
            for (size_t k = 0; k < 4; k++) {
                s->y[i + j * N] += 1.5 * shared[i + k * N] * load[k + j * 4];
            }
            for (size_t c = 0; c < P && i % (N / RUNS) > 0; c++) {
                s->y[i + j * N] += signal * s->x[i - 1 + c * N] * w[c + j * P];
            }
        }
    }
    for (size_t i = 0; i < RUNS; i++) {
        onsets[i] = i * (N / RUNS);
    }
    memset(&s->dataset, 0, sizeof s->dataset);
    must(ba_source_from_memory(s->x, N, P, N, "x", &s->features));
    must(ba_source_from_memory(s->y, N, V, N, "y", &s->responses));
    snprintf(s->name, sizeof s->name, "features");
    s->names[0] = s->name;
    s->dataset.n_spaces = 1;
    s->dataset.space_names = s->names;
    s->dataset.train.features = &s->features;
    s->dataset.train.responses = s->responses;
    s->dataset.train.n_samples = N;
    s->dataset.train.n_repeats = 1;
    must(ba_runs_from_onsets(onsets, RUNS, N, &s->dataset.train.runs));
}

static void
free_study(study_t *s)
{
    ba_source_close(s->features);
    ba_source_close(s->responses);
    ba_runs_free(&s->dataset.train.runs);
}

static void
fit(study_t *s, const char *delays, const char *output)
{
    double grid[] = {1.0, 10.0, 100.0, 1000.0};
    ba_encode_fit_opts_t opts = ba_encode_fit_opts_default();

    opts.fit.precision = BA_DOUBLE;
    opts.fit.alphas = (ba_alphas_t){grid, 4};
    opts.fit.outer_cv.kind = BA_CV_RUNS;
    opts.fit.want_weights = opts.fit.want_fold_weights = 1;
    opts.delays = delays;
    opts.output = in_folder(output);
    opts.force = 1;
    must(ba_encode_fit(alone(), &s->dataset, &opts, NULL));
}

static ba_decode_model_opts_t
model_of(const char *encoder)
{
    return (ba_decode_model_opts_t){
        .encoder = encoder, .share = NAN, .precision = BA_DOUBLE};
}

static ba_decode_identify_info_t
identify(const ba_ctx_t *ctx, study_t *s, const char *output)
{
    ba_decode_identify_info_t info;
    ba_decode_identify_opts_t opts = {.model = model_of(in_folder("enc.h5")),
        .segment = 1,
        .n_top = 3,
        .output = in_folder(output),
        .force = 1};

    must(ba_decode_identify(ctx, &s->dataset, &opts, &info));
    return info;
}

/* Arrays of doubles of a result file, n of them. */
static void
read_numbers(const char *file, const char *path, size_t n, double *out)
{
    test_read_numbers(in_folder(file), NULL, path, n, out);
}

static ba_decode_invert_info_t
invert(const ba_ctx_t *ctx, study_t *s, const ba_decode_invert_opts_t *given,
    const char *output)
{
    ba_decode_invert_info_t info;
    ba_decode_invert_opts_t opts = *given;

    opts.model.encoder = in_folder("enc.h5");
    opts.output = in_folder(output);
    opts.force = 1;
    must(ba_decode_invert(ctx, &s->dataset, &opts, &info));
    return info;
}

/* A refit that leaves out one fold is the model that was stored for it. */
static void
test_refit(void **state)
{
    study_t s;
    ba_decoding_t decoding;
    ba_decode_model_opts_t opts;
    ba_fold_model_t stored, made;
    size_t voxels[V];

    (void) state;
    make_study(&s, 0.5, 1);
    fit(&s, "1,2", "enc.h5");
    opts = model_of(in_folder("enc.h5"));
    must(ba_decoding_open(alone(), &s.dataset, &opts, &decoding));
    assert_int_equal(decoding.n_folds, RUNS);
    for (size_t j = 0; j < V; j++) {
        voxels[j] = j;
    }
    for (size_t k = 0; k < RUNS; k += 2) {
        ba_left_out_t left_out = {.fold = {k}, .n = 1};

        must(ba_fold_model_read(&decoding, k, &stored));
        must(ba_fold_model_refit(&decoding, &left_out, voxels, V, &made));
        assert_all_close(made.weights, stored.weights, 2 * P * V, 1e-10);
        assert_all_close(made.offset, stored.offset, V, 1e-10);
        ba_fold_model_free(&stored);
        ba_fold_model_free(&made);
    }
    ba_decoding_close(&decoding);
    free_study(&s);
}

/* Other responses in the last run: nothing that decodes it may change by a bit. */
static void
test_poison(void **state)
{
    const double keys[] = {NAN, 0.5};
    double scores[2][RUNS * 9], logdet[2][RUNS], share[2][RUNS];
    study_t s;

    (void) state;
    for (size_t key = 0; key < 2; key++) {
        for (size_t pass = 0; pass < 2; pass++) {
            ba_decode_invert_opts_t opts = {.model = model_of(NULL)};

            opts.model.share = keys[key];
            opts.model.prewhiten = key == 1;
            opts.model.n_voxels = 16;
            make_study(&s, 0.5, 1);
            for (size_t i = N - N / RUNS; pass == 1 && i < N; i++) {
                for (size_t j = 0; j < V; j++) {
                    s.y[i + j * N] = 100.0 * sin((double) (i * i + 7 * j));
                }
            }
            fit(&s, "1", "enc.h5");
            invert(alone(), &s, &opts, "inv.h5");
            read_numbers("inv.h5", "/noise/share_scores", RUNS * 9, scores[pass]);
            read_numbers("inv.h5", "/noise/logdet", RUNS, logdet[pass]);
            read_numbers("inv.h5", "/noise/share", RUNS, share[pass]);
            free_study(&s);
        }
        assert_memory_equal(
            scores[0] + 9 * (RUNS - 1), scores[1] + 9 * (RUNS - 1), 9 * sizeof **scores);
        assert_memory_equal(&logdet[0][RUNS - 1], &logdet[1][RUNS - 1], sizeof **logdet);
        assert_memory_equal(&share[0][RUNS - 1], &share[1][RUNS - 1], sizeof **share);
        assert_true(logdet[0][0] != logdet[1][0]);
    }
}

/* Over 12 draws of noise the mean rank accuracy has a standard error of 0.008; residuals
 * of the stored models, and a share chosen by them, give 0.6. */
static void
test_noise(void **state)
{
    ba_decode_invert_opts_t opts = {.model = model_of(NULL)};
    double accuracy = 0.0, r = 0.0;
    study_t s;

    (void) state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        make_study(&s, 0.0, 100 + 10 * seed);
        fit(&s, "0", "enc.h5");
        accuracy += identify(alone(), &s, "id.h5").rank_accuracy / 12.0;
        r += invert(alone(), &s, &opts, "inv.h5").mean_r / 12.0;
        free_study(&s);
    }
    assert_close(accuracy, 0.5, 0.025);
    assert_close(r, 0.0, 0.03);
}

/* With shared noise the likelihood knows more than correlation does. */
static void
test_signal(void **state)
{
    ba_decode_invert_opts_t opts = {.model = model_of(NULL)};
    ba_decode_identify_info_t info;
    ba_decode_invert_info_t joint, block;
    study_t s;

    (void) state;
    make_study(&s, 0.5, 5);
    fit(&s, "1", "enc.h5");
    info = identify(alone(), &s, "id.h5");
    assert_true(info.rank_accuracy > 0.95);
    assert_true(info.rank_accuracy > info.correlation_rank_accuracy + 0.02);
    assert_int_equal(info.n_items, N);
    joint = invert(alone(), &s, &opts, "inv.h5");
    assert_true(joint.mean_r > 0.5);
    /* One delay: the whole series is its responses one by one; the priors differ, by the
     * zeros before each run that delayed features have. */
    opts.combine = BA_COMBINE_BLOCK;
    block = invert(alone(), &s, &opts, "block.h5");
    assert_close(joint.mean_r, block.mean_r, 0.02);
    assert_int_equal(joint.n_decoded, block.n_decoded);
    free_study(&s);
}

/* Responses inverted in one piece: n (b + 1) + b + D^2 blocks of rank^2 numbers, for n
 * unknown samples, a band of b and D delays. 20 responses at delays 0 to 2 know 20 samples
 * of their run; whitened ones have delays 0 to 3. */
static void
test_memory_of_one_piece(void **state)
{
    ba_decode_invert_opts_t opts = {.model = model_of(NULL), .dry_run = 1};
    ba_decode_invert_info_t block, joint, part, whole;
    ba_series_t series = {.n_delays = 3,
        .delays = (int[]){0, 1, 2},
        .n_features = P,
        .n_times = N / RUNS,
        .run_length = N / RUNS};
    size_t bytes, fewer;
    study_t s;

    (void) state;
    make_study(&s, 0.3, 6);
    fit(&s, "0,1,2", "enc.h5");
    opts.model.in_sample = 1; /* refits would take more than this */
    opts.model.share = 0.5;
    must(ba_series_bytes(&series, P, &bytes));
    must(ba_series_bytes(&series, 4, &fewer));
    joint = invert(alone(), &s, &opts, "inv.h5");
    opts.prior_rank = 4;
    part = invert(alone(), &s, &opts, "inv.h5");
    opts.combine = BA_COMBINE_BLOCK;
    block = invert(alone(), &s, &opts, "inv.h5");
    opts = (ba_decode_invert_opts_t){.model = model_of(NULL), .dry_run = 1};
    opts.model.in_sample = opts.model.prewhiten = 1;
    opts.model.share = 0.5;
    whole = invert(alone(), &s, &opts, "inv.h5");
    assert_int_equal(block.n_voxels, V);
    assert_int_equal(joint.bytes_planned - part.bytes_planned, bytes - fewer);
    assert_true(joint.bytes_planned > block.bytes_planned);
    assert_true(whole.bytes_planned > joint.bytes_planned);
    free_study(&s);
}

static void
test_threads(void **state)
{
    static double a[N * P], b[N * P], c[N * N], d[N * N];
    ba_ctx_t one = ba_ctx_default(), three = ba_ctx_default();
    ba_decode_invert_opts_t opts = {.model = model_of(NULL), .prior_ar = NAN};
    study_t s;

    (void) state;
    one.n_threads = 1;
    three.n_threads = 3;
    opts.model.prewhiten = 1;
    make_study(&s, 0.3, 6);
    fit(&s, "0,1,2", "enc.h5");
    invert(&one, &s, &opts, "inv.h5");
    read_numbers("inv.h5", "/mean", N * P, a);
    invert(&three, &s, &opts, "inv.h5");
    read_numbers("inv.h5", "/mean", N * P, b);
    assert_memory_equal(a, b, sizeof a);
    identify(&one, &s, "id.h5");
    read_numbers("id.h5", "/log_likelihood", N * N, c);
    identify(&three, &s, "id.h5");
    read_numbers("id.h5", "/log_likelihood", N * N, d);
    assert_memory_equal(c, d, sizeof c);
    free_study(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refit),
        cmocka_unit_test(test_poison),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_signal),
        cmocka_unit_test(test_memory_of_one_piece),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
