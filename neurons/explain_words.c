/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words and contexts that a neuron answers to most. The score of a word type is the mean
 * of |x - mean| / deviation over its tokens, divided by the largest of all types; types at
 * or below 0.1 are left out (NeuroX). Contexts are those around the tokens of the highest
 * activation. */
#include "neurons/explain_impl.h"

#include <math.h>
#include <string.h>

static const double least_score = 0.1;

/* 0 where the neuron is constant. */
static double
deviation_of(const double *x, size_t n, double *mean)
{
    double square = 0.0, largest = 0.0;

    *mean = 0.0;
    for (size_t i = 0; i < n; i++) {
        *mean += x[i] / (double) n;
        largest = fmax(largest, fabs(x[i]));
    }
    for (size_t i = 0; i < n; i++) {
        square += (x[i] - *mean) * (x[i] - *mean);
    }
    square = sqrt(square / (double) n);
    return square > 1e-10 * largest ? square : 0.0;
}

/* Puts a word behind those that score as much. */
static void
offer_word(ba_top_word_t *words, size_t n_words, const ba_top_word_t *word)
{
    size_t at = n_words;

    while (at > 0 &&
           (words[at - 1].type == UINT32_MAX || words[at - 1].score < word->score)) {
        if (at < n_words) {
            words[at] = words[at - 1];
        }
        at--;
    }
    if (at < n_words) {
        words[at] = *word;
    }
}

static void
find_words(
    const ba_explaining_t *job, const double *x, double *room, ba_top_word_t *words)
{
    const ba_concepts_t *concepts = job->concepts;
    size_t n_types = concepts->n_types;
    double *away = room, *sum = room + n_types, *most = room + 2 * n_types;
    double mean, deviation = deviation_of(x, job->n_tokens, &mean), highest = 0.0;

    if (deviation == 0.0) {
        return;
    }
    for (size_t k = 0; k < n_types; k++) {
        away[k] = sum[k] = 0.0;
        most[k] = (double) -INFINITY;
    }
    for (size_t t = 0; t < job->n_tokens; t++) {
        size_t k = concepts->type[t];

        away[k] += fabs(x[t] - mean) / deviation;
        sum[k] += (x[t] - mean) / deviation;
        most[k] = fmax(most[k], x[t]);
    }
    for (size_t k = 0; k < n_types; k++) {
        away[k] = job->n_of_type[k] ? away[k] / (double) job->n_of_type[k] : 0.0;
        highest = fmax(highest, away[k]);
    }
    for (size_t k = 0; k < n_types; k++) {
        ba_top_word_t word = {(uint32_t) k, away[k] / highest, 0.0, most[k]};

        if (job->n_of_type[k] > 0 && word.score > least_score) {
            word.mean = sum[k] / (double) job->n_of_type[k];
            offer_word(words, job->opts->n_words, &word);
        }
    }
}

static void
find_contexts(const ba_explaining_t *job, size_t k, const double *x)
{
    size_t n = job->opts->n_contexts, n_found = 0;
    uint32_t *token = job->contexts + k * n;
    double *value = job->context_value + k * n;

    for (size_t t = 0; t < job->n_tokens; t++) {
        size_t at = n_found < n ? n_found : n;

        while (at > 0 && value[at - 1] < x[t]) {
            if (at < n) {
                value[at] = value[at - 1];
                token[at] = token[at - 1];
            }
            at--;
        }
        if (at < n) {
            value[at] = x[t];
            token[at] = (uint32_t) t;
            n_found += n_found < n;
        }
    }
}

void
ba_explain_words(const ba_explaining_t *job, size_t k, const double *x, double *room)
{
    if (job->words) {
        find_words(job, x, room, job->words + k * job->opts->n_words);
    }
    if (job->contexts) {
        find_contexts(job, k, x);
    }
}
