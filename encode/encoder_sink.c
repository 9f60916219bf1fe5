/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The arrays of an encoder file that are filled while the fit runs. */
#include "encode/encoder_file.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

/* Place of a delayed column in an n_delays x n_features array. */
size_t
ba_encoder_file_place(const ba_design_t *design, size_t column)
{
    ba_column_t c = ba_design_column(design, column);

    return c.delay_index * ba_design_n_features(design) + c.feature_index;
}

static int
reserve(ba_encoder_file_t *file, const char *path, int wanted, ba_dtype_t type, int rank,
    const size_t *dims, ba_sink_t **out)
{
    return wanted ? ba_bundle_reserve(file->bundle, path, type, rank, dims, out) : BA_OK;
}

int
ba_encoder_file_create(const ba_encode_fit_opts_t *opts, const ba_design_t *design,
    size_t n_rows, size_t n_targets, size_t n_outer, ba_encoder_file_t *out)
{
    int status = BA_OK;
    const ba_fit_opts_t *fit = &opts->fit;
    ba_dtype_t type = fit->precision == BA_DOUBLE ? BA_F64 : BA_F32;
    size_t n_delays, n_features = ba_design_n_features(design);

    ba_design_delays(design, &n_delays);
    *out = (ba_encoder_file_t){.design = design, .precision = fit->precision};
    out->target_start = fit->target_start;
    BA_TRY(ba_bundle_create(opts->output, opts->force, &out->bundle));
    BA_TRY(reserve(out, "/weights", fit->want_weights, type, 3,
        (size_t[]){n_delays, n_features, n_targets}, &out->weights));
    BA_TRY(reserve(out, "/fold_weights", fit->want_fold_weights && n_outer > 0, type, 4,
        (size_t[]){n_outer, n_delays, n_features, n_targets}, &out->fold_weights));
    BA_TRY(reserve(out, "/predictions", fit->want_predictions, BA_F64, 2,
        (size_t[]){n_rows, n_targets}, &out->predictions));
out:
    if (status != BA_OK) {
        ba_bundle_free(out->bundle);
        out->bundle = NULL;
    }
    return status;
}

static int
grow_buffer(ba_encoder_file_t *file, size_t n, size_t size)
{
    if (file->buffer_bytes < n * size) {
        ba_free(file->buffer);
        file->buffer_bytes = 0;
        file->buffer = ba_malloc(n, size);
        if (!file->buffer) {
            return BA_NOMEM;
        }
        file->buffer_bytes = n * size;
    }
    return BA_OK;
}

static void
put_number(const ba_encoder_file_t *file, size_t at, double value)
{
    if (file->precision == BA_DOUBLE) {
        ((double *) file->buffer)[at] = value;
    } else {
        ((float *) file->buffer)[at] = (float) value;
    }
}

static int
send_weights(void *payload, int fold, size_t target0, size_t n, const double *weights)
{
    int status = BA_OK;
    ba_encoder_file_t *file = payload;
    ba_sink_t *sink = fold < 0 ? file->weights : file->fold_weights;
    size_t p = ba_design_n_columns(file->design), n_delays;
    size_t n_features = ba_design_n_features(file->design);
    size_t size = file->precision == BA_DOUBLE ? sizeof(double) : sizeof(float);
    size_t first = target0 - file->target_start;

    if (!sink) {
        return BA_OK;
    }
    ba_design_delays(file->design, &n_delays);
    BA_TRY(grow_buffer(file, n_delays * n_features * n, size));
    for (size_t i = 0; p < n_delays * n_features && i < n_delays * n_features * n; i++) {
        put_number(file, i, NAN);
    }
    for (size_t c = 0; c < p; c++) {
        size_t place = ba_encoder_file_place(file->design, c) * n;

        for (size_t j = 0; j < n; j++) {
            put_number(file, place + j, weights[c + j * p]);
        }
    }
    if (fold < 0) {
        BA_TRY(ba_sink_write(sink, (size_t[]){0, 0, first},
            (size_t[]){n_delays, n_features, n}, file->buffer));
    } else {
        BA_TRY(ba_sink_write(sink, (size_t[]){(size_t) fold, 0, 0, first},
            (size_t[]){1, n_delays, n_features, n}, file->buffer));
    }
out:
    return status;
}

static int
send_predictions(void *payload, int fold, const size_t *rows, size_t n_rows,
    size_t target0, size_t n, const double *predictions)
{
    int status = BA_OK;
    ba_encoder_file_t *file = payload;
    double *block;
    size_t start = 0;

    (void) fold;
    if (!file->predictions) {
        return BA_OK;
    }
    BA_TRY(grow_buffer(file, n_rows * n, sizeof *block));
    block = file->buffer;
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < n_rows; i++) {
            block[i * n + j] = predictions[i + j * n_rows];
        }
    }
    while (start < n_rows) {
        size_t stop = start + 1;

        while (stop < n_rows && rows[stop] == rows[stop - 1] + 1) {
            stop++;
        }
        BA_TRY(ba_sink_write(file->predictions,
            (size_t[]){rows[start], target0 - file->target_start},
            (size_t[]){stop - start, n}, block + start * n));
        start = stop;
    }
out:
    return status;
}

ba_fit_sink_t
ba_encoder_file_sink(ba_encoder_file_t *file)
{
    return (ba_fit_sink_t){
        .payload = file,
        .weights = file->weights || file->fold_weights ? send_weights : NULL,
        .predictions = file->predictions ? send_predictions : NULL,
    };
}

void
ba_encoder_file_close(ba_encoder_file_t *file)
{
    ba_free(file->buffer);
    file->buffer = NULL;
}
