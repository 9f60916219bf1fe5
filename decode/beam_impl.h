/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decoding words: what a sequence of words says of responses, word by word, and the
 * search over sequences. */
#ifndef BA_DECODE_BEAM_IMPL_H
#define BA_DECODE_BEAM_IMPL_H

#include "brainalign/inversion.h"
#include "brainalign/language.h"
#include "brainalign/resample.h"

/* ---- beam_passage.c: slots, and what no word is said of yet ---- */

/* A place where one word is said. Its vector reaches the features of times first, first +
 * 1, ... of the run with these weights. */
typedef struct {
    size_t first, n;
    double *weight; /* n */
} ba_slot_t;

/* Vectors of the words that may be said, less that of a word that is not known. */
typedef struct {
    size_t n_features, n_words;
    double *blank;          /* n_features: of a word that is not known */
    double *delta;          /* n_features x n_words */
    unsigned char *allowed; /* n_words: 0 = no vector, never said */
} ba_said_t;

/* The words of one run that a fold's responses tell of. Borrowed but for what is made
 * here. */
typedef struct {
    const ba_inversion_t *inversion;
    const int *delays;
    size_t n_delays, n_features, n_times; /* of the run */
    size_t *response; /* n_times: place among the inversion's, SIZE_MAX = none */
    ba_slot_t *slots; /* n_slots, in the order in which they are decoded */
    size_t n_slots;
    double
        *gradient; /* n_features x n_times: of the log likelihood by the features, where
                         all words are unknown */
    double likelihood; /* there, without constants: sum of x'z - x'Ax / 2 */
} ba_passage_t;

/* Slots from columns `items` of a resampler over the run's times; all items of the run
 * count as unknown words at first. */
int ba_passage_make(const ba_ctx_t *ctx, const ba_inversion_t *inversion,
    const int *delays, size_t n_delays, const size_t *response, size_t n_times,
    const ba_resampler_t *resampler, const size_t *items, size_t n_items,
    const double *blank, ba_passage_t *out) BA_MUST_USE;
void ba_passage_free(ba_passage_t *passage);

/* The log likelihood of the run's features (n_features x n_times) from scratch, without
 * constants. Cost: times (n_delays n_features)^2. */
int ba_passage_likelihood(const ba_ctx_t *ctx, const ba_passage_t *passage,
    const double *features, double *out) BA_MUST_USE;

/* Threads for a loop of so many flops: a small one is over before others have come. */
int ba_beam_threads(const ba_ctx_t *ctx, double flops);

/* ---- beam_products.c: what a word's vector and the model make of each other ---- */

/* With A_ab the block of A of delays a and b, and d the word's delta: A_ab d of all
 * blocks for the words used last, d'A_ab d of every word that was asked for. */
typedef struct {
    const ba_inversion_t *inversion;
    const ba_said_t *said;
    size_t n_delays, n_features, n_blocks; /* n_delays^2 */
    double *form;                          /* n_blocks x n_words */
    unsigned char *has_form;               /* n_words */
    size_t capacity, hand;
    double *product;  /* n_features x n_blocks for each place; block a + b n_delays */
    size_t *word_of;  /* capacity, SIZE_MAX = free */
    size_t *place_of; /* n_words, SIZE_MAX = not there */
    size_t *used;     /* capacity: clock of the last use */
    size_t clock;
} ba_word_products_t;

/* Bytes that they take. */
size_t ba_word_products_bytes(
    size_t n_delays, size_t n_features, size_t n_words, size_t least);

/* least: words whose products must be there at once. */
int ba_word_products_new(const ba_inversion_t *inversion, size_t n_delays,
    const ba_said_t *said, size_t least, ba_word_products_t *out) BA_MUST_USE;
void ba_word_products_free(ba_word_products_t *products);

/* Makes form of these words, or form and product; words may come more than once. Bits do
 * not depend on the threads of ctx. */
int ba_word_products_forms(const ba_ctx_t *ctx, ba_word_products_t *products,
    const size_t *words, size_t n) BA_MUST_USE;
int ba_word_products_take(const ba_ctx_t *ctx, ba_word_products_t *products,
    const size_t *words, size_t n) BA_MUST_USE;
const double *ba_word_products_get(const ba_word_products_t *products, size_t word);

/* x'y in one order of summation. */
double ba_word_products_dot(const double *x, const double *y, size_t n);

/* ---- beam_evidence.c: the log likelihood, word by word ---- */

/* What the words said so far did to the gradient at the times that later slots reach. */
typedef struct {
    const ba_passage_t *passage;
    ba_word_products_t *products; /* borrowed */
    size_t n_window;              /* times that a state holds */
    size_t *low;   /* n_slots + 1: the first of them before slot i is decoded */
    double *own;   /* n_blocks: of the current slot, sum over t of w_ta w_tb */
    double *base;  /* n_features: gradient by the current slot's vector at no word */
    double *pairs; /* n_blocks x n_window: what its word does at the window's times */
} ba_evidence_t;

int ba_evidence_new(const ba_passage_t *passage, ba_word_products_t *products,
    ba_evidence_t *out) BA_MUST_USE;
void ba_evidence_free(ba_evidence_t *evidence);

/* Numbers of a state: n_features x n_window, all 0 before the first word. */
size_t ba_evidence_size(const ba_evidence_t *evidence);

/* Turns to a slot. */
void ba_evidence_slot(ba_evidence_t *evidence, size_t slot);

/* Gradient by the vector of the slot's word, after the words of a state. */
void ba_evidence_gradient(
    const ba_evidence_t *evidence, size_t slot, const double *state, double *out);

/* Log likelihood that the word adds; its form was made. */
double ba_evidence_gain(
    const ba_evidence_t *evidence, const double *gradient, size_t word);

/* The state after the slot's word, whose product was taken; SIZE_MAX: it stays
 * unknown. to is not from. */
void ba_evidence_append(const ba_evidence_t *evidence, size_t slot, const double *from,
    size_t word, double *to);

/* ---- beam_search.c ---- */

typedef struct {
    size_t width, n_extensions;
    double nucleus;                    /* mass of the candidates */
    double evidence_weight, lm_weight; /* of log likelihood and log p of the language */
} ba_search_opts_t;

/* Sequences found, best first, each n_slots words. */
typedef struct {
    size_t n, n_slots;
    size_t *words;                        /* n x n_slots */
    double *score;                        /* n: weighted sum */
    double *likelihood, *log_p;           /* n: the terms, of whole sequences */
    double *posterior;                    /* n: of the sequences found, sums to 1 */
    double *step_likelihood, *step_log_p; /* n_slots: of the best, word by word */
} ba_found_t;

/* The most probable sequences. products: of the same inversion and vectors, with room
 * for opts->width words; what they hold serves the next search. language is asked
 * about histories of words decoded here; what was said before is not known. Cost of a
 * slot: width (n_extensions q + T n_delays^2 q) + (new words) n_delays^2 q^2, times 2,
 * with q features at one time and T times in reach. */
int ba_beam_search(const ba_ctx_t *ctx, const ba_passage_t *passage,
    ba_word_products_t *products, const ba_language_t *language,
    const ba_search_opts_t *opts, size_t n_best, ba_found_t *out) BA_MUST_USE;
void ba_found_free(ba_found_t *found);

#endif
