/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the steps of decoding words share. */
#ifndef BA_DECODE_BEAM_JOB_H
#define BA_DECODE_BEAM_JOB_H

#include "brainalign/beam.h"
#include "datasets/timeline.h"
#include "datasets/word_vectors.h"
#include "decode/beam_impl.h"
#include "decode/beam_metrics.h"
#include "decode/invert_impl.h"

/* Words of one run as a resampler has them. */
typedef struct {
    size_t n;
    double *onset, *offset; /* seconds of the scan */
    size_t *word;           /* number of what was said, SIZE_MAX = not known */
    size_t *sample;         /* of the whole recording, in which it begins; SIZE_MAX */
    ba_resampler_t resampler;
} ba_run_words_t;

/* A decoded word, and one that was said. */
typedef struct {
    size_t passage, word;
    double onset, offset;
    double likelihood, log_p, posterior; /* of decoded ones */
} ba_timed_word_t;

/* What one fold's responses of one run gave. */
typedef struct {
    size_t fold, run;
    size_t first, n;           /* decoded words */
    size_t first_said, n_said; /* words that were said, where known */
    double start, stop;        /* seconds of the scan */
    double likelihood, log_p, score;
    size_t n_best;
    size_t *best;      /* n_best x n */
    double *posterior; /* n_best */
} ba_beam_passage_t;

typedef struct {
    const ba_ctx_t *ctx;
    ba_ctx_t search; /* the same with the memory that all else leaves */
    const ba_beam_opts_t *opts;
    ba_decoding_t decoding;
    ba_ngram_t *ngram;
    ba_language_t language;
    ba_word_vectors_t vectors;
    ba_text_set_t
        words; /* those of the language model, by its numbers, then others said */
    ba_said_t said;
    ba_word_space_t space; /* of `words`, for scores */
    double *unit, *weight;
    unsigned char *has_vector;
    ba_prepare_opts_t prepare;
    ba_timeline_t timeline;
    size_t *volumes;
    ba_run_words_t *given; /* n_runs */
    int32_t *fold_of;      /* n_samples: fold that holds it out, -1 = none */
    double *counts;        /* n_samples: words that begin */
    double *predicted;     /* n_samples, NaN where none was; with predict_rate */
    double *evidence_weight, *lm_weight; /* n_folds */
    ba_beam_passage_t *passages;
    size_t n_passages;
    ba_timed_word_t *decoded, *reference;
    size_t n_decoded, decoded_size, n_reference, reference_size;
    size_t **nulls; /* n_nulls: words in the places of `decoded` */
    size_t nulls_size;
    double (*null_scores)[3]; /* n_nulls: wer, bleu1, similarity */
    double *window_start;     /* n_windows, with their passages and scores */
    size_t *window_passage, n_windows;
    double (*window_scores)[3];
    ba_beam_info_t info;
} ba_beam_job_t;

/* beam_inputs.c: language, vectors, and words with their times; whether the encoder's
 * features are those vectors. */
int ba_beam_inputs(ba_beam_job_t *job) BA_MUST_USE;
void ba_beam_inputs_free(ba_beam_job_t *job);

/* beam_words.c: words of a run from the tables, and, in the samples of a fold, with the
 * predicted number of words in each, evenly. */
int ba_run_words_given(
    const ba_beam_job_t *job, size_t run, ba_run_words_t *out) BA_MUST_USE;
int ba_run_words_predicted(
    const ba_beam_job_t *job, size_t fold, size_t run, ba_run_words_t *out) BA_MUST_USE;
void ba_run_words_free(ba_run_words_t *words);

/* beam_rate.c: job->predicted in the fold's samples, by ridge regression on the responses
 * of the training rows. */
int ba_beam_rate(ba_beam_job_t *job, const ba_fold_decoder_t *decoder) BA_MUST_USE;

/* beam_passages.c: the passage of a decoder's responses in one run, its words those that
 * begin in samples of `fold`, numbered in *items (the caller frees). shift: responses are
 * those of so many responses later, in a circle. */
int ba_beam_passage(const ba_beam_job_t *job, const ba_fold_decoder_t *decoder,
    size_t fold, size_t run, const ba_run_words_t *words, size_t shift, size_t **items,
    size_t *n_items, ba_passage_t *out) BA_MUST_USE;

/* Responses that the decoder has in the run. */
size_t ba_beam_n_responses(
    const ba_beam_job_t *job, const ba_fold_decoder_t *decoder, size_t run);

/* A decoder's passage: what its nulls need too. */
typedef struct {
    const ba_fold_decoder_t *decoder;
    size_t run;
    const ba_run_words_t *words;
    ba_word_products_t *products;
    ba_search_opts_t search;
} ba_beam_task_t;

/* beam_nulls.c: job->nulls at the places of the passage's words. */
int ba_beam_nulls(ba_beam_job_t *job, const ba_beam_task_t *task,
    const ba_beam_passage_t *passage) BA_MUST_USE;

/* beam_weights.c: weights of evidence and language for a fold from its training folds. */
int ba_beam_weights(const ba_beam_job_t *job, const ba_fold_decoder_t *decoder,
    double *evidence_weight, double *lm_weight) BA_MUST_USE;

/* Weights (b, k) of the largest sum over choices of b x[c] + k l[c] - log sum over i of
 * exp(b x[i] + k l[i]), c the first of each choice's alternatives; both 0 or more. start:
 * where each choice begins, n_choices + 1. */
void ba_choice_weights(const double *x, const double *l, const size_t *start,
    size_t n_choices, double *b, double *k);

/* beam_score.c: fills windows, null scores and job->info.scores. */
int ba_beam_score(ba_beam_job_t *job) BA_MUST_USE;

/* beam_file.c */
int ba_beam_write(const ba_beam_job_t *job, ba_bundle_t *bundle) BA_MUST_USE;
int ba_beam_write_table(const ba_beam_job_t *job) BA_MUST_USE;

#endif
