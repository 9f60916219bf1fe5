/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a corpus to a model: vocabulary, counts, smoothing. */
#include "core/alloc.h"
#include "lm/ngram_impl.h"

#include <string.h>

ba_ngram_opts_t
ba_ngram_opts_default(void)
{
    return (ba_ngram_opts_t){.order = 3, .min_count = 1};
}

static int
check_opts(const ba_corpus_t *corpus, const ba_ngram_opts_t *opts)
{
    if (opts->order < 1 || opts->order > BA_NGRAM_MAX_ORDER) {
        return ba_fail(BA_VALUE, "order: found %zu, wanted 1 to %d", opts->order,
            BA_NGRAM_MAX_ORDER);
    }
    if (!opts->vocabulary && opts->min_count < 1) {
        return ba_fail(BA_VALUE, "min-count: found 0, wanted 1 or more");
    }
    for (size_t i = 0; i < opts->n_prune; i++) {
        if (i == 0 ? opts->prune[0] != 0 : opts->prune[i] < opts->prune[i - 1]) {
            return ba_fail(BA_VALUE,
                "prune: found %zu for order %zu, wanted %s (a smaller vocabulary does it "
                "for words)",
                opts->prune[i], i + 1, i == 0 ? "0" : "no less than for the order below");
        }
    }
    if (corpus->n_sentences == 0) {
        return ba_fail(BA_SHAPE, "text: found no words, wanted some");
    }
    return BA_OK;
}

/* Words of the model, and how many of the corpus are none of them. */
static int
set_words(const ba_corpus_t *corpus, const ba_ngram_opts_t *opts, ba_ngram_t *ngram,
    size_t *n_unknown)
{
    int status = BA_OK;
    size_t n = corpus->words.texts.n, *count = NULL, number;

    BA_TRY_ALLOC(count, ba_calloc(n, sizeof *count));
    *n_unknown = 0;
    for (size_t i = 0; i < corpus->n_tokens; i++) {
        if (corpus->tokens[i] == UNKNOWN_TOKEN) {
            ++*n_unknown;
        } else {
            count[corpus->tokens[i]]++;
        }
    }
    for (size_t i = 0; i < opts->n_vocabulary; i++) {
        BA_TRY(ba_text_set_add(&ngram->words, opts->vocabulary[i], &number));
    }
    for (size_t i = 0; i < n; i++) {
        const char *word = ba_texts_get(&corpus->words.texts, i);

        if (!opts->vocabulary && count[i] >= opts->min_count) {
            BA_TRY(ba_text_set_add(&ngram->words, word, &number));
        } else if (!opts->vocabulary ||
                   ba_text_set_find(&ngram->words, word) == SIZE_MAX) {
            *n_unknown += count[i];
        }
    }
out:
    ba_free(count);
    return status;
}

int
ba_ngram_train(const ba_ctx_t *ctx, const ba_corpus_t *corpus,
    const ba_ngram_opts_t *opts, ba_ngram_t **out, ba_ngram_info_t *info)
{
    int status = BA_OK;
    ba_ngram_info_t local = {.order = 0};
    ba_counts_t counts = {.order = 0};

    *out = NULL;
    info = info ? info : &local;
    *info = (ba_ngram_info_t){.order = opts->order};
    BA_TRY(check_opts(corpus, opts));
    BA_TRY(ba_ngram_new(opts->order, out));
    BA_TRY(set_words(corpus, opts, *out, &info->n_unknown));
    BA_TRY(ba_counts_make(ctx, corpus, &(*out)->words, opts->order, &counts));
    BA_TRY(ba_ngram_smooth(&counts, opts, *out, info));
out:
    ba_counts_free(&counts);
    if (status != BA_OK) {
        ba_ngram_free(*out);
        *out = NULL;
    }
    return status;
}
