/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small study of neurons in files: words with a part of speech and a meaning, and
 * neurons that follow formulas of them, word types, or nothing. */
#ifndef BA_EXPLAINLIB_H
#define BA_EXPLAINLIB_H

#include "tests/testlib.h"

#include "brainalign/bundle.h"
#include "brainalign/error.h"
#include "brainalign/explain.h"

enum { EX_TOKENS = 900, EX_TYPES = 120, EX_NEURONS = 40 };

typedef struct {
    char folder[TEST_PATH_SIZE], activations[TEST_PATH_SIZE], words[TEST_PATH_SIZE];
    char output[TEST_PATH_SIZE], table[TEST_PATH_SIZE];
    ba_activations_t *opened;
    ba_concepts_t *concepts;
    ba_token_split_t split;
} explain_study_t;

static inline double
explain_draw(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double) (*seed >> 33) * 0x1p-31;
}

/* Word type of each token: as frequent as 1 / (rank + 5). */
static inline size_t
explain_type(uint64_t *seed)
{
    double total = 0.0, at;

    for (size_t k = 0; k < EX_TYPES; k++) {
        total += 1.0 / (double) (k + 5);
    }
    at = total * explain_draw(seed);
    for (size_t k = 0; k < EX_TYPES; k++) {
        at -= 1.0 / (double) (k + 5);
        if (at < 0.0) {
            return k;
        }
    }
    return EX_TYPES - 1;
}

/* Neuron 0 follows (pos1 OR pos2) AND NOT sem3; neuron 1 is constant; even ones after it
 * follow word types at random, odd ones nothing. */
static inline double
explain_activation(size_t neuron, size_t type, uint64_t *seed)
{
    uint64_t of_type = (uint64_t) (type * 1000 + neuron) * 77 + 5;
    double noise = explain_draw(seed);
    size_t pos = type % 6, sem = type / 6 % 5;

    explain_draw(&of_type);
    if (neuron == 0) {
        return ((pos == 1 || pos == 2) && sem != 3 ? 1.0 : 0.0) + 0.5 * noise;
    }
    if (neuron == 1) {
        return 0.25;
    }
    return neuron % 2 == 0 ? explain_draw(&of_type) + 0.05 * noise : noise;
}

static inline void
explain_write_files(explain_study_t *study)
{
    uint64_t seed = 11;
    FILE *activations, *words;

    test_make_folder(study->folder);
    test_join(study->activations, study->folder, "act.csv");
    test_join(study->words, study->folder, "words.csv");
    test_join(study->output, study->folder, "out.h5");
    test_join(study->table, study->folder, "out.tsv");
    activations = fopen(study->activations, "w");
    words = fopen(study->words, "w");
    assert_true(activations && words);
    fprintf(words, "form,pos,sem,sentence\n");
    for (size_t t = 0; t < EX_TOKENS; t++) {
        size_t type = explain_type(&seed);

        for (size_t j = 0; j < EX_NEURONS; j++) {
            fprintf(activations, "%s%.6f", j > 0 ? "," : "",
                explain_activation(j, type, &seed));
        }
        fprintf(activations, "\n");
        fprintf(words, "w%zu,pos%zu,sem%zu,%zu\n", type, type % 6, type / 6 % 5, t / 9);
    }
    assert_int_equal(fclose(activations) | fclose(words), 0);
}

/* Opens everything; a share `test` of the tokens is held out by word type. */
static inline void
explain_open(explain_study_t *study, double test)
{
    ba_ctx_t ctx = ba_ctx_default();
    char pos[TEST_PATH_SIZE + 8], sem[TEST_PATH_SIZE + 8], form[TEST_PATH_SIZE + 8];
    char sentence[TEST_PATH_SIZE + 16];
    const char *files[] = {study->activations}, *sizes[] = {"20"};
    const char *labels[] = {pos, sem};
    ba_activations_opts_t activations = {
        .files = files, .n_files = 1, .layer_sizes = sizes, .n_layer_sizes = 1};
    ba_concepts_opts_t concepts = {.labels = labels,
        .n_labels = 2,
        .forms = form,
        .sentences = sentence,
        .min_tokens = 1};

    snprintf(pos, sizeof pos, "%s:pos", study->words);
    snprintf(sem, sizeof sem, "%s:sem", study->words);
    snprintf(form, sizeof form, "%s:form", study->words);
    snprintf(sentence, sizeof sentence, "%s:sentence", study->words);
    if (ba_activations_open(&ctx, &activations, &study->opened) != BA_OK ||
        ba_concepts_read(&ctx, &concepts, study->opened, &study->concepts) != BA_OK ||
        ba_concepts_split(study->concepts, BA_SPLIT_TYPES, test, 0, 0, &study->split) !=
            BA_OK) {
        fail_msg("%s", ba_error_message());
    }
}

static inline void
explain_close(explain_study_t *study)
{
    ba_token_split_free(&study->split);
    ba_concepts_free(study->concepts);
    ba_activations_free(study->opened);
    test_remove_folder(study->folder);
}

static inline ba_explain_opts_t
explain_opts(const explain_study_t *study)
{
    ba_explain_opts_t opts = ba_explain_opts_default();

    opts.split = &study->split;
    opts.quantile = 0.9;
    opts.n_permutations = 19;
    opts.output = study->output;
    opts.force = 1;
    return opts;
}

/* An array of the result file, n numbers, for the caller to free(). */
static inline double *
explain_read(const char *file, const char *path, size_t n)
{
    double *values = calloc(n, sizeof *values);
    size_t dims[BA_MAX_RANK], all = 1;
    ba_bundle_t *bundle;
    int rank = 0;

    assert_non_null(values);
    if (ba_bundle_open(file, NULL, &bundle) != BA_OK ||
        ba_bundle_shape(bundle, path, &rank, dims) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    for (int i = 0; i < rank; i++) {
        all *= dims[i];
    }
    assert_int_equal(all, n);
    assert_int_equal(ba_bundle_read(bundle, path, BA_F64, NULL, NULL, values), BA_OK);
    ba_bundle_free(bundle);
    return values;
}

#endif
