/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the neurons of a concept are: their layers, and how few hold most of the score.
 * What counts of a neuron is the excess of its score over that of a neuron that tells
 * nothing, never below 0. */
#include "neurons/rank_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <stdlib.h>

/* One concept: shares of layers, and neurons from the best down until they hold enough. */
static void
summarise(rank_job_t *job, size_t r)
{
    ba_rank_report_t *report = job->report;
    const ba_ranking_t *ranking = job->ranking;
    size_t p = ranking->n_neurons, n_layers = report->n_layers;
    const double *score = ranking->score + r * p;
    const uint32_t *order = ranking->order + r * p;
    double *mass = report->layer_mass + r * n_layers, total = 0, held = 0;

    for (size_t j = 0; j < p; j++) {
        double excess = score[j] - report->chance[r];

        report->n_undefined[r] += isnan(score[j]) ? 1 : 0;
        if (excess > 0) {
            mass[ranking->neurons.layer[j]] += excess;
            total += excess;
        }
    }
    for (size_t k = 0; k < n_layers; k++) {
        mass[k] = total > 0 ? mass[k] / total : (double) NAN;
    }
    for (size_t k = 0; k < p; k++) {
        double excess = score[order[k]] - report->chance[r];

        if (k < report->n_top && !isnan(excess)) {
            report->layer_top[r * n_layers + ranking->neurons.layer[order[k]]]++;
        }
        if (held < report->mass * total && excess > 0) {
            held += excess;
            report->n_holding[r]++;
        }
    }
}

/* Neurons above each threshold. */
static void
count_experts(rank_job_t *job, size_t r)
{
    size_t p = job->ranking->n_neurons;

    for (size_t k = 0; k < BA_EXPERT_STEPS; k++) {
        double threshold = 0.5 + 0.5 * (double) k / (BA_EXPERT_STEPS - 1);

        for (size_t j = 0; j < p; j++) {
            job->report->n_experts[r * BA_EXPERT_STEPS + k] +=
                job->ranking->score[r * p + j] > threshold;
        }
    }
}

int
ba_rank_summary(rank_job_t *job)
{
    int status = BA_OK;
    ba_rank_report_t *report = job->report;
    const ba_ranking_t *ranking = job->ranking;
    size_t p = ranking->n_neurons, n_out = job->n_out, size;

    for (size_t j = 0; j < p; j++) {
        if (ranking->neurons.layer[j] >= report->n_layers) {
            report->n_layers = ranking->neurons.layer[j] + 1;
        }
    }
    report->n_top = p / 100 > 10 ? p / 100 : (p < 10 ? p : 10);
    BA_TRY(ba_multiply(n_out, report->n_layers, &size));
    BA_TRY_ALLOC(report->layer_top, ba_calloc(size, sizeof *report->layer_top));
    BA_TRY_ALLOC(report->layer_mass, ba_calloc(size, sizeof *report->layer_mass));
    BA_TRY_ALLOC(report->n_holding, ba_calloc(n_out, sizeof *report->n_holding));
    if (report->on_p50) {
        BA_TRY(ba_multiply(n_out, BA_EXPERT_STEPS, &size));
        BA_TRY_ALLOC(report->n_experts, ba_calloc(size, sizeof *report->n_experts));
    }
    for (size_t r = 0; r < n_out; r++) {
        summarise(job, r);
        if (report->n_experts) {
            count_experts(job, r);
        }
    }
out:
    return status;
}
