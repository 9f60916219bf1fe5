/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Partition of explained variance between feature spaces. */
#ifndef BRAINALIGN_PARTITION_H
#define BRAINALIGN_PARTITION_H

#include "brainalign/encode.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Most feature spaces of a partition, and those of which all combinations are fitted. */
#define BA_MOST_PARTS 32
#define BA_MOST_VENN 4

typedef struct {
    ba_fit_info_t fit;
    size_t n_samples, n_used, n_targets, n_scored, n_spaces;
    size_t n_models;     /* combinations of spaces that were fitted */
    size_t n_components; /* regions of the Venn diagram; 0 with more than BA_MOST_VENN */
    double mean_r2;      /* of all spaces, over scored targets */
    double total[BA_MOST_PARTS], unique[BA_MOST_PARTS], shared[BA_MOST_PARTS]; /* means */
    ba_null_info_t null;         /* n_permutations 0 = there was no test */
    size_t n_q[BA_MOST_PARTS];   /* targets whose unique variance has q below .05, ... */
    size_t n_fwe[BA_MOST_PARTS]; /* ... and family-wise p */
    double seconds;
    size_t peak_bytes;
} ba_partition_info_t;

/* Partitions cross-validated r2 between the feature spaces of a data set by banded refits
 * without some of them: every combination of 2 to BA_MOST_VENN spaces, of more each space
 * alone, all without each, and all. With R(S) the r2 of spaces S, mean over the folds:
 * total R(k), unique R(all) - R(all but k), shared total - unique; component of a set A,
 * what the spaces of A and no others hold in common, sum over B of A of (-1)^(|A| - |B|)
 * (R(all) - R(all but B)). Components add up to R(all); one may be negative.
 *
 * opts: as for ba_encode_fit(); bands are needed, inference.null asks for tests of unique
 * variance (cosine or blocks:L), output and table are written. Kernels are made once for
 * all combinations, candidates of a combination are those of all spaces without the
 * absent ones. info may be NULL. Errors: those of ba_encode_fit(); BA_SHAPE (one space, or
 * too many), BA_VALUE (no bands; options that a partition has no use for). Cost: the sum
 * over combinations of a banded fit, without their kernels and without final fits. */
BA_API int ba_encode_partition(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, ba_partition_info_t *info);

#ifdef __cplusplus
}
#endif

#endif
