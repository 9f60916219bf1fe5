/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is fitted must not know the rows that are held out: with NaN in them every bit of
 * the fitted state stays. Where one factorisation of all rows serves the outer folds this
 * holds to rounding, which other numbers in those rows show. */
#include "tests/property/study.h"

#include "fit/fit_impl.h"

/* One outer fold, step by step, with what it leaves. */
typedef struct {
    pool_t pool;
    inputs_t inputs;
    plan_t plan;
    prepared_t final, prepared;
    operators_t operators;
    refit_t refit;
    double *base64;
    float *base32;
    int32_t constant[BA_TILE], *status;
    double mean[BA_TILE], scale[BA_TILE], baseline[BA_TILE], r[BA_TILE], r2[BA_TILE];
    double intercept[BA_TILE], *scores, *weights, *predictions, *best, *best_scores;
    int32_t *counts;
} fold_t;

/* Kept rows of the responses, unscaled, in the first columns of a tile. */
static void
make_base(fold_t *fold, const study_t *study)
{
    size_t n = fold->plan.n_used;

    fold->base64 = pool_doubles(&fold->pool, n * BA_TILE);
    fold->base32 = pool_get(&fold->pool, n * BA_TILE, sizeof *fold->base32);
    for (size_t i = 0; i < n * study->v; i++) {
        fold->base64[i] = study->train.y[fold->plan.rows[i % n] + i / n * study->train.n];
        fold->base32[i] = (float) fold->base64[i];
    }
}

static void
allocate_outputs(fold_t *fold, const study_t *study)
{
    size_t n_alphas = ba_plan_n_alphas(&fold->plan);

    fold->scores = pool_doubles(&fold->pool, n_alphas * BA_TILE);
    fold->counts = pool_get(&fold->pool, n_alphas * BA_TILE, sizeof *fold->counts);
    fold->weights = pool_doubles(&fold->pool, fold->plan.n_columns * BA_TILE);
    fold->predictions = pool_doubles(&fold->pool, fold->plan.n_used * BA_TILE);
    fold->best = pool_doubles(&fold->pool, BA_TILE);
    fold->best_scores = pool_doubles(&fold->pool, BA_TILE);
    fold->status = pool_get(&fold->pool, study->v, sizeof *fold->status);
}

static void
run_tile(fold_t *fold, const study_t *study)
{
    int single = study->opts.precision == BA_SINGLE;
    size_t v = study->v, n_alphas = ba_plan_n_alphas(&fold->plan), n_bytes;
    double *cv = pool_doubles(&fold->pool, n_alphas * v);
    tile_job_t job = {.plan = &fold->plan,
        .prepared = &fold->prepared,
        .operators = &fold->operators,
        .refit = &fold->refit,
        .tile = {.n_columns = BA_TILE,
            .base = single ? (const void *) fold->base32 : (const void *) fold->base64},
        .constant = fold->constant,
        .mean = fold->mean,
        .scale = fold->scale,
        .scores = fold->scores,
        .counts = fold->counts,
        .baseline = fold->baseline,
        .best_alphas = fold->best,
        .r = fold->r,
        .r2 = fold->r2,
        .intercept = fold->intercept,
        .predictions = fold->predictions};
    void *scratch;

    job.weights = fold->refit.back ? fold->weights : NULL;
    n_bytes = single ? ba_tile_scratch_bytes_f32(&job) : ba_tile_scratch_bytes_f64(&job);
    scratch = pool_get(&fold->pool, n_bytes, 1);
    (single ? ba_tile_scale_f32 : ba_tile_scale_f64)(&job, scratch);
    (single ? ba_tile_select_f32 : ba_tile_select_f64)(&job, scratch);
    for (size_t i = 0; i < n_alphas * v; i++) {
        cv[i] = fold->scores[i / v * BA_TILE + i % v];
    }
    assert_int_equal(ba_select_alphas(&fold->prepared, cv, fold->status, fold->best,
                         fold->best_scores),
        BA_OK);
    for (size_t t = v; t < BA_TILE; t++) {
        fold->best[t] = 1.0;
    }
    (single ? ba_tile_refit_f32 : ba_tile_refit_f64)(&job, scratch);
}

static void
fit_fold(const study_t *study, size_t k, fold_t *fold)
{
    const prepared_t *shared = NULL;
    ba_ctx_t ctx = ba_ctx_default();

    *fold = (fold_t){0};
    ctx.n_threads = 1;
    inputs_open(study, &fold->inputs);
    assert_int_equal(
        ba_plan_make(&ctx, &fold->inputs.data, &study->opts, &fold->plan), BA_OK);
    if (fold->plan.shared_outer) {
        assert_int_equal(
            ba_prepared_make(&ctx, &fold->plan,
                &fold->plan.problems[fold->plan.n_problems - 1], NULL, &fold->final),
            BA_OK);
        shared = &fold->final;
    }
    assert_int_equal(ba_prepared_make(&ctx, &fold->plan, &fold->plan.problems[k], shared,
                         &fold->prepared),
        BA_OK);
    assert_int_equal(ba_products_make(&ctx, &fold->prepared), BA_OK);
    assert_int_equal(ba_operators_make(&ctx, &fold->prepared, 0,
                         ba_plan_n_alphas(&fold->plan), &fold->operators),
        BA_OK);
    assert_int_equal(
        ba_refit_make(&ctx, &fold->prepared, study->opts.want_fold_weights, &fold->refit),
        BA_OK);
    make_base(fold, study);
    allocate_outputs(fold, study);
    run_tile(fold, study);
}

static void
free_fold(fold_t *fold)
{
    ba_operators_free(&fold->operators);
    ba_refit_free(&fold->refit);
    ba_prepared_free(&fold->prepared);
    ba_prepared_free(&fold->final);
    ba_plan_free(&fold->plan);
    inputs_close(&fold->inputs);
    pool_free(&fold->pool);
}

/* Which samples' features, and which samples' responses, the training rows of outer fold
 * k make use of; `also_test`: and its test rows. */
static void
find_used(const study_t *study, size_t k, int also_test, int *x_used, int *y_used)
{
    inputs_t inputs;
    plan_t plan;

    inputs_open(study, &inputs);
    assert_int_equal(ba_plan_make(NULL, &inputs.data, &study->opts, &plan), BA_OK);
    memset(x_used, 0, study->train.n * sizeof *x_used);
    memset(y_used, 0, study->train.n * sizeof *y_used);
    for (size_t i = 0; i < plan.problems[k].n_train + plan.problems[k].n_test; i++) {
        int is_test = i >= plan.problems[k].n_train;
        size_t position = is_test ? plan.problems[k].test[i - plan.problems[k].n_train]
                                  : plan.problems[k].train[i];
        size_t t = plan.rows[position];

        for (size_t d = 0; d < study->n_delays && (also_test || !is_test); d++) {
            long source = (long) t - study->delays[d];

            if (source >= 0 && source < (long) study->train.n) {
                x_used[source] = 1;
            }
        }
        x_used[t] |= study->n_components > 0 && !is_test; /* which components are of */
        y_used[t] |= !is_test;
    }
    ba_plan_free(&plan);
    inputs_close(&inputs);
}

/* Replaces what is not used: by NaN, or by other numbers. Returns how many samples. */
static size_t
replace_unused(
    pool_t *pool, study_t *study, const int *x_used, const int *y_used, int by_nan)
{
    size_t n = study->train.n, n_replaced = 0;
    uint64_t seed = 77;
    double *x = pool_doubles(pool, n * study->n_features);
    double *y = pool_doubles(pool, n * study->v);

    for (size_t i = 0; i < n * study->n_features; i++) {
        x[i] = x_used[i % n] ? study->train.x[i]
               : by_nan      ? (double) NAN
                             : 1.0 + 2.0 * test_normal(&seed);
    }
    for (size_t i = 0; i < n * study->v; i++) {
        y[i] = y_used[i % n] ? study->train.y[i]
               : by_nan      ? (double) NAN
                             : 20.0 * test_normal(&seed);
    }
    for (size_t i = 0; i < n; i++) {
        n_replaced += !x_used[i];
    }
    study->train.x = x;
    study->train.y = y;
    return n_replaced;
}

static void
assert_same_bits(const fold_t *a, const fold_t *b, const study_t *study)
{
    size_t v = study->v, p = a->plan.n_columns, n_alphas = ba_plan_n_alphas(&a->plan);

    assert_memory_equal(a->prepared.alphas, b->prepared.alphas, n_alphas * 8);
    if (a->prepared.columns.pca) {
        const ba_pca_t *one = a->prepared.columns.pca, *two = b->prepared.columns.pca;

        assert_memory_equal(one->mean, two->mean, one->n_features * 8);
        assert_memory_equal(one->variance, two->variance, one->n_components * 8);
        assert_memory_equal(
            one->components, two->components, one->n_components * one->n_features * 8);
    }
    if (a->prepared.feature_mean) {
        assert_memory_equal(a->prepared.feature_mean, b->prepared.feature_mean, p * 8);
        assert_memory_equal(a->prepared.feature_scale, b->prepared.feature_scale, p * 8);
    }
    for (size_t i = 0; i < n_alphas; i++) {
        assert_memory_equal(a->scores + i * BA_TILE, b->scores + i * BA_TILE, v * 8);
    }
    assert_memory_equal(a->best, b->best, v * 8);
    assert_memory_equal(a->mean, b->mean, v * 8);
    assert_memory_equal(a->scale, b->scale, v * 8);
    assert_memory_equal(a->baseline, b->baseline, v * 8);
    assert_memory_equal(a->intercept, b->intercept, v * 8);
    assert_memory_equal(a->weights, b->weights, p * v * 8);
    for (size_t i = 0; i < p * v; i++) {
        assert_true(isfinite(a->weights[i]));
    }
}

/* The i-th of many settings. Runs are cut by the outer folds in half of them. */
static void
set_modes(study_t *study, size_t i)
{
    static const ba_scale_t scales[] = {BA_SCALE_ZSCORE, BA_SCALE_CENTER, BA_SCALE_NONE};
    ba_fit_opts_t *opts = &study->opts;

    opts->scale_features = scales[i % 3];
    opts->scale_targets = scales[i / 3 % 3];
    opts->intercept = (int) (i % 5 % 3) - 1;
    opts->inner_scaling = (ba_inner_scaling_t) (i / 2 % 3);
    opts->select = (ba_score_t) (i / 4 % 3);
    opts->solver = i / 3 % 2 ? BA_SOLVER_DUAL : BA_SOLVER_PRIMAL;
    opts->precision = i % 4 == 3 ? BA_SINGLE : BA_DOUBLE;
    opts->outer_cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 4};
    if (i % 2) {
        opts->outer_cv = (ba_cv_opts_t){.kind = BA_CV_RUNS};
    }
    opts->gap_outer = opts->gap_inner = 3;
    opts->trim_first = i % 3;
    opts->want_fold_weights = 1;
    if (i % 7 == 6) {
        opts->alphas = (ba_alphas_t){0};
    }
    if (i % 11 == 10) {
        opts->alphas.values[0] = 0.0;
    }
}

static void
test_poisoned_rows_change_no_bit(void **state)
{
    (void) state;
    for (size_t i = 0; i < 72; i++) {
        pool_t pool = {0};
        shape_t shape = {.n_samples = 60,
            .n_features = i / 5 % 2 ? 25 : 3,
            .n_delays = 1 + i % 3,
            .seed = 3000 + i};
        study_t study = study_make(&pool, &shape), poisoned;
        int x_used[128], y_used[128];
        fold_t clean, nan;

        set_modes(&study, i);
        study.n_components = i / 2 % 3 == 1 ? 2 : 0;
        poisoned = study;
        find_used(&study, i % 3, 0, x_used, y_used);
        assert_true(replace_unused(&pool, &poisoned, x_used, y_used, 1) > 5);
        fit_fold(&study, i % 3, &clean);
        fit_fold(&poisoned, i % 3, &nan);
        assert_false(clean.plan.shared_outer);
        assert_same_bits(&clean, &nan, &study);
        assert_true(isnan(nan.r[0])); /* it was poison indeed */
        free_fold(&clean);
        free_fold(&nan);
        pool_free(&pool);
    }
}

/* One factorisation of all rows: what is left out does not matter to 1e-9. Changing all
 * that training does not use must leave the inner scores and alphas; changing what the
 * test rows do not use either, the test predictions too. */
static void
check_shared(size_t i, int also_test)
{
    pool_t pool = {0};
    shape_t shape = {.n_samples = 60,
        .n_features = i / 2 % 2 ? 25 : 3,
        .n_delays = 1 + i % 3,
        .seed = 3100 + i};
    study_t study = study_make(&pool, &shape), other;
    int x_used[128], y_used[128];
    fold_t clean, changed;
    size_t n_test;

    set_modes(&study, i);
    study.opts.want_fold_weights = 0;
    study.opts.precision = BA_DOUBLE;
    study.opts.inner_scaling = BA_INNER_CENTER;
    study.opts.intercept = 1;
    study.opts.scale_features = i % 4 < 2 ? BA_SCALE_NONE : BA_SCALE_CENTER;
    study.opts.gap_outer = 5;
    if (study.opts.alphas.n == 0 || study.opts.alphas.values[0] == 0.0) {
        pool_free(&pool);
        return;
    }
    other = study;
    find_used(&study, i % 3, also_test, x_used, y_used);
    replace_unused(&pool, &other, x_used, y_used, 0);
    fit_fold(&study, i % 3, &clean);
    fit_fold(&other, i % 3, &changed);
    assert_true(clean.plan.shared_outer);
    for (size_t a = 0; a < study.opts.alphas.n; a++) {
        assert_all_close(
            clean.scores + a * BA_TILE, changed.scores + a * BA_TILE, study.v, 1e-9);
    }
    assert_memory_equal(clean.best, changed.best, study.v * sizeof(double));
    n_test = clean.prepared.problem->n_test;
    if (also_test) {
        assert_all_close(clean.predictions, changed.predictions, n_test * study.v, 1e-9);
    }
    free_fold(&clean);
    free_fold(&changed);
    pool_free(&pool);
}

static void
test_shared_factorisation_leaks_rounding_only(void **state)
{
    (void) state;
    for (size_t i = 0; i < 40; i++) {
        check_shared(i, 0);
        check_shared(i, 1);
    }
}

/* The whole fit: other numbers in run 1 leave what was fitted without it, per-run
 * z-scores included, to the bit; and change what was fitted with it. */
static void
test_whole_fit_of_another_run(void **state)
{
    (void) state;
    for (size_t i = 0; i < 12; i++) {
        pool_t pool = {0};
        shape_t shape = {.n_features = i % 2 ? 25 : 3, .seed = 3200 + i};
        study_t study = study_make(&pool, &shape), other;
        outcome_of_fit_t fit, changed;
        int used[128];
        size_t v = study.v, size;

        set_modes(&study, 2 * i + 1);
        study.opts.scale_targets = i % 3 == 2 ? BA_SCALE_ZSCORE : BA_SCALE_RUNS;
        study.n_components = i % 4 > 1 ? 3 : 0;
        other = study;
        for (size_t t = 0; t < study.train.n; t++) {
            used[t] = t < study.train.onset[1] || t >= study.train.onset[2];
        }
        replace_unused(&pool, &other, used, used, 0);
        fit = study_fit(&study, NULL);
        changed = study_fit(&other, NULL);
        size = fit.p * v * sizeof(double);
        assert_memory_equal((char *) fit.weights_by_fold + size,
            (char *) changed.weights_by_fold + size, size);
        size = v * sizeof(double);
        assert_memory_equal(fit.result.best_alphas_by_fold + v,
            changed.result.best_alphas_by_fold + v, size);
        assert_memory_equal(fit.result.target_mean_by_fold + v,
            changed.result.target_mean_by_fold + v, size);
        assert_memory_equal(
            fit.result.intercept_by_fold + v, changed.result.intercept_by_fold + v, size);
        size *= fit.result.n_alphas;
        assert_memory_equal((char *) fit.result.cv_scores_by_fold + size,
            (char *) changed.result.cv_scores_by_fold + size, size);
        assert_memory_not_equal(fit.weights, changed.weights, fit.p * v * 8);
        fit_free(&fit);
        fit_free(&changed);
        pool_free(&pool);
    }
}

/* A fixed test set is for scoring only: its numbers, NaN among its responses included,
 * leave the fit as it is. */
static void
test_fixed_test_set_is_not_seen(void **state)
{
    (void) state;
    for (size_t i = 0; i < 6; i++) {
        pool_t pool = {0};
        shape_t shape = {.n_test_runs = 2, .n_slabs = 1 + i % 2, .seed = 3300 + i};
        study_t study = study_make(&pool, &shape);
        outcome_of_fit_t fit, changed;
        size_t v = study.v;

        set_modes(&study, i);
        study.n_components = i % 2 ? 3 : 0;
        fit = study_fit(&study, NULL);
        test_fill_normal(study.test.x, study.test.n * study.n_features, 9);
        test_fill_normal(study.test.y, study.test.n * v * study.test.n_slabs, 10);
        study.test.y[study.test.n - 1] = NAN;
        changed = study_fit(&study, NULL);
        assert_memory_equal(fit.weights, changed.weights, fit.p * v * 8);
        assert_memory_equal(fit.result.best_alphas, changed.result.best_alphas, v * 8);
        assert_memory_equal(fit.result.intercept, changed.result.intercept, v * 8);
        assert_memory_equal(
            fit.result.cv_scores, changed.result.cv_scores, fit.result.n_alphas * v * 8);
        assert_memory_equal(
            fit.result.feature_scale, changed.result.feature_scale, fit.p * 8);
        assert_int_equal(changed.result.status[0], BA_TARGET_NONFINITE);
        assert_int_equal(changed.result.status[1], BA_TARGET_SCORED);
        assert_true(isnan(changed.result.r[0]) && !isnan(fit.result.r[0]));
        fit_free(&fit);
        fit_free(&changed);
        pool_free(&pool);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_poisoned_rows_change_no_bit),
        cmocka_unit_test(test_shared_factorisation_leaks_rounding_only),
        cmocka_unit_test(test_whole_fit_of_another_run),
        cmocka_unit_test(test_fixed_test_set_is_not_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
