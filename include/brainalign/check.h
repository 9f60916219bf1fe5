/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking over a data set before a fit: what would stop it, what would mislead. */
#ifndef BRAINALIGN_CHECK_H
#define BRAINALIGN_CHECK_H

#include "brainalign/cv.h"
#include "brainalign/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { BA_FINDING_NOTE = 0, BA_FINDING_WARNING, BA_FINDING_ERROR } ba_severity_t;

/* One finding: what, and how many samples, columns or targets it concerns. */
typedef struct {
    ba_severity_t severity;
    const char *code; /* "nonfinite-features", ... a fixed word for scripts */
    char *text;       /* one line: what, found, what to do */
    size_t count;
} ba_finding_t;

typedef struct {
    ba_finding_t *findings;
    size_t n_findings;
    size_t n_errors, n_warnings;
} ba_check_report_t;

typedef struct {
    const int *delays; /* n_delays; NULL = not known */
    size_t n_delays;
    ba_cv_opts_t outer_cv; /* BA_CV_DEFAULT unless given */
    size_t trim_first, trim_last;
} ba_check_opts_t;

/* Reads everything once (responses in tiles) and lists: non-finite features (row and
 * column named), non-finite and constant responses, constant feature columns (over
 * everything, and within a fold's training rows), run lengths and runs shorter than the
 * delays, feature rows that occur in more than one outer fold (exact duplicates of
 * non-constant rows), delays of 0 only with a time series (lag-1 autocorrelation of
 * responses above 0.3 in median over at most 1,000 targets), more features than samples
 * (a note). Errors: only those of reading; findings are not failures. The caller frees
 * the report. */
BA_API int ba_check_dataset(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_check_opts_t *opts, ba_check_report_t *report);
BA_API void ba_check_report_free(ba_check_report_t *report);

#ifdef __cplusplus
}
#endif

#endif
