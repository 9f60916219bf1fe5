/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "datasets/tokens.h"

#include "core/alloc.h"
#include "core/nearest.h"
#include "brainalign/source.h"
#include "brainalign/table.h"

#include <math.h>
#include <string.h>
#include <strings.h>

static int
is_text(const char *file)
{
    size_t n = strlen(file);

    return n > 4 && (strcasecmp(file + n - 4, ".csv") == 0 ||
                        strcasecmp(file + n - 4, ".tsv") == 0 ||
                        strcasecmp(file + n - 4, ".txt") == 0);
}

static int
fail_column(const char *file, const ba_table_t *table, const char *wanted)
{
    const char *nearest = "";

    for (size_t i = 0; i < ba_table_n_cols(table); i++) {
        const char *name = ba_table_column(table, i);

        if (i == 0 ||
            ba_word_distance(wanted, name) < ba_word_distance(wanted, nearest)) {
            nearest = name;
        }
    }
    return ba_fail(
        BA_FORMAT, "%s: no column '%s': nearest is '%s'", file, wanted, nearest);
}

static int
read_column(const char *file, const char *name, size_t *n, double **words)
{
    ba_table_t *table = NULL;
    size_t column;
    int status;

    BA_TRY(ba_table_read(file, BA_TABLE_HEADER, &table));
    column = ba_table_find(table, name);
    if (column == SIZE_MAX) {
        BA_TRY(fail_column(file, table, name));
    }
    *n = ba_table_n_rows(table);
    BA_TRY_ALLOC(*words, ba_malloc(*n, sizeof **words));
    for (size_t i = 0; i < *n; i++) {
        BA_TRY(ba_table_number(table, i, column, *words + i));
    }
out:
    ba_table_free(table);
    return status;
}

static int
read_vector(const ba_ctx_t *ctx, const char *spec, size_t *n, double **words)
{
    ba_source_t *source = NULL;
    int status;

    BA_TRY(ba_source_open(ctx, spec, NULL, &source));
    if (ba_source_n_cols(source) != 1) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: %zu columns, wanted one, the word of each token",
            spec, ba_source_n_cols(source)));
    }
    *n = ba_source_n_rows(source);
    BA_TRY_ALLOC(*words, ba_malloc(*n, sizeof **words));
    BA_TRY(ba_source_read(source, 0, 0, *n, 0, 1, *words, *n));
out:
    ba_source_close(source);
    return status;
}

static int
fail_missing(const char *spec, double word, size_t n_words)
{
    return ba_fail(BA_SHAPE,
        "%s: word %.0f (from 0) has no token, wanted one or more for each of %zu words",
        spec, word, n_words);
}

static int
check_word(const char *spec, double word, size_t row, double last, size_t n_words)
{
    if (word != floor(word)) {
        return ba_fail(BA_FORMAT,
            "%s: token %zu (from 0): word %g, wanted a whole number", spec, row, word);
    }
    if (word >= (double) n_words) {
        return ba_fail(BA_SHAPE,
            "%s: token %zu (from 0): word %.0f, but there are %zu words (counted from 0)",
            spec, row, word, n_words);
    }
    if (word < last) {
        return ba_fail(BA_SHAPE,
            "%s: token %zu (from 0): word %.0f after word %.0f, wanted tokens in the "
            "order of the words",
            spec, row, word, last);
    }
    return word > last + 1 ? fail_missing(spec, last + 1, n_words) : BA_OK;
}

/* One and the largest word, as far as a table of tokens can hold. */
static size_t
count_words(const double *words, size_t n)
{
    double largest = -1;

    for (size_t i = 0; i < n; i++) {
        largest = words[i] > largest ? words[i] : largest;
    }
    return largest < (double) n ? (size_t) (largest + 1) : n;
}

/* n/a is no word, as a negative number is. */
static int
sort_tokens(const char *spec, const double *words, ba_tokens_t *out)
{
    double last = -1;
    size_t n = 0;
    int status = BA_OK;

    for (size_t i = 0; i < out->n_tokens; i++) {
        if (isnan(words[i]) || words[i] < 0) {
            continue;
        }
        BA_TRY(check_word(spec, words[i], i, last, out->n_words));
        if (words[i] > last) {
            out->first[(size_t) words[i]] = n;
            last = words[i];
        }
        out->rows[n++] = i;
    }
    out->first[out->n_words] = n;
    if (last + 1 < (double) out->n_words) {
        BA_TRY(fail_missing(spec, last + 1, out->n_words));
    }
out:
    return status;
}

int
ba_tokens_read(const ba_ctx_t *ctx, const char *spec, size_t n_words, ba_tokens_t *out)
{
    ba_spec_t parsed = {.file = NULL};
    double *words = NULL;
    int status;

    *out = (ba_tokens_t){0};
    BA_TRY(ba_spec_parse(spec, &parsed));
    if (parsed.path && is_text(parsed.file)) {
        BA_TRY(read_column(parsed.file, parsed.path, &out->n_tokens, &words));
    } else {
        BA_TRY(read_vector(ctx, spec, &out->n_tokens, &words));
    }
    BA_TRY_ALLOC(out->file, ba_strdup(parsed.file));
    out->n_words = n_words == SIZE_MAX ? count_words(words, out->n_tokens) : n_words;
    BA_TRY_ALLOC(out->first, ba_calloc(out->n_words + 1, sizeof *out->first));
    BA_TRY_ALLOC(out->rows, ba_calloc(out->n_tokens, sizeof *out->rows));
    BA_TRY(sort_tokens(spec, words, out));
out:
    ba_spec_free(&parsed);
    ba_free(words);
    if (status != BA_OK) {
        ba_tokens_free(out);
    }
    return status;
}

void
ba_tokens_free(ba_tokens_t *tokens)
{
    ba_free(tokens->first);
    ba_free(tokens->rows);
    ba_free(tokens->file);
    *tokens = (ba_tokens_t){0};
}

static double
pool_word(const size_t *rows, size_t n, size_t row0, ba_pool_t pool, const double *x)
{
    double sum = 0;

    if (pool == BA_POOL_FIRST || pool == BA_POOL_LAST) {
        return x[rows[pool == BA_POOL_FIRST ? 0 : n - 1] - row0];
    }
    for (size_t k = 0; k < n; k++) {
        sum += x[rows[k] - row0];
    }
    return pool == BA_POOL_MEAN ? sum / (double) n : sum;
}

void
ba_tokens_pool(const ba_tokens_t *tokens, ba_pool_t pool, const size_t *words,
    size_t row0, ba_cdmat_t x, ba_dmat_t y)
{
    for (size_t j = 0; j < y.n_cols; j++) {
        for (size_t i = 0; i < y.n_rows; i++) {
            size_t first = tokens->first[words[i]];

            y.data[i + j * y.ld] = pool_word(tokens->rows + first,
                tokens->first[words[i] + 1] - first, row0, pool, x.data + j * x.ld);
        }
    }
}
