/* SPDX-License-Identifier: GPL-3.0-or-later */
/* p and increments of a result file, found again from the predictions and responses that
 * they are of: explicitly, permutation by permutation, and by the model layer. */
#include "tests/property/encode_study.h"
#include "tests/property/inference_study.h"

#include <math.h>

enum { RUNS = 3, LONGEST = N };

static const size_t run_onset[RUNS + 1] = {0, 21, 40, N};

/* Responses of the training set, N x V. */
static void
read_responses(double *y)
{
    ba_dataset_t *dataset = open_for_fit(1, 0);

    must(ba_source_read(dataset->train.responses, 0, 0, N, 0, V, y, N));
    ba_dataset_free(dataset);
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_null_by_hand),
        cmocka_unit_test(test_single_precision),
        cmocka_unit_test(test_increments_of_two_fits),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
