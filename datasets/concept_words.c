/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Concepts that are sets of words: lists, and the supersenses of WordNet. */
#include "datasets/concepts_impl.h"

#include "core/alloc.h"
#include "datasets/dataset_impl.h"
#include "io/textfile.h"
#include "brainalign/source.h"
#include "brainalign/table.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Which concepts each word belongs to: a chain of pairs for every word. */
typedef struct {
    int case_matters;
    ba_text_set_t words, names;
    size_t *head; /* of each word: number of its last pair and one, 0 = none */
    size_t n_head;
    size_t *next, *name; /* of each pair: the one before and one; the concept */
    size_t n_pairs, size;
    char *lower; /* room for a word */
    size_t n_lower;
} lexicon_t;

static void
lexicon_free(lexicon_t *lexicon)
{
    ba_text_set_free(&lexicon->words);
    ba_text_set_free(&lexicon->names);
    ba_free(lexicon->head);
    ba_free(lexicon->next);
    ba_free(lexicon->name);
    ba_free(lexicon->lower);
}

/* The word as it is looked up. */
static int
normal(lexicon_t *lexicon, const char **word)
{
    size_t n = strlen(*word) + 1;
    char *longer;
    int status = BA_OK;

    if (lexicon->case_matters) {
        return BA_OK;
    }
    if (n > lexicon->n_lower) {
        BA_TRY_ALLOC(longer, ba_realloc(lexicon->lower, 2 * n, 1));
        lexicon->lower = longer;
        lexicon->n_lower = 2 * n;
    }
    ba_text_lower(*word, lexicon->lower);
    *word = lexicon->lower;
out:
    return status;
}

static int
grow(size_t **list, size_t *n, size_t wanted)
{
    size_t size = *n ? *n : 256, *longer;
    int status = BA_OK;

    while (size < wanted) {
        BA_TRY(ba_multiply(size, 2, &size));
    }
    if (size != *n) {
        BA_TRY_ALLOC(longer, ba_realloc(*list, size, sizeof *longer));
        memset(longer + *n, 0, (size - *n) * sizeof *longer);
        *list = longer;
        *n = size;
    }
out:
    return status;
}

static int
lexicon_add(lexicon_t *lexicon, const char *word, const char *name)
{
    size_t number, concept, size = lexicon->size;
    int status;

    BA_TRY(normal(lexicon, &word));
    BA_TRY(ba_text_set_add(&lexicon->words, word, &number));
    BA_TRY(ba_text_set_add(&lexicon->names, name, &concept));
    BA_TRY(grow(&lexicon->head, &lexicon->n_head, number + 1));
    BA_TRY(grow(&lexicon->next, &size, lexicon->n_pairs + 1));
    BA_TRY(grow(&lexicon->name, &lexicon->size, lexicon->n_pairs + 1));
    lexicon->next[lexicon->n_pairs] = lexicon->head[number];
    lexicon->name[lexicon->n_pairs++] = concept;
    lexicon->head[number] = lexicon->n_pairs;
out:
    return status;
}

static int
add_list(lexicon_t *lexicon, const char *file, const char *name)
{
    char *text = NULL, *line;
    int status;

    BA_TRY(ba_textfile_read(file, &text));
    for (line = text; *line;) {
        size_t length = strcspn(line, "\r\n"), end = strcspn(line, "\t\r\n");
        int is_last = line[length] == '\0';

        line[end] = '\0';
        if (end > 0) {
            BA_TRY(lexicon_add(lexicon, line, name));
        }
        line += is_last ? length : length + 1;
    }
    if (lexicon->n_pairs == 0) {
        status = ba_fail(BA_FORMAT, "%s: no words", file);
    }
out:
    ba_free(text);
    return status;
}

/* The file's name without folder and ending. */
static int
add_file(lexicon_t *lexicon, const char *file)
{
    const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file;
    const char *dot = strrchr(base, '.');
    char *name = NULL;
    int status;

    BA_TRY_ALLOC(name, dot && dot > base ? ba_asprintf("%.*s", (int) (dot - base), base)
                                         : ba_strdup(base));
    BA_TRY(add_list(lexicon, file, name));
out:
    ba_free(name);
    return status;
}

static int
is_listed(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Files of other folders within are not looked for. */
static int
add_folder(lexicon_t *lexicon, const char *folder)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_listed, alphasort), n_files = 0;
    int status = BA_OK;

    if (n < 0) {
        return ba_fail(BA_IO, "%s: cannot open: %s", folder, strerror(errno));
    }
    for (int i = 0; i < n && status == BA_OK; i++) {
        char *file = ba_asprintf("%s/%s", folder, entries[i]->d_name);
        struct stat info;

        if (!file) {
            status = BA_NOMEM;
        } else if (stat(file, &info) == 0 && S_ISREG(info.st_mode)) {
            status = add_file(lexicon, file);
            n_files++;
        }
        ba_free(file);
    }
    for (int i = 0; i < n; i++) {
        free(entries[i]);
    }
    free(entries);
    if (status == BA_OK && n_files == 0) {
        status = ba_fail(BA_FORMAT, "%s: no word list in this folder", folder);
    }
    return status;
}

static int
add_word_list(lexicon_t *lexicon, const char *text)
{
    size_t length = ba_dataset_name_length(text);
    const char *file = text + (length ? length + 1 : 0);
    struct stat info;
    char *name = NULL;
    int status;

    if (stat(file, &info) == 0 && S_ISDIR(info.st_mode)) {
        return add_folder(lexicon, file);
    }
    if (length == 0) {
        return add_file(lexicon, file);
    }
    BA_TRY_ALLOC(name, ba_asprintf("%.*s", (int) length, text));
    BA_TRY(add_list(lexicon, file, name));
out:
    ba_free(name);
    return status;
}

/* Several supersenses of a lemma stand between commas. */
static int
add_supersenses(lexicon_t *lexicon, const char *lemma, const char *cell)
{
    char *name = NULL;
    int status = BA_OK;

    while (!ba_label_is_missing(cell)) {
        size_t length = strcspn(cell, ",");

        BA_TRY_ALLOC(name, ba_asprintf("%.*s", (int) length, cell));
        BA_TRY(lexicon_add(lexicon, lemma, name));
        ba_free(name);
        name = NULL;
        cell += length;
        cell += *cell == ',';
    }
out:
    ba_free(name);
    return status;
}

static int
add_wordnet(lexicon_t *lexicon, const char *text)
{
    static const char *const usual[] = {"supersense", "first_sense_supersense"};
    ba_spec_t spec = {.file = NULL};
    ba_table_t *table = NULL;
    size_t lemma, column = SIZE_MAX;
    int status;

    BA_TRY(ba_spec_parse(text, &spec));
    BA_TRY(ba_table_read(spec.file, BA_TABLE_HEADER, &table));
    lemma = ba_table_find(table, "lemma");
    if (spec.path) {
        column = ba_table_find(table, spec.path);
    }
    for (size_t i = 0; i < 2 && !spec.path && column == SIZE_MAX; i++) {
        column = ba_table_find(table, usual[i]);
    }
    if (lemma == SIZE_MAX || column == SIZE_MAX) {
        BA_TRY(ba_fail(BA_MISSING, "%s: no column '%s', wanted lemma and %s", spec.file,
            lemma == SIZE_MAX ? "lemma"
            : spec.path       ? spec.path
                              : "supersense",
            spec.path ? spec.path : "supersense (or first_sense_supersense)"));
    }
    for (size_t i = 0; i < ba_table_n_rows(table); i++) {
        BA_TRY(add_supersenses(
            lexicon, ba_table_cell(table, i, lemma), ba_table_cell(table, i, column)));
    }
out:
    ba_table_free(table);
    ba_spec_free(&spec);
    return status;
}

static int
mark(ba_collecting_t *collecting, lexicon_t *lexicon, const ba_texts_t *words)
{
    int status = BA_OK;

    for (size_t t = 0; t < words->n; t++) {
        const char *word = ba_texts_get(words, t);
        size_t number;

        BA_TRY(normal(lexicon, &word));
        number = ba_text_set_find(&lexicon->words, word);
        for (size_t i = number == SIZE_MAX ? 0 : lexicon->head[number]; i > 0;
             i = lexicon->next[i - 1]) {
            BA_TRY(ba_collecting_add(collecting, t,
                ba_texts_get(&lexicon->names.texts, lexicon->name[i - 1]), 1));
        }
    }
out:
    return status;
}

/* Lemmas where given, else the forms. */
static int
look_up(ba_collecting_t *collecting, lexicon_t *lexicon)
{
    const char *spec = collecting->opts->lemmas;
    ba_label_column_t lemmas = {0};
    int status;

    if (spec) {
        BA_TRY(ba_label_column_read(collecting->ctx, spec, &lemmas));
        BA_TRY(ba_collecting_check(collecting, spec, &lemmas));
        BA_TRY(mark(collecting, lexicon, &lemmas.cells));
    } else if (collecting->words.cells.n > 0) {
        BA_TRY(mark(collecting, lexicon, &collecting->words.cells));
    } else {
        BA_TRY(ba_fail(BA_VALUE,
            "word lists: neither forms nor lemmas of the tokens are known, wanted one"));
    }
out:
    ba_label_column_free(&lemmas);
    return status;
}

int
ba_collecting_words(ba_collecting_t *collecting)
{
    const ba_concepts_opts_t *opts = collecting->opts;
    lexicon_t lexicon = {.case_matters = opts->case_matters};
    int status = BA_OK;

    if (opts->n_word_lists == 0 && !opts->wordnet) {
        return BA_OK;
    }
    for (size_t i = 0; i < opts->n_word_lists; i++) {
        BA_TRY(add_word_list(&lexicon, opts->word_lists[i]));
    }
    if (opts->wordnet) {
        BA_TRY(add_wordnet(&lexicon, opts->wordnet));
    }
    BA_TRY(look_up(collecting, &lexicon));
out:
    lexicon_free(&lexicon);
    return status;
}
