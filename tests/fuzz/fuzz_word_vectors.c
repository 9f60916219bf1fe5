/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as word vectors: what is read is finite, and every word is found. */
#include "tests/fuzz/standalone.h"

#include "datasets/word_vectors.h"

#include <math.h>
#include <stdlib.h>

static const char *const SEEDS[] = {
    "a 1 2 3\nb -1.5 0 4e-2\n",
    "2 2\r\n\xc3\xa9 1 2\r\nb\t3\t4\r\n",
    "word\tx\na\t1\n",
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

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    const char *path = fuzz_file("x.txt", bytes, n_bytes);
    ba_word_vectors_t vectors;

    if (ba_word_vectors_read(path, SIZE_MAX, &vectors) != 0) {
        return 0;
    }
    for (size_t w = 0; w < vectors.words.texts.n; w++) {
        if (ba_text_set_find(&vectors.words, ba_texts_get(&vectors.words.texts, w)) !=
            w) {
            abort();
        }
        for (size_t i = 0; i < vectors.n_features; i++) {
            if (!isfinite(vectors.values[w * vectors.n_features + i])) {
                abort();
            }
        }
    }
    ba_word_vectors_free(&vectors);
    return 0;
}
