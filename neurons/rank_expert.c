/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expert units (Suau et al. 2020): neurons ranked by average precision; the values that a
 * neuron takes on tokens of the concept, at which it may be clamped, and off them. */
#include "neurons/rank_impl.h"

#include <math.h>
#include <string.h>

/* What is left of the values of a concept while they pass in ascending order: the two on
 * either side of each percentile. */
static double
between(double low, double high, double part)
{
    return part < 0.5 ? low + (high - low) * part : high - (high - low) * (1 - part);
}

/* Percentile q of every concept's tokens, as numpy's linear rule has it. */
static void
percentiles(rank_work_t *work, double q, double *out, size_t stride)
{
    const rank_sets_t *sets = &work->labels->sets;
    const uint32_t *count = work->labelling->count;

    memset(work->seen, 0, sets->n_concepts * sizeof *work->seen);
    for (size_t c = 0; c < sets->n_concepts; c++) {
        out[c * stride] = (double) NAN;
    }
    for (size_t i = 0; i < work->n; i++) {
        uint32_t set = work->seq[i] & RANK_NUMBER;

        for (uint32_t e = sets->first[set]; e < sets->first[set + 1]; e++) {
            size_t c = sets->concept[e], rank = work->seen[c]++;
            double at = q * (double) (count[c] - 1), below = floor(at);
            double value = (double) work->value[i];

            if (rank == (size_t) below) {
                out[c * stride] = value;
            } else if (rank == (size_t) below + 1) {
                out[c * stride] = between(out[c * stride], value, at - below);
            }
        }
    }
}

void
ba_rank_on_values(rank_work_t *work, size_t neuron, ba_rank_report_t *report)
{
    const rank_sets_t *sets = &work->labels->sets;
    const uint32_t *count = work->labelling->count;
    size_t stride = report->n_neurons;
    double total = 0;

    percentiles(work, 0.5, report->on_p50 + neuron, stride);
    percentiles(work, 0.9, report->on_p90 + neuron, stride);
    memset(work->a, 0, sets->n_concepts * sizeof *work->a);
    for (size_t i = 0; i < work->n; i++) {
        uint32_t set = work->seq[i] & RANK_NUMBER;

        total += (double) work->value[i];
        for (uint32_t e = sets->first[set]; e < sets->first[set + 1]; e++) {
            work->a[sets->concept[e]] += (double) work->value[i];
        }
    }
    for (size_t c = 0; c < sets->n_concepts; c++) {
        double off = (double) work->n - count[c];

        report->off_mean[c * stride + neuron] =
            off > 0 ? (total - work->a[c]) / off : (double) NAN;
    }
}
