/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of neurons compare. */
#ifndef BA_NEURONS_CROSSMODEL_H
#define BA_NEURONS_CROSSMODEL_H

#include "brainalign/bundle.h"
#include "brainalign/structure.h"
#include "brainalign/table.h"
#include "datasets/provenance.h"

typedef struct {
    const ba_ctx_t *ctx;
    const ba_crossmodel_opts_t *opts;
    ba_provenance_t provenance;
    size_t n_models, n_neurons, n_tokens, n_rsa;
    char **names;       /* n_models */
    size_t *first;      /* n_models + 1: neurons of each in `place` */
    size_t *place;      /* n_neurons: which neuron of the activations, model by model */
    ba_cdmat_t *models; /* n_models */
    double *x;          /* all of them */
    /* Results, NULL where not asked for. */
    double *most, *least, *best, *linreg;
    uint32_t *partner;
    size_t *rank;
    ba_similarity_spaces_t spaces;
    double *rsa;
} ba_crossmodel_t;

/* Result file and tables: made before the work and filled after it. */
typedef struct {
    ba_bundle_t *bundle;
    ba_table_writer_t *table, *pairs;
} ba_crossmodel_outputs_t;

int ba_crossmodel_outputs_create(
    const ba_crossmodel_opts_t *opts, ba_crossmodel_outputs_t *outputs) BA_MUST_USE;
int ba_crossmodel_outputs_write(
    const ba_crossmodel_t *job, ba_crossmodel_outputs_t *outputs) BA_MUST_USE;
void ba_crossmodel_outputs_free(ba_crossmodel_outputs_t *outputs);

#endif
