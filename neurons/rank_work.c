/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One neuron at a time: what a thread holds, and from a neuron to its scores. */
#include "neurons/rank_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

int
ba_rank_work_new(const rank_labels_t *labels, const ba_rank_opts_t *opts,
    const double *digamma, rank_work_t *out)
{
    int status = BA_OK;
    size_t n = labels->n_rows, c = labels->sets.n_concepts, bins;
    rank_work_t work = {.labels = labels, .opts = opts, .digamma = digamma};

    BA_TRY(ba_multiply(opts->n_bins + 1, c + 2, &bins));
    BA_TRY_ALLOC(work.z, ba_malloc(n, sizeof *work.z));
    BA_TRY_ALLOC(work.keys, ba_malloc(n, 2 * sizeof *work.keys));
    BA_TRY_ALLOC(work.order, ba_malloc(n, sizeof *work.order));
    BA_TRY_ALLOC(work.seq, ba_malloc(n, sizeof *work.seq));
    BA_TRY_ALLOC(work.turned, ba_malloc(n, sizeof *work.turned));
    BA_TRY_ALLOC(work.value, ba_malloc(n, sizeof *work.value));
    BA_TRY_ALLOC(work.one, ba_malloc(n, sizeof *work.one));
    BA_TRY_ALLOC(work.other, ba_malloc(n, sizeof *work.other));
    BA_TRY_ALLOC(work.a, ba_calloc(c + 1, sizeof *work.a));
    BA_TRY_ALLOC(work.b, ba_calloc(c + 1, sizeof *work.b));
    BA_TRY_ALLOC(work.twice, ba_calloc(c, sizeof *work.twice));
    BA_TRY_ALLOC(work.seen, ba_calloc(c, sizeof *work.seen));
    BA_TRY_ALLOC(work.group, ba_calloc(c, sizeof *work.group));
    BA_TRY_ALLOC(work.touched, ba_calloc(c, sizeof *work.touched));
    BA_TRY_ALLOC(work.binned, ba_malloc(bins, sizeof *work.binned));
    BA_TRY_ALLOC(work.edges, ba_malloc(opts->n_bins, sizeof *work.edges));
    *out = work;
    work = (rank_work_t){0};
out:
    ba_rank_work_free(&work);
    return status;
}

void
ba_rank_work_free(rank_work_t *work)
{
    ba_free(work->z);
    ba_free(work->keys);
    ba_free(work->order);
    ba_free(work->seq);
    ba_free(work->turned);
    ba_free(work->value);
    ba_free(work->one);
    ba_free(work->other);
    ba_free(work->a);
    ba_free(work->b);
    ba_free(work->twice);
    ba_free(work->seen);
    ba_free(work->group);
    ba_free(work->touched);
    ba_free(work->binned);
    ba_free(work->edges);
    *work = (rank_work_t){0};
}

size_t
ba_rank_work_bytes(const rank_labels_t *labels, const ba_rank_opts_t *opts)
{
    return labels->n_rows * (sizeof(double) + 2 * sizeof(uint64_t) +
                                3 * sizeof(uint32_t) + 3 * sizeof(float)) +
           (opts->n_bins + 12) * (labels->sets.n_concepts + 2) * sizeof(uint32_t);
}

/* z-scores with the mean and population deviation of the rows of `scaling`; a neuron
 * without variance is only centred. */
static void
scale(rank_work_t *work, const rank_labelling_t *scaling)
{
    size_t n = work->labels->n_rows;
    double mean = 0, square = 0, deviation, factor = 1;
    float low = INFINITY, high = -INFINITY;

    for (size_t i = 0; i < n; i++) {
        if (scaling->set[i] != RANK_LEFT_OUT) {
            mean += (double) work->x[i];
            low = work->x[i] < low ? work->x[i] : low;
            high = work->x[i] > high ? work->x[i] : high;
        }
    }
    mean = low < high ? mean / (double) scaling->n_in : (double) low;
    for (size_t i = 0; i < n; i++) {
        work->z[i] = (double) work->x[i] - mean;
        square += scaling->set[i] != RANK_LEFT_OUT ? work->z[i] * work->z[i] : 0;
    }
    deviation = sqrt(square / (double) scaling->n_in);
    factor = low < high && deviation > 0 ? 1 / deviation : 1;
    for (size_t i = 0; i < n; i++) {
        work->z[i] *= factor;
    }
}

void
ba_rank_work_load(
    rank_work_t *work, const float *x, unsigned needs, const rank_labelling_t *scaling)
{
    work->x = x;
    if (needs & RANK_SORTS) {
        ba_rank_sort_rows(x, work->labels->n_rows, work->keys, work->order);
        work->n_order = work->labels->n_rows;
    }
    if (!(needs & RANK_SCALES)) {
        return;
    }
    if (work->opts->zscore && scaling->n_in > 0) {
        scale(work, scaling);
        return;
    }
    for (size_t i = 0; i < work->labels->n_rows; i++) {
        work->z[i] = (double) x[i];
    }
}

void
ba_rank_work_arrange(rank_work_t *work, const rank_labelling_t *labelling, unsigned needs)
{
    const uint32_t *set = labelling->set, *order = work->order;
    uint32_t starts = 0, *seq = work->seq;
    size_t n = 0;

    work->labelling = labelling;
    for (size_t i = 0; i < work->n_order; i++) {
        uint32_t row = order[i] & RANK_NUMBER, here = set[row];

        starts |= order[i] & RANK_STARTS;
        if (here != RANK_LEFT_OUT) {
            if (needs & RANK_VALUES) {
                work->value[n] = work->x[row];
            }
            seq[n++] = here | starts;
            starts = 0;
        }
    }
    work->n = n;
}

void
ba_rank_work_keep(rank_work_t *work, const rank_labelling_t *labelling)
{
    uint32_t starts = 0;
    size_t n = 0;

    for (size_t i = 0; i < work->n_order; i++) {
        uint32_t at = work->order[i];

        starts |= at & RANK_STARTS;
        if (labelling->set[at & RANK_NUMBER] != RANK_LEFT_OUT) {
            work->order[n++] = (at & RANK_NUMBER) | starts;
            starts = 0;
        }
    }
    work->n_order = n;
}

/* The same of minus the neuron. */
static void
turn(rank_work_t *work, unsigned needs)
{
    size_t n = work->n;
    uint32_t *spare = work->seq;

    for (size_t i = 0; i < n; i++) {
        uint32_t starts = i == 0 ? RANK_STARTS : work->seq[n - i] & RANK_STARTS;

        work->turned[i] = (work->seq[n - 1 - i] & RANK_NUMBER) | starts;
    }
    work->seq = work->turned;
    work->turned = spare;
    for (size_t i = 0; needs & RANK_VALUES && i < n - n / 2; i++) {
        float low = work->value[i];

        work->value[i] = -work->value[n - 1 - i];
        work->value[n - 1 - i] = -low;
    }
}

/* Signed scores: about the centre. */
static void
direct(
    const rank_method_t *method, ba_rank_direction_t direction, double *score, size_t n)
{
    for (size_t c = 0; c < n; c++) {
        double apart = score[c] - method->centre;

        if (direction == BA_RANK_NEGATIVE) {
            score[c] = method->centre - apart;
        } else if (direction == BA_RANK_EITHER) {
            score[c] = method->centre + fabs(apart);
        }
    }
}

void
ba_rank_work_score(rank_work_t *work, const rank_method_t *method,
    const rank_labelling_t *labelling, double *score, double *p)
{
    ba_rank_direction_t direction = work->opts->direction;
    size_t n_concepts = work->labels->sets.n_concepts;
    double *other = work->b;

    work->labelling = labelling;
    if (method->needs & RANK_SORTS) {
        ba_rank_work_arrange(work, labelling, method->needs);
    }
    if (method->sign != RANK_TURNED || direction == BA_RANK_POSITIVE) {
        method->score(work, score);
    } else if (direction == BA_RANK_NEGATIVE) {
        turn(work, method->needs);
        method->score(work, score);
    } else {
        method->score(work, score);
        turn(work, method->needs);
        method->score(work, other);
        for (size_t c = 0; c < n_concepts; c++) {
            score[c] = other[c] > score[c] ? other[c] : score[c];
        }
    }
    if (p && method->token_p) {
        method->token_p(work, p);
    }
    if (method->sign == RANK_SIGNED && direction != BA_RANK_POSITIVE) {
        direct(method, direction, score, n_concepts);
    }
}
