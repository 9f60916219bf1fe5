/* SPDX-License-Identifier: GPL-3.0-or-later */
/* encode predict: a fitted encoder on new features. */
#include "encode/applier.h"
#include "encode/encoder_file.h"

#include "core/alloc.h"
#include "datasets/provenance.h"

static int
write_predictions(const ba_ctx_t *ctx, ba_applier_t *applier, ba_sink_t *sink)
{
    int status = BA_OK;
    size_t n_samples = applier->n_samples, v = applier->encoder->n_targets;
    double *columns = NULL, *rows = NULL;

    BA_TRY_ALLOC(columns, ba_malloc(n_samples, BA_TILE * sizeof *columns));
    BA_TRY_ALLOC(rows, ba_malloc(n_samples, BA_TILE * sizeof *rows));
    for (size_t t0 = 0; t0 < v; t0 += BA_TILE) {
        size_t n = v - t0 < BA_TILE ? v - t0 : BA_TILE;

        BA_TRY(ba_applier_predict(applier, t0, n, columns));
        for (size_t i = 0; i < n_samples; i++) {
            for (size_t j = 0; j < n; j++) {
                rows[i * n + j] = columns[i + j * n_samples];
            }
        }
        BA_TRY(ba_sink_write(sink, (size_t[]){0, t0}, (size_t[]){n_samples, n}, rows));
        ba_ctx_progress(ctx, "predict", (double) (t0 + n), (double) v);
    }
out:
    ba_free(columns);
    ba_free(rows);
    return status;
}

int
ba_encode_predict(
    const ba_ctx_t *ctx, const ba_dataset_t *dataset, const ba_encode_apply_opts_t *opts)
{
    int status = BA_OK;
    ba_provenance_t provenance = ba_provenance_start(ctx, opts->argc, opts->argv);
    const char *more[] = {opts->encoder, NULL};
    ba_applier_t applier = {0};
    ba_bundle_t *bundle = NULL;
    ba_sink_t *sink;

    BA_TRY(ba_applier_open(ctx, opts->encoder, dataset, &applier));
    BA_TRY(ba_bundle_create(opts->output, opts->force, &bundle));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "format", "brainalign-predictions"));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "format_version", 1, (int64_t[]){1}));
    BA_TRY(ba_bundle_reserve(bundle, "/predictions", BA_F64, 2,
        (size_t[]){applier.n_samples, applier.encoder->n_targets}, &sink));
    BA_TRY(write_predictions(ctx, &applier, sink));
    BA_TRY(ba_encoder_file_status(
        bundle, applier.encoder->n_targets, applier.encoder->status));
    BA_TRY(ba_provenance_write(&provenance, dataset, more, bundle));
    BA_TRY(ba_bundle_commit(bundle));
out:
    ba_bundle_free(bundle);
    ba_applier_close(&applier);
    return status;
}
