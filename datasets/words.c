/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "datasets/words.h"

#include "core/alloc.h"
#include "io/textgrid.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Runs are few. */
static int
grow_runs(ba_words_t *words)
{
    size_t n = words->n_runs + 1;
    char **names;
    const char **files;
    size_t *first;
    int status = BA_OK;

    BA_TRY_ALLOC(names, ba_realloc(words->run_names, n, sizeof *names));
    words->run_names = names;
    BA_TRY_ALLOC(files, ba_realloc(words->files, n, sizeof *files));
    words->files = files;
    BA_TRY_ALLOC(first, ba_realloc(words->first, n + 1, sizeof *first));
    words->first = first;
out:
    return status;
}

static int
grow_numbers(double **numbers, size_t room)
{
    double *grown = ba_realloc(*numbers, room, sizeof *grown);

    if (!grown) {
        return BA_NOMEM;
    }
    *numbers = grown;
    return BA_OK;
}

static int
grow_words(ba_words_t *words)
{
    size_t room = words->room ? 2 * words->room : 256;
    size_t *rows;
    char **text;
    int status = BA_OK;

    BA_TRY(grow_numbers(&words->onset, room));
    BA_TRY(grow_numbers(&words->offset, room));
    BA_TRY(grow_numbers(&words->surprisal, room));
    BA_TRY(grow_numbers(&words->sentence_position, room));
    BA_TRY_ALLOC(rows, ba_realloc(words->rows, room, sizeof *rows));
    words->rows = rows;
    BA_TRY_ALLOC(text, ba_realloc(words->text, room, sizeof *text));
    words->text = text;
    words->room = room;
out:
    return status;
}

int
ba_words_open_run(ba_words_t *words, const char *file, const char *name)
{
    size_t k = words->n_runs;
    int status = BA_OK;

    for (size_t i = 0; i < k; i++) {
        if (strcmp(words->run_names[i], name) == 0) {
            return ba_fail(BA_FORMAT,
                "%s: run '%s' comes back after another run, wanted the words of a run "
                "together",
                file, name);
        }
    }
    BA_TRY(grow_runs(words));
    BA_TRY_ALLOC(words->run_names[k], ba_strdup(name));
    words->files[k] = file;
    words->first[k] = words->n_words;
    words->n_runs++;
out:
    return status;
}

static int
check_times(const ba_words_t *words, const ba_word_t *word)
{
    if (!isfinite(word->onset) || !isfinite(word->offset)) {
        return ba_fail(BA_FORMAT,
            "%s: row %zu ('%.60s'): time %g, wanted a finite number",
            words->files[words->n_runs - 1], word->row, word->text,
            isfinite(word->onset) ? word->offset : word->onset);
    }
    if (word->offset < word->onset) {
        return ba_fail(BA_FORMAT,
            "%s: row %zu ('%.60s'): ends at %g s, before it begins at %g s",
            words->files[words->n_runs - 1], word->row, word->text, word->offset,
            word->onset);
    }
    return BA_OK;
}

int
ba_words_append(ba_words_t *words, const ba_word_t *word)
{
    size_t i = words->n_words;
    int is_missing = isnan(word->onset);
    int status = BA_OK;

    if (!is_missing) {
        BA_TRY(check_times(words, word));
    }
    if (i == words->room) {
        BA_TRY(grow_words(words));
    }
    BA_TRY_ALLOC(words->text[i], ba_strdup(word->text));
    words->onset[i] = word->onset;
    words->offset[i] = is_missing ? word->onset : word->offset;
    words->rows[i] = word->row;
    words->surprisal[i] = isnan(word->surprisal) ? 0 : word->surprisal;
    words->n_no_surprisal += isnan(word->surprisal) ? 1 : 0;
    words->sentence_position[i] =
        i == words->first[words->n_runs - 1] || word->starts_sentence
            ? 1
            : words->sentence_position[i - 1] + 1;
    words->n_missing += is_missing ? 1 : 0;
    words->n_words++;
out:
    return status;
}

/* "story" of "folder/story.csv". NULL = no memory. */
static char *
run_name(const char *file)
{
    const char *base = strrchr(file, '/');
    const char *dot;

    base = base ? base + 1 : file;
    dot = strrchr(base, '.');
    return ba_asprintf(
        "%.*s", (int) (dot && dot > base ? dot - base : (long) strlen(base)), base);
}

static int
read_file(const ba_word_opts_t *opts, size_t i, ba_words_t *words)
{
    const char *file = opts->files[i];
    size_t before = words->n_words, n_missing = words->n_missing;
    char *name;
    int status;

    BA_TRY_ALLOC(name, run_name(file));
    status = ba_textgrid_is(file) ? ba_words_read_tier(opts, file, name, words)
                                  : ba_words_read_table(opts, file, name, words);
    if (status == BA_OK && words->n_words - before == words->n_missing - n_missing) {
        status = ba_fail(BA_FORMAT, "%s: no word with a time", file);
    }
out:
    ba_free(name);
    return status;
}

int
ba_words_read(const ba_word_opts_t *opts, ba_words_t *out)
{
    int status = BA_OK;

    *out = (ba_words_t){0};
    if (opts->n_files == 0) {
        return ba_fail(BA_VALUE, "words: no file, wanted at least one table or TextGrid");
    }
    if (opts->n_files > 1 && opts->run) {
        return ba_fail(BA_VALUE,
            "words: a column of runs ('%s') and %zu files, which are a run each, wanted "
            "one or the other",
            opts->run, opts->n_files);
    }
    for (size_t i = 0; i < opts->n_files; i++) {
        BA_TRY(read_file(opts, i, out));
    }
    out->first[out->n_runs] = out->n_words;
    if (out->surprisal && out->n_no_surprisal == out->n_words) {
        ba_free(out->surprisal);
        out->surprisal = NULL;
    }
out:
    if (status != BA_OK) {
        ba_words_free(out);
    }
    return status;
}

void
ba_words_free(ba_words_t *words)
{
    for (size_t i = 0; words->text && i < words->n_words; i++) {
        ba_free(words->text[i]);
    }
    for (size_t k = 0; words->run_names && k < words->n_runs; k++) {
        ba_free(words->run_names[k]);
    }
    ba_free(words->text);
    ba_free(words->run_names);
    ba_free(words->files);
    ba_free(words->first);
    ba_free(words->rows);
    ba_free(words->onset);
    ba_free(words->offset);
    ba_free(words->surprisal);
    ba_free(words->sentence_position);
    *words = (ba_words_t){0};
}

const char *
ba_words_where(const ba_words_t *words, size_t word, char *text, size_t size)
{
    size_t k = 0;

    while (k + 1 < words->n_runs && words->first[k + 1] <= word) {
        k++;
    }
    snprintf(text, size, "%s: row %zu%s%.40s%s", words->files[k], words->rows[word],
        words->has_text ? " ('" : "", words->has_text ? words->text[word] : "",
        words->has_text ? "')" : "");
    return text;
}

double
ba_word_length(const char *text)
{
    size_t n = strlen(text), length = 0;

    while (n > 0 && ispunct((unsigned char) text[n - 1])) {
        n--;
    }
    for (; n > 0 && ispunct((unsigned char) *text); n--) {
        text++;
    }
    for (size_t i = 0; i < n; i++) {
        length += ((unsigned char) text[i] & 0xc0) != 0x80;
    }
    return (double) length;
}
