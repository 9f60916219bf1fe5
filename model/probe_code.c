/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Online (prequential) code length: how many bits it takes to send the labels of tokens in
 * order when each block is coded with a probe fitted on the blocks before. Reference:
 * Voita & Titov 2020, EMNLP. */
#include "core/alloc.h"
#include "model/probe_impl.h"

#include <math.h>
#include <string.h>

enum { LEAST_ROWS = 50 };

/* Shares of the rows, in units of 1 / PARTS. */
enum { PARTS = 100000 };
static const size_t shares[] = {
    100, 200, 400, 800, 1600, 3200, 6250, 12500, 25000, 50000, PARTS};

typedef struct {
    size_t n, p;
    float *x;        /* n x p, rows in the order of the code */
    uint32_t *label; /* n */
    double *center, *scale;
    double *logits; /* n x n_classes, used from the front */
} stream_t;

static void
stream_free(stream_t *stream)
{
    ba_free(stream->x);
    ba_free(stream->label);
    ba_free(stream->center);
    ba_free(stream->scale);
    ba_free(stream->logits);
}

static int
stream_new(const ba_probe_data_t *data, const size_t *order, stream_t *stream)
{
    size_t n = data->x.n_rows, p = data->n_neurons, size;
    int status;

    *stream = (stream_t){.n = n, .p = p};
    BA_TRY(ba_multiply(n, sizeof *stream->x, &size));
    BA_TRY_ALLOC(stream->x, ba_malloc(p, size));
    BA_TRY_ALLOC(stream->label, ba_malloc(n, sizeof *stream->label));
    BA_TRY_ALLOC(stream->center, ba_calloc(p, sizeof *stream->center));
    BA_TRY_ALLOC(stream->scale, ba_calloc(p, sizeof *stream->scale));
    BA_TRY_ALLOC(stream->logits, ba_malloc(n, data->n_classes * sizeof *stream->logits));
    for (size_t i = 0; i < n; i++) {
        stream->label[i] = data->label[order ? order[i] : i];
    }
    for (size_t j = 0; j < p; j++) {
        const float *x =
            data->x.data + (data->columns ? data->columns[j] : j) * data->x.ld;

        stream->center[j] = data->center ? data->center[j] : 0;
        stream->scale[j] = data->scale ? data->scale[j] : 1;
        for (size_t i = 0; i < n; i++) {
            stream->x[i + j * n] = x[order ? order[i] : i];
        }
    }
out:
    return status;
}

/* Rows before which every class has been seen. */
static size_t
first_complete(const stream_t *stream, size_t n_classes)
{
    size_t first = 0;

    for (size_t c = 0; c < n_classes; c++) {
        size_t i = 0;

        while (i < stream->n && stream->label[i] != c) {
            i++;
        }
        first = i + 1 > first ? i + 1 : first;
    }
    return first;
}

static int
make_cuts(const stream_t *stream, size_t n_classes, ba_probe_code_t *code)
{
    size_t least = first_complete(stream, n_classes);

    least = least > LEAST_ROWS ? least : LEAST_ROWS;
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        size_t cut = (size_t) ((double) stream->n * (double) shares[i] / PARTS);
        size_t last = code->n_cuts > 0 ? code->cut[code->n_cuts - 1] : 0;

        if (cut >= least && cut > last) {
            code->cut[code->n_cuts++] = cut;
        }
    }
    if (code->n_cuts < 2) {
        return ba_fail(BA_SHAPE,
            "code length: %zu tokens, all classes seen after %zu, wanted at least %d and "
            "every class in the first half",
            stream->n, least, 2 * LEAST_ROWS);
    }
    return BA_OK;
}

static ba_probe_data_t
rows_of(const stream_t *stream, size_t row0, size_t n, size_t n_classes)
{
    return (ba_probe_data_t){.x = {stream->x + row0, n, stream->p, stream->n},
        .n_neurons = stream->p,
        .center = stream->center,
        .scale = stream->scale,
        .label = stream->label + row0,
        .n_classes = n_classes};
}

/* Bits of the block after cut i, under the probe fitted on what is before it. */
static int
send_block(const ba_ctx_t *ctx, stream_t *stream, const ba_probe_opts_t *opts, int zscore,
    size_t i, size_t n_classes, ba_probe_t **probe, ba_probe_code_t *code)
{
    size_t before = code->cut[i], n = code->cut[i + 1] - before;
    ba_probe_data_t past = rows_of(stream, 0, before, n_classes);
    ba_probe_data_t block = rows_of(stream, before, n, n_classes);
    ba_probe_score_t *score = NULL;
    ba_probe_t *next = NULL;
    int status = BA_OK;

    if (zscore) {
        BA_TRY(ba_probe_scale(ctx, &past, stream->center, stream->scale, NULL));
    }
    BA_TRY(ba_probe_fit(ctx, &past, opts, *probe, &next));
    ba_probe_free(*probe);
    *probe = next;
    BA_TRY(ba_probe_logits(ctx, next, &block, NULL, BA_REST_ZERO, NULL, stream->logits));
    BA_TRY(ba_probe_score(stream->logits, n, n_classes, block.label, &score));
    code->bits[i + 1] = score->loss * (double) n / log(2);
out:
    ba_probe_score_free(score);
    return status;
}

int
ba_probe_code_length(const ba_ctx_t *ctx, const ba_probe_data_t *data,
    const ba_probe_opts_t *opts, const size_t *order, int zscore, ba_probe_code_t *out)
{
    size_t n_classes = data->n_classes;
    stream_t stream = {.n = 0};
    ba_probe_t *probe = NULL;
    int status = BA_OK;

    *out = (ba_probe_code_t){.n_cuts = 0};
    if (opts->kind != BA_PROBE_SOFTMAX) {
        BA_TRY(ba_fail(BA_VALUE, "code length: of softmax probes only"));
    }
    BA_TRY(stream_new(data, order, &stream));
    BA_TRY(make_cuts(&stream, n_classes, out));
    out->bits[0] = (double) out->cut[0] * log2((double) n_classes);
    out->uniform = (double) stream.n * log2((double) n_classes);
    out->total = out->bits[0];
    for (size_t i = 0; i + 1 < out->n_cuts; i++) {
        BA_TRY(send_block(ctx, &stream, opts, zscore, i, n_classes, &probe, out));
        out->total += out->bits[i + 1];
        ba_ctx_progress(ctx, "code length", (double) out->cut[i + 1], (double) stream.n);
    }
out:
    ba_probe_free(probe);
    stream_free(&stream);
    return status;
}
