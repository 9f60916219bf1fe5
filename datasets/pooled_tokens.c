/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "datasets/pooled_tokens.h"

#include "core/alloc.h"
#include "datasets/tokens.h"
#include "io/source_impl.h"

/* Numbers of the buffer between the two. */
#define BUFFER_NUMBERS ((size_t) 1 << 21)

typedef struct {
    ba_source_t *rows;
    ba_tokens_t tokens;
    ba_pool_t pool;
} pooled_t;

static void
pooled_close(void *state)
{
    pooled_t *pooled = state;

    ba_source_close(pooled->rows);
    ba_tokens_free(&pooled->tokens);
    ba_free(pooled);
}

/* Words from `word` on whose rows fit the buffer, one at least. */
static size_t
fitting(const pooled_t *pooled, size_t word, size_t stop, size_t most_rows)
{
    const ba_tokens_t *tokens = &pooled->tokens;
    size_t row0 = tokens->rows[tokens->first[word]], n = 1;

    while (word + n < stop &&
           tokens->rows[tokens->first[word + n + 1] - 1] - row0 < most_rows) {
        n++;
    }
    return n;
}

static int
pool_words(pooled_t *pooled, size_t word, size_t n, size_t col0, ba_dmat_t y)
{
    const ba_tokens_t *tokens = &pooled->tokens;
    size_t row0 = tokens->rows[tokens->first[word]];
    size_t n_rows = tokens->rows[tokens->first[word + n] - 1] - row0 + 1;
    size_t *words = NULL, n_numbers;
    double *x = NULL;
    int status;

    BA_TRY(ba_multiply(n_rows, y.n_cols, &n_numbers));
    BA_TRY_ALLOC(x, ba_malloc(n_numbers, sizeof *x));
    BA_TRY_ALLOC(words, ba_malloc(n, sizeof *words));
    for (size_t i = 0; i < n; i++) {
        words[i] = word + i;
    }
    BA_TRY(ba_source_read(pooled->rows, 0, row0, n_rows, col0, y.n_cols, x, n_rows));
    ba_tokens_pool(
        tokens, pooled->pool, words, row0, (ba_cdmat_t){x, n_rows, y.n_cols, n_rows}, y);
out:
    ba_free(words);
    ba_free(x);
    return status;
}

static int
pooled_read(void *state, size_t slab, size_t row0, size_t n_rows, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    pooled_t *pooled = state;
    size_t most_rows = BUFFER_NUMBERS / n_cols + 1;
    int status = BA_OK;

    (void) slab;
    for (size_t done = 0; done < n_rows;) {
        size_t n = fitting(pooled, row0 + done, row0 + n_rows, most_rows);

        BA_TRY(pool_words(
            pooled, row0 + done, n, col0, (ba_dmat_t){dst + done, n, n_cols, ld}));
        done += n;
    }
out:
    return status;
}

static const char *
pooled_column_name(const void *state, size_t column)
{
    const pooled_t *pooled = state;

    return ba_source_column_name(pooled->rows, column);
}

static const ba_source_ops_t pooled_ops = {.format = "words",
    .read = pooled_read,
    .column_name = pooled_column_name,
    .close = pooled_close};

static int
check_rows(const char *spec, const pooled_t *pooled, const ba_source_t *source)
{
    if (pooled->tokens.n_tokens != ba_source_n_rows(source)) {
        return ba_fail(BA_SHAPE, "%s: %zu rows, wanted %zu as in %s", spec,
            pooled->tokens.n_tokens, ba_source_n_rows(source), ba_source_name(source));
    }
    if (pooled->tokens.n_words == 0) {
        return ba_fail(BA_SHAPE, "%s: no row belongs to a word", spec);
    }
    return BA_OK;
}

int
ba_pooled_tokens_wrap(
    const ba_ctx_t *ctx, const char *spec, ba_subword_t subword, ba_source_t **source)
{
    static const ba_pool_t pools[] = {BA_POOL_LAST, BA_POOL_FIRST, BA_POOL_MEAN};
    pooled_t *pooled = NULL;
    ba_source_t *words = NULL;
    ba_source_shape_t shape = {.n_slabs = 1,
        .n_cols = (*source)->shape.n_cols,
        .rank = 2,
        .is_double = (*source)->shape.is_double || subword == BA_SUBWORD_MEAN};
    char *name = NULL;
    int status;

    BA_TRY_ALLOC(pooled, ba_calloc(1, sizeof *pooled));
    pooled->pool = pools[subword];
    BA_TRY(ba_tokens_read(ctx, spec, SIZE_MAX, &pooled->tokens));
    BA_TRY(check_rows(spec, pooled, *source));
    shape.n_rows = pooled->tokens.n_words;
    BA_TRY_ALLOC(name, ba_strdup((*source)->name));
    status = ba_source_wrap(&pooled_ops, pooled, &shape, NULL, &words);
    if (status != BA_OK) {
        pooled = NULL;
        goto out;
    }
    for (size_t i = 0; i < (*source)->n_files; i++) {
        BA_TRY(ba_source_add_file(words, (*source)->files[i]));
    }
    ba_free(words->name);
    words->name = name;
    name = NULL;
    words->format = (*source)->format;
    pooled->rows = *source;
    pooled = NULL;
    *source = words;
    words = NULL;
out:
    ba_free(name);
    if (words) {
        ba_source_close(words);
    } else if (pooled) {
        pooled_close(pooled);
    }
    return status;
}
