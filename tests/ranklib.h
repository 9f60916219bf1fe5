/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small studies for tests of rankings: activations with ties, tokens that carry none, one
 * or two concepts, words of Zipf frequency, and scores by their definitions. */
#ifndef BA_RANKLIB_H
#define BA_RANKLIB_H

#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/rank.h"

enum { RANK_TOKENS = 240, RANK_NEURONS = 11, RANK_CONCEPTS = 4, RANK_TYPES = 60 };

typedef struct {
    double x[RANK_TOKENS * RANK_NEURONS];
    size_t columns[RANK_NEURONS], layer[RANK_NEURONS], zeros[RANK_NEURONS];
    size_t first[RANK_TOKENS + 1], sentence[RANK_TOKENS];
    uint32_t concept[2 * RANK_TOKENS], type[RANK_TOKENS];
    size_t train[RANK_TOKENS], test[RANK_TOKENS];
    char *names[RANK_CONCEPTS], *components[1];
    char name_text[RANK_CONCEPTS][8], component_text[8];
    ba_word_class_t classes[RANK_CONCEPTS];
    unsigned char is_words[RANK_CONCEPTS];
    ba_activations_t activations;
    ba_concepts_t concepts;
    ba_token_split_t split;
    ba_rank_data_t data;
} rank_study_t;

/* Concepts of one token: none, one, or two of them unless exclusive. */
static inline void
rank_study_labels(rank_study_t *study, uint64_t *random, int exclusive)
{
    size_t n = 0;

    for (size_t i = 0; i < RANK_TOKENS; i++) {
        uint32_t type = (uint32_t) (pow(RANK_TYPES, test_uniform(random))) - 1;
        uint32_t one = (uint32_t) test_below(random, RANK_CONCEPTS);

        study->first[i] = n;
        study->type[i] = type;
        study->sentence[i] = i / 8;
        if (exclusive || one != 3) {
            study->concept[n++] = one;
        }
        if (!exclusive && one == 0 && test_below(random, 2)) {
            study->concept[n++] = 2;
        }
    }
    study->first[RANK_TOKENS] = n;
}

/* A fresh study on the heap; the last neuron is constant, the others are rounded to
 * halves (even ones) or not. Every third token is a test token. Free with
 * rank_study_free(). */
static inline rank_study_t *
rank_study(uint64_t seed, int exclusive)
{
    rank_study_t *study = calloc(1, sizeof *study);
    uint64_t random = seed;

    assert_non_null(study);
    rank_study_labels(study, &random, exclusive);
    for (size_t i = 0; i < RANK_TOKENS; i++) {
        for (size_t j = 0; j < RANK_NEURONS; j++) {
            double value = test_normal(&random) * (1 + (double) j);
            size_t e = study->first[i];

            if (study->first[i + 1] > e && study->concept[e] == j % RANK_CONCEPTS) {
                value += 1;
            }
            value = j % 2 == 0 ? rint(2 * value) / 2 : (double) (float) value;
            study->x[i + j * RANK_TOKENS] = j + 1 == RANK_NEURONS ? 2.5 : value;
        }
        if (i % 3 == 2) {
            study->test[study->split.n_test++] = i;
        } else {
            study->train[study->split.n_train++] = i;
        }
    }
    for (size_t j = 0; j < RANK_NEURONS; j++) {
        study->columns[j] = j;
        study->layer[j] = j / 4;
    }
    for (size_t c = 0; c < RANK_CONCEPTS; c++) {
        snprintf(study->name_text[c], sizeof study->name_text[c], "c%zu", c);
        study->names[c] = study->name_text[c];
        study->classes[c] = c % 2 ? BA_CLASS_OPEN : BA_CLASS_CLOSED;
    }
    strcpy(study->component_text, "ffn");
    study->components[0] = study->component_text;
    study->split.train = study->train;
    study->split.test = study->test;
    study->activations = (ba_activations_t){.n_tokens = RANK_TOKENS,
        .neurons = {.n_neurons = RANK_NEURONS,
            .layer = study->layer,
            .unit = study->columns,
            .component = study->zeros,
            .n_components = 1,
            .component_names = study->components},
        .file_column = study->columns};
    assert_int_equal(ba_source_from_memory(study->x, RANK_TOKENS, RANK_NEURONS,
                         RANK_TOKENS, "made", &study->activations.source),
        0);
    study->concepts = (ba_concepts_t){.n_tokens = RANK_TOKENS,
        .n_concepts = RANK_CONCEPTS,
        .n_types = RANK_TYPES,
        .names = study->names,
        .classes = study->classes,
        .is_words = study->is_words,
        .first = study->first,
        .concept = study->concept,
        .is_exclusive = exclusive,
        .type = study->type,
        .sentence = study->sentence};
    study->data = (ba_rank_data_t){&study->activations, &study->concepts, &study->split};
    return study;
}

static inline void
rank_study_free(rank_study_t *study)
{
    ba_source_close(study->activations.source);
    free(study);
}

/* Raw activations, no halves. */
static inline ba_rank_opts_t
rank_plain(const char *method)
{
    ba_rank_opts_t opts = ba_rank_opts_default();

    opts.method = method;
    opts.zscore = 0;
    opts.n_halves = 0;
    return opts;
}

static inline ba_ranking_t *
rank_must(
    const rank_study_t *study, const ba_rank_opts_t *opts, ba_rank_report_t **report)
{
    ba_ranking_t *ranking = NULL;

    if (ba_neurons_rank(NULL, &study->data, opts, &ranking, report) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    return ranking;
}

/* Whether a token carries a concept. */
static inline int
rank_has(const rank_study_t *study, size_t token, size_t concept)
{
    for (size_t e = study->first[token]; e < study->first[token + 1]; e++) {
        if (study->concept[e] == concept) {
            return 1;
        }
    }
    return 0;
}

/* Values of a neuron on some tokens, those of a concept first: returns how many carry it.
 */
static inline size_t
rank_values(const rank_study_t *study, const size_t *rows, size_t n, size_t neuron,
    size_t concept, double *values)
{
    size_t n_in = 0, n_out = 0;
    double rest[RANK_TOKENS];

    for (size_t i = 0; i < n; i++) {
        double value = study->x[rows[i] + neuron * RANK_TOKENS];

        if (rank_has(study, rows[i], concept)) {
            values[n_in++] = value;
        } else {
            rest[n_out++] = value;
        }
    }
    memcpy(values + n_in, rest, n_out * sizeof *rest);
    return n_in;
}

/* A score by its definition: values[0 .. n_in - 1] on the concept, the rest off it. */
typedef double (*rank_definition_t)(const double *values, size_t n_in, size_t n);

/* Every score of the ranking (and of the test tokens) against a definition. */
static inline void
rank_check(const rank_study_t *study, const ba_rank_opts_t *opts,
    rank_definition_t definition, double tolerance)
{
    ba_rank_report_t *report;
    ba_ranking_t *ranking = rank_must(study, opts, &report);
    double values[RANK_TOKENS];

    for (size_t c = 0; c < RANK_CONCEPTS; c++) {
        for (size_t j = 0; j < RANK_NEURONS; j++) {
            size_t n_in =
                rank_values(study, study->train, study->split.n_train, j, c, values);

            assert_close(ranking->score[c * RANK_NEURONS + j],
                definition(values, n_in, study->split.n_train), tolerance);
            n_in = rank_values(study, study->test, study->split.n_test, j, c, values);
            assert_close(report->test[c * RANK_NEURONS + j],
                definition(values, n_in, study->split.n_test), tolerance);
        }
    }
    ba_ranking_free(ranking);
    ba_rank_report_free(report);
}

#endif
