/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's decoding: a layer from all voxels, then segments found again among all
 * others. */
#include "cli/demo.h"

#include "brainalign/bundle.h"
#include "brainalign/decode.h"
#include "brainalign/error.h"
#include "brainalign/identification.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Decoded with responses of 4 to 8 s later; volumes of a segment: 10 s. */
static const char delays[] = "2,3,4";
enum { SEGMENT = 5 };

/* Segments of a run that have a prediction at every volume, side by side in rows. */
typedef struct {
    size_t n_items, n_cols;
    double *predicted, *truth; /* n_items x n_cols */
} items_t;

static int
fit(const cli_call_t *call, const ba_ctx_t *ctx, const demo_decoding_t *what,
    const char *output)
{
    ba_decode_fit_opts_t opts = ba_decode_fit_opts_default();
    const char *spaces[] = {what->features};
    ba_dataset_opts_t data = {.features = spaces,
        .n_features = 1,
        .responses = what->responses,
        .runs = what->runs};
    ba_dataset_t *dataset = NULL;
    int status;

    opts.response_delays = delays;
    opts.tr = what->tr;
    opts.fit.shared_alpha = 1;
    opts.output = output;
    opts.force = call->common->force;
    opts.argc = call->argc;
    opts.argv = call->argv;
    BA_TRY(ba_alphas_parse("log:2,5,4", &opts.fit.alphas));
    BA_TRY(ba_dataset_open(ctx, &data, &dataset));
    BA_TRY(ba_decode_fit(ctx, dataset, &opts, NULL));
out:
    ba_alphas_free(&opts.fit.alphas);
    ba_dataset_free(dataset);
    return status;
}

static int
is_whole(const double *rows, const int32_t *run, size_t n, size_t d, size_t first)
{
    for (size_t i = first; i < first + SEGMENT; i++) {
        if (i >= n || run[i] != run[first] || !isfinite(rows[i * d])) {
            return 0;
        }
    }
    return 1;
}

static void
take_segment(
    const double *rows, size_t d, size_t first, size_t item, size_t n_items, double *to)
{
    for (size_t k = 0; k < SEGMENT * d; k++) {
        to[item + k * n_items] = rows[first * d + k];
    }
}

static int
cut(const ba_bundle_t *bundle, items_t *items)
{
    size_t dims[BA_MAX_RANK], n, d;
    double *predicted = NULL, *truth = NULL;
    int32_t *run = NULL;
    int rank, status;

    BA_TRY(ba_bundle_shape(bundle, "/scaled/predictions", &rank, dims));
    n = dims[0];
    d = dims[1];
    predicted = calloc(n * d, sizeof *predicted);
    truth = calloc(n * d, sizeof *truth);
    run = calloc(n, sizeof *run);
    items->predicted = calloc(n * d, sizeof *items->predicted);
    items->truth = calloc(n * d, sizeof *items->truth);
    if (!predicted || !truth || !run || !items->predicted || !items->truth) {
        BA_TRY(ba_fail(BA_NOMEM, "demo: out of memory"));
    }
    BA_TRY(ba_bundle_read(bundle, "/scaled/predictions", BA_F64, NULL, NULL, predicted));
    BA_TRY(ba_bundle_read(bundle, "/scaled/features", BA_F64, NULL, NULL, truth));
    BA_TRY(ba_bundle_read(bundle, "/splits/run", BA_I32, NULL, NULL, run));
    items->n_cols = SEGMENT * d;
    for (int pass = 0; pass < 2; pass++) {
        size_t item = 0;

        for (size_t i = 0; i < n;) {
            if (!is_whole(predicted, run, n, d, i)) {
                i++;
                continue;
            }
            if (pass == 1) {
                take_segment(predicted, d, i, item, items->n_items, items->predicted);
                take_segment(truth, d, i, item, items->n_items, items->truth);
            }
            item++;
            i += SEGMENT;
        }
        items->n_items = item;
    }
out:
    free(predicted);
    free(truth);
    free(run);
    return status;
}

static int
identify(const ba_ctx_t *ctx, const items_t *items, demo_decoded_t *out)
{
    size_t n = items->n_items, p = items->n_cols;
    static const size_t top[] = {1};
    ba_identify_opts_t opts = {.top = top, .n_top = 1};
    ba_identification_t problem;
    ba_identified_t found = {0};
    double *s = calloc(n * n, sizeof *s);
    int status;

    if (!s) {
        BA_TRY(ba_fail(BA_NOMEM, "demo: out of memory"));
    }
    BA_TRY(ba_similarity(ctx, BA_SIMILARITY_CORRELATION,
        (ba_cdmat_t){items->predicted, n, p, n}, (ba_cdmat_t){items->truth, n, p, n},
        (ba_dmat_t){s, n, n, n}));
    problem = (ba_identification_t){.similarity = {s, n, n, n}};
    problem.tie = ba_similarity_tie(BA_SIMILARITY_CORRELATION, problem.similarity);
    BA_TRY(ba_identify(ctx, &problem, &opts, &found));
    out->n_items = n;
    out->rank_accuracy = found.rank_accuracy.value;
    out->pairs = found.sum.value;
    out->top1 = found.top[0].value;
out:
    ba_identified_free(&found);
    free(s);
    return status;
}

int
demo_decode(const cli_call_t *call, const ba_ctx_t *ctx, const demo_decoding_t *what,
    const char *output, demo_decoded_t *out)
{
    ba_bundle_t *bundle = NULL;
    items_t items = {0};
    int status;

    BA_TRY(fit(call, ctx, what, output));
    BA_TRY(ba_bundle_open(output, "brainalign-decoder", &bundle));
    BA_TRY(cut(bundle, &items));
    BA_TRY(identify(ctx, &items, out));
out:
    ba_bundle_free(bundle);
    free(items.predicted);
    free(items.truth);
    return status;
}

double
demo_segment_seconds(double tr)
{
    return SEGMENT * tr;
}
