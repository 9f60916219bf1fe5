/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The loop over blocks of neurons. A thread takes one neuron at a time: it sorts it once,
 * then scores it under every labelling - that of the training tokens, of the test tokens,
 * of the halves, and of the permutations, which are made in chunks where memory does not
 * hold all (the neuron is sorted again for each chunk). Results of a neuron go to places
 * of their own, maxima over neurons are joined at the end, so that threads change no bit.
 */
#include "neurons/rank_impl.h"
#include "neurons/rank_top.h"

#include "brainalign/similarity.h"

#include "brainalign/significance.h"
#include "core/alloc.h"
#include "core/error_keep.h"

#include <math.h>
#include <omp.h>
#include <string.h>

/* Most bytes of activations in memory at a time; more would not be faster. */
static const size_t largest_block = (size_t) 64 << 20;

/* Scratch of a thread. */
typedef struct {
    rank_work_t work;
    double *score, *other, *maxima; /* n_out, n_out, n_permutations x n_out */
    ba_rank_tops_t tops;            /* n_out x n_permutations lists */
} hand_t;

typedef struct {
    rank_job_t *job;
    size_t n_threads, n_block, n_chunk, n_halves;
    size_t chunk0, n_made; /* permutations chunk0 .. chunk0 + n_made - 1 are made */
    hand_t *hands;
    rank_labelling_t *halves; /* 2 n_halves */
    double *half_score;       /* 2 n_halves x n_out x n_neurons */
    rank_labelling_t *chunk;  /* n_chunk */
    rank_types_t half_types;
    size_t *scratch;
    double *digamma;
    float *x;
} stream_t;

static void
hands_free(stream_t *stream)
{
    for (size_t t = 0; stream->hands && t < stream->n_threads; t++) {
        ba_rank_work_free(&stream->hands[t].work);
        ba_free(stream->hands[t].score);
        ba_free(stream->hands[t].other);
        ba_free(stream->hands[t].maxima);
        ba_rank_tops_free(&stream->hands[t].tops);
    }
    ba_free(stream->hands);
}

static void
labellings_free(rank_labelling_t *list, size_t n)
{
    for (size_t i = 0; list && i < n; i++) {
        ba_rank_labelling_free(&list[i]);
    }
    ba_free(list);
}

static void
stream_free(stream_t *stream)
{
    hands_free(stream);
    labellings_free(stream->halves, 2 * stream->n_halves);
    labellings_free(stream->chunk, stream->n_chunk);
    ba_rank_types_free(&stream->half_types);
    ba_free(stream->half_score);
    ba_free(stream->scratch);
    ba_free(stream->digamma);
    ba_free(stream->x);
}

/* Sizes that fit the budget: a quarter each for the block and the permutations. */
static int
plan(stream_t *stream)
{
    const rank_job_t *job = stream->job;
    size_t budget = ba_ctx_memory(job->ctx), n = job->labels.n_rows;
    size_t column = (n + 1) * sizeof(float), p = job->ranking->n_neurons;
    size_t labelling = (n + job->labels.sets.n_concepts + 1) * sizeof(uint32_t);
    size_t quarter = budget / 4,
           block = quarter < largest_block ? quarter : largest_block;
    size_t maxima, need;

    stream->n_threads = (size_t) ba_ctx_threads(job->ctx);
    stream->n_halves = job->opts->n_halves;
    stream->n_block = block / column > p ? p : block / column;
    stream->n_block = stream->n_block > 0 ? stream->n_block : 1;
    stream->n_chunk = quarter / labelling;
    if (stream->n_chunk < 1) {
        stream->n_chunk = 1;
    }
    if (stream->n_chunk > job->opts->n_permutations) {
        stream->n_chunk = job->opts->n_permutations;
    }
    maxima = job->opts->n_permutations * job->n_out *
             (sizeof(double) + job->report->null_top * sizeof(ba_rank_entry_t));
    need = stream->n_block * column + stream->n_chunk * labelling +
           2 * stream->n_halves * (labelling + job->n_out * p * sizeof(double)) +
           stream->n_threads * (maxima + ba_rank_work_bytes(&job->labels, job->opts));
    if (need > budget) {
        return ba_fail(BA_TOO_LARGE,
            "ranking %zu neurons on %zu tokens: needs %.3g MiB, allowed %.3g MiB", p, n,
            (double) need / 1048576, (double) budget / 1048576);
    }
    return BA_OK;
}

static int
hands_new(stream_t *stream)
{
    int status = BA_OK;
    const rank_job_t *job = stream->job;
    size_t n = job->n_out, n_maxima;

    BA_TRY(ba_multiply(n, job->opts->n_permutations, &n_maxima));
    BA_TRY_ALLOC(stream->hands, ba_calloc(stream->n_threads, sizeof *stream->hands));
    for (size_t t = 0; t < stream->n_threads; t++) {
        hand_t *hand = &stream->hands[t];

        BA_TRY(ba_rank_work_new(&job->labels, job->opts, stream->digamma, &hand->work));
        BA_TRY_ALLOC(hand->score, ba_calloc(n, sizeof *hand->score));
        BA_TRY_ALLOC(hand->other, ba_calloc(n, sizeof *hand->other));
        BA_TRY_ALLOC(hand->maxima, ba_malloc(n_maxima, sizeof *hand->maxima));
        for (size_t i = 0; i < n_maxima; i++) {
            hand->maxima[i] = -INFINITY;
        }
        BA_TRY(ba_rank_tops_make(n_maxima, job->report->null_top, &hand->tops));
    }
out:
    return status;
}

static int
labellings_new(const rank_labels_t *labels, size_t n, rank_labelling_t **out)
{
    int status = BA_OK;

    BA_TRY_ALLOC(*out, ba_calloc(n, sizeof **out));
    for (size_t i = 0; i < n; i++) {
        BA_TRY(ba_rank_labelling_new(labels, &(*out)[i]));
    }
out:
    return status;
}

/* psi of the whole numbers: -gamma + 1 + 1/2 + .. + 1/(m - 1). */
static int
make_digamma(stream_t *stream)
{
    int status = BA_OK;
    size_t n = stream->job->labels.n_rows;

    if (stream->job->opts->n_neighbours == 0) {
        return BA_OK;
    }
    BA_TRY_ALLOC(stream->digamma, ba_malloc(n + 2, sizeof *stream->digamma));
    stream->digamma[0] = -INFINITY;
    stream->digamma[1] = -0.57721566490153286061;
    for (size_t m = 2; m <= n + 1; m++) {
        stream->digamma[m] = stream->digamma[m - 1] + 1 / (double) (m - 1);
    }
out:
    return status;
}

static int
make_halves(stream_t *stream)
{
    int status = BA_OK;
    rank_job_t *job = stream->job;

    if (stream->n_halves == 0) {
        return BA_OK;
    }
    BA_TRY(ba_rank_half_types(job, &stream->half_types));
    BA_TRY(labellings_new(&job->labels, 2 * stream->n_halves, &stream->halves));
    for (size_t h = 0; h < stream->n_halves; h++) {
        BA_TRY(ba_rank_halve(&job->labels, &stream->half_types,
            job->ctx ? job->ctx->seed : 0, h, stream->scratch, &stream->halves[2 * h]));
    }
out:
    return status;
}

static int
stream_new(rank_job_t *job, stream_t *stream)
{
    int status = BA_OK;
    size_t n = job->labels.n_rows, p = job->ranking->n_neurons, size;

    *stream = (stream_t){.job = job};
    BA_TRY(plan(stream));
    BA_TRY(make_digamma(stream));
    BA_TRY(hands_new(stream));
    BA_TRY_ALLOC(stream->scratch, ba_malloc(n, 3 * sizeof *stream->scratch));
    BA_TRY(make_halves(stream));
    BA_TRY(labellings_new(&job->labels, stream->n_chunk, &stream->chunk));
    BA_TRY(ba_multiply(2 * stream->n_halves, job->n_out, &size));
    BA_TRY(ba_multiply(size, sizeof(double), &size));
    BA_TRY_ALLOC(stream->half_score, ba_malloc(p, size));
    BA_TRY_ALLOC(stream->x, ba_malloc(n, stream->n_block * sizeof *stream->x));
out:
    return status;
}

static void
put_column(
    double *matrix, size_t n_rows, size_t n_cols, size_t column, const double *from)
{
    for (size_t r = 0; r < n_rows; r++) {
        matrix[r * n_cols + column] = from[r];
    }
}

/* Scores under what the tokens carry, and all that is kept beside them. */
static void
score_observed(const stream_t *stream, hand_t *hand, size_t neuron)
{
    rank_job_t *job = stream->job;
    ba_rank_report_t *report = job->report;
    size_t n_out = job->n_out, p = job->ranking->n_neurons;
    size_t n_concepts = job->labels.sets.n_concepts;
    double *token_p = report->token_p ? hand->other : NULL;

    ba_rank_work_score(&hand->work, job->method, &job->observed, hand->score, token_p);
    put_column(job->ranking->score, n_out, p, neuron, hand->score);
    if (token_p) {
        put_column(report->token_p, n_out, p, neuron, token_p);
    }
    if (report->ap) {
        if (!job->method->walks || (job->method->sign == RANK_TURNED &&
                                       job->opts->direction != BA_RANK_POSITIVE)) {
            ba_rank_work_arrange(&hand->work, &job->observed, 0);
            ba_rank_walk(&hand->work);
        }
        put_column(report->ap, n_concepts, p, neuron, hand->work.a);
        for (size_t c = 0; c < n_concepts; c++) {
            report->auroc[c * p + neuron] = ba_rank_auroc(&hand->work, c);
        }
    }
    if (report->on_p50) {
        ba_rank_work_arrange(&hand->work, &job->observed, RANK_VALUES);
        ba_rank_on_values(&hand->work, neuron, report);
    }
    if (report->test) {
        ba_rank_work_score(&hand->work, job->method, &job->test, hand->score, NULL);
        put_column(report->test, n_out, p, neuron, hand->score);
    }
    for (size_t h = 0; h < 2 * stream->n_halves; h++) {
        ba_rank_work_score(
            &hand->work, job->method, &stream->halves[h], hand->score, NULL);
        put_column(stream->half_score + h * n_out * p, n_out, p, neuron, hand->score);
    }
}

/* What is tested of a score: see is_relative. */
static double
tested(const rank_job_t *job, const rank_labelling_t *labelling, size_t r, double score)
{
    double chance;

    if (!job->method->is_relative) {
        return score;
    }
    chance = job->method->chance(&job->labels, labelling, job->opts, r);
    return chance < 1 ? (score - chance) / (1 - chance) : (double) NAN;
}

/* Counts the permutations of the chunk that score as high, into ranking->p. */
static void
score_permuted(const stream_t *stream, hand_t *hand, size_t neuron)
{
    const rank_job_t *job = stream->job;
    size_t n_out = job->n_out, p = job->ranking->n_neurons;

    if (job->method->needs & RANK_SORTS) {
        ba_rank_work_keep(&hand->work, &job->observed);
    }
    for (size_t r = 0; r < n_out; r++) {
        hand->other[r] =
            tested(job, &job->observed, r, job->ranking->score[r * p + neuron]);
    }
    for (size_t b = 0; b < stream->n_made; b++) {
        double *maxima = hand->maxima + (stream->chunk0 + b) * n_out;

        ba_rank_work_score(
            &hand->work, job->method, &stream->chunk[b], hand->score, NULL);
        for (size_t r = 0; r < n_out; r++) {
            double score = tested(job, &stream->chunk[b], r, hand->score[r]);

            job->ranking->p[r * p + neuron] += !(score < hand->other[r]);
            maxima[r] = score > maxima[r] ? score : maxima[r];
            if (hand->tops.top > 0) {
                ba_rank_tops_add(&hand->tops,
                    r * job->opts->n_permutations + stream->chunk0 + b, hand->score[r],
                    neuron);
            }
        }
    }
}

static int
make_chunk(stream_t *stream, size_t chunk0)
{
    const rank_job_t *job = stream->job;
    size_t left = job->opts->n_permutations - chunk0;
    size_t n = left < stream->n_chunk ? left : stream->n_chunk;
    int status = BA_OK;

    if (stream->n_made == n && stream->chunk0 == chunk0) {
        return BA_OK;
    }
    for (size_t b = 0; b < n; b++) {
        BA_TRY(ba_rank_permute(&job->labels, &job->types, job->ctx ? job->ctx->seed : 0,
            chunk0 + b, stream->scratch, &stream->chunk[b]));
    }
    stream->chunk0 = chunk0;
    stream->n_made = n;
out:
    return status;
}

static void
run_block(stream_t *stream, size_t neuron0, size_t n, int first_chunk)
{
    const rank_job_t *job = stream->job;

#pragma omp parallel for num_threads((int) stream->n_threads) schedule(dynamic)
    for (size_t j = 0; j < n; j++) {
        hand_t *hand = &stream->hands[omp_get_thread_num()];

        ba_rank_work_load(&hand->work, stream->x + j * job->labels.n_rows,
            job->method->needs | (job->report->ap ? RANK_SORTS : 0U), &job->observed);
        if (first_chunk) {
            score_observed(stream, hand, neuron0 + j);
        }
        if (job->opts->n_permutations > 0) {
            score_permuted(stream, hand, neuron0 + j);
        }
    }
}

static int
run_blocks(stream_t *stream)
{
    int status = BA_OK;
    rank_job_t *job = stream->job;
    size_t p = job->ranking->n_neurons, n_rows = job->labels.n_rows;

    for (size_t j = 0; j < p; j += stream->n_block) {
        size_t n = p - j < stream->n_block ? p - j : stream->n_block, b = 0;

        ba_ctx_progress(job->ctx, "ranking", (double) j, (double) p);
        BA_TRY(ba_activations_read_single(
            job->data->activations, job->labels.rows, n_rows, j, n, stream->x, n_rows));
        do {
            BA_TRY(ba_ctx_check(job->ctx));
            BA_TRY(make_chunk(stream, b));
            run_block(stream, j, n, b == 0);
            b += stream->n_chunk;
        } while (b < job->opts->n_permutations);
    }
    ba_ctx_progress(job->ctx, "ranking", (double) p, (double) p);
out:
    return status;
}

/* From counts to p, q within each concept, and family-wise p over the neurons. */
static int
finish_permutations(stream_t *stream)
{
    int status = BA_OK;
    rank_job_t *job = stream->job;
    size_t p = job->ranking->n_neurons, n_out = job->n_out;
    size_t n_permutations = job->opts->n_permutations;
    double *maxima = NULL, *of_one = NULL, *observed = NULL;

    if (n_permutations == 0) {
        return BA_OK;
    }
    BA_TRY_ALLOC(of_one, ba_malloc(n_permutations, sizeof *of_one));
    BA_TRY_ALLOC(observed, ba_malloc(p, sizeof *observed));
    maxima = stream->hands[0].maxima;
    for (size_t t = 1; t < stream->n_threads; t++) {
        ba_maxima_merge(maxima, stream->hands[t].maxima, n_permutations * n_out);
    }
    for (size_t r = 0; r < n_out; r++) {
        const double *score = job->ranking->score + r * p;
        double *own = job->ranking->p + r * p;

        for (size_t j = 0; j < p; j++) {
            observed[j] = tested(job, &job->observed, r, score[j]);
            own[j] = isnan(score[j]) ? (double) NAN
                                     : ba_permutation_p((size_t) own[j], n_permutations);
        }
        for (size_t b = 0; b < n_permutations; b++) {
            of_one[b] = maxima[b * n_out + r];
        }
        BA_TRY(ba_p_of_maxima(observed, p, of_one, n_permutations, BA_TAIL_GREATER,
            job->report->p_fwe + r * p));
    }
out:
    ba_free(of_one);
    ba_free(observed);
    return status;
}

/* The best neurons under every permutation. */
static int
finish_tops(stream_t *stream)
{
    int status = BA_OK;
    rank_job_t *job = stream->job;
    size_t top = job->report->null_top, n = job->n_out * job->opts->n_permutations;
    ba_rank_tops_t *tops = &stream->hands[0].tops;

    if (top == 0) {
        return BA_OK;
    }
    BA_TRY_ALLOC(
        job->report->null_order, ba_malloc(n, top * sizeof *job->report->null_order));
    for (size_t t = 1; t < stream->n_threads; t++) {
        ba_rank_tops_merge(tops, &stream->hands[t].tops);
    }
    for (size_t i = 0; i < n; i++) {
        ba_rank_tops_take(tops, i, job->report->null_order + i * top);
    }
out:
    return status;
}

static int
finish_halves(stream_t *stream)
{
    int status = BA_OK;
    rank_job_t *job = stream->job;
    size_t p = job->ranking->n_neurons, n_out = job->n_out;

    for (size_t r = 0; stream->n_halves > 0 && r < n_out; r++) {
        double sum = 0, n = 0;

        for (size_t h = 0; h < stream->n_halves; h++) {
            const double *one = stream->half_score + (2 * h * n_out + r) * p;
            double correlation;

            BA_TRY(ba_spearman(one, one + n_out * p, p, &correlation));
            sum += isnan(correlation) ? 0 : correlation;
            n += !isnan(correlation);
        }
        job->report->halves[r] = n > 0 ? sum / n : (double) NAN;
    }
out:
    return status;
}

int
ba_rank_stream(rank_job_t *job)
{
    int status = BA_OK;
    stream_t stream;

    BA_TRY(stream_new(job, &stream));
    BA_TRY(run_blocks(&stream));
    BA_TRY(finish_permutations(&stream));
    BA_TRY(finish_tops(&stream));
    BA_TRY(finish_halves(&stream));
out:
    stream_free(&stream);
    return status;
}
