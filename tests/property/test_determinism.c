/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threads, memory budget and target range decide how the work is cut, never a bit of what
 * comes out. 700 targets are two whole tiles and part of a third. */
#define V 700

#include "tests/property/same_bits.h"

/* Some targets that cannot be scored are among them. */
static study_t
many_targets(pool_t *pool, size_t i)
{
    static const ba_scale_t scales[] = {BA_SCALE_DEFAULT, BA_SCALE_NONE, BA_SCALE_CENTER};
    shape_t shape = {
        .n_samples = 44, .n_targets = V, .n_features = i % 2 ? 20 : 3, .seed = 4000 + i};
    study_t study = study_make(pool, &shape);

    study.opts.precision = i % 3 == 1 ? BA_SINGLE : BA_DOUBLE;
    study.opts.scale_features = scales[i % 3];
    study.opts.solver = i / 2 % 2 ? BA_SOLVER_DUAL : BA_SOLVER_PRIMAL;
    study.opts.inner_scaling = i == 5 ? BA_INNER_STRICT : BA_INNER_CENTER;
    study.opts.select = i % 4 == 3 ? BA_SCORE_R : BA_SCORE_MSE;
    study.opts.want_fold_weights = i % 4 < 2;
    if (i == 4) {
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
#define N_STUDIES 6

static void
test_threads(void **state)
{
    static const int counts[] = {2, 3, 5};

    (void) state;
    for (size_t i = 0; i < N_STUDIES; i++) {
        pool_t pool = {0};
        study_t study = many_targets(&pool, i);
        ba_ctx_t ctx = context(1, 0);
        outcome_of_fit_t one = study_fit(&study, &ctx), fit;

        for (size_t c = 0; c < 3; c++) {
            ctx = context(counts[c], 0);
            fit = study_fit(&study, &ctx);
            assert_same(&one, &fit);
            assert_same_hashes(&one, &fit);
            fit_free(&fit);
        }
        fit_free(&one);
        pool_free(&pool);
    }
}

/* From the smallest budget (few alphas at a time, nothing kept, few tiles in flight) to
 * one in which all fits; below the smallest, an error before any work. */
static void
test_memory_budgets(void **state)
{
    size_t n_tight = 0;

    (void) state;
    for (size_t i = 0; i < N_STUDIES; i++) {
        pool_t pool = {0};
        study_t study = many_targets(&pool, i);
        size_t budget = smallest_budget(&study, 2);
        ba_ctx_t ctx = context(2, 0);
        outcome_of_fit_t all = study_fit(&study, &ctx), fit;

        assert_int_equal(all.info.n_passes, 1); /* kept in memory after one reading */
        for (size_t b = 0; b < 4; b++) {
            ctx = context(2, budget + b * budget / 2);
            fit = study_fit(&study, &ctx);
            /* final fit and 3 outer folds: at best one pass to choose and one to refit */
            n_tight += b == 0 && fit.info.n_passes > 4 * 2;
            assert_true(fit.info.bytes_planned <= ctx.memory);
            assert_same(&all, &fit);
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
    assert_true(n_tight > 0); /* alphas in chunks, nothing kept */
}

/* A target without any inner score (constant within every run, scored by r) stays what it
 * is when tiles are read again. */
static void
test_no_inner_score_read_again(void **state)
{
    pool_t pool = {0};
    study_t study = many_targets(&pool, 0);
    size_t n = study.train.n;
    ba_ctx_t ctx;
    outcome_of_fit_t all, fit;

    (void) state;
    study.opts.select = BA_SCORE_R;
    study.opts.scale_targets = BA_SCALE_ZSCORE;
    study.opts.cv = (ba_cv_opts_t){.kind = BA_CV_RUNS};
    for (size_t k = 0; k < study.train.n_runs; k++) {
        for (size_t i = study.train.onset[k]; i < study.train.onset[k + 1]; i++) {
            study.train.y[i + 300 * n] = (double) k;
        }
    }
    ctx = context(2, 0);
    all = study_fit(&study, &ctx);
    ctx = context(2, smallest_budget(&study, 2));
    fit = study_fit(&study, &ctx);
    assert_int_equal(all.result.status[300], BA_TARGET_NO_INNER_SCORE);
    assert_true(fit.info.n_passes > all.info.n_passes);
    assert_true(fit.result.target_scale[300] != 1.0);
    assert_same(&all, &fit);
    fit_free(&fit);
    fit_free(&all);
    pool_free(&pool);
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
        outcome_of_fit_t whole, fit;

        study.opts.solver = part.opts.solver = i < 4 ? BA_SOLVER_AUTO : BA_SOLVER_DUAL;
        whole = study_fit(&study, NULL);
        for (size_t k = 0; k < 5; k++) {
            ba_ctx_t ctx = context((int) k + 1, 0);

            part.opts.target_start = ranges[k][0];
            part.opts.target_stop = ranges[k][1];
            fit = study_fit(&part, &ctx);
            assert_int_equal(fit.result.n_targets, ranges[k][1] - ranges[k][0]);
            assert_same(&whole, &fit);
            fit_free(&fit);
        }
        fit_free(&whole);
        pool_free(&pool);
    }
}

/* Targets in another order have the same scores: to the last digits only, since a
 * column's place in a matrix product may choose the order of its sums. */
static void
test_permuted_targets(void **state)
{
    (void) state;
    for (size_t i = 0; i < N_STUDIES; i++) {
        pool_t pool = {0};
        study_t study = many_targets(&pool, i), other = study;
        size_t n = study.train.n, folds;
        outcome_of_fit_t fit, permuted;

        study.opts.precision = other.opts.precision = BA_DOUBLE;
        other.train.y = pool_doubles(&pool, n * V);
        for (size_t t = 0; t < V; t++) {
            memcpy(other.train.y + t * 313 % V * n, study.train.y + t * n,
                n * sizeof(double));
        }
        fit = study_fit(&study, NULL);
        permuted = study_fit(&other, NULL);
        folds = fit.result.n_outer;
        for (size_t j = 0; j < folds * V; j++) {
            size_t to = j / V * V + j % V * 313 % V;

            assert_close(permuted.result.r_by_fold[to], fit.result.r_by_fold[j], 1e-12);
            assert_close(permuted.result.r2_by_fold[to], fit.result.r2_by_fold[j], 1e-11);
        }
        for (size_t t = 0; t < V; t++) {
            assert_int_equal(permuted.result.status[t * 313 % V], fit.result.status[t]);
            assert_close(permuted.result.r[t * 313 % V], fit.result.r[t], 1e-12);
        }
        fit_free(&fit);
        fit_free(&permuted);
        pool_free(&pool);
    }
}

/* The form that is chosen hangs on the whole number of targets: where few targets would
 * make the other one cheaper, a shard of few targets still takes that of all. */
static void
test_solver_of_shards(void **state)
{
    pool_t pool = {0};
    size_t n_primal = 0;

    (void) state;
    for (size_t n_features = 4; n_features <= 40; n_features += 4) {
        shape_t shape = {.n_samples = 60,
            .n_targets = V,
            .n_features = n_features,
            .seed = 4100 + n_features};
        study_t study = study_make(&pool, &shape);
        ba_fit_info_t whole, part;
        inputs_t inputs;

        inputs_open(&study, &inputs);
        assert_int_equal(ba_fit_plan(NULL, &inputs.data, &study.opts, &whole), BA_OK);
        n_primal += whole.solver == BA_SOLVER_PRIMAL;
        for (size_t t = 0; t < V; t += 99) {
            study.opts.target_start = t;
            study.opts.target_stop = t + 1;
            assert_int_equal(ba_fit_plan(NULL, &inputs.data, &study.opts, &part), BA_OK);
            assert_int_equal(part.solver, whole.solver);
        }
        inputs_close(&inputs);
    }
    assert_true(n_primal > 0 && n_primal < 10);
    pool_free(&pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_memory_budgets),
        cmocka_unit_test(test_no_inner_score_read_again),
        cmocka_unit_test(test_target_ranges),
        cmocka_unit_test(test_permuted_targets),
        cmocka_unit_test(test_solver_of_shards),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
