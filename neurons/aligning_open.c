/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An encoder file read with the data it was fitted on, prepared as for its fit. */
#include "neurons/aligning.h"

#include "brainalign/cv.h"
#include "core/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void
free_borrowed(const void *block)
{
    union {
        const void *borrowed;
        void *owned;
    } cast = {block};

    ba_free(cast.owned);
}

void
ba_aligning_close(ba_aligning_t *a)
{
    size_t n_spaces = a->encoder ? a->encoder->n_spaces : 0;

    ba_design_free(a->design);
    for (size_t k = 0; k < n_spaces; k++) {
        if (a->spaces) {
            free_borrowed(a->spaces[k].single);
            free_borrowed(a->spaces[k].full);
        }
        if (a->delays) {
            ba_free(a->delays[k]);
        }
    }
    ba_free(a->spaces);
    ba_free(a->delays);
    ba_free(a->kept);
    ba_runs_free(&a->runs);
    ba_free(a->outer);
    ba_free(a->fold);
    ba_free(a->responses);
    ba_free(a->alphas);
    ba_free(a->gammas);
    ba_free(a->r2_by_fold);
    ba_free(a->status);
    ba_neuron_table_free(&a->neurons);
    ba_free(a->start);
    ba_free(a->columns);
    for (size_t e = 0; a->encoders && e < a->n_encoders; e++) {
        ba_encoder_free(a->encoders[e]);
    }
    ba_free(a->encoders);
    ba_free(a->first_target);
    *a = (ba_aligning_t){0};
}

/* ---- features ---- */

static int
read_spaces(const ba_ctx_t *ctx, ba_aligning_t *a)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = a->encoder;
    const ba_dataset_t *dataset = a->opts->dataset;
    size_t n_delays = encoder->n_delays;

    BA_TRY_ALLOC(a->spaces, ba_calloc(encoder->n_spaces, sizeof *a->spaces));
    BA_TRY_ALLOC(a->delays, ba_calloc(encoder->n_spaces, sizeof *a->delays));
    for (size_t k = 0; k < encoder->n_spaces; k++) {
        ba_space_t *space = &a->spaces[k];
        float *single = NULL;
        double *full = NULL;
        size_t n = 0;

        BA_TRY_ALLOC(a->delays[k], ba_malloc(n_delays, sizeof **a->delays));
        for (size_t d = 0; d < n_delays; d++) {
            if (encoder->space_delays[k * n_delays + d]) {
                a->delays[k][n++] = encoder->delays[d];
            }
        }
        BA_TRY(ba_dataset_read_features(
            ctx, dataset->train.features[k], dataset->space_names[k], &single, &full));
        *space = (ba_space_t){dataset->space_names[k], single, full,
            ba_source_n_cols(dataset->train.features[k]), a->delays[k], n, 0};
    }
    BA_TRY(ba_design_new(a->spaces, encoder->n_spaces, &dataset->train.runs,
        encoder->delay_across_runs ? BA_DELAY_ACROSS_RUNS : BA_DELAY_WITHIN_RUNS,
        &a->design));
out:
    return status;
}

static int
is_control(const ba_aligning_t *a, size_t space)
{
    for (size_t i = 0; i < a->opts->n_controls; i++) {
        if (strcmp(a->opts->controls[i], a->encoder->space_names[space]) == 0) {
            return 1;
        }
    }
    return 0;
}

static int
check_controls(const ba_aligning_t *a)
{
    for (size_t i = 0; i < a->opts->n_controls; i++) {
        size_t k = 0;

        while (k < a->encoder->n_spaces &&
               strcmp(a->opts->controls[i], a->encoder->space_names[k]) != 0) {
            k++;
        }
        if (k == a->encoder->n_spaces) {
            return ba_fail(BA_VALUE, "control: '%s' names no feature space of %s",
                a->opts->controls[i], a->opts->encoder);
        }
    }
    return BA_OK;
}

/* Columns of each feature that is no control, in the order of the delays. */
static int
list_columns(ba_aligning_t *a, const size_t *place, size_t n)
{
    int status = BA_OK;
    size_t p = ba_design_n_columns(a->design), *next = NULL;

    BA_TRY_ALLOC(a->start, ba_calloc(n + 1, sizeof *a->start));
    BA_TRY_ALLOC(a->columns, ba_malloc(p, sizeof *a->columns));
    BA_TRY_ALLOC(next, ba_malloc(n, sizeof *next));
    for (size_t c = 0; c < p; c++) {
        size_t j = place[ba_design_column(a->design, c).feature_index];

        if (j != SIZE_MAX) {
            a->start[j + 1]++;
        }
    }
    for (size_t j = 0; j < n; j++) {
        a->start[j + 1] += a->start[j];
        next[j] = a->start[j];
    }
    for (size_t c = 0; c < p; c++) {
        size_t j = place[ba_design_column(a->design, c).feature_index];

        if (j != SIZE_MAX) {
            a->columns[next[j]++] = c;
        }
    }
out:
    ba_free(next);
    return status;
}

static int
make_neurons(ba_aligning_t *a)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = a->encoder;
    size_t n = 0, at = 0, size = a->opts->layer_size, *place = NULL;

    BA_TRY(check_controls(a));
    for (size_t k = 0; k < encoder->n_spaces; k++) {
        size_t n_features = a->spaces[k].n_features;

        if (!is_control(a, k) && size > 0 && n_features % size != 0) {
            BA_TRY(
                ba_fail(BA_SHAPE, "feature space '%s': %zu columns, wanted layers of %zu",
                    encoder->space_names[k], n_features, size));
        }
        n += is_control(a, k) ? 0 : n_features;
    }
    if (n == 0) {
        BA_TRY(ba_fail(
            BA_VALUE, "control: every feature space is one, wanted neurons to look at"));
    }
    BA_TRY(ba_neuron_table_make(
        n, (const char *const *) encoder->space_names, encoder->n_spaces, &a->neurons));
    BA_TRY_ALLOC(place, ba_malloc(encoder->n_features, sizeof *place));
    n = 0;
    for (size_t k = 0; k < encoder->n_spaces; k++) {
        for (size_t i = 0; i < a->spaces[k].n_features; i++) {
            place[at++] = is_control(a, k) ? SIZE_MAX : n;
            if (!is_control(a, k)) {
                a->neurons.layer[n] = size > 0 ? i / size : 0;
                a->neurons.unit[n] = size > 0 ? i % size : i;
                a->neurons.component[n++] = k;
            }
        }
    }
    BA_TRY(list_columns(a, place, n));
out:
    ba_free(place);
    return status;
}

/* ---- settings of the fit ---- */

static int
read_folds(ba_aligning_t *a)
{
    int status, any = 0;
    ba_cv_opts_t cv = {.kind = BA_CV_ROWS};

    BA_TRY_ALLOC(a->outer, ba_malloc(a->n_samples, sizeof *a->outer));
    BA_TRY_ALLOC(a->fold, ba_malloc(a->n_used, sizeof *a->fold));
    BA_TRY(ba_bundle_read(
        a->encoder->bundle, "/splits/outer", BA_I32, NULL, NULL, a->outer));
    for (size_t i = 0; i < a->n_samples; i++) {
        any |= a->outer[i] >= 0;
    }
    if (!any) {
        BA_TRY(ba_fail(BA_MISSING,
            "%s: no outer folds, wanted an encoder whose folds hold rows out",
            a->opts->encoder));
    }
    cv.ids = a->outer;
    BA_TRY(ba_cv_folds(&cv, &a->runs, a->kept, a->n_used, a->fold, &a->n_folds));
out:
    return status;
}

/* Responses, a fold's factorisation, and results of as many targets as still fit: a
 * block at least. Fewer than all cost a factorisation of every fold for each window. */
static int
set_window(const ba_ctx_t *ctx, ba_aligning_t *a)
{
    double p = (double) ba_design_n_columns(a->design), n = (double) a->n_used;
    double rank = p < n ? p : n, v = (double) a->n_targets, budget;
    double each =
        (double) a->neurons.n_neurons *
        (BA_ALIGN_N * (2.0 * sizeof(double) + sizeof(uint16_t)) + sizeof(double));
    double fixed = sizeof(double) * (n * v + 2.0 * rank * (p + rank) + 3.0 * n * p);
    size_t n_blocks = (a->n_targets + BA_ALIGN_BLOCK - 1) / BA_ALIGN_BLOCK, fit;

    budget = (double) ba_ctx_memory(ctx);
    fit = fixed < budget ? (size_t) fmin((budget - fixed) / (each * BA_ALIGN_BLOCK), 1e9)
                         : 0;
    if (fit == 0) {
        return ba_fail(BA_TOO_LARGE,
            "%zu neurons, %zu targets of %zu samples need %.3g GiB for %d targets at a "
            "time, wanted at most %.3g",
            a->neurons.n_neurons, a->n_targets, a->n_used,
            (fixed + each * BA_ALIGN_BLOCK) * 0x1p-30, BA_ALIGN_BLOCK,
            (double) ba_ctx_memory(ctx) * 0x1p-30);
    }
    a->window = (fit < n_blocks ? fit : n_blocks) * BA_ALIGN_BLOCK;
    return BA_OK;
}

int
ba_aligning_open(const ba_ctx_t *ctx, const ba_align_opts_t *opts, ba_aligning_t *out)
{
    int status;
    const ba_dataset_part_t *part = &opts->dataset->train;
    int64_t trim[2];

    *out = (ba_aligning_t){.opts = opts, .n_samples = part->n_samples};
    BA_TRY(ba_align_encoders_load(out));
    BA_TRY(ba_encoder_check(out->encoder, opts->dataset));
    for (size_t k = 0; k < out->encoder->n_spaces; k++) {
        if (ba_source_n_cols(part->features[k]) != out->encoder->space_features[k]) {
            BA_TRY(ba_fail(BA_UNSUPPORTED,
                "%s: feature space '%s' stands in principal components, wanted the "
                "neurons "
                "themselves",
                opts->encoder, out->encoder->space_names[k]));
        }
    }
    BA_TRY(ba_bundle_get_i64(out->encoder->bundle, "/", "trim", 2, trim, NULL));
    BA_TRY_ALLOC(out->kept, ba_malloc(part->n_samples, sizeof *out->kept));
    BA_TRY(ba_runs_trim(
        &part->runs, (size_t) trim[0], (size_t) trim[1], out->kept, &out->runs));
    out->n_used = out->runs.n_samples;
    BA_TRY(read_folds(out));
    BA_TRY(ba_align_read_targets(out));
    BA_TRY(read_spaces(ctx, out));
    BA_TRY(ba_align_check_features(out));
    BA_TRY(make_neurons(out));
    BA_TRY(set_window(ctx, out));
    BA_TRY(ba_align_read_responses(ctx, out));
out:
    return status;
}
