/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Per run, y becomes y - Q Q'y with Q an orthonormal basis of all regressors at once.
 * Removing trends and nuisance one after the other would bring back part of what the
 * first removed (Lindquist, Geuter, Wager and Caffo 2019, Hum. Brain Mapp. 40:2358). */
#include "brainalign/detrend.h"
#include "core/alloc.h"
#include "model/basis.h"
#include "model/numeral.h"
#include "model/savgol.h"
#include "model/series.h"

#include <string.h>

typedef struct {
    size_t first, n;
    ba_savgol_t filter;
    ba_basis_t basis;
} plan_t;

struct ba_detrend {
    int filters, projects; /* which of the two steps there are */
    size_t n_samples, n_runs, longest;
    plan_t *plans;
};

int
ba_detrend_parse(const char *text, ba_detrend_opts_t *out)
{
    ba_detrend_opts_t opts = {0};
    const char *at = text;
    int is_valid = 0;

    if (strcmp(text, "none") == 0) {
        is_valid = 1;
    } else if (strncmp(text, "poly:", 5) == 0) {
        opts.kind = BA_DETREND_POLY;
        at += 5;
        is_valid = ba_numeral_size(&at, INT32_MAX, &opts.degree) && !*at;
    } else if (strncmp(text, "savgol:", 7) == 0) {
        opts.kind = BA_DETREND_SAVGOL;
        at += 7;
        is_valid = ba_numeral_double(&at, &opts.seconds) && !*at && opts.seconds > 0;
    }
    if (!is_valid) {
        return ba_fail(BA_VALUE,
            "detrend: found \"%s\", wanted none, poly:DEGREE or savgol:SECONDS", text);
    }
    *out = opts;
    return BA_OK;
}

static int
check_nuisance(ba_cdmat_t nuisance, size_t n_samples)
{
    if (nuisance.n_cols > 0 && nuisance.n_rows != n_samples) {
        return ba_fail(BA_SHAPE, "nuisance: %zu rows, wanted the %zu samples of the runs",
            nuisance.n_rows, n_samples);
    }
    for (size_t j = 0; j < nuisance.n_cols; j++) {
        for (size_t i = 0; i < nuisance.n_rows; i++) {
            if (!isfinite(nuisance.data[i + j * nuisance.ld])) {
                return ba_fail(BA_NONFINITE,
                    "nuisance: row %zu, column %zu is %g, wanted a finite number", i, j,
                    nuisance.data[i + j * nuisance.ld]);
            }
        }
    }
    return BA_OK;
}

static int
check_opts(const ba_detrend_opts_t *opts)
{
    if (opts->kind != BA_DETREND_SAVGOL) {
        return BA_OK;
    }
    if (!(opts->seconds > 0) || !isfinite(opts->seconds)) {
        return ba_fail(BA_VALUE, "detrend: savgol over %g seconds, wanted more than 0",
            opts->seconds);
    }
    if (!(opts->tr > 0) || !isfinite(opts->tr)) {
        return ba_fail(BA_VALUE,
            "detrend: savgol needs the sampling interval (tr): found %g, wanted seconds "
            "above 0",
            opts->tr);
    }
    return BA_OK;
}

/* Work of ba_detrend_new(), sized for the longest run. */
typedef struct {
    double *columns, *norm, *scratch;
} work_t;

static int
plan_run(const ba_detrend_opts_t *opts, ba_cdmat_t nuisance, const work_t *work,
    int projects, plan_t *plan)
{
    size_t n = plan->n;
    size_t degree = opts->kind == BA_DETREND_POLY ? opts->degree : 0;
    int status = BA_OK;

    if (opts->kind == BA_DETREND_SAVGOL) {
        BA_TRY(ba_savgol_new(ba_savgol_half(opts->seconds, opts->tr, n), &plan->filter));
    }
    for (size_t j = 0; j < nuisance.n_cols; j++) {
        double *column = work->columns + j * n;

        memcpy(column, nuisance.data + plan->first + j * nuisance.ld, n * sizeof *column);
        work->norm[j] = sqrt(ba_series_square(column, n));
        if (opts->kind == BA_DETREND_SAVGOL) {
            ba_savgol_residual(&plan->filter, column, n, work->scratch);
        }
    }
    if (projects) {
        BA_TRY(ba_basis_new(
            n, degree, work->columns, work->norm, nuisance.n_cols, &plan->basis));
    }
out:
    return status;
}

static int
lay_runs(ba_detrend_t *detrend, const ba_runs_t *runs)
{
    int status = BA_OK;

    BA_TRY_ALLOC(detrend->plans, ba_calloc(runs->n_runs, sizeof *detrend->plans));
    detrend->n_samples = runs->n_samples;
    detrend->n_runs = runs->n_runs;
    for (size_t k = 0; k < runs->n_runs; k++) {
        size_t n = runs->onset[k + 1] - runs->onset[k];

        detrend->plans[k] = (plan_t){.first = runs->onset[k], .n = n};
        detrend->longest = n > detrend->longest ? n : detrend->longest;
    }
out:
    return status;
}

int
ba_detrend_new(const ba_detrend_opts_t *opts, const ba_runs_t *runs, ba_cdmat_t nuisance,
    ba_detrend_t **out)
{
    ba_detrend_t *detrend = NULL;
    work_t work = {0};
    size_t size;
    int status;

    BA_TRY(check_opts(opts));
    BA_TRY(check_nuisance(nuisance, runs->n_samples));
    BA_TRY_ALLOC(detrend, ba_calloc(1, sizeof *detrend));
    BA_TRY(lay_runs(detrend, runs));
    detrend->filters = opts->kind == BA_DETREND_SAVGOL;
    detrend->projects = opts->kind == BA_DETREND_POLY || nuisance.n_cols > 0;
    BA_TRY(ba_multiply(detrend->longest, nuisance.n_cols, &size));
    BA_TRY_ALLOC(work.columns, ba_malloc(size, sizeof(double)));
    BA_TRY_ALLOC(work.norm, ba_malloc(nuisance.n_cols, sizeof(double)));
    BA_TRY_ALLOC(work.scratch, ba_malloc(detrend->longest, sizeof(double)));
    for (size_t k = 0; k < runs->n_runs; k++) {
        if (detrend->plans[k].n > 0) {
            BA_TRY(
                plan_run(opts, nuisance, &work, detrend->projects, &detrend->plans[k]));
        }
    }
    *out = detrend;
    detrend = NULL;
out:
    ba_free(work.columns);
    ba_free(work.norm);
    ba_free(work.scratch);
    ba_detrend_free(detrend);
    return status;
}

void
ba_detrend_free(ba_detrend_t *detrend)
{
    if (!detrend) {
        return;
    }
    for (size_t k = 0; detrend->plans && k < detrend->n_runs; k++) {
        ba_savgol_free(&detrend->plans[k].filter);
        ba_basis_free(&detrend->plans[k].basis);
    }
    ba_free(detrend->plans);
    ba_free(detrend);
}

static void
apply_run(const ba_detrend_t *detrend, const plan_t *plan, double *y, double *scratch)
{
    if (!ba_series_is_finite(y, plan->n)) {
        ba_series_fill(y, plan->n, (double) NAN);
        return;
    }
    if (detrend->filters) {
        ba_savgol_residual(&plan->filter, y, plan->n, scratch);
    }
    if (detrend->projects) {
        ba_basis_residual(&plan->basis, y);
    }
}

int
ba_detrend_apply(const ba_detrend_t *detrend, ba_dmat_t y)
{
    double *scratch = NULL;
    int status = BA_OK;

    if (y.n_rows != detrend->n_samples) {
        return ba_fail(BA_SHAPE, "detrend: %zu rows, wanted the %zu samples of the runs",
            y.n_rows, detrend->n_samples);
    }
    if (!detrend->filters && !detrend->projects) {
        return BA_OK;
    }
    BA_TRY_ALLOC(scratch, ba_malloc(detrend->longest, sizeof *scratch));
    for (size_t j = 0; j < y.n_cols; j++) {
        for (size_t k = 0; k < detrend->n_runs; k++) {
            const plan_t *plan = &detrend->plans[k];

            if (plan->n > 0) {
                apply_run(detrend, plan, y.data + plan->first + j * y.ld, scratch);
            }
        }
    }
out:
    ba_free(scratch);
    return status;
}
