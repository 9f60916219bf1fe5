/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a language model: what is read is written and read again, the same. */
#include "tests/fuzz/standalone.h"

#include "brainalign/ngram_file.h"

#include <math.h>
#include <stdlib.h>

static const char *const SEEDS[] = {
    "\\data\\\nngram 1=4\nngram 2=3\n\n\\1-grams:\n-0.5\tb\t-0.25\n-99\t<s>\t-0.1\n-1 a "
    "-0.5\n-0.75\t</s>\n\n\\2-grams:\n-0.3\ta b\n-0.2\t<s> a\n-0.1\tb </s>\n\n\\end\\\n",
    "x\n\\data\\\nngram 1=2\n\\1-grams:\n-0.5 <UNK>\n0 a\n\\end\\\n",
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
    const char *path = fuzz_file("x.arpa", bytes, n_bytes);
    char *copy;
    ba_ngram_t *ngram, *again;

    if (ba_ngram_read(path, &ngram) != 0) {
        return 0;
    }
    copy = malloc(strlen(path) + 8);
    if (!copy) {
        abort();
    }
    strcpy(copy, path);
    strcat(copy, ".again");
    if (ba_ngram_write(ngram, copy, 1) != 0 || ba_ngram_read(copy, &again) != 0 ||
        ba_ngram_n_words(again) != ba_ngram_n_words(ngram)) {
        abort();
    }
    for (size_t w = 0; w < ba_ngram_n_words(ngram); w++) {
        double p = ba_ngram_log_p(ngram, NULL, 0, w);
        double q =
            ba_ngram_log_p(again, NULL, 0, ba_ngram_find(again, ba_ngram_word(ngram, w)));

        if (p > 0.0 || (p != q && !(fabs(p - q) <= 1e-7 * (1.0 + fabs(p))))) {
            abort();
        }
    }
    remove(copy);
    free(copy);
    ba_ngram_free(ngram);
    ba_ngram_free(again);
    return 0;
}
