/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scores of decoded representations against the true ones, from files to a report. */
#ifndef BRAINALIGN_SCORING_H
#define BRAINALIGN_SCORING_H

#include "brainalign/identification.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Everything borrowed. SPECs of matrices have one row a sample. */
typedef struct {
    const char *predicted; /* n_rows x n_dims; rows that are NaN throughout were not
                              decoded and are left out, as the end of a run is */
    const char *truth;     /* the same; may be NULL with gallery and own */
    const char *gallery;   /* candidates, n_candidates x n_dims; NULL = the true rows */
    const char *own;    /* SPEC of the gallery row (from 0) of each item; NULL = the first
                              row that equals the item's true one */
    const char *groups; /* SPEC of a group number for each row; NULL = none */
    const char *runs;   /* SPEC of run ids, or "onsets:0,..."; NULL = one run */
    const char *repeats; /* SPEC of repeats x n_rows x dimensions, whose identification
                              in one another is reported; NULL = none */
    ba_similarity_t similarity;
    int is_centred; /* 1 = the mean over items is subtracted from predictions, and from
                       candidates: uses all items to score each */
    size_t segment; /* items are so many consecutive rows of a run, side by side; 0 = 1 */
    const size_t *top; /* k of top-k; NULL = 1, 5, 10 */
    size_t n_top;
    const size_t *gallery_sizes; /* NULL = 2, 5, 10, 20, ... and all candidates */
    size_t n_gallery_sizes;
    size_t min_distance;     /* of pairs, in items; 0 = all pairs */
    size_t n_permutations;   /* 0 = no tests */
    ba_exchange_kind_t null; /* what the tests exchange */
    size_t block;            /* BLOCKS: items */
    ba_against_t against;    /* of repeats */
    const char *output;      /* JSON */
    const char *table;       /* TSV, a line an item; NULL = none */
    int force, dry_run;      /* dry_run: open, check and plan; nothing is written */
    int argc;                /* for the provenance */
    const char *const *argv;
} ba_decode_score_opts_t;

/* 10,000 permutations of items, cosine, the mean of other repeats; no files. */
BA_API ba_decode_score_opts_t ba_decode_score_opts_default(void);

typedef struct {
    size_t n_rows, n_left_out; /* rows read; those in no item */
    size_t n_missing;          /* of these: not decoded, predictions without any number */
    size_t n_items, n_candidates, n_dims, n_groups, n_runs, n_repeats;
    size_t n_zero_predictions, n_zero_candidates; /* without norm or deviation */
    size_t n_identical;          /* candidates that equal an earlier one */
    size_t n_constant;           /* dimensions without r */
    size_t *top, *gallery_sizes; /* as used */
    size_t n_top, n_gallery_sizes;
    ba_identified_t scores;
    ba_statistic_t r_mean;    /* Pearson's r over rows, mean over dimensions */
    ba_statistic_t pattern_r; /* over dimensions, mean over items */
    double *r;                /* n_dims */
    double *pattern;          /* n_items */
    double *hubness;          /* n_top: skewness for each k */
    ba_exchange_info_t exchange;
    ba_repeat_identification_t ceiling; /* n_comparisons = 0 without repeats */
    double bytes_planned, seconds;
} ba_decode_scores_t;

/* Errors: those of ba_source_open(); BA_NONFINITE (row and column); BA_SHAPE (what does not
 * fit together, fewer than 2 candidates, a true row that the gallery lacks, a group that
 * ends inside a segment, an exchange of one order); BA_VALUE; BA_TOO_LARGE over the memory
 * of ctx, said before reading; BA_EXISTS. The caller frees *out. */
BA_API int ba_decode_score(
    const ba_ctx_t *ctx, const ba_decode_score_opts_t *opts, ba_decode_scores_t *out);
BA_API void ba_decode_scores_free(ba_decode_scores_t *scores);

#ifdef __cplusplus
}
#endif

#endif
