/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is compared of a fold is everything that its training left, but for the weights
 * themselves, which may be many: a prediction is a sum over all of them, and the one of a
 * row whose predictors stay as they were changes by at least a bit with nearly any of
 * them. */
#include "fit/audit.h"

#include "core/alloc.h"
#include "core/rng.h"
#include "fit/fit_impl.h"

#include <math.h>
#include <string.h>

/* Keys the random stream. */
#define STREAM UINT64_C(0x6175646974)

/* Exchanges of targets, and Student's t of their mean that one clean pipeline in a
 * thousand passes (19 degrees of freedom). */
#define EXCHANGES 20
#define LIMIT 3.579

/* What one fit of a fold left. */
typedef struct {
    ba_fit_result_t result;
    int32_t *chosen;
    double *scores;
    size_t n_chosen, n_scores;
    double *probe; /* n_targets: its prediction */
    size_t probe_sample;
} state_t;

static void
state_free(state_t *state)
{
    ba_fit_result_free(&state->result);
    ba_free(state->chosen);
    ba_free(state->scores);
    ba_free(state->probe);
    *state = (state_t){0};
}

static int
keep_probe(void *payload, int fold, const size_t *rows, size_t n_rows, size_t target0,
    size_t n, const double *predictions)
{
    state_t *state = payload;

    (void) fold;
    for (size_t i = 0; i < n_rows; i++) {
        for (size_t j = 0; rows[i] == state->probe_sample && j < n; j++) {
            state->probe[target0 + j] = predictions[i + j * n_rows];
        }
    }
    return BA_OK;
}

static int
fit_fold(const ba_ctx_t *ctx, const ba_auditee_t *auditee, size_t k, state_t *out)
{
    int status;
    ba_fit_opts_t opts = *auditee->opts;
    ba_fit_sink_t sink = {.payload = out, .predictions = keep_probe};
    ba_audit_choice_t choice = {0};
    size_t n = ba_source_n_cols(auditee->data->targets);

    opts.only_fold = k + 1;
    opts.want_cv = opts.want_predictions = 1;
    opts.want_weights = opts.want_fold_weights = 0;
    BA_TRY_ALLOC(out->probe, ba_calloc(n, sizeof *out->probe));
    BA_TRY(auditee->fit(auditee->payload, ctx, &opts, &sink, &out->result, &choice));
    if (choice.n > 0) {
        out->n_chosen = choice.n;
        out->n_scores = choice.n_scores;
        BA_TRY_ALLOC(out->chosen, ba_malloc(choice.n, sizeof *out->chosen));
        BA_TRY_ALLOC(out->scores, ba_malloc(choice.n_scores, sizeof *out->scores));
        memcpy(out->chosen, choice.columns + k * choice.n, choice.n * sizeof(int32_t));
        memcpy(out->scores, choice.scores + k * choice.n_scores,
            choice.n_scores * sizeof(double));
    }
out:
    return status;
}

static void
compare(const void *a, const void *b, size_t n, size_t size, const char *what, size_t k,
    ba_audit_t *out)
{
    const char *x = a, *y = b;
    size_t changed = 0;

    if (!a || !b) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        changed += memcmp(x + i * size, y + i * size, size) != 0;
    }
    if (changed > 0 && !out->changed) {
        out->changed = what;
        out->changed_fold = k;
    }
    out->n_numbers += n;
    out->n_changed += changed;
}

static const double *
row_of(const double *rows, size_t k, size_t n)
{
    return rows ? rows + k * n : NULL;
}

static void
compare_states(const state_t *a, const state_t *b, size_t k, ba_audit_t *out)
{
    const ba_fit_result_t *x = &a->result, *y = &b->result;
    size_t v = x->n_targets, p = x->n_columns, n = x->n_alphas;

    compare(a->scores, b->scores, a->n_scores, sizeof *a->scores,
        "scores that columns are chosen by", k, out);
    compare(
        a->chosen, b->chosen, a->n_chosen, sizeof *a->chosen, "chosen columns", k, out);
#define COMPARE(member, count, what)                                                     \
    compare(row_of(x->member, k, count), row_of(y->member, k, count), count,             \
        sizeof(double), what, k, out)
    COMPARE(feature_mean_by_fold, p, "means of predictors");
    COMPARE(feature_scale_by_fold, p, "scales of predictors");
    COMPARE(target_mean_by_fold, v, "means of targets");
    COMPARE(target_scale_by_fold, v, "scales of targets");
    COMPARE(alphas_by_fold, n, "the grid of alphas");
    COMPARE(cv_scores_by_fold, n * v, "inner scores");
    COMPARE(best_alphas_by_fold, v, "alphas");
#undef COMPARE
    compare(a->probe + x->target_start, b->probe + x->target_start, v, sizeof *a->probe,
        "the prediction of an untouched held-out row", k, out);
}

/* Samples that fold k must not train on, and the one in the middle of its test rows. */
static void
find_held(const plan_t *plan, size_t k, unsigned char *held, size_t *probe)
{
    const problem_t *problem = &plan->problems[k];

    memset(held, 0, plan->n_samples);
    for (size_t i = 0; i < plan->n_used; i++) {
        held[plan->rows[i]] = 1;
    }
    for (size_t i = 0; i < problem->n_train; i++) {
        held[plan->rows[problem->train[i]]] = 0;
    }
    *probe = problem->n_test > 0 ? plan->rows[problem->test[problem->n_test / 2]]
                                 : plan->n_samples;
}

static int
audit_fold(const ba_ctx_t *ctx, const ba_auditee_t *auditee, const plan_t *plan, size_t k,
    unsigned char *held, ba_audit_t *out)
{
    int status;
    size_t probe;
    state_t clean = {0}, poisoned = {0};

    find_held(plan, k, held, &probe);
    clean.probe_sample = poisoned.probe_sample = probe;
    BA_TRY(fit_fold(ctx, auditee, k, &clean));
    BA_TRY(auditee->poison(auditee->payload, held, probe));
    BA_TRY(fit_fold(ctx, auditee, k, &poisoned));
    compare_states(&clean, &poisoned, k, out);
    for (size_t i = 0; i < plan->n_samples; i++) {
        out->n_poisoned += held[i];
    }
out:
    if (auditee->poison(auditee->payload, NULL, 0) != BA_OK && status == BA_OK) {
        status = BA_NOMEM;
    }
    state_free(&clean);
    state_free(&poisoned);
    return status;
}

/* Mean r over all targets that have one. */
static int
score(const ba_ctx_t *ctx, const ba_auditee_t *auditee, double *mean_r)
{
    int status;
    ba_fit_opts_t opts = *auditee->opts;
    ba_fit_result_t result = {0};
    ba_audit_choice_t choice = {0};
    size_t n = 0;
    double sum = 0.0;

    opts.scores_only = 1;
    opts.want_cv = opts.want_weights = opts.want_fold_weights = 0;
    opts.want_predictions = 0;
    BA_TRY(auditee->fit(auditee->payload, ctx, &opts, NULL, &result, &choice));
    for (size_t j = 0; j < result.n_targets; j++) {
        if (isfinite(result.r[j])) {
            sum += result.r[j];
            n++;
        }
    }
    *mean_r = n > 0 ? sum / (double) n : (double) NAN;
out:
    ba_fit_result_free(&result);
    return status;
}

/* Cross-validation is a little below chance on average, so that only what is above it
 * counts. */
static void
sum_up_null(const double *null, ba_audit_t *out)
{
    double square = 0.0;

    for (size_t b = 0; b < EXCHANGES; b++) {
        out->null_mean += null[b] / EXCHANGES;
    }
    for (size_t b = 0; b < EXCHANGES; b++) {
        square += (null[b] - out->null_mean) * (null[b] - out->null_mean);
    }
    out->n_permutations = EXCHANGES;
    out->null_sd = sqrt(square / (EXCHANGES - 1));
    out->null_limit = LIMIT * out->null_sd / sqrt((double) EXCHANGES);
}

static int
audit_chance(const ba_ctx_t *ctx, const ba_auditee_t *auditee, ba_audit_t *out)
{
    int status;
    size_t n = auditee->data->runs->n_samples, *order = NULL;
    double null[EXCHANGES];
    ba_rng_t *rng = NULL;

    BA_TRY(score(ctx, auditee, &out->mean_r));
    BA_TRY_ALLOC(order, ba_malloc(n, sizeof *order));
    BA_TRY_ALLOC(rng, ba_rng_new(ctx ? ctx->seed : 0, STREAM));
    for (size_t i = 0; i < n; i++) {
        order[i] = i;
    }
    for (size_t b = 0; b < EXCHANGES; b++) {
        ba_rng_shuffle(rng, order, n);
        BA_TRY(auditee->exchange(auditee->payload, order));
        BA_TRY(score(ctx, auditee, null + b));
        BA_TRY(auditee->exchange(auditee->payload, NULL));
    }
    sum_up_null(null, out);
out:
    ba_free(order);
    ba_rng_free(rng);
    return status;
}

int
ba_audit(const ba_ctx_t *ctx, const ba_auditee_t *auditee, ba_audit_t *out)
{
    int status;
    plan_t plan = {0};
    unsigned char *held = NULL;
    ba_ctx_t quiet = ctx ? *ctx : ba_ctx_default();

    *out = (ba_audit_t){0};
    quiet.progress = NULL;
    BA_TRY(ba_plan_make(ctx, auditee->data, auditee->opts, &plan));
    if (plan.n_outer == 0) {
        BA_TRY(ba_fail(BA_VALUE, "audit: found no outer folds, wanted some to hold out"));
    }
    BA_TRY_ALLOC(held, ba_malloc(plan.n_samples, 1));
    out->n_folds = plan.n_outer;
    for (size_t k = 0; k < plan.n_outer; k++) {
        BA_TRY(audit_fold(&quiet, auditee, &plan, k, held, out));
    }
    BA_TRY(audit_chance(&quiet, auditee, out));
    /* A null that could not be measured shows nothing. */
    out->is_clean = out->n_changed == 0 && out->null_mean <= out->null_limit;
out:
    ba_free(held);
    ba_plan_free(&plan);
    return status;
}

int
ba_audit_judge(const ba_audit_t *audit)
{
    if (audit->n_changed > 0) {
        return ba_fail(BA_NUMERIC,
            "audit: outer fold %zu: %s changed with rows that it holds out, wanted the "
            "same bits (%zu of %zu numbers changed in all folds)",
            audit->changed_fold, audit->changed, audit->n_changed, audit->n_numbers);
    }
    if (!audit->is_clean && isnan(audit->null_mean)) {
        return ba_fail(BA_NUMERIC,
            "audit: no r with targets exchanged at random could be measured, wanted one "
            "in every exchange");
    }
    if (!audit->is_clean) {
        return ba_fail(BA_NUMERIC,
            "audit: mean r is %.4f with targets exchanged at random, wanted at most %.4f "
            "(chance)",
            audit->null_mean, audit->null_limit);
    }
    return BA_OK;
}
