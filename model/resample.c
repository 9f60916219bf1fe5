/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A resampling from items to volumes is a matrix that does not depend on what the items
 * carry. It is banded, because items and volumes are both in the order of time: each row
 * keeps one range of items. */
#include "model/resample_impl.h"
#include "core/alloc.h"

static int
ascends(const double *times, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (!(times[i] >= times[i - 1])) {
            return 0;
        }
    }
    return 1;
}

int
ba_times_check(const char *what, const double *times, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (!(times[i] > times[i - 1])) {
            return ba_fail(BA_SHAPE,
                "%s: number %zu (from 0) is %g s after %g s, wanted times that ascend",
                what, i, times[i], times[i - 1]);
        }
    }
    return BA_OK;
}

/* Ranges of sorted items move forwards with the rows: one walk finds them all. */
static void
find_sorted(const ba_resample_rule_t *rule, size_t *first, size_t *n)
{
    size_t low = 0;

    for (size_t row = 0; row < rule->n_rows; row++) {
        size_t high;

        while (
            low < rule->n_items && rule->side(rule->self, row, low) == BA_ITEM_BEFORE) {
            low++;
        }
        for (high = low; high < rule->n_items &&
                         rule->side(rule->self, row, high) == BA_ITEM_WITHIN;) {
            high++;
        }
        first[row] = low;
        n[row] = high - low;
    }
}

static void
find_unsorted(const ba_resample_rule_t *rule, size_t *first, size_t *n)
{
    for (size_t row = 0; row < rule->n_rows; row++) {
        first[row] = n[row] = 0;
        for (size_t item = 0; item < rule->n_items; item++) {
            if (rule->side(rule->self, row, item) == BA_ITEM_WITHIN) {
                first[row] = n[row] == 0 ? item : first[row];
                n[row] = item + 1 - first[row];
            }
        }
    }
}

static void
fill_weights(const ba_resample_rule_t *rule, ba_resampler_t *out)
{
    for (size_t row = 0; row < rule->n_rows; row++) {
        for (size_t k = out->start[row]; k < out->start[row + 1]; k++) {
            size_t item = out->first[row] + k - out->start[row];

            out->weights[k] = rule->side(rule->self, row, item) == BA_ITEM_WITHIN
                                  ? rule->weight(rule->self, row, item)
                                  : 0;
        }
    }
}

int
ba_resampler_build(const ba_resample_rule_t *rule, ba_resampler_t *out)
{
    int status = BA_OK;

    *out = (ba_resampler_t){.n_rows = rule->n_rows, .n_items = rule->n_items};
    BA_TRY_ALLOC(out->first, ba_calloc(rule->n_rows, sizeof *out->first));
    BA_TRY_ALLOC(out->start, ba_calloc(rule->n_rows + 1, sizeof *out->start));
    if (ascends(rule->item_times, rule->n_items)) {
        find_sorted(rule, out->first, out->start + 1);
    } else {
        find_unsorted(rule, out->first, out->start + 1);
    }
    for (size_t row = 0; row < rule->n_rows; row++) {
        out->start[row + 1] += out->start[row];
    }
    BA_TRY_ALLOC(out->weights, ba_malloc(out->start[rule->n_rows], sizeof *out->weights));
    fill_weights(rule, out);
out:
    if (status != BA_OK) {
        ba_resampler_free(out);
    }
    return status;
}

void
ba_resampler_free(ba_resampler_t *resampler)
{
    ba_free(resampler->first);
    ba_free(resampler->start);
    ba_free(resampler->weights);
    *resampler = (ba_resampler_t){0};
}

static void
apply_column(const ba_resampler_t *resampler, const double *x, double *y)
{
    for (size_t row = 0; row < resampler->n_rows; row++) {
        const double *weights = resampler->weights + resampler->start[row];
        size_t n = resampler->start[row + 1] - resampler->start[row];
        double sum = 0;

        for (size_t k = 0; k < n; k++) {
            sum += weights[k] * x[resampler->first[row] + k];
        }
        y[row] = sum;
    }
}

void
ba_resampler_apply(
    const ba_ctx_t *ctx, const ba_resampler_t *resampler, ba_cdmat_t x, ba_dmat_t y)
{
#pragma omp parallel for schedule(static) num_threads(ba_ctx_threads(ctx))
    for (size_t j = 0; j < y.n_cols; j++) {
        apply_column(resampler, x.data + j * x.ld, y.data + j * y.ld);
    }
}

typedef struct {
    const double *item_times, *edges;
} bins_t;

static ba_item_side_t
bin_side(const void *self, size_t row, size_t item)
{
    const bins_t *bins = self;
    double time = bins->item_times[item];

    if (time < bins->edges[row]) {
        return BA_ITEM_BEFORE;
    }
    return time < bins->edges[row + 1] ? BA_ITEM_WITHIN : BA_ITEM_AFTER;
}

static double
one(const void *self, size_t row, size_t item)
{
    (void) self;
    (void) row;
    (void) item;
    return 1;
}

/* Turns the weights of a sum, 1 or 0, into those of a mean or of the last item. */
static void
weigh_row(ba_bin_t how, double *weights, size_t n)
{
    double count = 0;
    int found = 0;

    for (size_t k = 0; k < n; k++) {
        count += weights[k];
    }
    for (size_t k = n; k-- > 0;) {
        if (weights[k] > 0 && how == BA_BIN_MEAN) {
            weights[k] = 1 / count;
        } else if (weights[k] > 0) {
            weights[k] = !found;
            found = 1;
        }
    }
}

int
ba_resampler_bins(ba_bin_t how, const double *item_times, size_t n_items,
    const double *edges, size_t n_bins, ba_resampler_t *out)
{
    const bins_t bins = {.item_times = item_times, .edges = edges};
    const ba_resample_rule_t rule = {.self = &bins,
        .item_times = item_times,
        .n_items = n_items,
        .n_rows = n_bins,
        .side = bin_side,
        .weight = one};
    int status;

    *out = (ba_resampler_t){0};
    BA_TRY(ba_times_check("edges of volumes", edges, n_bins + 1));
    BA_TRY(ba_resampler_build(&rule, out));
    for (size_t row = 0; row < n_bins && how != BA_BIN_SUM; row++) {
        weigh_row(
            how, out->weights + out->start[row], out->start[row + 1] - out->start[row]);
    }
out:
    return status;
}
