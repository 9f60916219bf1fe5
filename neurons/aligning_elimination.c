/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "neurons/aligning_elimination.h"

#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/contribution_region.h"
#include "neurons/aligning_split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TARGETS_AT_ONCE = 256 };

void
ba_align_elimination_free(ba_align_elimination_t *elimination)
{
    ba_free(elimination->order);
    ba_free(elimination->chosen);
    ba_free(elimination->held);
    ba_free(elimination->size);
    *elimination = (ba_align_elimination_t){0};
}

int
ba_align_elimination_check(const ba_ctx_t *ctx, const ba_aligning_t *a)
{
    double q = (double) a->start[a->neurons.n_neurons];
    double bytes = (double) a->n_folds * 4.0 * q * q * sizeof(double);

    if (!a->opts->elimination) {
        return BA_OK;
    }
    if (!(a->opts->tolerance >= 0.0) || !(a->opts->tolerance < 1.0)) {
        return ba_fail(
            BA_VALUE, "tolerance: found %g, wanted a share below 1", a->opts->tolerance);
    }
    if (a->n_folds < 3) {
        return ba_fail(BA_SHAPE,
            "%s: %zu outer folds, wanted at least 3 to choose neurons on others than "
            "score them",
            a->opts->encoder, a->n_folds);
    }
    if (bytes > (double) ba_ctx_memory(ctx)) {
        return ba_fail(BA_TOO_LARGE,
            "elimination: %.0f columns in %zu folds need %.3g GiB, wanted at most %.3g",
            q, a->n_folds, bytes * 0x1p-30, (double) ba_ctx_memory(ctx) * 0x1p-30);
    }
    return BA_OK;
}

/* ---- a region in a fold ---- */

typedef struct {
    size_t *targets, n_targets;
    double *gammas, alpha; /* n_spaces */
} penalty_t;

static void
free_penalty(penalty_t *penalty)
{
    ba_free(penalty->targets);
    ba_free(penalty->gammas);
    *penalty = (penalty_t){0};
}

static int
compare_numbers(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}

static double
median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare_numbers);
    return n % 2 == 1 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

/* Targets of a region that the fold scores, and their median penalties: alpha is that of
 * the space that is penalised least. */
static int
find_penalty(const ba_aligning_t *a, const ba_align_regions_t *regions, size_t region,
    size_t fold, penalty_t *out)
{
    int status = BA_OK;
    size_t v = a->n_targets, n_spaces = a->encoder->n_spaces;
    double *values = NULL, most = 0.0;

    *out = (penalty_t){0};
    BA_TRY_ALLOC(values, ba_malloc(v, sizeof *values));
    BA_TRY_ALLOC(out->targets, ba_malloc(v, sizeof *out->targets));
    BA_TRY_ALLOC(out->gammas, ba_malloc(n_spaces, sizeof *out->gammas));
    for (size_t t = 0; t < v; t++) {
        size_t at = fold * v + t;

        if ((region == 0 || regions->region[t] == region) && !isnan(a->alphas[at]) &&
            !isnan(a->r2_by_fold[at])) {
            out->targets[out->n_targets++] = t;
        }
    }
    for (size_t s = 0; s < n_spaces && out->n_targets > 0; s++) {
        for (size_t i = 0; i < out->n_targets; i++) {
            size_t t = out->targets[i];
            double gamma = a->gammas ? a->gammas[(fold * n_spaces + s) * v + t] : 1.0;

            values[i] = gamma / a->alphas[fold * v + t];
        }
        out->gammas[s] = median(values, out->n_targets);
        most = fmax(most, out->gammas[s]);
    }
    out->alpha = 1.0 / most;
    for (size_t s = 0; s < n_spaces; s++) {
        out->gammas[s] *= out->alpha;
    }
out:
    ba_free(values);
    return status;
}

static int
add_targets(const ba_align_split_t *split, const penalty_t *penalty,
    ba_contribution_region_t *region)
{
    int status = BA_OK;
    double *y = NULL, *y_test = NULL;

    BA_TRY_ALLOC(y, ba_malloc(split->n_train, TARGETS_AT_ONCE * sizeof *y));
    BA_TRY_ALLOC(y_test, ba_malloc(split->n_test, TARGETS_AT_ONCE * sizeof *y_test));
    for (size_t at = 0, n; at < penalty->n_targets; at += n) {
        n = penalty->n_targets - at;
        n = n < TARGETS_AT_ONCE ? n : TARGETS_AT_ONCE;
        for (size_t i = 0; i < n; i++) {
            ba_align_split_gather(split, penalty->targets[at + i], y + i * split->n_train,
                y_test + i * split->n_test);
        }
        BA_TRY(ba_contribution_region_add(region,
            ba_cdmat(y, split->n_train, n, split->n_train),
            ba_cdmat(y_test, split->n_test, n, split->n_test)));
    }
out:
    ba_free(y);
    ba_free(y_test);
    return status;
}

/* The region on the rows of a split of `fold`, see ba_align_split_open(). */
static int
make_region(const ba_ctx_t *ctx, const ba_aligning_t *a, const penalty_t *penalty,
    size_t fold, size_t inner, ba_contribution_region_t **out)
{
    int status;
    ba_align_split_t split;

    *out = NULL;
    BA_TRY(ba_align_split_open(ctx, a, fold, inner, &split));
    BA_TRY(ba_align_split_factor(ctx, &split, penalty->gammas));
    BA_TRY(ba_contribution_at(ctx, split.contribution, penalty->alpha));
    BA_TRY(ba_contribution_region_new(split.contribution, out));
    BA_TRY(add_targets(&split, penalty, *out));
    BA_TRY(ba_contribution_region_finish(*out));
out:
    ba_align_split_close(&split);
    return status;
}

/* ---- one elimination ---- */

/* Neurons of the smallest set whose r2 is that of all, but for the tolerance. */
static size_t
smallest(const double *r2, size_t n, double tolerance)
{
    double wanted = r2[0] - tolerance * fabs(r2[0]);
    size_t gone = n;

    while (gone > 0 && !(r2[gone] >= wanted)) {
        gone--;
    }
    return n - gone;
}

static void
keep_order(ba_align_elimination_t *out, size_t row, const size_t *order, const double *r2,
    size_t n_voters)
{
    size_t n = out->aligning->neurons.n_neurons;
    double *chosen = out->chosen + row * (n + 1);

    for (size_t j = 0; j < n; j++) {
        out->order[row * n + j] = (int64_t) order[j];
    }
    for (size_t i = 0; i <= n; i++) {
        chosen[i] = 0.0;
        for (size_t f = 0; f < n_voters; f++) {
            chosen[i] += r2[f * (n + 1) + i] / (double) n_voters;
        }
    }
    out->size[row] = (int64_t) smallest(chosen, n, out->aligning->opts->tolerance);
}

/* k = n_folds: by all folds. */
static int
run_one(const ba_ctx_t *ctx, ba_align_elimination_t *out, size_t region, size_t k)
{
    int status = BA_OK;
    const ba_aligning_t *a = out->aligning;
    size_t n = a->neurons.n_neurons, n_voters = 0, *order = NULL;
    ba_contribution_region_t **states = NULL;
    penalty_t penalty = {0};
    double *r2 = NULL;
    int is_last = k == a->n_folds;

    BA_TRY_ALLOC(states, ba_calloc(a->n_folds, sizeof(ba_contribution_region_t *)));
    BA_TRY_ALLOC(order, ba_malloc(n, sizeof *order));
    BA_TRY_ALLOC(r2, ba_malloc(a->n_folds, (n + 1) * sizeof *r2));
    for (size_t f = 0; f < a->n_folds; f++) {
        if (f == k) {
            continue;
        }
        free_penalty(&penalty);
        BA_TRY(find_penalty(a, out->regions, region, is_last ? f : k, &penalty));
        if (penalty.n_targets > 0) {
            BA_TRY(make_region(ctx, a, &penalty, is_last ? f : k,
                is_last ? BA_ALIGN_WHOLE : f, &states[n_voters]));
            n_voters++;
        }
    }
    if (n_voters == 0) {
        goto out;
    }
    if (!is_last) {
        BA_TRY(make_region(ctx, a, &penalty, k, BA_ALIGN_WHOLE, &states[n_voters]));
    }
    BA_TRY(ba_contribution_eliminate(
        ctx, states, n_voters + (is_last ? 0 : 1), n_voters, order, r2));
    keep_order(out, region * (a->n_folds + 1) + k, order, r2, n_voters);
    if (!is_last) {
        memcpy(out->held + (region * a->n_folds + k) * (n + 1), r2 + n_voters * (n + 1),
            (n + 1) * sizeof *r2);
    }
out:
    for (size_t f = 0; states && f < a->n_folds; f++) {
        ba_contribution_region_free(states[f]);
    }
    ba_free(states);
    ba_free(order);
    ba_free(r2);
    free_penalty(&penalty);
    return status;
}

/* ---- all of them ---- */

static int
allocate(ba_align_elimination_t *out)
{
    int status = BA_OK;
    size_t k = out->aligning->n_folds, n = out->aligning->neurons.n_neurons;
    size_t rows = out->regions->n * (k + 1);

    BA_TRY_ALLOC(out->order, ba_malloc(rows, n * sizeof *out->order));
    BA_TRY_ALLOC(out->chosen, ba_malloc(rows, (n + 1) * sizeof *out->chosen));
    BA_TRY_ALLOC(out->held, ba_malloc(out->regions->n * k, (n + 1) * sizeof *out->held));
    BA_TRY_ALLOC(out->size, ba_malloc(rows, sizeof *out->size));
    for (size_t i = 0; i < rows * n; i++) {
        out->order[i] = -1;
    }
    for (size_t i = 0; i < rows * (n + 1); i++) {
        out->chosen[i] = NAN;
    }
    for (size_t i = 0; i < out->regions->n * k * (n + 1); i++) {
        out->held[i] = NAN;
    }
    for (size_t i = 0; i < rows; i++) {
        out->size[i] = -1;
    }
out:
    return status;
}

int
ba_align_eliminate(const ba_ctx_t *ctx, const ba_aligning_t *a,
    const ba_align_regions_t *regions, ba_align_elimination_t *out)
{
    int status = BA_OK;
    size_t n = regions->n * (a->n_folds + 1);

    *out = (ba_align_elimination_t){.aligning = a, .regions = regions};
    if (!a->opts->elimination) {
        return BA_OK;
    }
    ba_blas_single_thread();
    BA_TRY(allocate(out));
    for (size_t i = 0; i < n; i++) {
        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(run_one(ctx, out, i / (a->n_folds + 1), i % (a->n_folds + 1)));
        ba_ctx_progress(ctx, "eliminations", (double) (i + 1), (double) n);
    }
out:
    return status;
}
