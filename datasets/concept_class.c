/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Open and closed classes of words, by name or by a list: never by counting, since a rare
 * concept has few word types whatever its class. */
#include "datasets/concepts_impl.h"

#include "core/alloc.h"
#include "brainalign/table.h"

#include <string.h>

/* Universal Dependencies and, in the second lines, the Penn Treebank. */
static const char *const CLOSED[] = {"ADP", "AUX", "CCONJ", "CONJ", "DET", "NUM", "PART",
    "PRON", "SCONJ", /**/ "CC", "CD", "DT", "EX", "IN", "MD", "PDT", "POS", "PRP", "PRP$",
    "RP", "TO", "WDT", "WP", "WP$", "WRB"};
static const char *const OPEN[] = {"ADJ", "ADV", "INTJ", "NOUN", "PROPN", "VERB", /**/
    "JJ", "JJR", "JJS", "NN", "NNS", "NNP", "NNPS", "RB", "RBR", "RBS", "UH", "VB", "VBD",
    "VBG", "VBN", "VBP", "VBZ"};

/* Supersenses: WordNet's noun.food, STREUSLE's n.FOOD, v.motion and, of prepositions and
 * possessives, p.Locus. */
static const char *const OPEN_STARTS[] = {"noun.", "verb.", "adj.", "adv.", "n.", "v."};

static int
is_among(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(name, list[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* The name without what stands before a colon. */
static const char *
tag_of(const char *name)
{
    const char *colon = strrchr(name, ':');

    return colon && colon[1] ? colon + 1 : name;
}

/* Punctuation and symbols: no words at all. */
static int
is_neither(const char *name)
{
    static const char *const neither[] = {"PUNCT", "SYM", "X", "-LRB-", "-RRB-", "NFP"};
    const char *tag = tag_of(name);

    return is_among(tag, neither, sizeof neither / sizeof *neither) ||
           tag[strcspn(tag, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")] == 0;
}

ba_word_class_t
ba_word_class_of_tag(const char *name)
{
    const char *tag = tag_of(name);

    if (is_among(tag, CLOSED, sizeof CLOSED / sizeof *CLOSED) ||
        strncmp(tag, "p.", 2) == 0) {
        return BA_CLASS_CLOSED;
    }
    if (is_among(tag, OPEN, sizeof OPEN / sizeof *OPEN)) {
        return BA_CLASS_OPEN;
    }
    for (size_t i = 0; i < sizeof OPEN_STARTS / sizeof *OPEN_STARTS; i++) {
        if (strncmp(tag, OPEN_STARTS[i], strlen(OPEN_STARTS[i])) == 0) {
            return BA_CLASS_OPEN;
        }
    }
    return BA_CLASS_UNKNOWN;
}

static int
read_words(const char *file, ba_text_set_t *words)
{
    ba_table_t *table = NULL;
    char *lower = NULL;
    size_t column, number;
    int status;

    BA_TRY(ba_table_read(file, BA_TABLE_HEADER, &table));
    column = ba_table_find(table, "form");
    if (column == SIZE_MAX) {
        BA_TRY(ba_fail(BA_MISSING, "%s: no column 'form'", file));
    }
    for (size_t i = 0; i < ba_table_n_rows(table); i++) {
        const char *form = ba_table_cell(table, i, column);

        BA_TRY_ALLOC(lower, ba_strdup(form));
        ba_text_lower(form, lower);
        BA_TRY(ba_text_set_add(words, lower, &number));
        ba_free(lower);
        lower = NULL;
    }
out:
    ba_free(lower);
    ba_table_free(table);
    return status;
}

/* is_listed[type] = 1: a word of the closed class, in lower case. */
static int
mark_types(
    const ba_concepts_t *concepts, const ba_text_set_t *words, unsigned char *is_listed)
{
    char *lower = NULL;
    int status = BA_OK;

    for (size_t i = 0; i < concepts->n_types; i++) {
        BA_TRY_ALLOC(lower, ba_strdup(concepts->type_names[i]));
        ba_text_lower(concepts->type_names[i], lower);
        is_listed[i] = ba_text_set_find(words, lower) != SIZE_MAX;
        ba_free(lower);
        lower = NULL;
    }
out:
    ba_free(lower);
    return status;
}

int
ba_word_class_by_table(ba_concepts_t *concepts, const char *file)
{
    ba_text_set_t words = {0};
    unsigned char *is_listed = NULL;
    size_t *counts = NULL; /* of each concept: tokens, tokens that are listed */
    int status;

    if (!concepts->type) {
        return ba_fail(BA_VALUE,
            "%s: a list of words, but the forms of the tokens are not known", file);
    }
    BA_TRY(read_words(file, &words));
    BA_TRY_ALLOC(is_listed, ba_calloc(concepts->n_types, 1));
    BA_TRY_ALLOC(counts, ba_calloc(concepts->n_concepts, 2 * sizeof *counts));
    BA_TRY(mark_types(concepts, &words, is_listed));
    for (size_t t = 0; t < concepts->n_tokens; t++) {
        for (size_t i = concepts->first[t]; i < concepts->first[t + 1]; i++) {
            counts[2 * concepts->concept[i]]++;
            counts[2 * concepts->concept[i] + 1] += is_listed[concepts->type[t]];
        }
    }
    for (size_t k = 0; k < concepts->n_concepts; k++) {
        if (concepts->classes[k] == BA_CLASS_UNKNOWN && !is_neither(concepts->names[k])) {
            concepts->classes[k] =
                counts[2 * k + 1] > counts[2 * k] / 2 ? BA_CLASS_CLOSED : BA_CLASS_OPEN;
        }
    }
out:
    ba_text_set_free(&words);
    ba_free(is_listed);
    ba_free(counts);
    return status;
}
