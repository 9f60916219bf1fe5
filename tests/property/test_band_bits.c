/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Banded fits: threads, memory budget and target range decide how the work is cut, never
 * a bit of what comes out. Many targets choose many points, so that packs of targets
 * differ between ranges. */
#define V 700

#include "tests/property/same_bits.h"

#define N_SPACES 3
#define N_CANDIDATES 7

static double gammas[N_CANDIDATES * N_SPACES];

static study_t
many_targets(pool_t *pool, size_t i)
{
    static const ba_scale_t scales[] = {BA_SCALE_ZSCORE, BA_SCALE_NONE, BA_SCALE_CENTER};
    shape_t shape = {
        .n_samples = 44, .n_targets = V, .n_features = i % 2 ? 20 : 4, .seed = 4100 + i};
    study_t study = study_make(pool, &shape);

    assert_int_equal(ba_bands_sample(N_CANDIDATES, N_SPACES, 5, gammas), BA_OK);
    study.n_spaces = N_SPACES;
    study.space_features[0] = 1;
    study.space_features[1] = 1;
    study.space_features[2] = study.n_features - 2;
    study.opts.bands = (ba_bands_t){
        .gammas = gammas, .n_candidates = N_CANDIDATES, .n_spaces = N_SPACES};
    study.opts.precision = i % 3 == 1 ? BA_SINGLE : BA_DOUBLE;
    study.opts.scale_features = scales[i % 3];
    study.opts.solver = i / 2 % 2 ? BA_SOLVER_DUAL : BA_SOLVER_PRIMAL;
    study.opts.select = i % 4 == 3 ? BA_SCORE_R2 : BA_SCORE_MSE;
    study.opts.want_fold_weights = i % 4 < 2;
    if (i >= 2) {
        study.opts.alphas = (ba_alphas_t){0};
    }
    for (size_t t = 0; t < V; t += 97) {
        study.train.y[7 + t * study.train.n] = t % 2 ? (double) NAN : 1e6;
    }
    for (size_t j = 0; j < study.train.n; j++) {
        study.train.y[j + 300 * study.train.n] = 0.7;
    }
    return study;
}
#define N_STUDIES 4

static void
assert_same_bands(const outcome_of_fit_t *whole, const outcome_of_fit_t *part)
{
    const ba_fit_result_t *a = &whole->result, *b = &part->result;
    size_t t0 = b->target_start, n = b->n_targets, folds = a->n_outer;

    assert_same(whole, part);
    SAME_ROWS(gammas, N_SPACES);
    SAME_ROWS(deltas, N_SPACES);
    SAME_ROWS(r2_split, N_SPACES);
    SAME_ROWS(r_split, N_SPACES);
    SAME_ROWS(gammas_by_fold, folds * N_SPACES);
    SAME_ROWS(deltas_by_fold, folds * N_SPACES);
    SAME_ROWS(r2_split_by_fold, folds * N_SPACES);
    SAME_ROWS(r_split_by_fold, folds * N_SPACES);
    SAME_ROWS(band_scores, N_CANDIDATES);
    SAME_ROWS(band_scores_by_fold, folds * N_CANDIDATES);
}

static void
test_threads(void **state)
{
    (void) state;
    for (size_t i = 0; i < N_STUDIES; i++) {
        pool_t pool = {0};
        study_t study = many_targets(&pool, i);
        ba_ctx_t ctx = context(1, 0);
        outcome_of_fit_t one = study_fit(&study, &ctx), fit;

        for (int n_threads = 2; n_threads < 4; n_threads++) {
            ctx = context(n_threads, 0);
            fit = study_fit(&study, &ctx);
            assert_same_bands(&one, &fit);
            assert_same_hashes(&one, &fit);
            fit_free(&fit);
        }
        fit_free(&one);
        pool_free(&pool);
    }
}

static void
test_memory_budgets(void **state)
{
    (void) state;
    for (size_t i = 0; i < N_STUDIES; i++) {
        pool_t pool = {0};
        study_t study = many_targets(&pool, i);
        size_t budget = smallest_budget(&study, 2);
        ba_ctx_t ctx = context(2, 0);
        outcome_of_fit_t all = study_fit(&study, &ctx), fit;

        assert_int_equal(all.info.n_passes, 1); /* kept in memory after one reading */
        for (size_t b = 0; b < 2; b++) {
            ctx = context(2, budget + b * budget / 2);
            fit = study_fit(&study, &ctx);
            assert_true(b > 0 || fit.info.n_passes > 4 * N_CANDIDATES);
            assert_true(fit.info.bytes_planned <= ctx.memory);
            assert_same_bands(&all, &fit);
            assert_same_hashes(&all, &fit);
            fit_free(&fit);
        }
        ctx = context(2, budget / 2);
        fit = study_try(&study, &ctx);
        assert_int_equal(fit.status, BA_TOO_LARGE);
        fit_free(&fit);
        fit_free(&all);
        pool_free(&pool);
    }
}

/* Ranges that begin and end inside tiles or at their borders. */
static void
test_target_ranges(void **state)
{
    static const size_t ranges[][2] = {{0, V}, {37, 300}, {256, 512}, {500, V}, {699, V}};

    (void) state;
    for (size_t i = 0; i < N_STUDIES; i++) {
        pool_t pool = {0};
        study_t study = many_targets(&pool, i), part = study;
        outcome_of_fit_t whole = study_fit(&study, NULL), fit;

        for (size_t k = 0; k < 5; k++) {
            ba_ctx_t ctx = context((int) k + 1, 0);

            part.opts.target_start = ranges[k][0];
            part.opts.target_stop = ranges[k][1];
            fit = study_fit(&part, &ctx);
            assert_same_bands(&whole, &fit);
            fit_free(&fit);
        }
        fit_free(&whole);
        pool_free(&pool);
    }
}

/* One point for all: solved where nothing was read before, tile by tile or at once. */
static void
test_fixed_point(void **state)
{
    (void) state;
    for (size_t i = 0; i < 4; i++) {
        pool_t pool = {0};
        study_t study = many_targets(&pool, i);
        ba_ctx_t ctx = context(2, 0);
        outcome_of_fit_t all, fit;

        study.opts.bands.n_candidates = 1;
        study.opts.alphas = (ba_alphas_t){pool_doubles(&pool, 1), 1};
        study.opts.alphas.values[0] = 20.0;
        study.opts.cv.kind = BA_CV_NONE;
        study.opts.want_cv = 0;
        all = study_fit(&study, &ctx);
        ctx = context(2, smallest_budget(&study, 2));
        fit = study_fit(&study, &ctx);
        assert_int_equal(all.result.n_candidates, 1);
        assert_memory_equal(all.weights, fit.weights, all.p * V * sizeof(double));
        assert_memory_equal(all.result.r, fit.result.r, V * sizeof(double));
        assert_same_hashes(&all, &fit);
        fit_free(&all);
        fit_free(&fit);
        pool_free(&pool);
    }
}

/* Candidates of refinement depend on all targets: no part of them can be fitted alone. */
static void
test_refusals(void **state)
{
    pool_t pool = {0};
    study_t study = many_targets(&pool, 1);
    outcome_of_fit_t fit;

    (void) state;
    study.opts.target_stop = 300;
    study.opts.bands.n_rounds = 1;
    fit = study_try(&study, NULL);
    assert_int_equal(fit.status, BA_VALUE);
    fit_free(&fit);
    study.opts.bands.n_rounds = 0;
    study.opts.bands.shared = 1;
    fit = study_try(&study, NULL);
    assert_int_equal(fit.status, BA_VALUE);
    fit_free(&fit);
    study.opts.bands.shared = 0;
    study.opts.inner_scaling = BA_INNER_STRICT;
    fit = study_try(&study, NULL);
    assert_int_equal(fit.status, BA_UNSUPPORTED);
    fit_free(&fit);
    study.opts.inner_scaling = BA_INNER_CENTER;
    study.opts.bands.n_spaces = 2;
    fit = study_try(&study, NULL);
    assert_int_equal(fit.status, BA_SHAPE);
    fit_free(&fit);
    pool_free(&pool);
}

/* Scores never fall, whatever the rounds. */
static void
test_refinement(void **state)
{
    (void) state;
    for (size_t i = 0; i < 4; i++) {
        pool_t pool = {0};
        study_t study = many_targets(&pool, i);
        outcome_of_fit_t plain, fit;
        ba_ctx_t ctx = context(2, 0);
        size_t n_better = 0;

        plain = study_fit(&study, &ctx);
        study.opts.bands.n_rounds = 3;
        fit = study_fit(&study, &ctx);
        assert_true(fit.result.n_candidates > N_CANDIDATES);
        for (size_t t = 0; t < V; t++) {
            double before = -INFINITY, after = -INFINITY;

            if (fit.result.status[t] != BA_TARGET_SCORED) {
                continue;
            }
            for (size_t c = 0; c < fit.result.n_candidates; c++) {
                after = fmax(after, fit.result.band_scores[c * V + t]);
                if (c < N_CANDIDATES) {
                    before = fmax(before, plain.result.band_scores[c * V + t]);
                    assert_true(fit.result.band_scores[c * V + t] ==
                                plain.result.band_scores[c * V + t]);
                }
            }
            assert_true(after >= before);
            n_better += after > before;
        }
        assert_true(n_better > V / 4);
        fit_free(&plain);
        fit_free(&fit);
        pool_free(&pool);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_memory_budgets),
        cmocka_unit_test(test_target_ranges),
        cmocka_unit_test(test_fixed_point),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_refinement),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
