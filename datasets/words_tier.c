/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words from a tier of a TextGrid. */
#include "datasets/words.h"

#include "core/alloc.h"
#include "core/nearest.h"
#include "io/textgrid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Labels that forced aligners give to what is no word (Penn and Montreal aligners, the
 * Huth lab's transcripts); so is everything in braces, angle brackets or nothing. */
static const char *const SILENCES[] = {"sp", "sil", "spn", "br", "lg", "ls", "ns", "cg",
    "sentence_start", "sentence_end", "pause", "#"};

/* Cuts blanks at both ends off. */
static char *
trim(char *label)
{
    size_t n;

    label += strspn(label, " \t\r\n");
    n = strlen(label);
    while (n > 0 && strchr(" \t\r\n", label[n - 1])) {
        label[--n] = '\0';
    }
    return label;
}

static int
is_word(const char *label)
{
    size_t n = strlen(label);

    if (n == 0 || label[0] == '{' || label[0] == '<') {
        return 0;
    }
    for (size_t i = 0; i < sizeof SILENCES / sizeof SILENCES[0]; i++) {
        if (strlen(SILENCES[i]) == n && strncasecmp(label, SILENCES[i], n) == 0) {
            return 0;
        }
    }
    return 1;
}

/* "phones, words", at most `size` bytes. */
static void
list_tiers(const ba_textgrid_t *grid, char *text, size_t size)
{
    size_t length = 0;

    text[0] = '\0';
    for (size_t k = 0; k < grid->n_tiers; k++) {
        const char *name = grid->tiers[k].name;
        size_t n = strlen(name);

        if (length + n + 3 > size) {
            return;
        }
        memcpy(text + length, k > 0 ? ", " : "", k > 0 ? 3 : 1);
        length += k > 0 ? 2 : 0;
        memcpy(text + length, name, n + 1);
        length += n;
    }
}

static size_t
tier_called(const ba_textgrid_t *grid, const char *name)
{
    for (size_t k = 0; k < grid->n_tiers; k++) {
        if (strcasecmp(grid->tiers[k].name, name) == 0) {
            return k;
        }
    }
    return SIZE_MAX;
}

static size_t
tier_by_default(const ba_textgrid_t *grid)
{
    size_t found = tier_called(grid, "words"), only = SIZE_MAX, n = 0;

    found = found == SIZE_MAX ? tier_called(grid, "word") : found;
    for (size_t k = 0; k < grid->n_tiers; k++) {
        if (grid->tiers[k].is_intervals) {
            only = k;
            n++;
        }
    }
    return found == SIZE_MAX && n == 1 ? only : found;
}

static int
find_tier(const ba_textgrid_t *grid, const char *file, const char *given, size_t *tier)
{
    char names[400];
    char *end;
    unsigned long number;

    *tier = given ? tier_called(grid, given) : tier_by_default(grid);
    if (*tier == SIZE_MAX && given) {
        number = strtoul(given, &end, 10);
        if (end != given && *end == '\0' && number >= 1 && number <= grid->n_tiers) {
            *tier = number - 1;
        }
    }
    if (*tier != SIZE_MAX) {
        return BA_OK;
    }
    list_tiers(grid, names, sizeof names);
    return ba_fail(BA_FORMAT, "%s: %s%s%s, found %s", file,
        given ? "no tier '" : "no tier 'words' or 'word' and not one tier of intervals",
        given ? given : "", given ? "'" : "", grid->n_tiers > 0 ? names : "no tiers");
}

int
ba_words_read_tier(
    const ba_word_opts_t *opts, const char *file, const char *name, ba_words_t *words)
{
    ba_textgrid_t grid = {0};
    double unit = opts->milliseconds ? 1e-3 : 1;
    size_t k = 0, n = 0;
    int status;

    if (words->n_runs > 0 && (!words->has_text || words->has_sentences)) {
        return ba_fail(BA_FORMAT,
            "%s: a TextGrid after tables with other columns, wanted the same in all",
            file);
    }
    words->has_text = 1;
    BA_TRY(ba_textgrid_read(file, &grid));
    BA_TRY(find_tier(&grid, file, opts->tier, &k));
    BA_TRY(ba_words_open_run(words, file, name));
    for (size_t i = 0; i < grid.tiers[k].n; i++) {
        ba_word_t word = {.onset = grid.tiers[k].start[i] * unit,
            .offset = grid.tiers[k].stop[i] * unit,
            .surprisal = (double) NAN,
            .text = trim(grid.tiers[k].labels[i])};

        if (is_word(word.text)) {
            word.row = ++n;
            BA_TRY(ba_words_append(words, &word));
        }
    }
out:
    ba_textgrid_free(&grid);
    return status;
}
