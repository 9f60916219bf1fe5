/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Samples of a decoding: their features, which of them are kept, runs and folds. */
#include "decode/invert_impl.h"

#include "brainalign/hash.h"
#include "core/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int
fail_missing(const ba_decoding_t *decoding, const char *what)
{
    return ba_fail(BA_MISSING,
        "%s: %s, wanted a fit with outer splits and --save weights,fold-weights (or "
        "--in-sample, which decodes rows that the model was fitted on)",
        decoding->encoder->path, what);
}

static int
read_integers(const ba_decoding_t *decoding, const char *path, size_t n, int32_t *out)
{
    int status = BA_OK, rank;
    size_t dims[BA_MAX_RANK];

    BA_TRY(ba_bundle_shape(decoding->encoder->bundle, path, &rank, dims));
    if (rank != 1 || dims[0] != n) {
        BA_TRY(ba_fail(BA_SHAPE, "%s:%s: %zu samples, but the data have %zu",
            decoding->encoder->path, path, dims[0], n));
    }
    BA_TRY(ba_bundle_read(decoding->encoder->bundle, path, BA_I32, NULL, NULL, out));
out:
    return status;
}

/* ---- features ---- */

int
ba_decoding_features(ba_decoding_t *decoding)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = decoding->encoder;
    const ba_dataset_part_t *part = &decoding->dataset->train;
    size_t n = decoding->n_samples, at = 0;
    uint64_t *hash = NULL;

    if (decoding->dataset->n_spaces == 0) {
        BA_TRY(ba_fail(BA_VALUE,
            "features: none, wanted the features of the fit (--features or a "
            "--run-table)"));
    }
    BA_TRY(ba_encoder_check(encoder, decoding->dataset));
    decoding->n_features = encoder->n_features;
    BA_TRY_ALLOC(decoding->features,
        ba_malloc(n, decoding->n_features * sizeof *decoding->features));
    BA_TRY_ALLOC(hash, ba_calloc(n, sizeof *hash));
    for (size_t k = 0; k < decoding->dataset->n_spaces; k++) {
        size_t width = ba_source_n_cols(part->features[k]);
        double *x = decoding->features + at * n;

        BA_TRY(ba_source_read(part->features[k], 0, 0, n, 0, width, x, n));
        for (size_t i = 0; i < n * width; i++) {
            if (!isfinite(x[i])) {
                BA_TRY(ba_fail(BA_NONFINITE,
                    "%s: row %zu, column %zu (from 0) is %g, wanted finite numbers",
                    ba_source_name(part->features[k]), i % n, i / n, x[i]));
            }
            hash[i % n] = ba_hash_number(hash[i % n], x[i]);
        }
        at += width;
    }
    for (size_t i = 0; encoder->feature_hash && i < n; i++) {
        if (i >= encoder->n_rows || hash[i] != encoder->feature_hash[i]) {
            BA_TRY(ba_fail(BA_SHAPE,
                "features: row %zu (from 0) is another than %s was fitted on, by its "
                "fingerprint, wanted the features of the fit",
                i, encoder->path));
        }
    }
out:
    ba_free(hash);
    return status;
}

/* ---- rows ---- */

static int
compare_ids(const void *a, const void *b)
{
    const int32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Folds of kept rows as ordinals of ascending ids, -1 where a row was never held out. */
static int
number_folds(ba_decoding_t *decoding, const int32_t *outer)
{
    int status = BA_OK;
    size_t n = decoding->n_kept, n_ids = 0;
    int32_t *ids = NULL;

    BA_TRY_ALLOC(ids, ba_malloc(n, sizeof *ids));
    for (size_t i = 0; i < n; i++) {
        if (outer[decoding->kept[i]] >= 0) {
            ids[n_ids++] = outer[decoding->kept[i]];
        }
    }
    qsort(ids, n_ids, sizeof *ids, compare_ids);
    for (size_t i = 0; i < n_ids; i++) {
        if (decoding->n_folds == 0 || ids[i] != ids[decoding->n_folds - 1]) {
            ids[decoding->n_folds++] = ids[i];
        }
    }
    for (size_t i = 0; i < n; i++) {
        const int32_t *found = bsearch(
            &outer[decoding->kept[i]], ids, decoding->n_folds, sizeof *ids, compare_ids);

        decoding->fold[i] = found ? (int32_t) (found - ids) : -1;
    }
out:
    ba_free(ids);
    return status;
}

static int
find_folds(ba_decoding_t *decoding)
{
    int status = BA_OK, rank;
    const ba_bundle_t *bundle = decoding->encoder->bundle;
    size_t dims[BA_MAX_RANK];
    int64_t gaps[2] = {0, 0};
    int32_t *outer = NULL;

    if (decoding->opts->in_sample) {
        decoding->n_folds = 1;
        memset(decoding->fold, 0, decoding->n_kept * sizeof *decoding->fold);
        return BA_OK;
    }
    if (!ba_bundle_has(bundle, "/fold_weights")) {
        BA_TRY(fail_missing(decoding, "no /fold_weights"));
    }
    BA_TRY_ALLOC(outer, ba_malloc(decoding->n_samples, sizeof *outer));
    BA_TRY(read_integers(decoding, "/splits/outer", decoding->n_samples, outer));
    BA_TRY(number_folds(decoding, outer));
    BA_TRY(ba_bundle_shape(bundle, "/fold_weights", &rank, dims));
    if (rank != 4 || dims[0] != decoding->n_folds || decoding->n_folds < 2) {
        BA_TRY(ba_fail(BA_FORMAT,
            "%s:/fold_weights: %d dimensions, the first %zu, wanted 4 and one for each "
            "of "
            "%zu outer folds (2 or more)",
            decoding->encoder->path, rank, dims[0], decoding->n_folds));
    }
    BA_TRY(ba_bundle_get_i64(bundle, "/", "cv_gap", 2, gaps, NULL));
    decoding->gap = (size_t) gaps[1];
out:
    ba_free(outer);
    return status;
}

/* Kept rows, their runs and folds. */
int
ba_decoding_rows(ba_decoding_t *decoding, ba_runs_t *runs)
{
    int status = BA_OK;
    const ba_runs_t *all = &decoding->dataset->train.runs;
    int64_t trim[2] = {0, 0};
    size_t n = decoding->n_samples;

    BA_TRY(ba_bundle_get_i64(decoding->encoder->bundle, "/", "trim", 2, trim, NULL));
    BA_TRY_ALLOC(decoding->kept, ba_malloc(n, sizeof *decoding->kept));
    BA_TRY(ba_runs_trim(all, (size_t) trim[0], (size_t) trim[1], decoding->kept, runs));
    decoding->n_kept = runs->n_samples;
    BA_TRY_ALLOC(decoding->run, ba_malloc(n, sizeof *decoding->run));
    BA_TRY_ALLOC(decoding->fold, ba_malloc(n, sizeof *decoding->fold));
    for (size_t i = 0; i < decoding->n_kept; i++) {
        decoding->run[i] = ba_runs_of(runs, i);
    }
    BA_TRY(find_folds(decoding));
    if (decoding->encoder->delay_across_runs) {
        BA_TRY(ba_runs_one(n, &decoding->borders));
    } else {
        BA_TRY(ba_runs_from_onsets(all->onset, all->n_runs, n, &decoding->borders));
    }
out:
    return status;
}

size_t
ba_decoding_time(const ba_decoding_t *decoding, size_t row, size_t *run_length)
{
    const ba_runs_t *borders = &decoding->borders;
    size_t sample = decoding->kept[row], run = ba_runs_of(borders, sample);

    *run_length = borders->onset[run + 1] - borders->onset[run];
    return sample - borders->onset[run];
}

size_t
ba_decoding_stretch(
    const ba_decoding_t *decoding, const size_t *rows, size_t n, size_t first)
{
    size_t last = first;

    while (last + 1 < n && rows[last + 1] == rows[last] + 1 &&
           decoding->kept[rows[last + 1]] == decoding->kept[rows[last]] + 1 &&
           decoding->run[rows[last + 1]] == decoding->run[rows[last]]) {
        last++;
    }
    return last + 1;
}

int
ba_decoding_design(ba_decoding_t *decoding)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = decoding->encoder;
    size_t d = encoder->n_delays, at = 0;

    BA_TRY_ALLOC(
        decoding->spaces, ba_calloc(encoder->n_spaces, sizeof *decoding->spaces));
    BA_TRY_ALLOC(decoding->space_delays, ba_malloc(encoder->n_spaces * d, sizeof(int)));
    for (size_t k = 0; k < encoder->n_spaces; k++) {
        ba_space_t *space = &decoding->spaces[k];
        int *delays = decoding->space_delays + k * d;

        *space = (ba_space_t){.name = encoder->space_names[k],
            .full = decoding->features + at * decoding->n_samples,
            .n_features = encoder->space_features[k],
            .delays = delays};
        for (size_t i = 0; i < d; i++) {
            if (encoder->space_delays[k * d + i]) {
                delays[space->n_delays++] = encoder->delays[i];
            }
        }
        at += space->n_features;
    }
    BA_TRY(
        ba_design_new(decoding->spaces, encoder->n_spaces, &decoding->dataset->train.runs,
            encoder->delay_across_runs ? BA_DELAY_ACROSS_RUNS : BA_DELAY_WITHIN_RUNS,
            &decoding->design));
out:
    return status;
}
