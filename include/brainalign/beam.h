/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words from responses: sequences of words by a fitted encoder whose features are word
 * vectors put on volumes, and a language model. */
#ifndef BRAINALIGN_BEAM_H
#define BRAINALIGN_BEAM_H

#include "brainalign/ctx.h"
#include "brainalign/dataset.h"
#include "brainalign/invert.h"
#include "brainalign/ngram_file.h"
#include "brainalign/prepare.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What decoded words are compared with by chance. SHIFT: the same search on responses of
 * other times, each passage's moved in a circle by 10 samples or more. MODEL: words drawn
 * from the language model's candidates. */
typedef enum { BA_BEAM_NULL_SHIFT, BA_BEAM_NULL_MODEL } ba_beam_null_t;

/* Pointers are borrowed; start with ba_beam_opts_default(). */
typedef struct {
    ba_decode_model_opts_t model; /* encoder of one feature space, and noise */
    const char
        *vectors;     /* text file: word and numbers a line, as the encoder's features */
    const char *arpa; /* language model */
    ba_word_opts_t
        words; /* runs of the encoder's data: when words were said, and which, as
                             far as they are known */
    ba_scan_opts_t
        scan; /* tr, slice_time, times, stimulus_start; volumes are those of the
                             data */
    ba_text_opts_t text;            /* what is done to words of the tables */
    ba_prepare_resample_t resample; /* LANCZOS, MEAN or SUM: how the features were made */
    double lanczos_window, cutoff_mult;
    ba_word_time_t word_time;
    int allow_overlap, allow_outside;
    int predict_rate;    /* times of decoded words from the responses, not the tables */
    size_t rate_delays;  /* responses at 1 .. rate_delays samples later */
    size_t width;        /* hypotheses kept */
    size_t n_extensions; /* words proposed for each at most */
    double nucleus;      /* share of probability that they must have */
    double lm_weight;    /* of log p beside the log likelihood; NaN = both weights by
                               maximum likelihood on training folds */
    size_t n_best;       /* sequences written */
    size_t n_nulls;
    ba_beam_null_t null;
    double window_seconds; /* of scores */
    const char *output, *table;
    int force, dry_run;
    int argc; /* for the provenance */
    const char *const *argv;
} ba_beam_opts_t;

/* Lanczos with window 3; 200 hypotheses, 10 words each out of 0.9 of the probability;
 * tuned weights, 10 sequences, windows of 20 s, no nulls. */
BA_API ba_beam_opts_t ba_beam_opts_default(void);

/* Means over windows. p: (1 + nulls as good or better) / (1 + nulls); NaN without. */
typedef struct {
    double wer, bleu1, similarity;
    double null_wer, null_bleu1, null_similarity; /* means over nulls */
    double p_wer, p_bleu1, p_similarity;
} ba_beam_scores_t;

typedef struct {
    size_t n_folds, n_voxels, n_words, n_reference; /* decoded, said */
    size_t n_candidates;     /* words of the language model with a vector */
    size_t n_without_vector; /* without one: never said */
    size_t n_windows;
    double least_evidence_weight, largest_evidence_weight; /* over folds */
    double least_lm_weight, largest_lm_weight;
    double rate_r; /* predicted and true words a volume, held out; NaN */
    double
        word_accuracy; /* share of slots with the word said; NaN unless times are given */
    ba_beam_scores_t scores; /* NaN where the words are not known */
    size_t bytes_planned;    /* of data, models, refits and vectors at the peak */
} ba_beam_info_t;

/* Decodes held-out responses fold by fold and writes `opts->output` (docs/formats.md).
 * dataset: features and responses of the fit. Errors, beside those of
 * ba_decode_invert(): BA_SHAPE (vectors of another length than the features, features
 * that are not these words' vectors put on volumes this way, other runs), BA_MISSING
 * (no word of the language model has a vector; no words where weights are to be
 * tuned), BA_UNSUPPORTED (several feature spaces, features z-scored by run). */
BA_API int ba_decode_beam(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_beam_opts_t *opts, ba_beam_info_t *info);

#ifdef __cplusplus
}
#endif

#endif
