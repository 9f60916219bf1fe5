/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The search over candidates: for each the inner scores at all alphas, and for every
 * target the best candidate and alpha so far. A later candidate replaces an earlier one
 * only where it is better by more than rounding. */
#include "fit/bands.h"

#include "core/alloc.h"
#include "core/resource.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Steps of log gamma in refinement: in the first rounds, and later. */
#define WIDE_STEP 3.0
#define FINE_STEP 2.0
#define WIDE_ROUNDS 2

/* Targets, evenly spread over all, that new candidates are chosen by. */
#define REFINED_BY 2048

/* Samples that refinement may take beside moves. */
#define OTHERS 512

/* Candidates that a round of refinement tries: this share of those given, and at least
 * one for each direction. */
#define ROUND_SHARE 0.25

static size_t
larger_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t
round_size(const plan_t *plan)
{
    const ba_bands_t *bands = &plan->opts->bands;

    return larger_size(
        2 * bands->n_spaces, (size_t) (ROUND_SHARE * (double) bands->n_candidates + 0.5));
}

int
ba_search_new(run_t *run)
{
    int status = BA_OK;
    const plan_t *plan = &run->plan;
    const ba_bands_t *bands = &plan->opts->bands;
    size_t v = plan->n_targets, a = ba_plan_n_alphas(plan), room, n_spline;
    search_t *search;

    BA_TRY_ALLOC(search, ba_calloc(1, sizeof *search));
    run->search = search;
    room = bands->n_candidates + bands->n_rounds * round_size(plan);
    n_spline = plan->opts->alphas.n > 0 ? 0 : (a - 1) * BA_BAND_STEPS + 1;
    search->n_room = room;
    search->n_alpha_room = n_spline > 0 ? n_spline : a;
    BA_TRY_ALLOC(
        search->gammas, ba_calloc(room, bands->n_spaces * sizeof *search->gammas));
    BA_TRY_ALLOC(search->alphas, ba_calloc(search->n_alpha_room, sizeof *search->alphas));
    if (n_spline > 0) {
        BA_TRY_ALLOC(search->spline, ba_calloc(n_spline, a * sizeof *search->spline));
    }
    BA_TRY_ALLOC(search->candidate, ba_calloc(v, sizeof *search->candidate));
    BA_TRY_ALLOC(search->alpha, ba_calloc(v, sizeof *search->alpha));
    BA_TRY_ALLOC(search->score, ba_calloc(v, sizeof *search->score));
    BA_TRY_ALLOC(search->at, ba_calloc(v, sizeof *search->at));
    if (bands->n_rounds > 0) {
        search->n_by = v < REFINED_BY ? v : REFINED_BY;
        BA_TRY_ALLOC(search->by, ba_calloc(room, search->n_by * sizeof *search->by));
        search->n_others = OTHERS;
        BA_TRY_ALLOC(
            search->others, ba_calloc(OTHERS, bands->n_spaces * sizeof *search->others));
        BA_TRY(ba_bands_sample(
            OTHERS, bands->n_spaces, run->ctx ? run->ctx->seed : 0, search->others));
    }
    if (plan->opts->want_cv) {
        BA_TRY_ALLOC(search->curve, ba_calloc(v, a * sizeof *search->curve));
        BA_TRY_ALLOC(search->scores, ba_calloc(v, room * sizeof *search->scores));
    }
out:
    return status;
}

void
ba_search_free(search_t *search)
{
    if (search) {
        ba_free(search->gammas);
        ba_free(search->alphas);
        ba_free(search->spline);
        ba_free(search->candidate);
        ba_free(search->alpha);
        ba_free(search->score);
        ba_free(search->at);
        ba_free(search->by);
        ba_free(search->others);
        ba_free(search->curve);
        ba_free(search->scores);
        ba_free(search->unknowns);
        ba_free(search);
    }
}

/* The alphas that targets choose from: the grid, or steps between automatic nodes with the
 * spline's value there as weights of the scores at the nodes. */
static int
lay_out_alphas(const prepared_t *prepared, search_t *search)
{
    int status = BA_OK;
    size_t n = prepared->n_alphas;
    const double *nodes = prepared->alphas;
    double *unit = NULL;

    search->n_alphas = search->n_alpha_room;
    if (!search->spline) {
        memcpy(search->alphas, nodes, n * sizeof *nodes);
        return BA_OK;
    }
    BA_TRY_ALLOC(unit, ba_calloc(n, sizeof *unit));
    for (size_t i = 0; i < search->n_alphas; i++) {
        size_t node = i / BA_BAND_STEPS;
        double part = (double) (i % BA_BAND_STEPS) / BA_BAND_STEPS;

        search->alphas[i] = part > 0.0
                                ? nodes[node] * pow(nodes[node + 1] / nodes[node], part)
                                : nodes[node];
    }
    for (size_t a = 0; a < n; a++) {
        unit[a] = 1.0;
        for (size_t i = 0; i < search->n_alphas; i++) {
            search->spline[i * n + a] =
                i % BA_BAND_STEPS == 0
                    ? (double) (i / BA_BAND_STEPS == a)
                    : ba_alphas_spline_at(nodes, unit, n, search->alphas[i]);
        }
        unit[a] = 0.0;
    }
out:
    ba_free(unit);
    return status;
}

/* Score of target t at alpha i; NaN where a node that it needs has none. */
static double
score_at(const run_t *run, const prepared_t *prepared, size_t i, size_t t)
{
    const search_t *search = run->search;
    size_t v = run->plan.n_targets, n = prepared->n_alphas;
    double sum = 0.0;

    if (!search->spline || i % BA_BAND_STEPS == 0) {
        return run->cv[(search->spline ? i / BA_BAND_STEPS : i) * v + t];
    }
    for (size_t a = 0; a < n; a++) {
        sum += search->spline[i * n + a] * run->cv[a * v + t];
    }
    return sum;
}

/* The alpha with the best mean score over the targets that have one; n_alphas = none. */
static size_t
shared_alpha(const run_t *run, const prepared_t *prepared)
{
    const search_t *search = run->search;
    size_t best = search->n_alphas;
    double largest = -INFINITY;

    for (size_t i = 0; i < search->n_alphas; i++) {
        double sum = 0.0;
        size_t n = 0;

        for (size_t t = 0; t < run->plan.n_targets; t++) {
            double score = score_at(run, prepared, i, t);

            if (run->usable[t] && isfinite(score)) {
                sum += score;
                n++;
            }
        }
        if (n > 0 && sum / (double) n >= largest) {
            largest = sum / (double) n;
            best = i;
        }
    }
    return best;
}

/* Best score and alpha of every target at the candidate at hand. */
static void
best_of_candidate(run_t *run, const prepared_t *prepared)
{
    search_t *search = run->search;
    int is_shared = run->plan.opts->shared_alpha;
    size_t shared = is_shared ? shared_alpha(run, prepared) : 0;
    size_t first = is_shared ? shared : 0;
    size_t stop = is_shared && shared < search->n_alphas ? shared + 1 : search->n_alphas;

#pragma omp parallel for schedule(static) num_threads((int) run->n_threads)
    for (size_t t = 0; t < run->plan.n_targets; t++) {
        search->score[t] = NAN;
        search->at[t] = (int32_t) (search->n_alphas - 1);
        for (size_t i = first; run->usable[t] && i < stop; i++) {
            double score = score_at(run, prepared, i, t);

            if (isfinite(score) && !(score < search->score[t])) {
                search->score[t] = score;
                search->at[t] = (int32_t) i;
            }
        }
    }
}

static void
take(run_t *run, const prepared_t *prepared, size_t c, size_t t)
{
    search_t *search = run->search;
    size_t v = run->plan.n_targets;

    search->candidate[t] = (int32_t) c;
    search->alpha[t] = search->at[t];
    run->best_scores[t] = search->score[t];
    for (size_t a = 0; search->curve && a < prepared->n_alphas; a++) {
        search->curve[a * v + t] = run->cv[a * v + t];
    }
}

/* Keeps candidate c where it is better than what came before. */
static void
fold_in(run_t *run, const prepared_t *prepared, size_t c)
{
    search_t *search = run->search;
    size_t v = run->plan.n_targets, n = 0;
    double mean = 0.0;

    for (size_t t = 0; t < v; t++) {
        mean += isnan(search->score[t]) ? 0.0 : search->score[t];
        n += isnan(search->score[t]) ? 0 : 1;
        if (search->scores) {
            search->scores[c * v + t] = search->score[t];
        }
    }
    for (size_t i = 0; i < search->n_by; i++) {
        search->by[c * search->n_by + i] = search->score[i * v / search->n_by];
    }
    mean = n > 0 ? mean / (double) n : (double) -INFINITY;
    if (run->plan.opts->bands.shared) {
        int is_better = n > 0 && mean > search->best_mean + DBL_EPSILON;

        for (size_t t = 0; is_better && t < v; t++) {
            take(run, prepared, c, t);
        }
        search->best_mean = is_better ? mean : search->best_mean;
        return;
    }
    for (size_t t = 0; t < v; t++) {
        if (!isnan(search->score[t]) &&
            (search->candidate[t] < 0 ||
                search->score[t] > run->best_scores[t] + DBL_EPSILON)) {
            take(run, prepared, c, t);
        }
    }
}

/* Inner scores of a candidate at all nodes: run->cv. */
static int
evaluate(run_t *run, prepared_t *prepared, const double *gamma)
{
    int status = BA_OK;
    size_t n_spaces = run->plan.opts->bands.n_spaces, n_alphas = prepared->n_alphas;
    size_t chunk = ba_budget_alpha_chunk(run->ctx, &run->plan);
    size_t n_side = ba_band_side(run->ctx, &run->plan);
    double *deltas = NULL, start;
    operators_t operators = {0};

    BA_TRY_ALLOC(deltas, ba_malloc(n_alphas, n_spaces * sizeof *deltas));
    for (size_t i = 0; i < n_alphas * n_spaces; i++) {
        deltas[i] = gamma[i % n_spaces] / prepared->alphas[i / n_spaces];
    }
    for (size_t a0 = 0; a0 < n_alphas; a0 += chunk) {
        size_t n = n_alphas - a0 < chunk ? n_alphas - a0 : chunk;

        start = ba_seconds();
        BA_TRY(ba_band_operators(
            run->ctx, prepared, deltas + a0 * n_spaces, n, n_side, &operators));
        run->info->seconds_operators += ba_seconds() - start;
        prepared->n_factorisations += n;
        BA_TRY(ba_run_select(run, prepared, &operators, a0));
        ba_operators_free(&operators);
    }
out:
    ba_operators_free(&operators);
    ba_free(deltas);
    return status;
}

static int
try_candidate(run_t *run, prepared_t *prepared, size_t c)
{
    int status = BA_OK;
    search_t *search = run->search;

    BA_TRY(evaluate(run, prepared, search->gammas + c * run->plan.opts->bands.n_spaces));
    best_of_candidate(run, prepared);
    fold_in(run, prepared, c);
out:
    return status;
}

/* Rounds of new candidates around those that targets have chosen. */
static int
refine(run_t *run, prepared_t *prepared)
{
    int status = BA_OK;
    const plan_t *plan = &run->plan;
    size_t n_spaces = plan->opts->bands.n_spaces, most = round_size(plan);
    search_t *search = run->search;

    for (size_t round = 0; round < plan->opts->bands.n_rounds; round++) {
        size_t n = search->n_candidates;
        int found = ba_bands_moves(search->gammas, n, n_spaces, search->by, search->n_by,
            search->others, search->n_others, round < WIDE_ROUNDS ? WIDE_STEP : FINE_STEP,
            most, search->gammas + n * n_spaces);

        BA_TRY(found < 0 ? found : BA_OK);
        search->n_candidates += (size_t) found;
        for (size_t c = n; c < search->n_candidates; c++) {
            BA_TRY(try_candidate(run, prepared, c));
        }
    }
out:
    return status;
}

/* Targets that no candidate scores get the first of them, and the largest alpha. */
static void
finish(run_t *run, const prepared_t *prepared)
{
    search_t *search = run->search;
    size_t v = run->plan.n_targets, n = prepared->n_alphas;

    for (size_t t = 0; t < v; t++) {
        if (search->candidate[t] < 0) {
            search->candidate[t] = 0;
            search->alpha[t] = (int32_t) (search->n_alphas - 1);
            run->best_scores[t] = NAN;
        }
        run->best_alphas[t] = search->alphas[search->alpha[t]];
    }
    if (search->curve && prepared->problem->n_inner > 0) {
        memcpy(run->cv, search->curve, n * v * sizeof *run->cv);
    }
}

int
ba_search_model(run_t *run, prepared_t *prepared, size_t model)
{
    int status = BA_OK;
    const ba_bands_t *bands = &run->plan.opts->bands;
    search_t *search = run->search;
    size_t start, stop, v = run->plan.n_targets;

    ba_bands_model(bands, model, &start, &stop);
    search->n_candidates = stop - start;
    search->best_mean = -INFINITY;
    memcpy(search->gammas, bands->gammas + start * bands->n_spaces,
        search->n_candidates * bands->n_spaces * sizeof *search->gammas);
    for (size_t t = 0; t < v; t++) {
        search->candidate[t] = -1;
    }
    for (size_t i = 0; search->scores && i < search->n_room * v; i++) {
        search->scores[i] = NAN;
    }
    for (size_t i = 0; search->curve && i < prepared->n_alphas * v; i++) {
        search->curve[i] = NAN;
    }
    BA_TRY(lay_out_alphas(prepared, search));
    if (prepared->problem->n_inner > 0) {
        for (size_t c = 0; c < search->n_candidates; c++) {
            BA_TRY(try_candidate(run, prepared, c));
        }
        BA_TRY(refine(run, prepared));
        if ((bands->shared || run->plan.opts->shared_alpha) && v > 0) {
            int any = 0;

            for (size_t t = 0; t < v; t++) {
                any |= search->candidate[t] >= 0 && !isnan(run->best_scores[t]);
            }
            BA_TRY(any ? BA_OK
                       : ba_fail(BA_NUMERIC, "alphas: no target has an inner score to "
                                             "share an alpha by"));
        }
    }
    finish(run, prepared);
out:
    return status;
}

void
ba_search_delta(const run_t *run, size_t t, double *delta)
{
    const search_t *search = run->search;
    size_t n = run->plan.opts->bands.n_spaces;

    for (size_t k = 0; k < n; k++) {
        delta[k] = search->gammas[(size_t) search->candidate[t] * n + k] /
                   search->alphas[search->alpha[t]];
    }
}
