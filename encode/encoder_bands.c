/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "encode/encoder_bands.h"

#include "core/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* More candidates than this are a slip of the finger. */
#define MOST_CANDIDATES 100000

static int
read_rows(const ba_ctx_t *ctx, const char *text, size_t n_spaces, double **gammas,
    size_t *n_rows, char **file)
{
    int status = BA_OK;
    ba_source_t *source = NULL;
    size_t n;
    double *columns = NULL;

    BA_TRY(ba_source_open(ctx, text, NULL, &source));
    n = ba_source_n_rows(source);
    if (ba_source_n_cols(source) != n_spaces || n == 0 || n > MOST_CANDIDATES) {
        BA_TRY(ba_fail(BA_SHAPE,
            "%s: %zu x %zu numbers, wanted one column for each of %zu feature spaces",
            text, n, ba_source_n_cols(source), n_spaces));
    }
    BA_TRY_ALLOC(columns, ba_malloc(n, n_spaces * sizeof *columns));
    BA_TRY_ALLOC(*gammas, ba_malloc(n, n_spaces * sizeof **gammas));
    BA_TRY(ba_source_read(source, 0, 0, n, 0, n_spaces, columns, n));
    for (size_t i = 0; i < n * n_spaces; i++) {
        (*gammas)[i] = columns[i / n_spaces + i % n_spaces * n];
    }
    *n_rows = n;
    if (ba_source_file(source, 0)) {
        BA_TRY_ALLOC(*file, ba_strdup(ba_source_file(source, 0)));
    }
out:
    ba_source_close(source);
    ba_free(columns);
    return status;
}

static int
sample(const char *text, size_t n_spaces, uint64_t seed, double **gammas, size_t *n)
{
    int status = BA_OK;
    char *end;
    unsigned long count = strtoul(text, &end, 10);

    if (*end || end == text || text[0] == '-' || count == 0 || count > MOST_CANDIDATES) {
        return ba_fail(BA_VALUE,
            "bands: found '%s', wanted a number of candidates up to %d, file:SPEC or "
            "deltas:SPEC",
            text, MOST_CANDIDATES);
    }
    *n = count;
    BA_TRY_ALLOC(*gammas, ba_malloc(count, n_spaces * sizeof **gammas));
    BA_TRY(ba_bands_sample(count, n_spaces, seed, *gammas));
out:
    return status;
}

/* delta = log(gamma / alpha) with an alpha of 1. */
static int
set_deltas(ba_fit_opts_t *fit, double *gammas, size_t n)
{
    static double one[] = {1.0};

    if (fit->alphas.n > 0) {
        return ba_fail(BA_VALUE,
            "bands: deltas beside alphas, wanted one of them: a delta is log(gamma / "
            "alpha)");
    }
    for (size_t i = 0; i < n; i++) {
        gammas[i] = exp(gammas[i]);
    }
    fit->alphas = (ba_alphas_t){one, 1};
    return BA_OK;
}

int
ba_encode_bands(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, ba_fit_opts_t *fit, double **gammas, char **file)
{
    static const char of_file[] = "file:", of_deltas[] = "deltas:";
    int status = BA_OK;
    const char *text = opts->bands;
    size_t n_spaces = dataset->n_spaces, n = 0;

    if (!text) {
        return fit->bands.n_rounds > 0 || fit->bands.shared
                   ? ba_fail(BA_VALUE, "bands: none, but how they are searched is given")
                   : BA_OK;
    }
    if (n_spaces < 2) {
        return ba_fail(BA_SHAPE, "bands: one feature space, wanted at least two");
    }
    if (strncmp(text, of_file, strlen(of_file)) == 0) {
        BA_TRY(read_rows(ctx, text + strlen(of_file), n_spaces, gammas, &n, file));
    } else if (strncmp(text, of_deltas, strlen(of_deltas)) == 0) {
        BA_TRY(read_rows(ctx, text + strlen(of_deltas), n_spaces, gammas, &n, file));
        BA_TRY(set_deltas(fit, *gammas, n * n_spaces));
    } else {
        BA_TRY(sample(text, n_spaces, ctx ? ctx->seed : 0, gammas, &n));
    }
    fit->bands.gammas = *gammas;
    fit->bands.n_candidates = n;
    fit->bands.n_spaces = n_spaces;
    BA_TRY(ba_bands_check(&fit->bands));
out:
    return status;
}

/* n_folds (0 = no such dimension) x n_rows x n_targets. */
static int
write_rows(ba_bundle_t *bundle, const char *path, size_t n_folds, size_t n_rows,
    size_t n_targets, const double *values)
{
    return n_folds > 0 ? ba_bundle_write(bundle, path, BA_F64, 3,
                             (size_t[]){n_folds, n_rows, n_targets}, values)
                       : ba_bundle_write(bundle, path, BA_F64, 2,
                             (size_t[]){n_rows, n_targets}, values);
}

static int
write_by_fold(ba_bundle_t *bundle, const char *path, size_t n_folds, size_t n_rows,
    size_t n_targets, const double *values)
{
    return n_folds > 0 && values
               ? write_rows(bundle, path, n_folds, n_rows, n_targets, values)
               : BA_OK;
}

int
ba_encode_bands_write(ba_bundle_t *bundle, const ba_fit_opts_t *fit,
    const ba_fit_result_t *result, size_t n_folds)
{
    int status = BA_OK;
    size_t n = result->n_spaces, v = result->n_targets;
    int64_t rounds = (int64_t) fit->bands.n_rounds, shared = fit->bands.shared;

    if (!fit->bands.gammas) {
        return BA_OK;
    }
    BA_TRY(write_rows(bundle, "/bands/gammas", 0, n, v, result->gammas));
    BA_TRY(write_rows(bundle, "/bands/deltas", 0, n, v, result->deltas));
    BA_TRY(write_by_fold(
        bundle, "/bands/gammas_by_fold", n_folds, n, v, result->gammas_by_fold));
    BA_TRY(write_by_fold(
        bundle, "/bands/deltas_by_fold", n_folds, n, v, result->deltas_by_fold));
    BA_TRY(write_rows(bundle, "/bands/r2_split", 0, n, v, result->r2_split));
    BA_TRY(write_rows(bundle, "/bands/r_split", 0, n, v, result->r_split));
    BA_TRY(write_by_fold(bundle, "/bands/r2_split_by_fold", result->n_outer, n, v,
        result->r2_split_by_fold));
    BA_TRY(write_by_fold(bundle, "/bands/r_split_by_fold", result->n_outer, n, v,
        result->r_split_by_fold));
    BA_TRY(ba_bundle_write(bundle, "/bands/candidates", BA_F64, 2,
        (size_t[]){result->n_candidates, n}, result->band_gammas));
    if (result->band_scores) {
        BA_TRY(write_rows(
            bundle, "/bands/cv_scores", 0, result->n_candidates, v, result->band_scores));
        BA_TRY(write_by_fold(bundle, "/bands/cv_scores_by_fold", n_folds,
            fit->bands.n_candidates, v, result->band_scores_by_fold));
    }
    BA_TRY(ba_bundle_attr_i64(bundle, "/bands", "refinement_rounds", 1, &rounds));
    BA_TRY(ba_bundle_attr_i64(bundle, "/bands", "shared", 1, &shared));
out:
    return status;
}

void
ba_encode_bands_note(
    const ba_ctx_t *ctx, const ba_dataset_t *dataset, const ba_fit_result_t *result)
{
    size_t v = result->n_targets;

    for (size_t k = 0; k < result->n_spaces && result->n_outer > 0; k++) {
        double r2 = 0.0, r = 0.0;
        size_t n = 0;

        for (size_t t = 0; t < v; t++) {
            if (isfinite(result->r2_split[k * v + t]) &&
                isfinite(result->r_split[k * v + t])) {
                r2 += result->r2_split[k * v + t];
                r += result->r_split[k * v + t];
                n++;
            }
        }
        if (n > 0) {
            ba_ctx_log(ctx, BA_LOG_INFO, "%s: %.4f of mean r, %.4f of mean r2",
                dataset->space_names[k], r / (double) n, r2 / (double) n);
        }
    }
}
