/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows, splits and decisions of a run: everything that is settled before a number is
 * read. */
#include "fit/bands.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

ba_fit_opts_t
ba_fit_opts_default(void)
{
    return (ba_fit_opts_t){.intercept = -1};
}

size_t
ba_plan_n_alphas(const plan_t *plan)
{
    size_t nodes = ba_plan_is_banded(plan) ? BA_BAND_NODES : BA_AUTO_NODES;

    return plan->opts->alphas.n > 0 ? plan->opts->alphas.n : nodes;
}

static int
is_centring(ba_scale_t scale)
{
    return scale == BA_SCALE_ZSCORE || scale == BA_SCALE_CENTER;
}

static int
has_zero_alpha(const ba_fit_opts_t *opts)
{
    return opts->alphas.n > 0 && opts->alphas.values[0] == 0.0;
}

/* Settings that concern what an inner fold is by itself, or sets that overlap, of which
 * the primal form has no blocks. */
static int
has_own_inner(const ba_fit_opts_t *opts)
{
    return opts->alphas_relative || opts->singular_cutoff > 0.0 ||
           ba_cv_is_overlapping(&opts->cv);
}

static void
resolve_scaling(plan_t *plan)
{
    const ba_fit_opts_t *opts = plan->opts;
    int centred;

    plan->scale_features =
        opts->scale_features == BA_SCALE_DEFAULT ? BA_SCALE_ZSCORE : opts->scale_features;
    if (opts->scale_features == BA_SCALE_RUNS) {
        plan->scale_features = BA_SCALE_NONE;
    }
    plan->scale_targets = opts->scale_targets;
    if (plan->scale_targets == BA_SCALE_DEFAULT) {
        plan->scale_targets = plan->runs.n_runs >= 2 ? BA_SCALE_RUNS : BA_SCALE_ZSCORE;
    }
    centred = is_centring(plan->scale_features) && is_centring(plan->scale_targets);
    plan->intercept = opts->intercept == 1 || (opts->intercept < 0 && !centred)
                          ? BA_INTERCEPT_YES
                          : BA_INTERCEPT_NO;
    plan->centre_targets =
        is_centring(plan->scale_targets) || plan->intercept == BA_INTERCEPT_YES;
    plan->factor_intercept =
        plan->intercept == BA_INTERCEPT_YES || is_centring(plan->scale_features)
            ? BA_INTERCEPT_YES
            : BA_INTERCEPT_NO;
    plan->inner_intercept =
        opts->inner_scaling == BA_INNER_OUTER ? plan->intercept : plan->factor_intercept;
    plan->inner_centre_targets = opts->inner_scaling == BA_INNER_OUTER
                                     ? plan->intercept == BA_INTERCEPT_YES
                                     : plan->centre_targets;
    /* The closed form cannot reach the minimum-norm limit where leaving rows out lowers
     * the rank. */
    plan->strict =
        opts->inner_scaling == BA_INNER_STRICT || has_zero_alpha(opts) ||
        has_own_inner(opts) ||
        plan->inner_centre_targets != (plan->inner_intercept == BA_INTERCEPT_YES);
}

/* One factorisation serves the outer folds too where the scaling does not depend on the
 * fold. */
static int
can_share_outer(const plan_t *plan)
{
    const ba_fit_opts_t *opts = plan->opts;
    /* The dual saves 9 n^3 flops a fold and pays about n^3 for every alpha. */
    int is_cheaper = plan->solver == BA_SOLVER_PRIMAL || opts->alphas.n < 9;
    int same_columns = plan->scale_features == BA_SCALE_NONE ||
                       (plan->scale_features == BA_SCALE_CENTER &&
                           plan->inner_intercept == BA_INTERCEPT_YES);

    return same_columns && ba_pca_most(plan->data->design) == 0 && is_cheaper &&
           plan->intercept == plan->inner_intercept &&
           plan->intercept == plan->factor_intercept && !plan->strict &&
           opts->alphas.n > 0 && !opts->alphas_relative && !opts->want_fold_weights &&
           plan->n_outer > 0 && opts->only_fold == 0 && !ba_plan_is_banded(plan);
}

/* Whether inner folds have to choose between candidates of one model. */
static int
has_many_candidates(const ba_fit_opts_t *opts)
{
    return opts->bands.gammas &&
           (opts->bands.n_rounds > 0 ||
               opts->bands.n_candidates > ba_bands_n_models(&opts->bands));
}

static int
check_bands(const plan_t *plan)
{
    const ba_fit_opts_t *opts = plan->opts;
    int has_range = opts->target_start > 0 ||
                    (opts->target_stop > 0 &&
                        opts->target_stop < ba_source_n_cols(plan->data->targets));

    if (!ba_plan_is_banded(plan)) {
        return BA_OK;
    }
    if (has_zero_alpha(opts)) {
        return ba_fail(BA_VALUE, "alphas: 0 with bands, wanted positive ones");
    }
    if (has_own_inner(opts)) {
        return ba_fail(BA_UNSUPPORTED, "bands: found %s, wanted %s",
            ba_cv_is_overlapping(&opts->cv) ? "inner sets that may overlap"
                                            : "alphas in units of singular values or "
                                              "a singular cutoff",
            ba_cv_is_overlapping(&opts->cv) ? "inner folds" : "penalties alone");
    }
    if (plan->strict) {
        return ba_fail(BA_UNSUPPORTED,
            "bands: with these settings every inner fold would be scaled anew, wanted "
            "inner-scaling center or outer, and an intercept where features are centred "
            "and responses are not");
    }
    if ((opts->bands.n_rounds > 0 || opts->bands.shared) && has_range) {
        return ba_fail(BA_VALUE, "target range: a shard cannot share candidates with "
                                 "targets that it does not see");
    }
    if (plan->data->design &&
        ba_design_n_spaces(plan->data->design) != opts->bands.n_spaces) {
        return ba_fail(BA_SHAPE, "bands: penalties for %zu spaces, the features have %zu",
            opts->bands.n_spaces, ba_design_n_spaces(plan->data->design));
    }
    return ba_bands_check(&opts->bands);
}

static int
check_alphas(const ba_fit_opts_t *opts)
{
    for (size_t i = 0; i < opts->alphas.n; i++) {
        double alpha = opts->alphas.values[i];

        if (!(alpha >= 0.0) || isinf(alpha)) {
            return ba_fail(
                BA_VALUE, "alphas: %g, wanted finite numbers of at least 0", alpha);
        }
        if (i > 0 && alpha <= opts->alphas.values[i - 1]) {
            return ba_fail(BA_VALUE, "alphas: %g after %g, wanted them ascending", alpha,
                opts->alphas.values[i - 1]);
        }
    }
    if (opts->alphas_relative && opts->alphas.n == 0) {
        return ba_fail(BA_VALUE, "alphas: automatic ones in units of singular values, "
                                 "wanted a grid or a list");
    }
    if (opts->cv.kind == BA_CV_NONE && has_many_candidates(opts)) {
        return ba_fail(BA_VALUE, "cv: none with several candidates of bands, wanted "
                                 "inner folds that choose among them");
    }
    if (opts->cv.kind == BA_CV_NONE && opts->alphas.n != 1) {
        return ba_fail(BA_VALUE,
            "cv: none with %s, wanted exactly one alpha when there are no inner folds",
            opts->alphas.n == 0 ? "automatic alphas" : "several alphas");
    }
    return BA_OK;
}

static int
check_arguments(const ba_fit_data_t *data, const ba_fit_opts_t *opts)
{
    size_t n_targets = ba_source_n_cols(data->targets);

    if (ba_source_n_rows(data->targets) != data->runs->n_samples) {
        return ba_fail(BA_SHAPE, "%s: %zu samples, the features have %zu",
            ba_source_name(data->targets), ba_source_n_rows(data->targets),
            data->runs->n_samples);
    }
    if (opts->target_stop > n_targets ||
        (opts->target_stop > 0 && opts->target_start >= opts->target_stop) ||
        opts->target_start >= n_targets) {
        return ba_fail(BA_VALUE, "target range: %zu:%zu, wanted a part of 0:%zu",
            opts->target_start, opts->target_stop, n_targets);
    }
    if (opts->shared_alpha &&
        (opts->target_start > 0 ||
            (opts->target_stop > 0 && opts->target_stop < n_targets))) {
        return ba_fail(BA_VALUE, "target range: a shard cannot share one alpha with "
                                 "targets that it does not see");
    }
    if (data->test_design &&
        ba_design_n_columns(data->test_design) != ba_design_n_columns(data->design)) {
        return ba_fail(BA_SHAPE,
            "test features: %zu delayed columns, the training features %zu",
            ba_design_n_columns(data->test_design), ba_design_n_columns(data->design));
    }
    if (data->test_design &&
        ba_source_n_rows(data->test_targets) != data->test_runs->n_samples) {
        return ba_fail(BA_SHAPE, "%s: %zu samples, the test features have %zu",
            ba_source_name(data->test_targets), ba_source_n_rows(data->test_targets),
            data->test_runs->n_samples);
    }
    if (data->test_design && ba_source_n_cols(data->test_targets) != n_targets) {
        return ba_fail(BA_SHAPE, "%s: %zu targets, the training responses have %zu",
            ba_source_name(data->test_targets), ba_source_n_cols(data->test_targets),
            n_targets);
    }
    return check_alphas(opts);
}

/* Copies n positions out of a scratch list. */
static int
keep_list(const size_t *list, size_t n, size_t **out)
{
    *out = ba_malloc(n, sizeof **out);
    if (!*out) {
        return BA_NOMEM;
    }
    memcpy(*out, list, n * sizeof **out);
    return BA_OK;
}

/* Replaces indices into `among` by the positions they stand for. */
static void
to_positions(size_t *list, size_t n, const size_t *among)
{
    for (size_t i = 0; i < n; i++) {
        list[i] = among[list[i]];
    }
}

/* fold: the number of each training row's fold; k: the one to hold out. */
static int
split_inner(const plan_t *plan, problem_t *problem, const size_t *sample_of,
    const int32_t *fold, int32_t k, split_t *split, size_t *train, size_t *test)
{
    int status = BA_OK;
    size_t n_stay, n_validate;

    BA_TRY(ba_cv_split_by(&plan->opts->cv, plan->data->runs, sample_of, problem->n_train,
        fold, k, plan->opts->gap_inner, train, &n_stay, test, &n_validate));
    to_positions(train, n_stay, problem->train);
    to_positions(test, n_validate, problem->train);
    BA_TRY(keep_list(train, n_stay, &split->stay));
    BA_TRY(keep_list(test, n_validate, &split->validate));
    split->n_stay = n_stay;
    split->n_validate = n_validate;
out:
    if (status != BA_OK) {
        ba_fail_within(status, "inner fold %zu", (size_t) (split - problem->inner));
    }
    return status;
}

static int
make_inner(const plan_t *plan, problem_t *problem)
{
    int status = BA_OK;
    size_t n = problem->n_train;
    size_t *sample_of = NULL, *train = NULL, *test = NULL;
    int32_t *sets = NULL;
    int is_overlapping = ba_cv_is_overlapping(&plan->opts->cv);

    if (plan->opts->cv.kind == BA_CV_NONE ||
        (plan->opts->cv.kind == BA_CV_DEFAULT && plan->opts->alphas.n == 1 &&
            !has_many_candidates(plan->opts))) {
        return BA_OK;
    }
    BA_TRY_ALLOC(sample_of, ba_malloc(n, sizeof *sample_of));
    BA_TRY_ALLOC(train, ba_malloc(n, sizeof *train));
    BA_TRY_ALLOC(test, ba_malloc(n, sizeof *test));
    for (size_t i = 0; i < n; i++) {
        sample_of[i] = plan->rows[problem->train[i]];
    }
    if (is_overlapping) {
        problem->n_inner = plan->opts->cv.n_folds;
        BA_TRY_ALLOC(sets, ba_malloc(problem->n_inner, n * sizeof *sets));
        BA_TRY(ba_cv_sets(&plan->opts->cv, sample_of, n, plan->n_samples, sets));
    } else {
        BA_TRY_ALLOC(problem->inner_fold, ba_malloc(n, sizeof *problem->inner_fold));
        BA_TRY(ba_cv_folds(&plan->opts->cv, plan->data->runs, sample_of, n,
            problem->inner_fold, &problem->n_inner));
    }
    BA_TRY_ALLOC(problem->inner, ba_calloc(problem->n_inner, sizeof *problem->inner));
    for (size_t k = 0; k < problem->n_inner; k++) {
        BA_TRY(split_inner(plan, problem, sample_of,
            is_overlapping ? sets + k * n : problem->inner_fold,
            is_overlapping ? 0 : (int32_t) k, &problem->inner[k], train, test));
    }
out:
    ba_free(sets);
    ba_free(sample_of);
    ba_free(train);
    ba_free(test);
    return status;
}

static int
make_problem(const plan_t *plan, int fold, problem_t *problem)
{
    int status = BA_OK;
    const ba_fit_opts_t *opts = plan->opts;
    size_t n = plan->n_used;
    size_t *train = NULL, *test = NULL;

    problem->fold = fold;
    BA_TRY_ALLOC(train, ba_malloc(n, sizeof *train));
    BA_TRY_ALLOC(test, ba_malloc(n, sizeof *test));
    if (fold < 0) {
        for (size_t i = 0; i < n; i++) {
            train[i] = i;
        }
        problem->n_train = n;
    } else {
        BA_TRY(ba_cv_split_by(&opts->outer_cv, plan->data->runs, plan->rows, n,
            plan->outer_fold, fold, opts->gap_outer, train, &problem->n_train, test,
            &problem->n_test));
    }
    BA_TRY(keep_list(train, problem->n_train, &problem->train));
    BA_TRY(keep_list(test, problem->n_test, &problem->test));
    BA_TRY(make_inner(plan, problem));
out:
    if (status != BA_OK && fold >= 0) {
        ba_fail_within(status, "outer fold %d", fold);
    }
    ba_free(train);
    ba_free(test);
    return status;
}

static int
make_outer(plan_t *plan)
{
    int status = BA_OK;
    const ba_fit_opts_t *opts = plan->opts;

    BA_TRY_ALLOC(plan->outer_fold, ba_malloc(plan->n_used, sizeof *plan->outer_fold));
    for (size_t i = 0; i < plan->n_used; i++) {
        plan->outer_fold[i] = -1;
    }
    if (!plan->data->test_design && opts->outer_cv.kind != BA_CV_NONE) {
        BA_TRY(ba_cv_folds(&opts->outer_cv, plan->data->runs, plan->rows, plan->n_used,
            plan->outer_fold, &plan->n_outer));
    }
    BA_TRY_ALLOC(plan->problems, ba_calloc(plan->n_outer + 1, sizeof *plan->problems));
    plan->n_problems = plan->n_outer + (opts->scores_only && plan->n_outer > 0 ? 0 : 1);
    if (opts->only_fold > plan->n_outer) {
        BA_TRY(ba_fail(BA_VALUE, "outer fold: %zu, wanted one of %zu", opts->only_fold,
            plan->n_outer));
    }
    if (opts->only_fold > 0) {
        plan->n_problems = 1;
        BA_TRY(make_problem(plan, (int) opts->only_fold - 1, plan->problems));
        goto out;
    }
    for (size_t k = 0; k < plan->n_problems; k++) {
        BA_TRY(make_problem(plan, k < plan->n_outer ? (int) k : -1, &plan->problems[k]));
    }
out:
    return status;
}

/* Every fit needs more samples than components. */
static int
check_pca(const plan_t *plan)
{
    int is_strict = plan->opts->inner_scaling == BA_INNER_STRICT;
    size_t most = ba_pca_most(plan->data->design);

    for (size_t k = 0; most > 0 && k < plan->n_problems; k++) {
        const problem_t *problem = &plan->problems[k];
        size_t least = problem->n_train;

        for (size_t i = 0; is_strict && i < problem->n_inner; i++) {
            size_t n = problem->inner[i].n_stay;

            least = n < least ? n : least;
        }
        if (least <= most) {
            return ba_fail(BA_SHAPE,
                "pca: %zu components, a fit has %zu training samples, wanted fewer "
                "components",
                most, least);
        }
    }
    return BA_OK;
}

static int
make_test_rows(plan_t *plan)
{
    int status = BA_OK;
    const ba_fit_data_t *data = plan->data;

    if (!data->test_design) {
        return BA_OK;
    }
    BA_TRY_ALLOC(
        plan->test_rows, ba_malloc(data->test_runs->n_samples, sizeof *plan->test_rows));
    BA_TRY(ba_runs_trim(data->test_runs, plan->opts->trim_first, plan->opts->trim_last,
        plan->test_rows, &plan->test_runs));
out:
    return status;
}

int
ba_plan_make(const ba_ctx_t *ctx, const ba_fit_data_t *data, const ba_fit_opts_t *opts,
    plan_t *plan)
{
    int status = BA_OK;

    *plan = (plan_t){.data = data, .opts = opts};
    BA_TRY(ba_ctx_check(ctx));
    BA_TRY(check_arguments(data, opts));
    plan->n_samples = data->runs->n_samples;
    plan->n_columns = ba_design_n_columns(data->design);
    plan->n_targets =
        (opts->target_stop > 0 ? opts->target_stop : ba_source_n_cols(data->targets)) -
        opts->target_start;
    BA_TRY_ALLOC(plan->rows, ba_malloc(plan->n_samples, sizeof *plan->rows));
    BA_TRY(ba_runs_trim(
        data->runs, opts->trim_first, opts->trim_last, plan->rows, &plan->runs));
    plan->n_used = plan->runs.n_samples;
    BA_TRY(make_test_rows(plan));
    resolve_scaling(plan);
    BA_TRY(check_bands(plan));
    BA_TRY(make_outer(plan));
    BA_TRY(check_pca(plan));
    ba_cost_choose_solver(plan);
    plan->shared_outer = can_share_outer(plan);
    ba_cost_choose_reducing(plan);
out:
    if (status != BA_OK) {
        ba_plan_free(plan);
    }
    return status;
}

static void
problem_free(problem_t *problem)
{
    for (size_t k = 0; problem->inner && k < problem->n_inner; k++) {
        ba_free(problem->inner[k].stay);
        ba_free(problem->inner[k].validate);
    }
    ba_free(problem->inner);
    ba_free(problem->inner_fold);
    ba_free(problem->train);
    ba_free(problem->test);
}

void
ba_plan_free(plan_t *plan)
{
    for (size_t k = 0; plan->problems && k < plan->n_problems; k++) {
        problem_free(&plan->problems[k]);
    }
    ba_free(plan->problems);
    ba_free(plan->outer_fold);
    ba_free(plan->rows);
    ba_free(plan->test_rows);
    ba_runs_free(&plan->runs);
    ba_runs_free(&plan->test_runs);
    *plan = (plan_t){0};
}

/* Folds, and the samples that fits train on (the inner folds', or the problem's own). */
void
ba_plan_count_splits(const plan_t *plan, ba_fit_info_t *info)
{
    info->n_outer = plan->data->test_design ? 1 : plan->n_outer;
    info->gap_inner = plan->opts->gap_inner;
    info->gap_outer = plan->opts->gap_outer;
    info->train_least = plan->n_used;
    for (size_t k = 0; k < plan->n_problems; k++) {
        const problem_t *problem = &plan->problems[k];

        info->n_inner =
            problem->n_inner > info->n_inner ? problem->n_inner : info->n_inner;
        for (size_t i = 0; i <= problem->n_inner; i++) {
            size_t n = i < problem->n_inner ? problem->inner[i].n_stay : problem->n_train;

            info->train_least = n < info->train_least ? n : info->train_least;
            info->train_most = n > info->train_most ? n : info->train_most;
        }
    }
}
