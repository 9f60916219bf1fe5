/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/identify_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int
check_opts(const ba_identify_opts_t *opts, size_t n, size_t n_candidates)
{
    for (size_t k = 0; k < opts->n_top; k++) {
        if (opts->top[k] == 0) {
            return ba_fail(BA_VALUE, "top-k: found 0, wanted at least 1");
        }
    }
    for (size_t g = 0; g < opts->n_gallery; g++) {
        if (opts->gallery[g] == 0 || opts->gallery[g] > n_candidates) {
            return ba_fail(BA_VALUE, "size of a gallery: found %zu, wanted 1 to %zu",
                opts->gallery[g], n_candidates);
        }
    }
    for (size_t t = 0; t < opts->n_traces; t++) {
        if (opts->traces[t].matrix.n_rows != n || opts->traces[t].matrix.n_cols != n) {
            return ba_fail(BA_SHAPE,
                "matrix of a mean score: %zu x %zu, wanted %zu x %zu",
                opts->traces[t].matrix.n_rows, opts->traces[t].matrix.n_cols, n, n);
        }
    }
    return BA_OK;
}

static int
count_pairs(ba_identify_work_t *work)
{
    const ba_identify_opts_t *opts = work->opts;
    ba_pair_opts_t pairs = {.groups = opts->groups, .min_distance = opts->min_distance};
    int status;

    BA_TRY(ba_identification_pairs(work->problem, &pairs, &work->pairs));
    if (opts->groups) {
        pairs.pairs = BA_PAIRS_WITHIN;
        BA_TRY(ba_identification_pairs(work->problem, &pairs, &work->within));
        pairs.pairs = BA_PAIRS_BETWEEN;
        BA_TRY(ba_identification_pairs(work->problem, &pairs, &work->between));
    }
out:
    return status;
}

double
ba_trace_mean(const ba_trace_t *trace, const uint32_t *order)
{
    double sum = 0;
    size_t n = 0;

    for (size_t i = 0; i < trace->matrix.n_rows; i++) {
        double x = trace->matrix.data[i + (order ? order[i] : i) * trace->matrix.ld];

        if (!isnan(x)) {
            sum += x;
            n++;
        }
    }
    return n > 0 ? sum / (double) n : (double) NAN;
}

static void
set_chances(ba_identify_work_t *work)
{
    const ba_identify_opts_t *opts = work->opts;
    ba_statistic_t *ranks = work->values + BA_N_PAIR_VALUES;
    ba_statistic_t *top = ranks + BA_RANK_TOP, *curve = top + opts->n_top;

    for (size_t v = 0; v < work->n_values; v++) {
        work->values[v].chance = 0;
    }
    for (size_t v = 0; v < BA_N_PAIR_VALUES; v++) {
        work->values[v].chance = v == BA_VALUE_STRICT ? (double) NAN : 0.5;
    }
    ranks[BA_RANK_ACCURACY].chance = 0.5;
    ranks[BA_RANK_RECIPROCAL].chance = ba_chance_reciprocal(work->n_candidates);
    for (size_t k = 0; k < opts->n_top; k++) {
        top[k].chance = ba_chance_top(opts->top[k], work->n_candidates);
        for (size_t g = 0; g < opts->n_gallery; g++) {
            curve[g * opts->n_top + k].chance =
                ba_chance_top(opts->top[k], opts->gallery[g]);
        }
    }
}

static int
observe(ba_identify_work_t *work)
{
    const ba_pair_counts_t *pairs = &work->pairs;
    size_t first_trace = BA_N_PAIR_VALUES + work->ranks.n_scores;
    double *total = NULL;
    int status;

    BA_TRY(count_pairs(work));
    BA_TRY(ba_identification_ranks(work->problem, work->better, work->tied));
    BA_TRY_ALLOC(total, ba_calloc(work->ranks.n_scores, sizeof *total));
    for (size_t i = 0; i < work->n; i++) {
        ba_place_t place = {(uint32_t) work->better[i], (uint32_t) work->tied[i]};

        ba_rank_scores_add(&work->ranks, place, total);
    }
    for (size_t v = 0; v < work->n_values; v++) {
        work->values[v] =
            (ba_statistic_t){.p = NAN, .null_mean = NAN, .null_sd = NAN, .n = work->n};
    }
    set_chances(work);
    work->values[BA_VALUE_SUM].value = ba_pairs_sum(pairs);
    work->values[BA_VALUE_SINGLE].value = ba_pairs_single(pairs);
    work->values[BA_VALUE_STRICT].value = ba_pairs_strict(pairs);
    work->values[BA_VALUE_WITHIN].value = ba_pairs_sum(&work->within);
    work->values[BA_VALUE_BETWEEN].value = ba_pairs_sum(&work->between);
    work->values[BA_VALUE_SUM].n = work->values[BA_VALUE_STRICT].n = pairs->n_pairs;
    work->values[BA_VALUE_SINGLE].n = 2 * pairs->n_pairs;
    work->values[BA_VALUE_WITHIN].n = work->within.n_pairs;
    work->values[BA_VALUE_BETWEEN].n = work->between.n_pairs;
    for (size_t s = 0; s < work->ranks.n_scores; s++) {
        work->values[BA_N_PAIR_VALUES + s].value = total[s] / (double) work->n;
    }
    for (size_t t = 0; t < work->opts->n_traces; t++) {
        work->values[first_trace + t].value = ba_trace_mean(&work->opts->traces[t], NULL);
        work->values[first_trace + t].n = work->opts->traces[t].n;
    }
out:
    ba_free(total);
    return status;
}

int
ba_compare_values(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;

    return x < y ? -1 : x > y;
}

static int
copy_statistics(const ba_statistic_t *from, size_t n, ba_statistic_t **out)
{
    *out = ba_calloc(n, sizeof **out);
    if (!*out) {
        return BA_NOMEM;
    }
    memcpy(*out, from, n * sizeof **out);
    return BA_OK;
}

/* Mean and median of the mid-ranks. */
static int
set_ranks(const ba_identify_work_t *work, ba_identified_t *out)
{
    size_t n = work->n;
    double *ranks = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(ranks, ba_malloc(n, sizeof *ranks));
    out->mean_rank = 0;
    for (size_t i = 0; i < n; i++) {
        ranks[i] = ba_rank_middle(work->better[i], work->tied[i]);
        out->mean_rank += ranks[i];
        out->n_tied += work->tied[i] > 1;
    }
    out->mean_rank /= (double) n;
    qsort(ranks, n, sizeof *ranks, ba_compare_values);
    out->median_rank = (ranks[(n - 1) / 2] + ranks[n / 2]) / 2;
out:
    ba_free(ranks);
    return status;
}

static int
set_result(const ba_identify_work_t *work, ba_identified_t *out)
{
    const ba_identify_opts_t *opts = work->opts;
    const ba_statistic_t *ranks = work->values + BA_N_PAIR_VALUES;
    const ba_statistic_t *top = ranks + BA_RANK_TOP, *curve = top + opts->n_top;
    size_t n_curve = opts->n_gallery * opts->n_top;
    int status;

    out->pairs = work->pairs;
    out->within = work->within;
    out->between = work->between;
    out->sum = work->values[BA_VALUE_SUM];
    out->single = work->values[BA_VALUE_SINGLE];
    out->strict = work->values[BA_VALUE_STRICT];
    out->within_sum = work->values[BA_VALUE_WITHIN];
    out->between_sum = work->values[BA_VALUE_BETWEEN];
    out->rank_accuracy = ranks[BA_RANK_ACCURACY];
    out->mrr = ranks[BA_RANK_RECIPROCAL];
    out->d_prime = (ba_statistic_t){.value = ba_dprime_of_rank(out->rank_accuracy.value),
        .p = out->rank_accuracy.p,
        .null_mean = NAN,
        .null_sd = NAN,
        .n = work->n,
        .n_distinct = out->rank_accuracy.n_distinct};
    BA_TRY(set_ranks(work, out));
    BA_TRY(copy_statistics(top, opts->n_top, &out->top));
    BA_TRY(copy_statistics(curve, n_curve, &out->curve));
    BA_TRY(copy_statistics(curve + n_curve, opts->n_traces, &out->traces));
out:
    return status;
}

int
ba_identify(const ba_ctx_t *ctx, const ba_identification_t *problem,
    const ba_identify_opts_t *opts, ba_identified_t *out)
{
    ba_identify_work_t work = {.ctx = ctx,
        .problem = problem,
        .opts = opts,
        .n = problem->similarity.n_rows,
        .n_candidates = problem->similarity.n_cols};
    int status;

    *out = (ba_identified_t){0};
    BA_TRY(ba_identification_check(problem));
    BA_TRY(check_opts(opts, work.n, work.n_candidates));
    BA_TRY(ba_rank_scores_new(opts, work.n_candidates, &work.ranks));
    work.n_values = BA_N_PAIR_VALUES + work.ranks.n_scores + opts->n_traces;
    BA_TRY_ALLOC(work.values, ba_calloc(work.n_values, sizeof *work.values));
    BA_TRY_ALLOC(work.better, ba_calloc(work.n, sizeof *work.better));
    BA_TRY_ALLOC(work.tied, ba_calloc(work.n, sizeof *work.tied));
    BA_TRY(observe(&work));
    if (opts->exchange) {
        BA_TRY(ba_identify_test(&work));
    }
    BA_TRY(set_result(&work, out));
out:
    ba_rank_scores_free(&work.ranks);
    ba_free(work.values);
    ba_free(work.better);
    ba_free(work.tied);
    if (status != BA_OK) {
        ba_identified_free(out);
    }
    return status;
}

void
ba_identified_free(ba_identified_t *identified)
{
    ba_free(identified->top);
    ba_free(identified->curve);
    ba_free(identified->traces);
    *identified = (ba_identified_t){0};
}
