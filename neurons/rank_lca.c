/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ranking by the weights of a probe over all concepts (lca.c), among the methods that see
 * all neurons at once. */
#include "neurons/rank_impl.h"

#include "core/alloc.h"
#include "neurons/lca.h"
#include "neurons/probing_impl.h"

#include <string.h>

/* Share of the bootstrap's draws in which a neuron has a weight. */
static int
add_stability(rank_job_t *job, const probing_t *probing, const ba_probe_t *probe)
{
    int status = BA_OK;
    size_t p = probing->n_neurons, n = probing->n_classes;
    ba_probe_data_t data = ba_probing_rows(probing, PROBING_TRAIN);
    ba_probe_bootstrap_t bootstrap = {
        .n_draws = job->opts->n_bootstrap, .seed = probing->ctx->seed};
    double *stability = NULL;
    uint32_t *group = NULL;

    BA_TRY(ba_probing_groups(probing, &group, &bootstrap.n_groups));
    bootstrap.group = group;
    BA_TRY_ALLOC(stability, ba_malloc(n + 1, p * sizeof *stability));
    job->ranking->stability = stability;
    BA_TRY(ba_probe_stability(probing->ctx, &data, &probing->trainer.fit, &bootstrap,
        probe, stability, stability + n * p, NULL));
out:
    ba_free(group);
    return status;
}

int
ba_rank_lca(rank_job_t *job)
{
    int status;
    static const char *const nothing[] = {NULL};
    ba_probing_data_t data = {
        job->data->activations, job->data->concepts, job->data->split};
    ba_probing_opts_t opts =
        job->opts->probe ? *job->opts->probe : ba_probing_opts_default();
    probing_t probing = {.n_classes = 0};
    ba_probe_t *probe = NULL;

    opts.zscore = job->opts->zscore;
    opts.dry_run = 0;
    opts.inputs = nothing;
    BA_TRY(ba_probing_open(job->ctx, &data, &opts, &probing));
    if (probing.n_classes != job->labels.sets.n_concepts) {
        BA_TRY(ba_fail(BA_SHAPE,
            "method lca: a probe of %zu classes for %zu concepts, wanted the same",
            probing.n_classes, job->labels.sets.n_concepts));
    }
    BA_TRY(ba_probing_fit(&probing, &probe));
    if (!probe->is_converged && !opts.trainer.is_neurox) {
        ba_ctx_log(job->ctx, BA_LOG_WARNING,
            "method lca: the probe was not solved to its gap: at most %.2g above the "
            "least objective %.4g",
            probe->gap, probe->objective);
    }
    BA_TRY(ba_lca_shares(probe, job->ranking->score));
    if (job->opts->n_bootstrap > 0) {
        BA_TRY(add_stability(job, &probing, probe));
    }
    BA_TRY(ba_ranking_sort(job->ranking));
out:
    ba_probe_free(probe);
    ba_probing_close(&probing);
    return status;
}
