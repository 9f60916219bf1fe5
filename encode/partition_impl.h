/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of encode partition share. */
#ifndef BA_ENCODE_PARTITION_IMPL_H
#define BA_ENCODE_PARTITION_IMPL_H

#include "brainalign/partition.h"
#include "datasets/provenance.h"
#include "encode/inference.h"
#include "encode/score_table.h"

/* Combinations of spaces, each a model; the last one has all of them. */
typedef struct {
    size_t n_spaces, n_models;
    uint32_t *sets;          /* n_models: bit k = space k takes part */
    size_t *alone, *without; /* n_spaces: model of space k alone, and of all others */
    double *gammas;          /* candidates of all models */
    int32_t *models;         /* of each candidate */
    ba_bands_t bands;
} ba_parts_t;

/* Call ba_parts_free() afterwards in any case. */
int ba_parts_make(const ba_bands_t *bands, ba_parts_t *out) BA_MUST_USE;
void ba_parts_free(ba_parts_t *parts);

/* The model of a set; n_models = not fitted. */
size_t ba_parts_model(const ba_parts_t *parts, uint32_t set);

/* A partition on its way and what it has found; n_targets columns each. */
typedef struct {
    const ba_ctx_t *ctx;
    const ba_dataset_t *dataset;
    const ba_encode_fit_opts_t *opts;
    ba_encode_job_t job;
    ba_parts_t parts;
    ba_fit_opts_t fit;
    ba_fit_result_t result;
    ba_inferring_t inferring; /* plan, null, threads; full and control are borrowed */
    ba_kept_t *kept;          /* n_models predictions; only of models that are tested */
    uint8_t *is_kept;
    size_t model;                    /* that predictions are coming of */
    double *r, *r2;                  /* n_models rows: means over folds */
    double *unique, *total, *shared; /* n_spaces rows */
    double *components;              /* n_components rows, in the order of the models */
    size_t n_components;
    ba_test_t *tests; /* n_spaces, of unique variance; NULL = none */
} ba_partition_t;

/* partition_test.c: what is kept, a receiver that keeps it, and the tests. */
int ba_partition_test_start(ba_partition_t *partition) BA_MUST_USE;
ba_fit_sink_t ba_partition_sink(ba_partition_t *partition);
int ba_partition_test(ba_partition_t *partition) BA_MUST_USE;
void ba_partition_test_free(ba_partition_t *partition);

/* partition_write.c: file and table. */
int ba_partition_write(const ba_partition_t *partition, const ba_provenance_t *provenance,
    const ba_fit_info_t *info) BA_MUST_USE;

#endif
