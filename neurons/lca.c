/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linguistic correlation analysis (Dalvi et al. 2019, AAAI): neurons that an elastic-net
 * probe puts weight on. The probe is solved, so that the ranking does not depend on a
 * seed, on the order of rows or on when training stopped. */
#include "neurons/lca.h"

#include <math.h>

int
ba_lca_shares(const ba_probe_t *probe, double *score)
{
    size_t p = probe->n_neurons;
    ba_probe_order_t *order = NULL;
    int status;

    BA_TRY(ba_probe_order(probe, &order));

    for (size_t c = 0; c < probe->n_classes; c++) {
        double sum = 0;

        for (size_t j = 0; j < p; j++) {
            sum += fabs(probe->weights[j + c * p]);
        }
        for (size_t j = 0; j < p; j++) {
            score[j + c * p] =
                sum > 0 ? fabs(probe->weights[j + c * p]) / sum : (double) NAN;
        }
    }
    for (size_t j = 0; j < p; j++) {
        score[j + probe->n_classes * p] = 1 - order->need[j];
    }
out:
    ba_probe_order_free(order);
    return status;
}

int
ba_lca_scores(const ba_ctx_t *ctx, const ba_probe_data_t *data,
    const ba_probe_trainer_t *trainer, const ba_probe_bootstrap_t *bootstrap,
    double *score, double *stability, ba_probe_t **probe)
{
    size_t p = data->n_neurons;
    ba_probe_t *made = NULL;
    int status;

    BA_TRY(ba_probe_train(ctx, data, trainer, NULL, 0, NULL, &made));
    BA_TRY(ba_lca_shares(made, score));
    if (bootstrap && stability) {
        BA_TRY(ba_probe_stability(ctx, data, &trainer->fit, bootstrap, made, stability,
            stability + data->n_classes * p, NULL));
    }
    if (probe) {
        *probe = made;
        made = NULL;
    }
out:
    ba_probe_free(made);
    return status;
}
