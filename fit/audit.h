/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The audit of any pipeline around ba_fit_run(). */
#ifndef BA_FIT_AUDIT_H
#define BA_FIT_AUDIT_H

#include "brainalign/audit.h"
#include "brainalign/fit.h"

/* A choice of columns for each outer fold; n = 0: none. Borrowed until the next fit. */
typedef struct {
    const int32_t *columns; /* n_outer x n */
    const double *scores;   /* n_outer x n_scores: what they were chosen by */
    size_t n, n_scores;
} ba_audit_choice_t;

/* How a verb does what the audit asks for. Samples are those of `data`. */
typedef struct {
    void *payload;
    const ba_fit_data_t *data;
    const ba_fit_opts_t *opts;
    /* Other numbers for the targets of the samples with held = 1, and for the predictors
     * of those but `probe`; held NULL = everything as it was. */
    int (*poison)(void *payload, const unsigned char *held, size_t probe);
    /* Sample i has the target of order[i]; NULL = as it was. */
    int (*exchange)(void *payload, const size_t *order);
    /* Fits as opts says. */
    int (*fit)(void *payload, const ba_ctx_t *ctx, const ba_fit_opts_t *opts,
        const ba_fit_sink_t *sink, ba_fit_result_t *result, ba_audit_choice_t *choice);
} ba_auditee_t;

/* Exchanges are drawn by the seed of ctx. Cost: each fold twice, and 21 runs of all folds.
 * BA_VALUE without outer folds; else what the fits return. */
int ba_audit(
    const ba_ctx_t *ctx, const ba_auditee_t *auditee, ba_audit_t *out) BA_MUST_USE;

/* BA_NUMERIC, saying what was found, unless it is clean. */
int ba_audit_judge(const ba_audit_t *audit) BA_MUST_USE;

#endif
