/* SPDX-License-Identifier: GPL-3.0-or-later */
/* p, ceilings and increments of a result file, found again from the predictions and
 * responses that it is of: explicitly, permutation by permutation, and by the functions of
 * the model layer. */
#include "tests/property/encode_study.h"
#include "tests/property/inference_study.h"

#include "core/alloc.h"

#include <math.h>

enum { RUNS = 3, LONGEST = N };

static const size_t run_onset[RUNS + 1] = {0, 21, 40, N};
static const size_t test_onset[3] = {0, 18, N_TEST};

/* Responses of the training set, N x V. */
static void
read_responses(double *y)
{
    ba_dataset_t *dataset = open_for_fit(1, 0);

    must(ba_source_read(dataset->train.responses, 0, 0, N, 0, V, y, N));
    ba_dataset_free(dataset);
}

/* z-scoring per run by the text book, of `column`; the same shift and scale are taken off
 * `other` (which may be NULL). */
static void
zscore_runs(const size_t *onset, size_t n_runs, double *column, double *other)
{
    for (size_t k = 0; k < n_runs; k++) {
        double mean = 0.0, square = 0.0, scale, n = (double) (onset[k + 1] - onset[k]);

        for (size_t i = onset[k]; i < onset[k + 1]; i++) {
            mean += column[i] / n;
        }
        for (size_t i = onset[k]; i < onset[k + 1]; i++) {
            square += (column[i] - mean) * (column[i] - mean) / n;
        }
        scale = sqrt(square);
        for (size_t i = onset[k]; i < onset[k + 1]; i++) {
            column[i] = (column[i] - mean) / scale;
            if (other) {
                other[i] = (other[i] - mean) / scale;
            }
        }
    }
}

static double
correlation(const double *a, const double *b, size_t n)
{
    double ma = 0.0, mb = 0.0, ab = 0.0, aa = 0.0, bb = 0.0;

    for (size_t i = 0; i < n; i++) {
        ma += a[i] / (double) n;
        mb += b[i] / (double) n;
    }
    for (size_t i = 0; i < n; i++) {
        ab += (a[i] - ma) * (b[i] - mb);
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
    }
    return ab / sqrt(aa * bb);
}

/* The samples of each fold, and its stretches. */
typedef struct {
    size_t n_folds, n[8];
    size_t samples[8][LONGEST];
    ba_runs_t runs[8];
} folds_t;

static void
find_folds(const char *name, const char *path, folds_t *folds)
{
    ba_bundle_t *bundle = NULL;
    int32_t fold[N];

    *folds = (folds_t){0};
    must(ba_bundle_open(in_folder(name), NULL, &bundle));
    must(ba_bundle_read(bundle, path, BA_I32, NULL, NULL, fold));
    ba_bundle_free(bundle);
    for (size_t i = 0; i < N; i++) {
        size_t f = (size_t) fold[i];

        if (fold[i] >= 0) {
            folds->samples[f][folds->n[f]++] = i;
            folds->n_folds = f + 1 > folds->n_folds ? f + 1 : folds->n_folds;
        }
    }
    for (size_t f = 0; f < folds->n_folds; f++) {
        size_t onsets[LONGEST], n_onsets = 0;

        for (size_t i = 0; i < folds->n[f]; i++) {
            size_t at = folds->samples[f][i];
            int starts = at == run_onset[1] || at == run_onset[2];

            if (i == 0 || starts || at != folds->samples[f][i - 1] + 1) {
                onsets[n_onsets++] = i;
            }
        }
        must(ba_runs_from_onsets(onsets, n_onsets, folds->n[f], &folds->runs[f]));
    }
}

static void
free_folds(folds_t *folds)
{
    for (size_t f = 0; f < folds->n_folds; f++) {
        ba_runs_free(&folds->runs[f]);
    }
}

static void
take(const folds_t *folds, size_t f, const double *column, double *out)
{
    for (size_t i = 0; i < folds->n[f]; i++) {
        out[i] = column[folds->samples[f][i]];
    }
}

/* The mean r over the folds, and its value under every permutation: widened, because a
 * fold's prediction comes from the responses of the others. */
static double
permute_target(const ba_null_t *null, const folds_t *folds, size_t n_permutations,
    const double *y, const double *p, double *values)
{
    double observed = 0.0, of_fold[LONGEST], predicted[LONGEST], permuted[LONGEST];
    double share = 1.0 / (double) folds->n_folds;

    memset(values, 0, n_permutations * sizeof *values);
    for (size_t f = 0; f < folds->n_folds; f++) {
        take(folds, f, y, of_fold);
        take(folds, f, p, predicted);
        observed += share * correlation(of_fold, predicted, folds->n[f]);
        for (size_t b = 0; b < n_permutations; b++) {
            must(ba_null_permute(null, f, b, predicted, permuted));
            values[b] += share * sqrt(2.0) * correlation(of_fold, permuted, folds->n[f]);
        }
    }
    return observed;
}

/* Counts by hand against the file. Values of r on a grid do not tie but by rounding. */
static void
check_against_permutations(const char *name, const ba_null_opts_t *opts)
{
    static double y[N * V];
    double *predictions = read_array(name, "/predictions", N * V), *p, *tested, *maxima;
    double *p_fwe, *q, values[256], largest[256], expected_q[V];
    folds_t folds;
    ba_null_t *null = NULL;
    size_t n, n_checked = 0, n_small = 0;

    find_folds(name, "/splits/outer", &folds);
    must(ba_null_new(opts, folds.runs, folds.n_folds, &null));
    n = ba_null_info(null, BA_NULL_R).n_permutations;
    assert_true(n <= 256);
    p = read_array(name, "/scores/p", V);
    q = read_array(name, "/scores/q", V);
    p_fwe = read_array(name, "/scores/p_fwe", V);
    tested = read_array(name, "/scores/r_tested", V);
    maxima = read_array(name, "/scores/null_maxima", n);
    read_responses(y);
    for (size_t b = 0; b < n; b++) {
        largest[b] = -INFINITY;
    }
    for (size_t v = 0; v < V; v++) {
        double column[N], observed;
        size_t n_extreme = 0;

        for (size_t i = 0; i < N; i++) {
            column[i] = predictions[i * V + v];
        }
        if (v == 7) {
            assert_true(isnan(p[v]) && isnan(q[v]) && isnan(p_fwe[v]));
            continue;
        }
        zscore_runs(run_onset, RUNS, y + v * N, column);
        observed = permute_target(null, &folds, n, y + v * N, column, values);
        for (size_t b = 0; b < n; b++) {
            n_extreme += values[b] >= observed - 1e-11;
            largest[b] = fmax(largest[b], values[b]);
        }
        assert_close(tested[v], observed, 1e-10);
        assert_close(p[v], (1.0 + (double) n_extreme) / (1.0 + (double) n), 1e-12);
        n_small += p[v] < 0.05;
        n_checked++;
    }
    assert_int_equal(n_checked, V - 1);
    assert_true(n_small > V / 10 && n_small < V); /* there is something to find */
    assert_all_close(maxima, largest, n, 1e-10);
    must(ba_fdr_bh(p, V, expected_q));
    assert_all_close(q, expected_q, V, 1e-15);
    for (size_t v = 0; v < V; v++) {
        size_t n_extreme = 0;

        for (size_t b = 0; b < n; b++) {
            n_extreme += maxima[b] >= tested[v] - 1e-10;
        }
        if (v != 7) {
            assert_close(
                p_fwe[v], (1.0 + (double) n_extreme) / (1.0 + (double) n), 1e-12);
        }
    }
    ba_null_free(null);
    free_folds(&folds);
    free(predictions);
    free(p);
    free(q);
    free(p_fwe);
    free(tested);
    free(maxima);
}

static void
fit_and_check(ba_encode_fit_opts_t opts)
{
    ba_dataset_t *dataset = open_for_fit(1, 0);
    ba_null_opts_t null = opts.inference.null;
    ba_encode_fit_info_t info;

    opts.force = 1;
    opts.output = in_folder("tested.h5");
    opts.fit.scale_targets = BA_SCALE_RUNS;
    must(ba_encode_fit(NULL, dataset, &opts, &info));
    assert_int_equal(info.inference.r.n_tested, V - 1);
    ba_dataset_free(dataset);
    null.is_crossed = 0; /* widened here by hand */
    check_against_permutations("tested.h5", &null);
}

static void
test_every_null_by_hand(void **state)
{
    static const char *const words[] = {"cosine", "circular", "phase", "blocks:5"};
    ba_encode_fit_opts_t opts = fit_settings("tested.h5");

    (void) state;
    opts.inference.null.n_permutations = 60;
    opts.inference.null.seed = 9;
    for (size_t i = 0; i < 4; i++) {
        must(ba_null_parse(words[i], &opts.inference.null));
        fit_and_check(opts);
    }
    /* Folds that cross the borders of runs, and all shifts of few. */
    opts.fit.outer_cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 4};
    must(ba_null_parse("cosine", &opts.inference.null));
    fit_and_check(opts);
    opts.fit.outer_cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 2};
    must(ba_null_parse("circular", &opts.inference.null));
    opts.inference.null.min_shift = 6;
    fit_and_check(opts);
}

/* In single precision, far from 0: what is kept loses no digits of the deviations. */
static void
test_single_precision(void **state)
{
    ba_encode_fit_opts_t opts = fit_settings("single.h5");
    ba_dataset_t *dataset = open_for_fit(1, 0);
    double *r, *tested;

    (void) state;
    opts.fit.precision = BA_SINGLE;
    opts.force = 1;
    opts.inference.null.n_permutations = 20;
    must(ba_encode_fit(NULL, dataset, &opts, NULL));
    r = read_array("single.h5", "/scores/r", V);
    tested = read_array("single.h5", "/scores/r_tested", V);
    assert_all_close(r, tested, V, 2e-6);
    free(r);
    free(tested);
    ba_dataset_free(dataset);
}

/* ---- increments ---- */

/* A fit of some spaces; its table of scores. */
static void
fit_spaces(const char *name, const char *const *specs, size_t n_specs,
    const ba_encode_fit_opts_t *settings)
{
    ba_encode_fit_opts_t opts = *settings;
    ba_dataset_opts_t data = {.features = specs,
        .n_features = n_specs,
        .responses = in_folder("y.npy"),
        .runs = runs_of_training};
    ba_dataset_t *dataset = NULL;

    opts.output = in_folder(name);
    opts.force = 1;
    must(ba_dataset_open(NULL, &data, &dataset));
    must(ba_encode_fit(NULL, dataset, &opts, NULL));
    ba_dataset_free(dataset);
}

static void
fill_fold(const folds_t *folds, size_t f, const double *numbers, double *out)
{
    for (size_t v = 0; v < V; v++) {
        take(folds, f, numbers + v * N, out + v * folds->n[f]);
    }
}

/* The test of the model layer on the predictions of two fits. */
static void
test_increments(const double *y, const double *full, const double *control,
    const folds_t *folds, const ba_null_opts_t *opts, const ba_null_result_t *result)
{
    ba_null_fold_t data[8];
    ba_null_opts_t crossed = *opts;
    ba_null_t *null = NULL;
    double *parts = malloc(3 * N * V * sizeof *parts), *at = parts;

    assert_non_null(parts);
    crossed.is_crossed = 1;
    must(ba_null_new(&crossed, folds->runs, folds->n_folds, &null));
    for (size_t f = 0; f < folds->n_folds; f++) {
        const double *from[3] = {y, full, control};
        ba_cdmat_t views[3];

        for (size_t k = 0; k < 3; k++) {
            fill_fold(folds, f, from[k], at);
            views[k] = (ba_cdmat_t){at, folds->n[f], V, folds->n[f]};
            at += folds->n[f] * V;
        }
        data[f] = (ba_null_fold_t){views[0], views[1], views[2]};
    }
    must(ba_null_test(NULL, null, BA_NULL_INCREMENT, data, BA_TAIL_GREATER, result));
    ba_null_free(null);
    free(parts);
}

/* Column-major, z-scored per run like the responses. */
static void
lay_out(const char *name, double *y, double *out)
{
    double *stored = read_array(name, "/predictions", N * V);

    for (size_t v = 0; v < V; v++) {
        double copy[N];

        for (size_t i = 0; i < N; i++) {
            out[i + v * N] = stored[i * V + v];
        }
        memcpy(copy, y + v * N, sizeof copy);
        zscore_runs(run_onset, RUNS, copy, out + v * N);
    }
    free(stored);
}

static void
check_increment_scores(const char *name)
{
    size_t folds = 3;
    double *increment = read_array(name, "/scores/increment_r2", V);
    double *control_r = read_array(name, "/scores/control_r", V);
    double *control_r2 = read_array(name, "/scores/control_r2", V);
    double *alone_r = read_array("control.h5", "/scores/r", V);
    double *alone_r2 = read_array("control.h5", "/scores/r2", V);
    double *by_fold = read_array(name, "/scores/r2_by_fold", folds * V);
    double *alone_by_fold = read_array("control.h5", "/scores/r2_by_fold", folds * V);

    assert_all_close(control_r, alone_r, V, 0.0);
    assert_all_close(control_r2, alone_r2, V, 0.0);
    for (size_t v = 0; v < V; v++) {
        double sum = 0.0;

        for (size_t f = 0; f < folds; f++) {
            sum += (by_fold[f * V + v] - alone_by_fold[f * V + v]) / (double) folds;
        }
        assert_close(increment[v], v == 7 ? (double) NAN : sum, 1e-13);
    }
    free(increment);
    free(control_r);
    free(control_r2);
    free(alone_r);
    free(alone_r2);
    free(by_fold);
    free(alone_by_fold);
}

static void
test_increments_of_two_fits(void **state)
{
    static const char *const words[] = {"cosine", "blocks:4"};
    static double y[N * V], full[N * V], control[N * V], observed[V], p[V], maxima[64];
    ba_encode_fit_opts_t opts = fit_settings("both.h5"), with_tests;
    folds_t folds;

    (void) state;
    opts.fit.scale_targets = BA_SCALE_RUNS;
    opts.gap_inner = opts.gap_outer = 2;
    fit_spaces("control.h5", spaces(0), 1, &opts);
    for (size_t i = 0; i < 2; i++) {
        double *in_file, *tested;

        with_tests = opts;
        ask_for_everything(&with_tests, 0);
        with_tests.inference.null.n_permutations = 64;
        must(ba_null_parse(words[i], &with_tests.inference.null));
        fit_spaces("both.h5", spaces(0), 2, &with_tests);
        check_increment_scores("both.h5");
        read_responses(y);
        lay_out("both.h5", y, full);
        lay_out("control.h5", y, control);
        for (size_t v = 0; v < V; v++) {
            zscore_runs(run_onset, RUNS, y + v * N, NULL);
        }
        find_folds("both.h5", "/splits/outer", &folds);
        test_increments(y, full, control, &folds, &with_tests.inference.null,
            &(ba_null_result_t){observed, p, maxima});
        in_file = read_array("both.h5", "/scores/p_increment", V);
        tested = read_array("both.h5", "/scores/increment_tested", V);
        assert_all_close(tested, observed, V, 1e-10);
        assert_all_close(in_file, p, V, 1e-12);
        free(in_file);
        free(tested);
        free_folds(&folds);
    }
    /* Without tests there are increments, without p. */
    with_tests.inference.null.n_permutations = 0;
    fit_spaces("both.h5", spaces(0), 2, &with_tests);
    check_increment_scores("both.h5");
}

/* ---- ceilings ---- */

static void
prepare_repeats(double *repeats[N_REPEATS])
{
    double *all = make_repeats();

    for (size_t k = 0; k < N_REPEATS; k++) {
        repeats[k] = malloc(N_TEST * V * sizeof *all);
        assert_non_null(repeats[k]);
        for (size_t v = 0; v < V; v++) {
            for (size_t i = 0; i < N_TEST; i++) {
                repeats[k][i + v * N_TEST] = all[(k * N_TEST + i) * V + v];
            }
            zscore_runs(test_onset, 2, repeats[k] + v * N_TEST, NULL);
            /* What is left of a constant is 0. */
            for (size_t i = 0; v == 3 && k == 1 && i < N_TEST; i++) {
                repeats[k][i + v * N_TEST] = 0.0;
            }
        }
    }
    free(all);
}

static void
check_ceiling(ba_ceiling_kind_t kind, double *repeats[N_REPEATS])
{
    ba_cdmat_t views[N_REPEATS];
    ba_repeats_t all = {views, N_REPEATS};
    ba_ceiling_opts_t opts = {
        kind, BA_BOUNDS_R, kind == BA_CEILING_ISC ? 1 : N_REPEATS, 0, 6};
    double wanted[V], *ceiling = read_array("ceiling.h5", "/scores/ceiling", V);
    double *normalized = read_array("ceiling.h5", "/scores/r_normalized", V);
    double *scores = read_array(
        "ceiling.h5", kind == BA_CEILING_ISC ? "/scores/r_one_repeat" : "/scores/r", V);
    double *codes = read_array("ceiling.h5", "/scores/ceiling_reason", V);
    uint8_t reason[V];
    size_t n_normalized = 0, n_below = 0;

    for (size_t k = 0; k < N_REPEATS; k++) {
        views[k] = (ba_cdmat_t){repeats[k], N_TEST, V, N_TEST};
    }
    must(ba_ceiling(&all, &opts, wanted, reason));
    assert_all_close(ceiling, wanted, V, 1e-10);
    for (size_t v = 0; v < V; v++) {
        int reaches = ceiling[v] >= sqrt(0.6);

        assert_int_equal((int) codes[v], reason[v]);
        assert_close(normalized[v],
            reaches && !isnan(scores[v]) ? scores[v] / ceiling[v] : (double) NAN, 1e-13);
        n_normalized += isnan(normalized[v]) ? 0 : 1;
        n_below += ceiling[v] > 0.0 && !reaches;
    }
    assert_true(isnan(ceiling[5]));
    assert_true(isnan(ceiling[3]) || kind == BA_CEILING_SPLIT_HALF ||
                kind == BA_CEILING_ISC); /* these do without one repeat */
    assert_int_equal(reason[5], BA_CEILING_NONFINITE);
    assert_true(n_normalized > 0 && n_below > 0);
    free(ceiling);
    free(normalized);
    free(scores);
    free(codes);
}

/* r with one repeat: predictions per run as the mean of the repeats was z-scored. */
static void
check_one_repeat(double *repeats[N_REPEATS])
{
    double *predictions = read_array("ceiling.h5", "/predictions", N_TEST * V);
    double *scores = read_array("ceiling.h5", "/scores/r_one_repeat", V);
    double *all = make_repeats();

    for (size_t v = 8; v < V; v++) {
        double column[N_TEST], r[N_REPEATS], sum = 0.0;

        for (size_t i = 0; i < N_TEST; i++) {
            column[i] = predictions[i * V + v];
        }
        for (size_t run = 0; run < 2; run++) {
            double mean = 0.0, scale = 0.0;
            size_t first = test_onset[run], n = test_onset[run + 1] - first;

            for (size_t k = 0; k < N_REPEATS; k++) {
                double m = 0.0, square = 0.0;

                for (size_t i = first; i < first + n; i++) {
                    m += all[(k * N_TEST + i) * V + v] / (double) n;
                }
                for (size_t i = first; i < first + n; i++) {
                    double d = all[(k * N_TEST + i) * V + v] - m;

                    square += d * d / (double) n;
                }
                mean += m / N_REPEATS;
                scale += sqrt(square) / N_REPEATS;
            }
            for (size_t i = first; i < first + n; i++) {
                column[i] = (column[i] - mean) / scale;
            }
        }
        for (size_t k = 0; k < N_REPEATS; k++) {
            r[k] = correlation(column, repeats[k] + v * N_TEST, N_TEST);
            sum += atanh(r[k]) / N_REPEATS;
        }
        assert_close(scores[v], tanh(sum), 1e-10);
    }
    free(predictions);
    free(scores);
    free(all);
}

static void
test_ceilings_of_prepared_repeats(void **state)
{
    static const ba_ceiling_kind_t kinds[] = {
        BA_CEILING_EV, BA_CEILING_SPLIT_HALF, BA_CEILING_CCNORM, BA_CEILING_ISC};
    ba_encode_fit_opts_t opts = fit_settings("ceiling.h5");
    ba_dataset_t *dataset;
    double *repeats[N_REPEATS];

    (void) state;
    write_repeats("yt.npy");
    prepare_repeats(repeats);
    opts.fit.scale_targets = BA_SCALE_RUNS;
    opts.force = 1;
    opts.inference.has_ceiling = 1;
    opts.inference.ceiling_floor = 0.6;
    opts.inference.ceiling_seed = 6;
    for (size_t i = 0; i < 4; i++) {
        dataset = open_for_fit(1, 1);
        opts.inference.ceiling = kinds[i];
        opts.output = in_folder("ceiling.h5");
        must(ba_encode_fit(NULL, dataset, &opts, NULL));
        check_ceiling(kinds[i], repeats);
        ba_dataset_free(dataset);
    }
    check_one_repeat(repeats);
    for (size_t k = 0; k < N_REPEATS; k++) {
        free(repeats[k]);
    }
}

/* ---- what is refused ---- */

static void
refused(ba_encode_fit_opts_t opts, int with_test, int wanted, const char *words)
{
    ba_dataset_t *dataset = open_for_fit(2, with_test);

    opts.output = in_folder("refused.h5");
    assert_int_equal(ba_encode_fit(NULL, dataset, &opts, NULL), wanted);
    assert_contains(ba_error_message(), words);
    opts.dry_run = 1;
    assert_int_equal(ba_encode_fit(NULL, dataset, &opts, NULL), wanted);
    assert_int_not_equal(access(in_folder("refused.h5"), F_OK), 0);
    ba_dataset_free(dataset);
}

static void
test_what_is_refused(void **state)
{
    static const char *const twice[] = {"a", "a"}, *const all[] = {"a", "b"};
    static const char *const unknown[] = {"c"};
    static const char *const bad[] = {"", "cos", "blocks", "blocks:", "blocks:0",
        "blocks:-3", "blocks:5x", "blocks:99999999999", "circular:3"};
    ba_encode_fit_opts_t opts = fit_settings("refused.h5"), none = opts;

    (void) state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ba_null_parse(bad[i], &none.inference.null), BA_VALUE);
        assert_contains(ba_error_message(), "wanted cosine, circular, phase or blocks:L");
    }
    none.fit.outer_cv.kind = BA_CV_NONE;
    none.inference.null.n_permutations = 5;
    refused(none, 0, BA_VALUE, "permutations: there are no scores to test");
    none.inference.null.n_permutations = 0;
    none.inference.controls = the_control;
    none.inference.n_controls = 1;
    refused(none, 0, BA_VALUE, "control: there are no scores");
    opts.inference.controls = twice;
    opts.inference.n_controls = 2;
    refused(opts, 0, BA_VALUE, "control: 'a' is named twice");
    opts.inference.controls = all;
    refused(opts, 0, BA_VALUE, "control: all 2 feature spaces");
    opts.inference.controls = unknown;
    opts.inference.n_controls = 1;
    refused(opts, 0, BA_VALUE, "control: 'c' names no feature space");
    opts.inference.controls = the_control;
    must(ba_null_parse("circular", &opts.inference.null));
    opts.inference.null.n_permutations = 5;
    refused(opts, 0, BA_VALUE, "null: circular with controls");
    opts.inference.n_controls = 0;
    opts.inference.null.min_shift = 11;
    refused(opts, 0, BA_SHAPE, "the longest run of fold 0 (from 0) has 21 samples");
    must(ba_null_parse("blocks:15", &opts.inference.null));
    refused(opts, 0, BA_SHAPE, "has no run of 2 blocks of 15 samples");
    opts = fit_settings("refused.h5");
    opts.inference.has_ceiling = 1;
    refused(opts, 0, BA_VALUE, "ceiling: no fixed test set");
    opts.inference.ceiling_floor = 0.0;
    refused(opts, 1, BA_VALUE, "ceiling floor: 0, wanted above 0");
    write_study(); /* its test set has no repeats */
    opts.inference.ceiling_floor = 0.05;
    refused(opts, 1, BA_SHAPE, "responses of 1 repeat, wanted 2 or more");
}

static void
test_no_memory(void **state)
{
    ba_encode_fit_opts_t opts = fit_settings("nomem.h5");
    ba_ctx_t ctx = ba_ctx_default();
    ba_dataset_t *dataset;
    char path[TEST_PATH_SIZE];
    size_t n = 0;
    int status;

    (void) state;
    write_repeats("yt.npy");
    dataset = open_for_fit(2, 1);
    ctx.n_threads = 1;
    ask_for_everything(&opts, 1);
    opts.inference.null.n_permutations = 3;
    opts.inference.ceiling = BA_CEILING_ISC;
    opts.fit.want_weights = 0;
    opts.output = test_join(path, folder, "nomem.h5");
    do {
        n += 5;
        ba_alloc_fail_at(n);
        status = ba_encode_fit(&ctx, dataset, &opts, NULL);
        ba_alloc_fail_at(0);
        if (status != BA_OK) {
            assert_int_equal(status, BA_NOMEM);
            assert_int_not_equal(access(in_folder("nomem.h5"), F_OK), 0);
        }
    } while (status != BA_OK);
    assert_true(n > 100);
    ctx.memory = 1 << 21;
    opts.force = 1;
    opts.inference.null.n_permutations = 100000;
    assert_int_equal(ba_encode_fit(&ctx, dataset, &opts, NULL), BA_TOO_LARGE);
    assert_contains(ba_error_message(), "memory: ");
    ba_dataset_free(dataset);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_null_by_hand),
        cmocka_unit_test(test_single_precision),
        cmocka_unit_test(test_increments_of_two_fits),
        cmocka_unit_test(test_ceilings_of_prepared_repeats),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
