/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "datasets/concepts_impl.h"

#include "core/alloc.h"
#include "core/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
read_column(ba_collecting_t *collecting, const char *spec, ba_label_column_t *column)
{
    int status;

    BA_TRY(ba_label_column_read(collecting->ctx, spec, column));
    BA_TRY(ba_collecting_check(collecting, spec, column));
out:
    return status;
}

/* Forms of their own come first: all else is compared with them. */
static int
read_forms(ba_collecting_t *collecting)
{
    const char *spec = collecting->opts->forms;
    const ba_activations_t *activations = collecting->activations;
    int status = BA_OK;

    if (!spec) {
        return BA_OK;
    }
    BA_TRY(ba_label_column_read(collecting->ctx, spec, &collecting->words));
    BA_TRY_ALLOC(collecting->words_of, ba_strdup(spec));
    if (activations && activations->words) {
        BA_TRY(ba_words_compare(spec, &collecting->words.cells, "the activations",
            (const char *const *) activations->words, activations->n_tokens,
            activations->sentence));
    }
    BA_TRY(ba_collecting_check(collecting, spec, &collecting->words));
out:
    return status;
}

static int
take_activation_words(ba_collecting_t *collecting)
{
    const ba_activations_t *activations = collecting->activations;
    int status = BA_OK;

    if (collecting->words.cells.n > 0 || !activations || !activations->words) {
        return BA_OK;
    }
    for (size_t t = 0; t < activations->n_tokens; t++) {
        const char *word = activations->words[t];

        BA_TRY(ba_texts_add(&collecting->words.cells, word, strlen(word)));
    }
out:
    return status;
}

/* A sentence ends where the cell changes; cells need not be numbers. */
static int
read_sentences(ba_collecting_t *collecting)
{
    ba_label_column_t column = {0};
    size_t n = collecting->n_tokens;
    int status = BA_OK;

    if (!collecting->opts->sentences) {
        return BA_OK;
    }
    BA_TRY(read_column(collecting, collecting->opts->sentences, &column));
    ba_free(collecting->sentence);
    BA_TRY_ALLOC(collecting->sentence, ba_calloc(n, sizeof *collecting->sentence));
    for (size_t t = 1; t < n; t++) {
        int is_new = strcmp(ba_texts_get(&column.cells, t),
                         ba_texts_get(&column.cells, t - 1)) != 0;

        collecting->sentence[t] = collecting->sentence[t - 1] + (size_t) is_new;
    }
out:
    ba_label_column_free(&column);
    return status;
}

/* Numbers from 0 without gaps. */
static int
take_sentences(ba_collecting_t *collecting, ba_concepts_t *concepts)
{
    const ba_activations_t *activations = collecting->activations;
    const size_t *given = collecting->sentence;
    int status = BA_OK;

    given = given ? given : activations ? activations->sentence : NULL;
    if (!given) {
        return BA_OK;
    }
    BA_TRY_ALLOC(
        concepts->sentence, ba_calloc(concepts->n_tokens, sizeof *concepts->sentence));
    for (size_t t = 1; t < concepts->n_tokens; t++) {
        concepts->sentence[t] = concepts->sentence[t - 1] + (given[t] != given[t - 1]);
    }
out:
    return status;
}

static int
read_parts(ba_collecting_t *collecting, ba_concepts_t *concepts)
{
    const char *spec = collecting->opts->parts;
    ba_label_column_t column = {0};
    int status = BA_OK;

    if (!spec) {
        return BA_OK;
    }
    BA_TRY(read_column(collecting, spec, &column));
    BA_TRY_ALLOC(concepts->part, ba_calloc(concepts->n_tokens, 1));
    for (size_t t = 0; t < concepts->n_tokens; t++) {
        const char *cell = ba_texts_get(&column.cells, t);

        concepts->part[t] = strcmp(cell, "1") == 0 || strcmp(cell, "test") == 0;
        if (!concepts->part[t] && strcmp(cell, "0") != 0 && strcmp(cell, "train") != 0) {
            BA_TRY(ba_fail(BA_FORMAT,
                "%s: token %zu (from 0): '%.40s', wanted 0, 1, train or test", spec, t,
                cell));
        }
    }
out:
    ba_label_column_free(&column);
    return status;
}

static int
take_forms(ba_collecting_t *collecting, ba_concepts_t *concepts)
{
    const ba_texts_t *words = &collecting->words.cells;
    ba_text_set_t types = {0};
    char *lower = NULL;
    int status = BA_OK;

    if (words->n == 0) {
        return BA_OK;
    }
    BA_TRY(ba_texts_list(words, &concepts->forms));
    BA_TRY_ALLOC(concepts->type, ba_malloc(words->n, sizeof *concepts->type));
    BA_TRY_ALLOC(lower, ba_malloc(words->n_text + 1, 1));
    for (size_t t = 0; t < words->n; t++) {
        const char *form = concepts->forms[t];
        size_t type;

        if (!collecting->opts->case_matters) {
            ba_text_lower(form, lower);
            form = lower;
        }
        BA_TRY(ba_text_set_add(&types, form, &type));
        concepts->type[t] = (uint32_t) type;
    }
    concepts->n_types = types.texts.n;
    BA_TRY(ba_texts_list(&types.texts, &concepts->type_names));
out:
    ba_free(lower);
    ba_text_set_free(&types);
    return status;
}

/* A name and what it is called by while collecting. */
typedef struct {
    const char *name;
    size_t number, n_tokens;
} named_t;

static int
compare_names(const void *a, const void *b)
{
    return strcmp(((const named_t *) a)->name, ((const named_t *) b)->name);
}

static int
compare_pairs(const void *a, const void *b)
{
    const size_t *x = a, *y = b;

    if (x[0] != y[0]) {
        return x[0] < y[0] ? -1 : 1;
    }
    return x[1] < y[1] ? -1 : x[1] > y[1];
}

/* Pairs in the order of tokens, then names, each once: token and number of the name side
 * by side. */
static int
sort_pairs(const ba_collecting_t *collecting, const size_t *rank, size_t **out, size_t *n)
{
    size_t *pairs = NULL, kept = 0;
    int status = BA_OK;

    BA_TRY_ALLOC(pairs, ba_malloc(collecting->n_pairs, 2 * sizeof *pairs));
    for (size_t i = 0; i < collecting->n_pairs; i++) {
        pairs[2 * i] = collecting->token[i];
        pairs[2 * i + 1] = rank[collecting->concept[i]];
    }
    qsort(pairs, collecting->n_pairs, 2 * sizeof *pairs, compare_pairs);
    for (size_t i = 0; i < collecting->n_pairs; i++) {
        if (kept == 0 || compare_pairs(pairs + 2 * i, pairs + 2 * kept - 2) != 0) {
            memmove(pairs + 2 * kept++, pairs + 2 * i, 2 * sizeof *pairs);
        }
    }
    *out = pairs;
    *n = kept;
out:
    return status;
}

/* The three nearest names, "NOUN, PRON, ADV". */
static int
fail_unknown(const char *wanted, const named_t *named, size_t n)
{
    size_t best[3] = {SIZE_MAX, SIZE_MAX, SIZE_MAX};
    char text[256] = "";
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        size_t at = i;

        for (size_t k = 0; k < 3; k++) {
            if (best[k] == SIZE_MAX ||
                ba_word_distance(wanted, named[at].name) <
                    ba_word_distance(wanted, named[best[k]].name)) {
                size_t moved = best[k];

                best[k] = at;
                at = moved;
            }
            if (at == SIZE_MAX) {
                break;
            }
        }
    }
    for (size_t k = 0; k < 3 && best[k] != SIZE_MAX && used < sizeof text; k++) {
        used += (size_t) snprintf(text + used, sizeof text - used, "%s%.60s",
            k ? ", " : "", named[best[k]].name);
    }
    return ba_fail(BA_MISSING,
        "concept '%s': not among the %zu of the labels, nearest %s", wanted, n, text);
}

/* Marks what stays: what was asked for, and has enough tokens. */
static int
choose(
    const ba_concepts_opts_t *opts, const named_t *named, size_t n, unsigned char *keep)
{
    size_t least = opts->min_tokens > 1 ? opts->min_tokens : 1;

    for (size_t i = 0; i < n; i++) {
        keep[i] = opts->n_only == 0 && named[i].n_tokens >= least;
    }
    for (size_t k = 0; k < opts->n_only; k++) {
        named_t key = {.name = opts->only[k]};
        const named_t *found = bsearch(&key, named, n, sizeof *named, compare_names);

        if (!found) {
            return fail_unknown(opts->only[k], named, n);
        }
        if (found->n_tokens < least) {
            return ba_fail(BA_SHAPE, "concept '%s': %zu tokens, wanted at least %zu",
                opts->only[k], found->n_tokens, least);
        }
        keep[found - named] = 1;
    }
    return BA_OK;
}

static int
fill_names(const ba_collecting_t *collecting, const named_t *named,
    const unsigned char *keep, ba_concepts_t *concepts)
{
    size_t n = collecting->names.texts.n, k = 0;
    ba_texts_t names = {0};
    int status = BA_OK;

    for (size_t i = 0; i < n; i++) {
        concepts->n_concepts += keep[i];
    }
    BA_TRY_ALLOC(concepts->is_words, ba_calloc(concepts->n_concepts, 1));
    BA_TRY_ALLOC(
        concepts->classes, ba_calloc(concepts->n_concepts, sizeof *concepts->classes));
    for (size_t i = 0; i < n; i++) {
        if (keep[i]) {
            BA_TRY(ba_texts_add(&names, named[i].name, strlen(named[i].name)));
            concepts->is_words[k] = collecting->is_words[named[i].number];
            concepts->classes[k++] = ba_word_class_of_tag(named[i].name);
        }
    }
    BA_TRY(ba_texts_list(&names, &concepts->names));
out:
    ba_texts_free(&names);
    return status;
}

static int
fill_tokens(const size_t *pairs, size_t n_pairs, const unsigned char *keep,
    const size_t *place, ba_concepts_t *concepts)
{
    size_t n = 0, pair = 0;
    int status = BA_OK;

    BA_TRY_ALLOC(
        concepts->first, ba_calloc(concepts->n_tokens + 1, sizeof *concepts->first));
    BA_TRY_ALLOC(concepts->concept, ba_malloc(n_pairs, sizeof *concepts->concept));
    concepts->is_exclusive = 1;
    for (size_t t = 0; t < concepts->n_tokens; t++) {
        concepts->first[t] = n;
        for (; pair < n_pairs && pairs[2 * pair] == t; pair++) {
            if (keep[pairs[2 * pair + 1]]) {
                concepts->concept[n++] = (uint32_t) place[pairs[2 * pair + 1]];
            }
        }
        concepts->is_exclusive &= n - concepts->first[t] <= 1;
    }
    concepts->first[concepts->n_tokens] = n;
out:
    return status;
}

/* From names in order of appearance to names in byte order. */
static int
arrange(const ba_collecting_t *collecting, ba_concepts_t *concepts)
{
    size_t n = collecting->names.texts.n, n_pairs = 0, n_kept = 0;
    size_t *rank = NULL, *pairs = NULL, *place = NULL;
    unsigned char *keep = NULL;
    named_t *named = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(named, ba_calloc(n, sizeof *named));
    BA_TRY_ALLOC(rank, ba_calloc(n, sizeof *rank));
    BA_TRY_ALLOC(place, ba_calloc(n, sizeof *place));
    BA_TRY_ALLOC(keep, ba_calloc(n, 1));
    for (size_t i = 0; i < n; i++) {
        named[i] = (named_t){ba_texts_get(&collecting->names.texts, i), i, 0};
    }
    qsort(named, n, sizeof *named, compare_names);
    for (size_t i = 0; i < n; i++) {
        rank[named[i].number] = i;
    }
    BA_TRY(sort_pairs(collecting, rank, &pairs, &n_pairs));
    for (size_t i = 0; i < n_pairs; i++) {
        named[pairs[2 * i + 1]].n_tokens++;
    }
    BA_TRY(choose(collecting->opts, named, n, keep));
    for (size_t i = 0; i < n; i++) {
        place[i] = n_kept;
        n_kept += keep[i];
    }
    if (n == 0) {
        BA_TRY(
            ba_fail(BA_SHAPE, "labels: none of %zu tokens has one", concepts->n_tokens));
    }
    if (n_kept == 0) {
        BA_TRY(ba_fail(BA_SHAPE, "labels: no concept with at least %zu tokens among %zu",
            collecting->opts->min_tokens > 1 ? collecting->opts->min_tokens : 1, n));
    }
    BA_TRY(fill_names(collecting, named, keep, concepts));
    BA_TRY(fill_tokens(pairs, n_pairs, keep, place, concepts));
out:
    ba_free(named);
    ba_free(rank);
    ba_free(place);
    ba_free(keep);
    ba_free(pairs);
    return status;
}

static void
collecting_free(ba_collecting_t *collecting)
{
    ba_free(collecting->counted_by);
    ba_label_column_free(&collecting->words);
    ba_free(collecting->words_of);
    ba_free(collecting->sentence);
    ba_text_set_free(&collecting->names);
    ba_free(collecting->is_words);
    ba_free(collecting->token);
    ba_free(collecting->concept);
}

int
ba_concepts_read(const ba_ctx_t *ctx, const ba_concepts_opts_t *opts,
    const ba_activations_t *activations, ba_concepts_t **out)
{
    ba_collecting_t collecting = {.ctx = ctx, .opts = opts, .activations = activations};
    ba_concepts_t *concepts = NULL;
    int status = BA_OK;

    *out = NULL;
    if (opts->n_labels == 0 && opts->n_word_lists == 0 && !opts->wordnet) {
        return ba_fail(BA_VALUE, "labels: none given, wanted FILE[:COLUMN]");
    }
    if (activations) {
        collecting.n_tokens = activations->n_tokens;
        BA_TRY_ALLOC(collecting.counted_by, ba_strdup("the activations"));
    }
    BA_TRY(read_forms(&collecting));
    BA_TRY(ba_collecting_labels(&collecting));
    BA_TRY(take_activation_words(&collecting));
    BA_TRY(ba_collecting_words(&collecting));
    BA_TRY(read_sentences(&collecting));
    BA_TRY_ALLOC(concepts, ba_calloc(1, sizeof *concepts));
    concepts->n_tokens = collecting.n_tokens;
    BA_TRY(take_sentences(&collecting, concepts));
    BA_TRY(read_parts(&collecting, concepts));
    BA_TRY(take_forms(&collecting, concepts));
    BA_TRY(arrange(&collecting, concepts));
    if (opts->closed_words) {
        BA_TRY(ba_word_class_by_table(concepts, opts->closed_words));
    }
    *out = concepts;
    concepts = NULL;
out:
    collecting_free(&collecting);
    ba_concepts_free(concepts);
    return status;
}

void
ba_concepts_free(ba_concepts_t *concepts)
{
    if (!concepts) {
        return;
    }
    ba_free(concepts->names);
    ba_free(concepts->classes);
    ba_free(concepts->is_words);
    ba_free(concepts->first);
    ba_free(concepts->concept);
    ba_free(concepts->forms);
    ba_free(concepts->type);
    ba_free(concepts->type_names);
    ba_free(concepts->sentence);
    ba_free(concepts->part);
    ba_free(concepts);
}

int
ba_concepts_tokens(
    const ba_concepts_t *concepts, size_t concept, size_t **out, size_t *n_tokens)
{
    size_t *tokens = NULL, n = 0;
    int status = BA_OK;

    *out = NULL;
    *n_tokens = 0;
    if (concept >= concepts->n_concepts) {
        return ba_fail(
            BA_VALUE, "concept %zu asked, there are %zu", concept, concepts->n_concepts);
    }
    BA_TRY_ALLOC(tokens, ba_malloc(concepts->n_tokens, sizeof *tokens));
    for (size_t t = 0; t < concepts->n_tokens; t++) {
        for (size_t i = concepts->first[t]; i < concepts->first[t + 1]; i++) {
            if (concepts->concept[i] == concept) {
                tokens[n++] = t;
            }
        }
    }
    *out = tokens;
    *n_tokens = n;
out:
    return status;
}
