/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of ba_check_dataset() share. */
#ifndef BA_DATASETS_CHECK_IMPL_H
#define BA_DATASETS_CHECK_IMPL_H

#include "brainalign/check.h"
#include "brainalign/error.h"

/* Fold of a sample that trimming drops. */
#define CHECK_DROPPED INT32_MIN

typedef struct {
    const ba_ctx_t *ctx;
    const ba_dataset_t *dataset;
    const ba_check_opts_t *opts;
    int32_t *fold; /* of each training sample: its outer fold, -1 = never held out,
                      CHECK_DROPPED */
    size_t n_used; /* training samples that trimming leaves */
    ba_check_report_t *report;
} ba_checker_t;

/* Appends a finding with a printed text. */
int ba_check_add(ba_checker_t *checker, ba_severity_t severity, const char *code,
    size_t count, const char *format, ...) BA_PRINTF(5, 6) BA_MUST_USE;

/* Non-zero when values from low to high count as one: the deviation is then below 1e-10
 * of their size. */
int ba_check_is_constant(double low, double high);

/* ---- check_features.c ---- */
int ba_check_features(ba_checker_t *checker) BA_MUST_USE;

/* ---- check_responses.c ---- */
int ba_check_responses(ba_checker_t *checker) BA_MUST_USE;

#endif
