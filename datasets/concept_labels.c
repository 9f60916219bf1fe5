/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Concepts from labels of tokens, and whether labels and tokens are the same ones. */
#include "datasets/concepts_impl.h"

#include "core/alloc.h"
#include "datasets/dataset_impl.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

int
ba_collecting_add(
    ba_collecting_t *collecting, size_t token, const char *name, int is_words)
{
    size_t n_before = collecting->names.texts.n, number, *longer;
    unsigned char *flags;
    int status;

    BA_TRY(ba_text_set_add(&collecting->names, name, &number));
    if (number == collecting->n_is_words) {
        size_t n = number ? 2 * number : 64;

        BA_TRY_ALLOC(flags, ba_realloc(collecting->is_words, n, 1));
        collecting->is_words = flags;
        collecting->n_is_words = n;
    }
    if (number == n_before) {
        collecting->is_words[number] = (unsigned char) is_words;
    }
    collecting->is_words[number] &= (unsigned char) is_words;
    if (collecting->n_pairs == collecting->pairs_size) {
        size_t n = collecting->pairs_size ? 2 * collecting->pairs_size : 1024;

        BA_TRY_ALLOC(longer, ba_realloc(collecting->token, n, sizeof *longer));
        collecting->token = longer;
        BA_TRY_ALLOC(longer, ba_realloc(collecting->concept, n, sizeof *longer));
        collecting->concept = longer;
        collecting->pairs_size = n;
    }
    collecting->token[collecting->n_pairs] = token;
    collecting->concept[collecting->n_pairs++] = number;
out:
    return status;
}

/* "sentence 3, token 7 (from 0)", or the token alone. */
static void
print_place(const size_t *sentence, size_t token, char *text, size_t size)
{
    size_t first = token;

    if (!sentence) {
        snprintf(text, size, "token %zu (from 0)", token);
        return;
    }
    while (first > 0 && sentence[first - 1] == sentence[token]) {
        first--;
    }
    snprintf(text, size, "sentence %zu, token %zu (both from 0; token %zu of all)",
        sentence[token], token - first, token);
}

int
ba_words_compare(const char *spec, const ba_texts_t *words, const char *other,
    const char *const *others, size_t n_others, const size_t *sentence)
{
    size_t n = words->n < n_others ? words->n : n_others;
    char place[96];

    for (size_t t = 0; t < n; t++) {
        if (strcmp(ba_texts_get(words, t), others[t]) != 0) {
            print_place(sentence, t, place, sizeof place);
            return ba_fail(BA_SHAPE, "%s: %s: '%.60s', but %s %s '%.60s'", spec, place,
                ba_texts_get(words, t), other,
                strcmp(other, "the activations") == 0 ? "have" : "has", others[t]);
        }
    }
    return BA_OK;
}

int
ba_collecting_check(
    ba_collecting_t *collecting, const char *spec, const ba_label_column_t *column)
{
    size_t n = column->cells.n;
    int status = BA_OK;

    if (collecting->n_tokens == 0) {
        collecting->n_tokens = n;
        BA_TRY_ALLOC(collecting->counted_by, ba_strdup(spec));
    }
    if (n != collecting->n_tokens) {
        status = ba_fail(BA_SHAPE, "%s: %zu tokens, wanted %zu as in %s", spec, n,
            collecting->n_tokens, collecting->counted_by);
    }
out:
    return status;
}

/* Where words are not told, sentences that do not end at the same tokens are the only sign
 * of labels that are shifted. */
static int
compare_sentences(
    const ba_collecting_t *collecting, const char *spec, const ba_label_column_t *column)
{
    const ba_activations_t *activations = collecting->activations;
    const size_t *ours = column->sentence,
                 *theirs = activations ? activations->sentence : NULL;
    char place[96];

    for (size_t t = 1; ours && theirs && t < column->cells.n && t < activations->n_tokens;
         t++) {
        int is_new = ours[t] != ours[t - 1];

        if (is_new != (theirs[t] != theirs[t - 1])) {
            print_place(theirs, t, place, sizeof place);
            return ba_fail(BA_SHAPE,
                "%s: %s of the activations %s a sentence in the labels", spec, place,
                is_new ? "begins" : "does not begin");
        }
    }
    return BA_OK;
}

/* Words that a file tells are compared with what is known of them, or become it. */
static int
take_words(ba_collecting_t *collecting, const char *spec, ba_label_column_t *column)
{
    const ba_activations_t *activations = collecting->activations;
    char **known = NULL;
    int status = BA_OK;

    if (column->forms.n == 0) {
        return BA_OK;
    }
    if (activations && activations->words) {
        BA_TRY(ba_words_compare(spec, &column->forms, "the activations",
            (const char *const *) activations->words, activations->n_tokens,
            column->sentence));
    }
    if (collecting->words.cells.n > 0) {
        BA_TRY(ba_texts_list(&collecting->words.cells, &known));
        BA_TRY(ba_words_compare(spec, &column->forms, collecting->words_of,
            (const char *const *) known, collecting->words.cells.n, column->sentence));
    } else {
        BA_TRY_ALLOC(collecting->words_of, ba_strdup(spec));
        collecting->words.cells = column->forms;
        column->forms = (ba_texts_t){0};
    }
out:
    ba_free(known);
    return status;
}

/* "Number=Sing|Person=3" is two labels. */
static int
add_cell(ba_collecting_t *collecting, size_t token, const char *cell, const char *prefix,
    int is_list)
{
    char *name = NULL;
    int status = BA_OK;

    while (!ba_label_is_missing(cell)) {
        size_t length = is_list ? strcspn(cell, "|") : strlen(cell);

        BA_TRY_ALLOC(name, ba_asprintf("%s%.*s", prefix, (int) length, cell));
        BA_TRY(ba_collecting_add(collecting, token, name, 0));
        ba_free(name);
        name = NULL;
        cell += length;
        cell += *cell == '|';
    }
out:
    ba_free(name);
    return status;
}

static int
add_labels(ba_collecting_t *collecting, const char *text)
{
    size_t length = ba_dataset_name_length(text);
    const char *spec = text + (length ? length + 1 : 0);
    ba_label_column_t column = {0};
    char *prefix = NULL;
    int status;

    BA_TRY(ba_label_column_read(collecting->ctx, spec, &column));
    BA_TRY_ALLOC(
        prefix, length ? ba_asprintf("%.*s:", (int) length, text) : ba_strdup(""));
    BA_TRY(take_words(collecting, spec, &column));
    BA_TRY(compare_sentences(collecting, spec, &column));
    BA_TRY(ba_collecting_check(collecting, spec, &column));
    if (!collecting->sentence) {
        collecting->sentence = column.sentence;
        column.sentence = NULL;
    }
    for (size_t t = 0; t < column.cells.n; t++) {
        BA_TRY(add_cell(collecting, t, ba_texts_get(&column.cells, t), prefix,
            strcasecmp(column.name, "feats") == 0));
    }
out:
    ba_free(prefix);
    ba_label_column_free(&column);
    return status;
}

int
ba_collecting_labels(ba_collecting_t *collecting)
{
    int status = BA_OK;

    for (size_t i = 0; i < collecting->opts->n_labels; i++) {
        BA_TRY(add_labels(collecting, collecting->opts->labels[i]));
    }
out:
    return status;
}
