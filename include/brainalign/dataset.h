/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What belongs together: feature spaces, responses, runs, nuisance regressors, labels of
 * targets. */
#ifndef BRAINALIGN_DATASET_H
#define BRAINALIGN_DATASET_H

#include "brainalign/runs.h"
#include "brainalign/source.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where a data set comes from: single SPECs, or a run table. Everything borrowed; unused
 * members NULL or 0. */
typedef struct {
    const char *const *features; /* "[NAME=]SPEC" each, one feature space each */
    size_t n_features;
    const char *responses;
    const char *mask; /* NIfTI mask of image responses, or the grid that flat responses
                         are voxels of */
    const char *runs; /* SPEC of run ids, or "onsets:0,291,..." */
    const char *nuisance;         /* SPEC, n_samples x n_nuisance */
    const char *nuisance_columns; /* names and shell patterns, separated by commas, of the
                                     nuisance tables' columns (docs/formats.md); NULL = all
                                     of them, as they are */
    const char *run_table;        /* instead of features, responses, runs, nuisance */
    const char *const *test_features;
    size_t n_test_features;
    const char *test_responses; /* 2-D, or repeats x samples x targets */
    const char *test_runs;
    const char *layers; /* SPEC of all layers of a model, one more feature space that is
                           taken apart to layer_0, layer_1, ... (ba_source_layers()); a
                           test set's comes last, or as layer=SPEC */
    size_t layer_size;  /* columns of a layer, 0 = the slabs of `layers`. Without `layers`
                           the last feature space is taken apart (of a run table too) */
    int no_features;    /* 1 = responses alone are enough: n_samples are theirs */
    int by_run; /* 1 = responses of a run table stay apart, as run_responses: runs may have
                     other numbers of columns; training runs alone */
    int to_apply; /* 1 = for a fitted model: of a run table the test runs if it has any,
                     else all, as the part `train`; responses may have repeats */
} ba_dataset_opts_t;

/* Samples with their features and responses. Sources are opened, nothing is read but run
 * ids. */
typedef struct {
    ba_source_t **features; /* one per space, n_samples rows each */
    ba_source_t *responses; /* n_repeats slabs x n_samples x n_targets, NULL where none
                               were asked for */
    ba_source_t *nuisance;  /* NULL = none */
    ba_runs_t runs;         /* of the samples */
    char **run_names;       /* runs.n_runs labels */
    char **run_stimuli;     /* of a run table: its column run, without the subject */
    char **run_subjects;    /* of a run table with column subject; NULL = without */
    ba_source_t **run_responses;   /* of each run, in place of responses (by_run); ends
                                     with NULL */
    unsigned char *lacks_features; /* by_run: of each run, 1 = n/a, zeros here */
    size_t n_samples, n_repeats;
} ba_dataset_part_t;

typedef struct {
    size_t n_spaces;
    char **space_names;      /* the NAME given, the run table's column, else "features",
                                "features2", ... */
    ba_dataset_part_t train; /* what models are fitted on */
    ba_dataset_part_t test;  /* a fixed test set; n_samples = 0 where there is none */
    char *
        *other_files; /* n_other_files inputs beside the sources: mask, ids, run table */
    size_t n_other_files;
    ba_image_t
        *image; /* own copy of the grid of the targets, NULL where they are no voxels */
} ba_dataset_t;

/* Opens and checks that all fits together. Run table (TSV): columns `run`, `responses`,
 * `features` (or one `features:NAME` per space), optional `subject`, `nuisance`, `role`
 * (train, test), `repeat`; file names are relative to the table's folder; runs are
 * stacked in file order; test runs that share a `run` label and differ in `repeat` become
 * slabs. Errors: those of ba_source_open(); BA_SHAPE (lengths differ: both named; column
 * counts differ; a run label comes back later; no training run); BA_FORMAT (unknown or
 * missing table column); BA_VALUE (neither or both of table and SPECs; duplicate space
 * name). The caller frees. */
BA_API int ba_dataset_open(
    const ba_ctx_t *ctx, const ba_dataset_opts_t *opts, ba_dataset_t **out);
BA_API void ba_dataset_free(ba_dataset_t *dataset);

/* Label of a target: the response column's name, "x,y,z" of its voxel, or NULL. `label`
 * has room for 64 bytes; longer names are cut. */
BA_API const char *ba_dataset_target_label(
    const ba_dataset_t *dataset, size_t target, char label[64]);

/* Reads a whole feature space into memory, column-major n_samples x n_features, float32
 * where that is exact (*single), else float64 (*full); the other is NULL. free()
 * releases. BA_NONFINITE names row and column (from 0) of the first value that is not
 * finite. */
BA_API int ba_dataset_read_features(const ba_ctx_t *ctx, ba_source_t *source,
    const char *space_name, float **single, double **full);

#ifdef __cplusplus
}
#endif

#endif
