/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode fit of several subjects: who met what, in which runs they are aligned, and their
 * responses in one space. */
#ifndef BA_DECODE_DECODER_STUDY_H
#define BA_DECODE_DECODER_STUDY_H

#include "brainalign/bundle.h"
#include "brainalign/decode.h"

/* Which recorded samples make a sample of the fit. */
typedef struct {
    size_t n;      /* samples of the fit */
    size_t *first; /* n + 1 */
    size_t
        *rows; /* rows[first[i]] .. rows[first[i + 1] - 1]: recorded samples, ascending */
    ba_runs_t runs; /* of the samples of the fit */
} ba_blocks_t;

/* Names are borrowed from the data set, in order of appearance. */
typedef struct {
    size_t n_runs, n_subjects, n_stimuli; /* no subjects: one without a name */
    const char **subjects, **stimuli;
    size_t *subject_of, *stimulus_of; /* of every recorded run */
    unsigned char *is_aligning;       /* of every run: it serves the alignment alone */
    size_t n_aligning, *aligning;     /* stimuli of the alignment, in the order given */
    /* of the samples of the fit, with 2 or more subjects */
    int32_t *subject;
    size_t *moment;
    ba_runs_t timeline; /* of the stimuli */
    ba_cv_groups_t groups;
} ba_study_t;

/* Who met what. BA_SHAPE: an alignment run that is not there, that a subject lacks or that
 * differs in length; no other run; fewer than 2 subjects to align. */
int ba_study_read(const ba_dataset_part_t *part, const ba_decode_fit_opts_t *opts,
    ba_study_t *out) BA_MUST_USE;
void ba_study_free(ba_study_t *study);

/* Subjects and moments of the samples of the fit; groups for its splits. */
int ba_study_group(
    const ba_runs_t *recorded, const ba_blocks_t *blocks, ba_study_t *study) BA_MUST_USE;

/* Groups of the splits, NULL with fewer than 2 subjects; BA_VALUE, BA_UNSUPPORTED for
 * splits that would part a moment. */
int ba_study_set_splits(const ba_study_t *study, ba_fit_opts_t *fit) BA_MUST_USE;

/* Responses in the common space. */
typedef struct {
    ba_alignment_t fit; /* n_subjects = 0: none */
    size_t n_unusable;  /* columns of subjects with a value that is not finite */
    double *values;     /* recorded samples x n_features, 0 where they align */
    ba_source_t *source;
    double made;   /* bytes of the fit */
    double making; /* those that all of it, and reading the inputs, holds at the most */
} ba_common_t;

/* Reads, prepares, aligns and projects. BA_TOO_LARGE before reading. */
int ba_common_make(const ba_ctx_t *ctx, const ba_dataset_part_t *part,
    const ba_decode_fit_opts_t *opts, const ba_study_t *study,
    ba_common_t *out) BA_MUST_USE;

/* Bytes that are held now. */
size_t ba_common_bytes(const ba_common_t *common);

/* What is not needed once the inputs are read. */
void ba_common_drop_values(ba_common_t *common);
void ba_common_free(ba_common_t *common);

#endif
