/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Encoders through their files: what was fitted is what predicts and scores after
 * loading. */
#include "tests/property/encode_study.h"

/* ---- predict after load ---- */

static void
check_predictions(size_t n_spaces, ba_encode_fit_opts_t opts, double tolerance)
{
    ba_dataset_t *dataset;
    ba_encode_apply_opts_t apply = apply_settings("enc.h5", "pred.h5");
    double *before, *after;

    opts.force = apply.force = 1;
    fit_to_file(n_spaces, 1, &opts);
    dataset = open_for_use(n_spaces, 1, NULL);
    must(ba_encode_predict(NULL, dataset, &apply));
    ba_dataset_free(dataset);
    before = read_array("enc.h5", "/predictions", N_TEST * V);
    after = read_array("pred.h5", "/predictions", N_TEST * V);
    for (size_t i = 0; i < N_TEST * V; i++) {
        assert_true(isnan(after[i]) == (i % V == 7));
    }
    assert_all_close(before, after, N_TEST * V, tolerance);
    free(before);
    free(after);
}

/* Responses are about 40 with a deviation of 2: 1e-12 of their scale. */
static void
test_prediction_survives_the_file(void **state)
{
    static const ba_scale_t features[] = {
        BA_SCALE_ZSCORE, BA_SCALE_CENTER, BA_SCALE_NONE};
    static const ba_scale_t targets[] = {BA_SCALE_ZSCORE, BA_SCALE_CENTER, BA_SCALE_NONE};

    (void) state;
    for (size_t i = 0; i < 18; i++) {
        ba_encode_fit_opts_t opts = fit_settings("enc.h5");

        opts.fit.scale_features = features[i % 3];
        opts.fit.scale_targets = targets[i / 3 % 3];
        opts.fit.intercept = i >= 9 ? 1 : -1;
        opts.fit.solver = i % 2 ? BA_SOLVER_PRIMAL : BA_SOLVER_DUAL;
        check_predictions(1, opts, 40e-12);
    }
}

static void
test_single_precision_survives_the_file(void **state)
{
    ba_encode_fit_opts_t opts = fit_settings("enc.h5");

    (void) state;
    opts.fit.precision = BA_SINGLE;
    check_predictions(1, opts, 1e-4);
}

/* Delays of one space that the other lacks, over the border of runs or not. */
static void
test_spaces_with_delays_of_their_own(void **state)
{
    static const char *const own[] = {"b:0,4"};

    (void) state;
    for (int across = 0; across < 2; across++) {
        ba_encode_fit_opts_t opts = fit_settings("enc.h5");

        opts.space_delays = own;
        opts.n_space_delays = 1;
        opts.delay_across_runs = across;
        check_predictions(2, opts, 40e-12);
    }
}

/* Features that are z-scored per run: by hand in another file, or by the fit; predictions
 * and scores of new rows z-score theirs again. */
static void
test_features_by_runs(void **state)
{
    static const size_t onsets[] = {0, 21, 40, N};
    ba_encode_fit_opts_t opts = fit_settings("enc.h5");
    ba_encode_apply_opts_t apply;
    ba_source_t *source = NULL;
    ba_dataset_t *dataset;
    double x[N * P], *weights, *by_hand, *r, *r_after;

    (void) state;
    opts.force = 1;
    opts.fit.scale_features = BA_SCALE_RUNS;
    check_predictions(1, opts, 40e-12);
    opts.output = in_folder("enc.h5");
    fit_to_file(1, 0, &opts);
    weights = read_array("enc.h5", "/weights", 3 * P * V);
    must(ba_source_open(NULL, in_folder("x.npy"), NULL, &source));
    must(ba_source_read(source, 0, 0, N, 0, P, x, N));
    ba_source_close(source);
    for (size_t j = 0; j < 3 * P; j++) {
        double *series = x + j / 3 * N + onsets[j % 3], mean = 0.0, square = 0.0;
        size_t n = onsets[j % 3 + 1] - onsets[j % 3];

        for (size_t i = 0; i < n; i++) {
            mean += series[i] / (double) n;
        }
        for (size_t i = 0; i < n; i++) {
            square += (series[i] - mean) * (series[i] - mean) / (double) n;
        }
        for (size_t i = 0; i < n; i++) {
            series[i] = (series[i] - mean) / sqrt(square);
        }
    }
    write_npy("x.npy", x, N, P);
    opts.fit.scale_features = BA_SCALE_NONE;
    opts.output = in_folder("enc.h5");
    fit_to_file(1, 0, &opts);
    by_hand = read_array("enc.h5", "/weights", 3 * P * V);
    for (size_t i = 0; i < 3 * P * V; i++) {
        assert_true(i % V == 7 || fabs(weights[i] - by_hand[i]) < 1e-12);
    }
    write_study();
    opts.fit.scale_features = BA_SCALE_RUNS;
    opts.output = in_folder("enc.h5");
    fit_to_file(1, 1, &opts);
    dataset = open_for_use(1, 1, "yt.npy");
    apply = apply_settings("enc.h5", "score.h5");
    must(ba_encode_score(NULL, dataset, &apply, NULL));
    ba_dataset_free(dataset);
    r = read_array("enc.h5", "/scores/r", V);
    r_after = read_array("score.h5", "/scores/r", V);
    assert_all_close(r, r_after, V, 1e-12);
    free(weights);
    free(by_hand);
    free(r);
    free(r_after);
}

/* Weights, scaling and intercept in the file are those of its formula, done by hand for
 * one space and delay 0. */
static void
test_formula_of_the_file(void **state)
{
    ba_encode_fit_opts_t opts = fit_settings("enc.h5");
    ba_encoder_t *encoder = NULL;
    ba_source_t *source = NULL;
    double *before, weights[P * V], x[N_TEST * P];

    (void) state;
    opts.force = 1;
    opts.delays = "0";
    opts.fit.scale_targets = BA_SCALE_NONE;
    fit_to_file(1, 1, &opts);
    before = read_array("enc.h5", "/predictions", N_TEST * V);
    must(ba_encoder_load(in_folder("enc.h5"), &encoder));
    must(ba_encoder_read_weights(encoder, 0, V, weights));
    must(ba_source_open(NULL, in_folder("xt.npy"), NULL, &source));
    must(ba_source_read(source, 0, 0, N_TEST, 0, P, x, N_TEST));
    for (size_t i = 0; i < N_TEST * V; i += 11) {
        size_t v = i % V, t = i / V;
        double sum = encoder->intercept[v];

        for (size_t j = 0; j < P; j++) {
            sum += (x[t + j * N_TEST] - encoder->feature_mean[j]) /
                   encoder->feature_scale[j] * weights[j * V + v];
        }
        assert_close(before[i],
            v == 7 ? (double) NAN
                   : sum * encoder->response_scale[v] + encoder->response_mean[v],
            40e-12);
    }
    ba_encoder_free(encoder);
    ba_source_close(source);
    free(before);
}

/* The same for held-out rows of outer folds, with what is stored by fold; rows that were
 * trimmed have no prediction. */
static void
test_formula_of_the_folds(void **state)
{
    ba_encode_fit_opts_t opts = fit_settings("enc.h5");
    ba_source_t *source = NULL;
    double *found, *weights, *mean, *scale, *y_mean, *y_scale, *b, *outer, x[N * P];

    (void) state;
    opts.force = 1;
    opts.delays = "0";
    opts.fit.want_fold_weights = 1;
    opts.fit.trim_first = 2;
    opts.fit.outer_cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 4};
    fit_to_file(1, 0, &opts);
    found = read_array("enc.h5", "/predictions", N * V);
    weights = read_array("enc.h5", "/fold_weights", 4 * P * V);
    mean = read_array("enc.h5", "/scaling/feature_mean_by_fold", 4 * P);
    scale = read_array("enc.h5", "/scaling/feature_scale_by_fold", 4 * P);
    y_mean = read_array("enc.h5", "/scaling/response_mean_by_fold", 4 * V);
    y_scale = read_array("enc.h5", "/scaling/response_scale_by_fold", 4 * V);
    b = read_array("enc.h5", "/intercept_by_fold", 4 * V);
    outer = read_array("enc.h5", "/splits/outer", N);
    must(ba_source_open(NULL, in_folder("x.npy"), NULL, &source));
    must(ba_source_read(source, 0, 0, N, 0, P, x, N));
    for (size_t i = 0; i < N * V; i++) {
        size_t v = i % V, t = i / V, k = outer[t] < 0 ? 0 : (size_t) outer[t];
        double sum = b[k * V + v];

        for (size_t j = 0; j < P; j++) {
            sum += (x[t + j * N] - mean[k * P + j]) / scale[k * P + j] *
                   weights[(k * P + j) * V + v];
        }
        assert_true(
            (outer[t] < 0) == (t < 2 || t == 21 || t == 22 || t == 40 || t == 41));
        assert_close(found[i],
            outer[t] < 0 || v == 7 ? (double) NAN
                                   : sum * y_scale[k * V + v] + y_mean[k * V + v],
            40e-12);
    }
    ba_source_close(source);
    free(found);
    free(weights);
    free(mean);
    free(scale);
    free(y_mean);
    free(y_scale);
    free(b);
    free(outer);
}

/* A shard's encoder predicts its part of what all targets' predicts, to the bit. */
static void
test_shard_of_targets(void **state)
{
    ba_encode_fit_opts_t opts = fit_settings("enc.h5");
    double *whole, *part, *r, *r_part;

    (void) state;
    opts.force = 1;
    fit_to_file(1, 1, &opts);
    opts = fit_settings("shard.h5");
    opts.force = 1;
    opts.fit.target_start = 201;
    opts.fit.target_stop = 265;
    fit_to_file(1, 1, &opts);
    whole = read_array("enc.h5", "/predictions", N_TEST * V);
    part = read_array("shard.h5", "/predictions", N_TEST * 64);
    r = read_array("enc.h5", "/scores/r", V);
    r_part = read_array("shard.h5", "/scores/r", 64);
    for (size_t i = 0; i < N_TEST; i++) {
        assert_memory_equal(whole + i * V + 201, part + i * 64, 64 * sizeof *part);
    }
    assert_memory_equal(r + 201, r_part, 64 * sizeof *r);
    free(whole);
    free(part);
    free(r);
    free(r_part);
}

static void
assert_same_array(const char *file_a, const char *file_b, const char *path, size_t n)
{
    double *a = read_array(file_a, path, n), *b = read_array(file_b, path, n);

    assert_memory_equal(a, b, n * sizeof *a);
    free(a);
    free(b);
}

/* The smallest budget reads the responses from their file again and again, a tile at a
 * time, the next while one is worked on: the same bits as with all of them in memory. */
static void
test_small_memory(void **state)
{
    static const char *const arrays[] = {"/scores/r", "/scores/r2", "/best_alphas"};

    (void) state;
    for (int with_test = 0; with_test < 2; with_test++) {
        ba_encode_fit_opts_t opts = fit_settings("enc.h5");
        ba_encode_fit_info_t info = {0};
        ba_ctx_t ctx = ba_ctx_default();
        ba_dataset_t *dataset = open_for_fit(1, with_test);
        int status;

        opts.force = 1;
        must(ba_encode_fit(NULL, dataset, &opts, &info));
        assert_int_equal(info.fit.n_passes, 1);
        opts.output = in_folder("small.h5");
        ctx.n_threads = 1;
        ctx.memory = 65536;
        do {
            ctx.memory += 16384;
            status = ba_encode_fit(&ctx, dataset, &opts, &info);
        } while (status == BA_TOO_LARGE);
        must(status);
        assert_true(info.fit.n_passes >= 3); /* alphas in chunks, then the refit */
        for (size_t i = 0; i < 3; i++) {
            assert_same_array("enc.h5", "small.h5", arrays[i], V);
        }
        assert_same_array("enc.h5", "small.h5", "/weights", 3 * P * V);
        assert_same_array(
            "enc.h5", "small.h5", "/predictions", (with_test ? N_TEST : N) * V);
        assert_same_array("enc.h5", "small.h5", "/splits/response_hash", N);
        ba_dataset_free(dataset);
    }
}

/* ---- score ---- */

/* The test of a stored encoder is that of its fit. */
static void
check_tests(const ba_encode_score_info_t *info)
{
    static const char *const arrays[] = {"/scores/p", "/scores/q", "/scores/p_fwe"};

    for (size_t i = 0; i < 3; i++) {
        double *fitted = read_array("enc.h5", arrays[i], V);
        double *scored = read_array("score.h5", arrays[i], V);

        assert_all_close(fitted, scored, V, 1e-12);
        assert_true(isnan(scored[7]) && scored[0] >= 1.0 / 201 && scored[0] <= 1.0);
        free(fitted);
        free(scored);
    }
    assert_int_equal(info->inference.r.n_tested, V - 1);
    assert_int_equal(info->inference.r.null.n_permutations, 200);
    assert_string_equal(info->inference.null_words, "cosine");
}

static void
check_scores(ba_encode_fit_opts_t opts)
{
    ba_encode_apply_opts_t apply = apply_settings("enc.h5", "score.h5");
    ba_dataset_t *dataset;
    double *r, *r2, *r_after, *r2_after, sum = 0.0;
    ba_encode_score_info_t info;

    opts.force = apply.force = 1;
    opts.inference.null.n_permutations = 200;
    opts.inference.null.seed = 11;
    apply.null = opts.inference.null;
    fit_to_file(2, 1, &opts);
    dataset = open_for_use(2, 1, "yt.npy");
    must(ba_encode_score(NULL, dataset, &apply, &info));
    ba_dataset_free(dataset);
    r = read_array("enc.h5", "/scores/r", V);
    r2 = read_array("enc.h5", "/scores/r2", V);
    r_after = read_array("score.h5", "/scores/r", V);
    r2_after = read_array("score.h5", "/scores/r2", V);
    assert_all_close(r, r_after, V, 1e-12);
    assert_all_close(r2, r2_after, V, 1e-11);
    for (size_t v = 0; v < V; v++) {
        assert_true(isnan(r[v]) == (v == 7));
        sum += v == 7 ? 0.0 : r[v];
    }
    assert_close(info.mean_r, sum / (V - 1), 1e-12);
    check_tests(&info);
    free(r);
    free(r2);
    free(r_after);
    free(r2_after);
}

static void
test_score_is_that_of_the_fit(void **state)
{
    static const ba_scale_t targets[] = {
        BA_SCALE_RUNS, BA_SCALE_ZSCORE, BA_SCALE_CENTER, BA_SCALE_NONE};
    static const char *const detrends[] = {NULL, "poly:2", "savgol:20"};

    (void) state;
    for (size_t i = 0; i < 12; i++) {
        ba_encode_fit_opts_t opts = fit_settings("enc.h5");

        opts.fit.scale_targets = targets[i % 4];
        opts.detrend = detrends[i / 4];
        opts.tr = 1.5;
        opts.gap_inner = 2;
        opts.fit.trim_first = i % 3;
        opts.fit.trim_last = i % 2;
        check_scores(opts);
    }
}

/* ---- refusals ---- */

static void
score_must_be_refused(int features_of_test, const char *responses, const char *words)
{
    ba_encode_apply_opts_t apply = apply_settings("enc.h5", "refused.h5");
    ba_dataset_t *dataset = open_for_use(1, features_of_test, responses);
    ba_encode_score_info_t info;

    assert_int_equal(ba_encode_score(NULL, dataset, &apply, &info), BA_SHAPE);
    assert_contains(ba_error_message(), words);
    assert_int_not_equal(access(in_folder("refused.h5"), F_OK), 0);
    apply.in_sample = 1;
    must(ba_encode_score(NULL, dataset, &apply, &info));
    assert_int_equal(access(in_folder("refused.h5"), F_OK), 0);
    remove(in_folder("refused.h5"));
    ba_dataset_free(dataset);
}

/* Rows of the training set are known by their features, and by their responses where the
 * features are others; new rows are scored. */
static void
test_training_rows_are_refused(void **state)
{
    static double other[N * P];
    ba_encode_fit_opts_t opts = fit_settings("enc.h5");

    (void) state;
    opts.force = 1;
    fit_to_file(1, 0, &opts);
    score_must_be_refused(0, "y.npy", "features");
    test_fill_normal(other, N * P, 21);
    write_npy("xt.npy", other, N, P); /* as many as there are training rows */
    score_must_be_refused(1, "y.npy", "y.npy");
    write_study();
    {
        ba_encode_apply_opts_t apply = apply_settings("enc.h5", "new.h5");
        ba_dataset_t *dataset = open_for_use(1, 1, "yt.npy");

        must(ba_encode_score(NULL, dataset, &apply, NULL));
        ba_dataset_free(dataset);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prediction_survives_the_file),
        cmocka_unit_test(test_single_precision_survives_the_file),
        cmocka_unit_test(test_spaces_with_delays_of_their_own),
        cmocka_unit_test(test_features_by_runs),
        cmocka_unit_test(test_formula_of_the_file),
        cmocka_unit_test(test_formula_of_the_folds),
        cmocka_unit_test(test_shard_of_targets),
        cmocka_unit_test(test_small_memory),
        cmocka_unit_test(test_score_is_that_of_the_fit),
        cmocka_unit_test(test_training_rows_are_refused),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
