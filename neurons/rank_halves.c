/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Halves of the training tokens: how they are dealt, and for methods that see all neurons
 * at once a ranking of each. */
#include "neurons/rank_impl.h"

#include "core/alloc.h"
#include "brainalign/similarity.h"

#include <math.h>
#include <string.h>

int
ba_rank_half_types(rank_job_t *job, rank_types_t *out)
{
    int status = BA_OK;
    const ba_concepts_t *concepts = job->data->concepts;
    const uint32_t *unit = concepts->type;
    uint32_t *sentence = NULL;

    if (concepts->sentence &&
        (!concepts->type || job->opts->halves_by == BA_HALVES_SENTENCES)) {
        BA_TRY_ALLOC(sentence, ba_malloc(concepts->n_tokens, sizeof *sentence));
        for (size_t t = 0; t < concepts->n_tokens; t++) {
            sentence[t] = (uint32_t) concepts->sentence[t];
        }
        unit = sentence;
    }
    job->report->halves_by_tokens = unit == NULL;
    BA_TRY(ba_rank_types_new(&job->labels, unit, job->opts->min_stratum, out));
out:
    ba_free(sentence);
    return status;
}

/* What is compared of a row: its scores, or where some are not defined (those not picked)
 * places in the order, these last together; all NaN where none is. */
static void
places(const ba_ranking_t *ranking, size_t r, double *out)
{
    size_t p = ranking->n_neurons, n = 0;
    const double *score = ranking->score + r * p;

    for (size_t j = 0; j < p; j++) {
        n += isnan(score[j]) ? 0 : 1;
    }
    if (n == p || n == 0) {
        memcpy(out, score, p * sizeof *out);
        return;
    }
    for (size_t i = 0; i < p; i++) {
        out[ranking->order[r * p + i]] = -(double) (i < n ? i : n);
    }
}

/* Ranks by the rows of one half; *is_done 0 where a concept has too few tokens in it. */
static int
rank_half(
    const rank_job_t *job, const rank_labelling_t *half, double *score, int *is_done)
{
    int status = BA_OK;
    size_t p = job->ranking->n_neurons, *train = NULL, n = 0;
    ba_token_split_t split = *job->data->split;
    ba_rank_opts_t opts = *job->opts;
    ba_ranking_t *ranking = NULL;

    BA_TRY_ALLOC(train, ba_malloc(job->labels.n_rows, sizeof *train));
    for (size_t i = 0; i < job->labels.n_rows; i++) {
        if (half->set[i] != RANK_LEFT_OUT) {
            train[n++] = job->labels.rows[i];
        }
    }
    split.train = train;
    split.n_train = n;
    opts.n_halves = opts.n_bootstrap = 0;
    opts.token_p = 0;
    status = ba_neurons_rank(job->ctx,
        &(ba_rank_data_t){job->data->activations, job->data->concepts, &split}, &opts,
        &ranking, NULL);
    *is_done = status != BA_SHAPE;
    if (status == BA_SHAPE) {
        ba_ctx_log(
            job->ctx, BA_LOG_WARNING, "halves: not compared: %s", ba_error_message());
        status = BA_OK;
    }
    BA_TRY(status);
    for (size_t r = 0; *is_done && r < job->n_out; r++) {
        places(ranking, r, score + r * p);
    }
out:
    ba_ranking_free(ranking);
    ba_free(train);
    return status;
}

static int
add_halving(rank_job_t *job, const rank_types_t *types, size_t h, size_t *scratch,
    rank_labelling_t halves[2], double *score)
{
    int status;
    size_t p = job->ranking->n_neurons, size = job->n_out * p;
    int is_done = 1;

    BA_TRY(ba_rank_halve(
        &job->labels, types, job->ctx ? job->ctx->seed : 0, h, scratch, halves));
    for (size_t k = 0; is_done && k < 2; k++) {
        BA_TRY(rank_half(job, &halves[k], score + k * size, &is_done));
    }
    for (size_t r = 0; r < job->n_out; r++) {
        double correlation = NAN;

        if (is_done) {
            BA_TRY(ba_spearman(score + r * p, score + size + r * p, p, &correlation));
        }
        job->report->halves[r] += correlation / (double) job->opts->n_halves;
    }
out:
    return status;
}

int
ba_rank_halves_of_all(rank_job_t *job)
{
    int status = BA_OK;
    size_t size, *scratch = NULL;
    rank_types_t types = {0};
    rank_labelling_t halves[2] = {{0}, {0}};
    double *score = NULL;

    if (job->opts->n_halves == 0) {
        return BA_OK;
    }
    BA_TRY(ba_multiply(job->n_out, job->ranking->n_neurons, &size));
    BA_TRY_ALLOC(score, ba_malloc(size, 2 * sizeof *score));
    BA_TRY(ba_rank_half_types(job, &types));
    BA_TRY_ALLOC(
        scratch, ba_malloc(job->labels.n_rows + 2 * types.n_types, sizeof *scratch));
    BA_TRY(ba_rank_labelling_new(&job->labels, &halves[0]));
    BA_TRY(ba_rank_labelling_new(&job->labels, &halves[1]));
    for (size_t h = 0; h < job->opts->n_halves; h++) {
        BA_TRY(add_halving(job, &types, h, scratch, halves, score));
    }
out:
    ba_free(score);
    ba_free(scratch);
    ba_rank_types_free(&types);
    ba_rank_labelling_free(&halves[0]);
    ba_rank_labelling_free(&halves[1]);
    return status;
}
