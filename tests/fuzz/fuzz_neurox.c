/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as JSON of NeuroX: lines of activations, and the index of an HDF5 file. */
#include "tests/fuzz/standalone.h"

#include "core/alloc.h"
#include "io/neurox_impl.h"

static const char *const SEEDS[] = {
    "{\"features\": [{\"token\": \"a\", \"layers\": [{\"values\": [1, -2e3]}, "
    "{\"values\": "
    "[3, 4.5]}]}, {\"token\": \"b\", \"layers\": [{\"values\": [1, 2]}, {\"values\": [3, "
    "4]}]}]}\n\n{\"features\": []}\n",
    "{\"the cat\": \"0\", \"the cat (Occurrence 2)\": 1, \"(Occurrence 3)\": \"2\"}",
};

size_t
fuzz_seed(size_t i, uint8_t bytes[FUZZ_MAX_INPUT])
{
    size_t n = 0;

    if (i < sizeof SEEDS / sizeof SEEDS[0]) {
        n = strlen(SEEDS[i]);
        memcpy(bytes, SEEDS[i], n);
    }
    return n;
}

/* As many words as rows, sentences that count up, and rows that can be read. */
static void
check_lines(const char *path)
{
    ba_source_t *source;
    ba_texts_t words = {0};
    size_t *sentence;
    double x;

    if (ba_neurox_json_open(NULL, path, &source) != 0) {
        return;
    }
    if (ba_neurox_words(source, &words, &sentence) != 0 ||
        words.n != ba_source_n_rows(source) ||
        ba_source_n_cols(source) % ba_neurox_layer_size(source) != 0 ||
        ba_source_read(source, 0, words.n - 1, 1, 0, 1, &x, 1) != 0) {
        abort();
    }
    for (size_t t = 1; t < words.n; t++) {
        if (sentence[t] < sentence[t - 1]) {
            abort();
        }
    }
    ba_texts_free(&words);
    ba_free(sentence);
    ba_source_close(source);
}

static void
check_index(const uint8_t *bytes, size_t n_bytes)
{
    ba_texts_t sentences = {0}, names = {0};
    ba_neurox_words_t words = {.n_layers = 0};
    char *text = malloc(n_bytes + 1);

    if (!text) {
        abort();
    }
    memcpy(text, bytes, n_bytes);
    text[n_bytes] = '\0';
    if (ba_neurox_index_parse("x", text, &sentences, &names) == 0) {
        if (sentences.n == 0 || names.n != sentences.n) {
            abort();
        }
        for (size_t i = 0; i < sentences.n; i++) {
            if (ba_neurox_words_split(&words, ba_texts_get(&sentences, i)) != 0) {
                abort();
            }
        }
    }
    ba_neurox_words_free(&words);
    ba_texts_free(&sentences);
    ba_texts_free(&names);
    free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    check_lines(fuzz_file("x.json", bytes, n_bytes));
    check_index(bytes, n_bytes);
    return 0;
}
