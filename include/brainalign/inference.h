/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is asked of an encoding fit beside its scores: tests, noise ceilings, increments
 * over control spaces. */
#ifndef BRAINALIGN_INFERENCE_H
#define BRAINALIGN_INFERENCE_H

#include "brainalign/ceiling.h"
#include "brainalign/null.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether scores of outer folds are tested by refits of surrogate responses, permuted as
 * `null` says, instead of by permuting the held-out predictions: exact where responses
 * are stationary, and more powerful, at the price of a fit for every permutation. */
typedef enum {
    BA_REFIT_NEVER = 0,
    BA_REFIT_ALWAYS,
    BA_REFIT_AFFORDABLE /* where all refits take fewer than BA_REFIT_FLOPS */
} ba_refit_t;

/* About a minute on two cores. */
#define BA_REFIT_FLOPS 1e13

/* Everything borrowed. */
typedef struct {
    ba_null_opts_t null; /* n_permutations 0 = no test */
    ba_refit_t refit;    /* encode fit only; a fixed test set needs none */
    int has_ceiling;     /* from the repeats of the fixed test set */
    ba_ceiling_kind_t ceiling;
    double
        ceiling_floor; /* r is normalised where the ceiling of r2 is at least so large */
    uint64_t ceiling_seed;
    const char *const *controls; /* n_controls names of feature spaces: what all spaces
                                    predict beyond these */
    size_t n_controls;
} ba_inference_opts_t;

/* No test, no ceiling, a floor of 0.05, no controls. */
BA_API ba_inference_opts_t ba_inference_opts_default(void);

/* "cosine", "circular", "phase" or "blocks:L" into kind and block. BA_VALUE. */
BA_API int ba_null_parse(const char *text, ba_null_opts_t *null);

/* "refit" or "refit:KIND", "auto" (and NULL), or KIND alone: returns the KIND, for
 * ba_null_parse(), or NULL for its default. Borrowed. */
BA_API const char *ba_refit_parse(const char *text, ba_refit_t *refit);

/* A test, for the person who ran it: targets tested, and those below .05. */
typedef struct {
    ba_null_info_t null; /* n_permutations 0 = there was no test */
    size_t n_tested, n_q, n_fwe;
} ba_test_info_t;

enum { BA_INFERENCE_WORDS = 160 };

/* An account of all of it; means and medians are NaN where they are of nothing. */
typedef struct {
    char null_words[BA_INFERENCE_WORDS]; /* "cosine", "blocks:20", "" = no test */
    ba_test_info_t r, increment;
    char ceiling_words[BA_INFERENCE_WORDS]; /* ba_ceiling_describe(); "" = none */
    size_t n_ceiling, n_normalized;         /* targets that have them */
    size_t n_no_ceiling[4];                 /* the others by ba_ceiling_reason_t */
    double median_ceiling, mean_normalized;
    char control_words[BA_INFERENCE_WORDS]; /* "rate, oasm"; "" = none */
    double mean_control_r, mean_control_r2, mean_increment_r2;
} ba_inference_info_t;

#ifdef __cplusplus
}
#endif

#endif
