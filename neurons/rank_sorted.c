/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scores that depend on the order of a neuron's values alone. With the rows sorted, one
 * walk over groups of equal values serves every concept: P positives of n rows, tp of them
 * among the k largest,
 *
 *   AP = sum over groups, largest value first, of (new positives / P) (tp / k)
 *   AUROC = (R - P (P + 1) / 2) / (P (n - P)), R the sum of mid-ranks of the positives
 *   IoU at a threshold = tp / (P + k - tp) of the k rows above it, 0 where none is
 *
 * (Mann and Whitney 1947 for AUROC = U / (P (n - P)); Bau et al. 2017 for IoU at a high
 * quantile). Twice the mid-ranks are integers, so AUROC and U are exact. */
#include "model/two_samples.h"
#include "neurons/rank_impl.h"

#include <math.h>
#include <string.h>

/* Adds the row's concepts to the group; returns how many were touched so far. */
static size_t
gather(rank_work_t *work, uint32_t set, size_t n_touched)
{
    const rank_sets_t *sets = &work->labels->sets;

    for (uint32_t i = sets->first[set]; i < sets->first[set + 1]; i++) {
        uint32_t c = sets->concept[i];

        if (work->group[c]++ == 0) {
            work->touched[n_touched++] = c;
        }
    }
    return n_touched;
}

/* A group of several equal values: positions low .. high - 1. */
static void
close_group(rank_work_t *work, size_t low, size_t high, size_t n_touched)
{
    double above = (double) (work->n - low), size = (double) (high - low);

    for (size_t i = 0; i < n_touched; i++) {
        uint32_t c = work->touched[i], here = work->group[c];

        work->seen[c] += here;
        work->a[c] += here * ((double) work->seen[c] / above);
        work->twice[c] += (uint64_t) here * (low + 1 + high);
        work->group[c] = 0;
    }
    work->ties += size * size * size - size;
}

static void
single(rank_work_t *work, size_t position)
{
    const rank_sets_t *sets = &work->labels->sets;
    uint32_t set = work->seq[position] & RANK_NUMBER;
    double above = (double) (work->n - position);

    for (uint32_t i = sets->first[set]; i < sets->first[set + 1]; i++) {
        uint32_t c = sets->concept[i];

        work->seen[c]++;
        work->a[c] += (double) work->seen[c] / above;
        work->twice[c] += 2 * position + 2;
    }
}

void
ba_rank_walk(rank_work_t *work)
{
    size_t n_concepts = work->labels->sets.n_concepts;

    memset(work->a, 0, n_concepts * sizeof *work->a);
    memset(work->twice, 0, n_concepts * sizeof *work->twice);
    memset(work->seen, 0, n_concepts * sizeof *work->seen);
    work->ties = 0;
    for (size_t low = work->n; low > 0;) {
        size_t high = low--, n_touched = 0;

        if (work->seq[low] & RANK_STARTS) {
            single(work, low);
            continue;
        }
        n_touched = gather(work, work->seq[low] & RANK_NUMBER, 0);
        do {
            low--;
            n_touched = gather(work, work->seq[low] & RANK_NUMBER, n_touched);
        } while (!(work->seq[low] & RANK_STARTS));
        close_group(work, low, high, n_touched);
    }
    for (size_t c = 0; c < n_concepts; c++) {
        work->a[c] = work->seen[c] > 0 ? work->a[c] / work->seen[c] : (double) NAN;
    }
}

/* Pairs of a positive and a negative row of which the positive one is larger, ties half.
 */
static double
pairs_won(const rank_work_t *work, size_t concept)
{
    uint64_t positives = work->seen[concept];

    return (double) (work->twice[concept] - positives * (positives + 1)) / 2;
}

double
ba_rank_auroc(const rank_work_t *work, size_t concept)
{
    double positives = work->seen[concept], negatives = (double) work->n - positives;

    return positives > 0 && negatives > 0
               ? pairs_won(work, concept) / (positives * negatives)
               : (double) NAN;
}

void
ba_rank_score_ap(rank_work_t *work, double *score)
{
    ba_rank_walk(work);
    memcpy(score, work->a, work->labels->sets.n_concepts * sizeof *score);
}

void
ba_rank_score_auroc(rank_work_t *work, double *score)
{
    ba_rank_walk(work);
    for (size_t c = 0; c < work->labels->sets.n_concepts; c++) {
        score[c] = ba_rank_auroc(work, c);
    }
}

void
ba_rank_p_mann_whitney(rank_work_t *work, double *p)
{
    for (size_t c = 0; c < work->labels->sets.n_concepts; c++) {
        double positives = work->seen[c], negatives = (double) work->n - positives;

        p[c] = ba_mann_whitney_p(pairs_won(work, c), positives, negatives, work->ties);
    }
}

double
ba_rank_chance_ap(const rank_labels_t *labels, const rank_labelling_t *observed,
    const ba_rank_opts_t *opts, size_t concept)
{
    (void) labels;
    (void) opts;
    return (double) observed->count[concept] / (double) observed->n_in;
}

double
ba_rank_quantile(const float *value, size_t n, double q)
{
    double at = q * (double) (n - 1), below = floor(at), part = at - below;
    size_t i = (size_t) below, next = i + 1 < n ? i + 1 : i;
    double low = (double) value[i], high = (double) value[next];

    return part < 0.5 ? low + (high - low) * part : high - (high - low) * (1 - part);
}

/* First position whose value is above the threshold. */
static size_t
position_above(const float *value, size_t n, double threshold)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if ((double) value[middle] > threshold) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

void
ba_rank_score_iou(rank_work_t *work, double *score)
{
    const rank_sets_t *sets = &work->labels->sets;
    const uint32_t *count = work->labelling->count;

    for (size_t c = 0; c < sets->n_concepts; c++) {
        score[c] = 0;
    }
    for (size_t k = 0; k < work->opts->n_quantiles && work->n > 0; k++) {
        double threshold =
            ba_rank_quantile(work->value, work->n, work->opts->quantiles[k]);
        size_t from = position_above(work->value, work->n, threshold);

        memset(work->seen, 0, sets->n_concepts * sizeof *work->seen);
        for (size_t i = from; i < work->n; i++) {
            uint32_t set = work->seq[i] & RANK_NUMBER;

            for (uint32_t e = sets->first[set]; e < sets->first[set + 1]; e++) {
                work->seen[sets->concept[e]]++;
            }
        }
        for (size_t c = 0; c < sets->n_concepts; c++) {
            double both = work->seen[c];
            double iou = both / ((double) (work->n - from) + count[c] - both);

            score[c] = both > 0 && iou > score[c] ? iou : score[c];
        }
    }
}

double
ba_rank_chance_iou(const rank_labels_t *labels, const rank_labelling_t *observed,
    const ba_rank_opts_t *opts, size_t concept)
{
    double share = (double) observed->count[concept] / (double) observed->n_in, best = 0;

    (void) labels;
    for (size_t k = 0; k < opts->n_quantiles; k++) {
        double above = 1 - opts->quantiles[k], both = share * above;

        best = fmax(best, both / (share + above - both));
    }
    return best;
}
