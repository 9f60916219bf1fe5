/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The null of refits against what it stands for: every surrogate written out, fitted as
 * any other responses, and counted. */
#include "tests/property/encode_study.h"
#include "tests/property/inference_study.h"

#include <math.h>

enum { RUNS = 3, N_PERMUTATIONS = 12 };

static const size_t run_onset[RUNS + 1] = {0, 21, 40, N};

static ba_encode_fit_opts_t
settings(const char *output, int with_tests)
{
    ba_encode_fit_opts_t opts = fit_settings(output);

    opts.fit.scale_targets = BA_SCALE_RUNS;
    opts.gap_inner = opts.gap_outer = 1;
    if (with_tests) {
        opts.inference.null.n_permutations = N_PERMUTATIONS;
        opts.inference.null.seed = 5;
        opts.inference.refit = BA_REFIT_ALWAYS;
    }
    return opts;
}

/* Responses of the training set, z-scored per run; target 7 has no numbers. */
static void
read_prepared(double *y)
{
    ba_dataset_t *dataset = open_for_fit(1, 0);

    must(ba_source_read(dataset->train.responses, 0, 0, N, 0, V, y, N));
    ba_dataset_free(dataset);
    for (size_t v = 0; v < V; v++) {
        zscore_runs(run_onset, RUNS, y + v * N, NULL);
    }
}

/* Fits other responses to the first n_spaces; r and r2 by fold of `name`. */
static void
fit_responses(const double *y, size_t n_spaces, const char *name)
{
    ba_encode_fit_opts_t opts = settings(name, 0);
    ba_dataset_t *dataset = open_for_fit(n_spaces, 0);

    ba_source_close(dataset->train.responses);
    must(ba_source_from_memory(y, N, V, N, "y", &dataset->train.responses));
    opts.force = 1;
    must(ba_encode_fit(NULL, dataset, &opts, NULL));
    ba_dataset_free(dataset);
}

/* What stays of each response, and what is permuted. */
static void
permute(
    const ba_null_t *null, size_t b, const double *y, const double *fitted, double *out)
{
    for (size_t v = 0; v < V; v++) {
        double rest[N], permuted[N];

        for (size_t i = 0; i < N; i++) {
            rest[i] = y[i + v * N] - (fitted ? fitted[i + v * N] : 0.0);
        }
        must(ba_null_permute(null, 0, b, rest, permuted));
        for (size_t i = 0; i < N; i++) {
            out[i + v * N] = permuted[i] + (fitted ? fitted[i + v * N] : 0.0);
        }
    }
}

static ba_null_t *
make_null(void)
{
    ba_encode_fit_opts_t opts = settings("x.h5", 1);
    ba_runs_t runs;
    ba_null_t *null = NULL;

    must(ba_runs_from_onsets(run_onset, RUNS, N, &runs));
    must(ba_null_new(&opts.inference.null, &runs, 1, &null));
    ba_runs_free(&runs);
    return null;
}

/* Mean increments over the folds of two files. */
static void
read_increments(double *out)
{
    double *full = read_array("full.h5", "/scores/r2_by_fold", RUNS * V);
    double *control = read_array("control.h5", "/scores/r2_by_fold", RUNS * V);

    for (size_t v = 0; v < V; v++) {
        out[v] = 0.0;
        for (size_t f = 0; f < RUNS; f++) {
            out[v] += (full[f * V + v] - control[f * V + v]) / RUNS;
        }
    }
    free(full);
    free(control);
}

/* p, maxima and observed scores of a test in a file against values of all permutations. */
static void
check(const char *name, const char *const paths[3], double (*values)[V],
    const double *expected)
{
    double *p = read_array(name, paths[0], V), *maxima, *observed;

    observed = read_array(name, paths[1], V);
    maxima = read_array(name, paths[2], N_PERMUTATIONS);
    for (size_t b = 0; b < N_PERMUTATIONS; b++) {
        double largest = -INFINITY;

        for (size_t v = 0; v < V; v++) {
            largest = v == 7 ? largest : fmax(largest, values[b][v]);
        }
        assert_close(maxima[b], largest, 1e-9);
    }
    for (size_t v = 0; v < V; v++) {
        size_t n = 0;

        if (v == 7) {
            assert_true(isnan(p[v]) && isnan(observed[v]));
            continue;
        }
        assert_close(observed[v], expected[v], 1e-12);
        for (size_t b = 0; b < N_PERMUTATIONS; b++) {
            n += values[b][v] >= expected[v];
        }
        assert_close(p[v], (1.0 + (double) n) / (1.0 + N_PERMUTATIONS), 1e-14);
    }
    free(p);
    free(maxima);
    free(observed);
}

static void
test_r_by_hand(void **state)
{
    static const char *const paths[] = {
        "/scores/p", "/scores/r_tested", "/scores/null_maxima"};
    static double y[N * V], surrogate[N * V], values[N_PERMUTATIONS][V];
    ba_encode_fit_opts_t opts = settings("tested.h5", 1);
    ba_dataset_t *dataset = open_for_fit(2, 0);
    ba_null_t *null = make_null();
    double *r;

    (void) state;
    opts.force = 1;
    must(ba_encode_fit(NULL, dataset, &opts, NULL));
    ba_dataset_free(dataset);
    read_prepared(y);
    for (size_t b = 0; b < N_PERMUTATIONS; b++) {
        permute(null, b, y, NULL, surrogate);
        fit_responses(surrogate, 2, "full.h5");
        r = read_array("full.h5", "/scores/r", V);
        memcpy(values[b], r, sizeof values[b]);
        free(r);
    }
    r = read_array("tested.h5", "/scores/r", V);
    check("tested.h5", paths, values, r);
    free(r);
    ba_null_free(null);
}

static void
test_increment_by_hand(void **state)
{
    static const char *const paths[] = {"/scores/p_increment", "/scores/increment_tested",
        "/scores/null_increment_maxima"};
    static double y[N * V], fitted[N * V], surrogate[N * V], values[N_PERMUTATIONS][V];
    static double observed[V];
    ba_encode_fit_opts_t opts = settings("tested.h5", 1);
    ba_dataset_t *dataset = open_for_fit(2, 0);
    ba_null_t *null = make_null();
    double *predictions;

    (void) state;
    opts.inference.controls = the_control;
    opts.inference.n_controls = 1;
    opts.force = 1;
    must(ba_encode_fit(NULL, dataset, &opts, NULL));
    ba_dataset_free(dataset);
    read_prepared(y);
    fit_responses(y, 1, "control.h5");
    fit_responses(y, 2, "full.h5");
    read_increments(observed);
    predictions = read_array("control.h5", "/predictions", N * V);
    for (size_t v = 0; v < V; v++) {
        for (size_t i = 0; i < N; i++) {
            fitted[i + v * N] = predictions[i * V + v];
        }
    }
    free(predictions);
    for (size_t b = 0; b < N_PERMUTATIONS; b++) {
        permute(null, b, y, fitted, surrogate);
        fit_responses(surrogate, 1, "control.h5");
        fit_responses(surrogate, 2, "full.h5");
        read_increments(values[b]);
    }
    check("tested.h5", paths, values, observed);
    ba_null_free(null);
}

/* The targets of a range that starts inside a tile have the p that they have among all,
 * to the bit, under any number of threads. */
static void
test_range_and_threads(void **state)
{
    enum { FIRST = 100, LAST = 265 };
    ba_encode_fit_opts_t all = settings("all.h5", 1), part = settings("part.h5", 1);
    ba_dataset_t *dataset = open_for_fit(2, 0);
    ba_ctx_t ctx = ba_ctx_default();
    double *p, *p_part;

    (void) state;
    all.inference.controls = part.inference.controls = the_control;
    all.inference.n_controls = part.inference.n_controls = 1;
    part.fit.target_start = FIRST;
    part.fit.target_stop = LAST;
    all.force = part.force = 1;
    ctx.n_threads = 1;
    must(ba_encode_fit(NULL, dataset, &all, NULL));
    must(ba_encode_fit(&ctx, dataset, &part, NULL));
    for (size_t k = 0; k < 2; k++) {
        const char *path = k == 0 ? "/scores/p" : "/scores/p_increment";

        p = read_array("all.h5", path, V);
        p_part = read_array("part.h5", path, LAST - FIRST);
        assert_memory_equal(p + FIRST, p_part, (LAST - FIRST) * sizeof *p);
        free(p);
        free(p_part);
    }
    ba_dataset_free(dataset);
}

/* Small work is refitted of itself, a fixed test set never. */
static void
test_when_affordable(void **state)
{
    ba_encode_fit_opts_t opts = settings("auto.h5", 1);
    ba_encode_fit_info_t info;
    ba_dataset_t *dataset = open_for_fit(2, 0), *with_test = open_for_fit(2, 1);

    (void) state;
    opts.inference.refit = BA_REFIT_AFFORDABLE;
    opts.force = 1;
    must(ba_encode_fit(NULL, dataset, &opts, &info));
    assert_string_equal(info.inference.null_words, "refit:cosine");
    opts.inference.null.n_permutations = 2000000000;
    opts.dry_run = 1;
    assert_int_equal(ba_encode_fit(NULL, dataset, &opts, &info), BA_TOO_LARGE);
    opts.inference.null.n_permutations = N_PERMUTATIONS;
    opts.dry_run = 0;
    must(ba_encode_fit(NULL, with_test, &opts, &info));
    assert_string_equal(info.inference.null_words, "cosine");
    opts.inference.refit = BA_REFIT_ALWAYS;
    assert_int_equal(ba_encode_fit(NULL, with_test, &opts, &info), BA_VALUE);
    ba_dataset_free(dataset);
    ba_dataset_free(with_test);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_r_by_hand),
        cmocka_unit_test(test_increment_by_hand),
        cmocka_unit_test(test_range_and_threads),
        cmocka_unit_test(test_when_affordable),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
