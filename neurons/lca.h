/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neurons by the weights of a linear probe (linguistic correlation analysis). */
#ifndef BA_NEURONS_LCA_H
#define BA_NEURONS_LCA_H

#include "brainalign/error.h"
#include "brainalign/probe.h"

/* Scores of every neuron, (n_classes + 1) x n_neurons row by row: the share of a class's
 * weight mass that a neuron holds, |W| / sum |W|, NaN where the class uses none; and for
 * all classes together (last row) 1 minus the least share of mass before it
 * (ba_probe_order_t). bootstrap NULL = none; stability: NULL, or the share of its draws in
 * which a weight is not 0, of the same shape, any class's last. probe: the fit, NULL =
 * not wanted. Errors: those of ba_probe_train() and ba_probe_stability(). */
int ba_lca_scores(const ba_ctx_t *ctx, const ba_probe_data_t *data,
    const ba_probe_trainer_t *trainer, const ba_probe_bootstrap_t *bootstrap,
    double *score, double *stability, ba_probe_t **probe) BA_MUST_USE;

/* The scores alone, of a probe that was fitted: (n_classes + 1) x n_neurons. */
int ba_lca_shares(const ba_probe_t *probe, double *score) BA_MUST_USE;

#endif
