/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ceilings of a result file against those of the model layer from repeats that are prepared
 * here; what is refused; memory that runs out. */
#include "tests/property/encode_study.h"
#include "tests/property/inference_study.h"

#include "core/alloc.h"

static const size_t test_onset[3] = {0, 18, N_TEST};

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
        "blocks:-3", "blocks:5x", "blocks:99999999999", "circular:3",
        "refit:", "refit:auto", "refits"};
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
        cmocka_unit_test(test_ceilings_of_prepared_repeats),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
