/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "datasets/check_impl.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "datasets/fold_ids.h"

int
ba_check_is_constant(double low, double high)
{
    return high - low <= 1e-10 * fmax(fabs(low), fabs(high));
}

int
ba_check_add(ba_checker_t *checker, ba_severity_t severity, const char *code,
    size_t count, const char *format, ...)
{
    ba_check_report_t *report = checker->report;
    ba_finding_t *findings;
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    findings =
        ba_realloc(report->findings, report->n_findings + 1, sizeof *report->findings);
    if (!findings) {
        return BA_NOMEM;
    }
    report->findings = findings;
    findings += report->n_findings;
    *findings = (ba_finding_t){
        .severity = severity, .code = code, .text = ba_strdup(text), .count = count};
    if (!findings->text) {
        return BA_NOMEM;
    }
    report->n_findings++;
    report->n_errors += severity == BA_FINDING_ERROR;
    report->n_warnings += severity == BA_FINDING_WARNING;
    return BA_OK;
}

/* Lengths of the runs of a part, and delays that reach beyond one. */
static int
check_runs(ba_checker_t *checker, const ba_dataset_part_t *part, const char *which)
{
    const ba_runs_t *runs = &part->runs;
    const ba_check_opts_t *opts = checker->opts;
    size_t shortest = SIZE_MAX, longest = 0, reach = 0, n_short = 0;
    int status;

    for (size_t i = 0; i < opts->n_delays; i++) {
        size_t delay = (size_t) labs((long) opts->delays[i]);

        reach = delay > reach ? delay : reach;
    }
    for (size_t k = 0; k < runs->n_runs; k++) {
        size_t n = runs->onset[k + 1] - runs->onset[k];

        shortest = n < shortest ? n : shortest;
        longest = n > longest ? n : longest;
        n_short += n <= reach;
    }
    if (shortest == longest) {
        BA_TRY(ba_check_add(checker, BA_FINDING_NOTE, "run-lengths", runs->n_runs,
            "%zu %s run%s of %zu samples", runs->n_runs, which,
            runs->n_runs == 1 ? "" : "s", shortest));
    } else {
        BA_TRY(ba_check_add(checker, BA_FINDING_NOTE, "run-lengths", runs->n_runs,
            "%zu %s runs of %zu to %zu samples", runs->n_runs, which, shortest, longest));
    }
    if (n_short > 0) {
        BA_TRY(ba_check_add(checker, BA_FINDING_ERROR, "delays-beyond-run", n_short,
            "%zu %s run%s of %zu samples or fewer, but a delay of %zu: give shorter "
            "delays or leave such runs out",
            n_short, which, n_short == 1 ? "" : "s", reach, reach));
    }
out:
    return status;
}

/* Splits as a fit would. What stops a fit is a finding here; only running out of memory
 * is a failure. */
static int
find_folds(ba_checker_t *checker, size_t *rows, int32_t *of_row)
{
    const ba_check_opts_t *opts = checker->opts;
    const ba_runs_t *runs = &checker->dataset->train.runs;
    ba_cv_opts_t cv = opts->outer_cv;
    int32_t *ids = NULL;
    ba_runs_t kept = {.onset = NULL};
    size_t n_folds;
    int status;

    status = ba_runs_trim(runs, opts->trim_first, opts->trim_last, rows, &kept);
    if (status == BA_OK) {
        checker->n_used = kept.n_samples;
        for (size_t i = 0; i < kept.n_samples; i++) {
            checker->fold[rows[i]] = -1;
        }
    }
    ba_runs_free(&kept);
    if (status != BA_OK) {
        return status == BA_NOMEM ? status
                                  : ba_check_add(checker, BA_FINDING_ERROR,
                                        "trim-beyond-run", 1, "%s", ba_error_message());
    }
    if (opts->outer_cv.kind == BA_CV_NONE || checker->dataset->test.n_samples > 0) {
        return BA_OK;
    }
    status = ba_fold_ids_read(checker->ctx, runs->n_samples, &cv, &ids);
    if (status == BA_OK) {
        status = ba_cv_folds(&cv, runs, rows, checker->n_used, of_row, &n_folds);
    }
    ba_free(ids);
    if (status == BA_NOMEM) {
        return status;
    }
    if (status != BA_OK) {
        return ba_check_add(
            checker, BA_FINDING_ERROR, "no-folds", 1, "%s", ba_error_message());
    }
    for (size_t i = 0; i < checker->n_used; i++) {
        checker->fold[rows[i]] = of_row[i];
    }
    return BA_OK;
}

static int
split(ba_checker_t *checker)
{
    size_t n = checker->dataset->train.n_samples, *rows = NULL;
    int32_t *of_row = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(rows, ba_malloc(n, sizeof *rows));
    BA_TRY_ALLOC(of_row, ba_malloc(n, sizeof *of_row));
    BA_TRY_ALLOC(checker->fold, ba_malloc(n, sizeof *checker->fold));
    for (size_t i = 0; i < n; i++) {
        checker->fold[i] = CHECK_DROPPED;
    }
    BA_TRY(find_folds(checker, rows, of_row));
out:
    ba_free(rows);
    ba_free(of_row);
    return status;
}

static int
check_width(ba_checker_t *checker)
{
    const ba_dataset_t *dataset = checker->dataset;
    size_t n_delays = checker->opts->n_delays > 0 ? checker->opts->n_delays : 1;
    size_t n = 0;

    for (size_t i = 0; i < dataset->n_spaces; i++) {
        n += n_delays * ba_source_n_cols(dataset->train.features[i]);
    }
    if (checker->n_used == 0 || n <= checker->n_used) {
        return BA_OK;
    }
    return ba_check_add(checker, BA_FINDING_NOTE, "more-features-than-samples", n,
        "%zu feature columns%s, more than the %zu samples: the penalty decides much", n,
        checker->opts->n_delays > 1 ? " with their delays" : "", checker->n_used);
}

int
ba_check_dataset(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_check_opts_t *opts, ba_check_report_t *report)
{
    const ba_check_opts_t defaults = {.delays = NULL};
    ba_checker_t checker = {.ctx = ctx,
        .dataset = dataset,
        .opts = opts ? opts : &defaults,
        .report = report};
    int status;

    *report = (ba_check_report_t){.findings = NULL};
    BA_TRY(check_runs(&checker, &dataset->train, "training"));
    if (dataset->test.n_samples > 0) {
        BA_TRY(check_runs(&checker, &dataset->test, "test"));
    }
    BA_TRY(split(&checker));
    BA_TRY(check_width(&checker));
    BA_TRY(ba_check_features(&checker));
    BA_TRY(ba_check_responses(&checker));
out:
    ba_free(checker.fold);
    if (status != BA_OK) {
        ba_check_report_free(report);
    }
    return status;
}

void
ba_check_report_free(ba_check_report_t *report)
{
    for (size_t i = 0; i < report->n_findings; i++) {
        ba_free(report->findings[i].text);
    }
    ba_free(report->findings);
    *report = (ba_check_report_t){.findings = NULL};
}
