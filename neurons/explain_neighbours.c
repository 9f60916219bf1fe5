/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NEIGHBORS(word): a word and the words nearest to it by the cosine of their vectors, among
 * the words of the tokens that have a vector. */
#include "neurons/explain_impl.h"

#include "core/alloc.h"
#include "datasets/label_file.h"
#include "linalg/blas.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 256 };

/* Words of the tokens that have a vector. */
typedef struct {
    size_t n, n_dimensions;
    size_t *type;   /* n: word type */
    double *vector; /* n_dimensions x n, norm 1 (0 where all are 0) */
} known_words_t;

/* The first row of each word type in the vocabulary, SIZE_MAX = none. */
static int
find_rows(const ba_explaining_t *job, const ba_label_column_t *vocabulary, size_t *row)
{
    const ba_concepts_t *concepts = job->concepts;
    ba_text_set_t types = {0};
    char *lower = NULL;
    size_t number, room = 1;
    int status = BA_OK;

    for (size_t i = 0; i < vocabulary->cells.n; i++) {
        size_t length = strlen(ba_texts_get(&vocabulary->cells, i)) + 1;

        room = length > room ? length : room;
    }
    BA_TRY_ALLOC(lower, ba_malloc(room, 1));
    for (size_t k = 0; k < concepts->n_types; k++) {
        BA_TRY(ba_text_set_add(&types, concepts->type_names[k], &number));
        row[k] = SIZE_MAX;
    }
    for (size_t i = 0; i < vocabulary->cells.n; i++) {
        const char *word = ba_texts_get(&vocabulary->cells, i);

        number = ba_text_set_find(&types, word);
        if (number == SIZE_MAX) {
            ba_text_lower(word, lower);
            number = ba_text_set_find(&types, lower);
        }
        if (number != SIZE_MAX && row[number] == SIZE_MAX) {
            row[number] = i;
        }
    }
out:
    ba_text_set_free(&types);
    ba_free(lower);
    return status;
}

/* One word's vector, brought to norm 1. */
static int
read_vector(ba_source_t *source, size_t row, size_t n_dimensions, double *vector)
{
    double square = 0.0;
    int status;

    BA_TRY(ba_source_read(source, 0, row, 1, 0, n_dimensions, vector, 1));
    for (size_t d = 0; d < n_dimensions; d++) {
        if (!isfinite(vector[d])) {
            return ba_fail(BA_NONFINITE,
                "%s: row %zu, column %zu is %g, wanted a finite number",
                ba_source_name(source), row, d, vector[d]);
        }
        square += vector[d] * vector[d];
    }
    for (size_t d = 0; d < n_dimensions && square > 0.0; d++) {
        vector[d] /= sqrt(square);
    }
out:
    return status;
}

static int
read_words(const ba_explaining_t *job, const size_t *row, ba_source_t *source,
    known_words_t *words)
{
    size_t n_types = job->concepts->n_types, n_all;
    int status = BA_OK;

    words->n_dimensions = ba_source_n_cols(source);
    BA_TRY(ba_multiply(n_types, words->n_dimensions, &n_all));
    BA_TRY_ALLOC(words->type, ba_malloc(n_types, sizeof *words->type));
    BA_TRY_ALLOC(words->vector, ba_malloc(n_all, sizeof *words->vector));
    for (size_t k = 0; k < n_types; k++) {
        if (row[k] != SIZE_MAX) {
            words->type[words->n] = k;
            BA_TRY(read_vector(source, row[k], words->n_dimensions,
                words->vector + words->n * words->n_dimensions));
            words->n++;
        }
    }
    if (words->n == 0) {
        return ba_fail(BA_SHAPE, "%s: no word of the tokens, wanted their words",
            job->opts->vocabulary);
    }
out:
    return status;
}

static int
open_words(const ba_explaining_t *job, known_words_t *words)
{
    ba_label_column_t vocabulary = {0};
    ba_source_t *source = NULL;
    size_t *row = NULL;
    int status;

    BA_TRY(ba_source_open(job->ctx, job->opts->vectors, NULL, &source));
    BA_TRY(ba_label_column_read(job->ctx, job->opts->vocabulary, &vocabulary));
    if (vocabulary.cells.n != ba_source_n_rows(source)) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: found %zu words, wanted %zu as rows of %s",
            job->opts->vocabulary, vocabulary.cells.n, ba_source_n_rows(source),
            job->opts->vectors));
    }
    BA_TRY_ALLOC(row, ba_malloc(job->concepts->n_types, sizeof *row));
    BA_TRY(find_rows(job, &vocabulary, row));
    BA_TRY(read_words(job, row, source, words));
out:
    ba_label_column_free(&vocabulary);
    ba_source_close(source);
    ba_free(row);
    return status;
}

/* The n_near words of the largest cosine (ties: the first), the word itself in front. */
static void
take_nearest(
    const known_words_t *words, size_t word, double *cosine, size_t n_near, size_t *types)
{
    types[0] = words->type[word];
    cosine[word] = -2.0;
    for (size_t k = 1; k <= n_near; k++) {
        size_t best = 0;

        for (size_t i = 1; i < words->n; i++) {
            best = cosine[i] > cosine[best] ? i : best;
        }
        types[k] = cosine[best] > -2.0 ? words->type[best] : SIZE_MAX;
        cosine[best] = -2.0;
    }
}

/* Known words with enough training tokens, as places among the known ones. */
static int
frequent_words(
    const ba_explaining_t *job, const known_words_t *words, size_t **out, size_t *n_out)
{
    size_t *count = NULL;
    int status = BA_OK;

    *n_out = 0;
    BA_TRY_ALLOC(count, ba_calloc(job->concepts->n_types, sizeof *count));
    BA_TRY_ALLOC(*out, ba_malloc(words->n, sizeof **out));
    for (size_t i = 0; i < job->n_train; i++) {
        count[job->concepts->type[job->train[i]]]++;
    }
    for (size_t i = 0; i < words->n; i++) {
        if (count[words->type[i]] >= job->opts->neighbour_tokens) {
            (*out)[(*n_out)++] = i;
        }
    }
out:
    ba_free(count);
    return status;
}

static int
add_name(const ba_explaining_t *job, size_t type, ba_texts_t *names)
{
    char *name = ba_asprintf("NEIGHBORS(%s)", job->concepts->type_names[type]);
    int status;

    if (!name) {
        return BA_NOMEM;
    }
    status = ba_texts_add(names, name, strlen(name));
    ba_free(name);
    return status;
}

int
ba_neighbours_find(
    const ba_explaining_t *job, ba_texts_t *names, size_t **types, size_t *n_found)
{
    known_words_t words = {0};
    size_t *frequent = NULL, n_near = job->opts->n_neighbours, n_all;
    double *cosine = NULL, *from = NULL;
    int status = BA_OK;

    BA_TRY(open_words(job, &words));
    BA_TRY(frequent_words(job, &words, &frequent, n_found));
    BA_TRY(ba_multiply(words.n, BLOCK, &n_all));
    BA_TRY_ALLOC(cosine, ba_malloc(n_all, sizeof *cosine));
    BA_TRY_ALLOC(from, ba_malloc(words.n_dimensions, BLOCK * sizeof *from));
    BA_TRY_ALLOC(*types, ba_malloc(*n_found, (n_near + 1) * sizeof **types));
    ba_blas_single_thread();
    for (size_t f = 0; f < *n_found; f++) {
        size_t d = words.n_dimensions, left = *n_found - f;
        size_t n = left < BLOCK ? left : BLOCK;

        if (f % BLOCK == 0) {
            BA_TRY(ba_ctx_check(job->ctx));
            for (size_t k = 0; k < n; k++) {
                memcpy(
                    from + k * d, words.vector + frequent[f + k] * d, d * sizeof *from);
            }
            ba_gemm_tiled(job->ctx, 1.0, BA_TRANSPOSE,
                ba_cdmat(words.vector, d, words.n, d), BA_KEEP, ba_cdmat(from, d, n, d),
                0.0, ba_dmat(cosine, words.n, n, words.n));
        }
        take_nearest(&words, frequent[f], cosine + f % BLOCK * words.n, n_near,
            *types + f * (n_near + 1));
        BA_TRY(add_name(job, words.type[frequent[f]], names));
    }
out:
    ba_free(words.type);
    ba_free(words.vector);
    ba_free(frequent);
    ba_free(cosine);
    ba_free(from);
    return status;
}
