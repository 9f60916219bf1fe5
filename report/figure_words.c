/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cards of neurons from what neurons explain wrote: its result file and its words. */
#include "brainalign/bundle.h"
#include "brainalign/table.h"
#include "core/alloc.h"
#include "io/number.h"
#include "report/figure_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WORDS = 10 };

typedef struct {
    size_t n_neurons, n_lengths;
    int64_t *neuron, *layer, *unit; /* n_neurons */
    char **component, **formula;    /* n_neurons; n_neurons x n_lengths */
    double *iou, *test, *q;         /* n_neurons x n_lengths */
} explained_t;

/* Columns of the table of words. */
typedef struct {
    const ba_table_t *table;
    const char *file;
    size_t neuron, word, score, mean, n_tokens;
} words_t;

typedef struct {
    size_t row;
    double iou;
} candidate_t;

static int
read_integers(const ba_bundle_t *bundle, const char *path, size_t n, int64_t **out)
{
    int status = BA_OK;

    BA_TRY_ALLOC(*out, ba_malloc(n, sizeof **out));
    BA_TRY(ba_bundle_read(bundle, path, BA_I64, NULL, &n, *out));
out:
    return status;
}

static int
read_strings(
    const ba_bundle_t *bundle, const char *path, const char *file, size_t n, char ***out)
{
    size_t found;
    int status;

    BA_TRY(ba_bundle_read_strings(bundle, path, &found, out));
    if (found != n) {
        BA_TRY(ba_fail(
            BA_FORMAT, "%s:%s: found %zu texts, wanted %zu", file, path, found, n));
    }
out:
    return status;
}

static int
read_explained(const char *file, explained_t *explained)
{
    const char *const paths[] = {"/iou", "/test/iou", "/q"};
    double **const numbers[] = {&explained->iou, &explained->test, &explained->q};
    ba_bundle_t *bundle = NULL;
    size_t dims[BA_MAX_RANK], n;
    int rank, status;

    BA_TRY(ba_bundle_open(file, "brainalign-explain", &bundle));
    BA_TRY(ba_bundle_shape(bundle, "/iou", &rank, dims));
    if (rank != 2 || dims[0] == 0 || dims[1] == 0) {
        BA_TRY(ba_fail(BA_FORMAT,
            "%s:/iou: found another shape, wanted neurons x "
            "lengths",
            file));
    }
    explained->n_neurons = dims[0];
    explained->n_lengths = dims[1];
    BA_TRY(ba_multiply(dims[0], dims[1], &n));
    for (size_t i = 0; i < 3; i++) {
        BA_TRY_ALLOC(*numbers[i], ba_malloc(n, sizeof **numbers[i]));
        BA_TRY(ba_bundle_read(
            bundle, paths[i], BA_F64, (size_t[]){0, 0}, dims, *numbers[i]));
    }
    BA_TRY(read_integers(bundle, "/neurons/neuron", dims[0], &explained->neuron));
    BA_TRY(read_integers(bundle, "/neurons/layer", dims[0], &explained->layer));
    BA_TRY(read_integers(bundle, "/neurons/unit", dims[0], &explained->unit));
    BA_TRY(
        read_strings(bundle, "/neurons/component", file, dims[0], &explained->component));
    BA_TRY(read_strings(bundle, "/formula", file, n, &explained->formula));
out:
    ba_bundle_free(bundle);
    return status;
}

static void
free_explained(explained_t *explained)
{
    ba_free(explained->neuron);
    ba_free(explained->layer);
    ba_free(explained->unit);
    ba_free(explained->iou);
    ba_free(explained->test);
    ba_free(explained->q);
    free(explained->component);
    free(explained->formula);
}

static int
find_column(const words_t *words, const char *name, size_t *column)
{
    *column = ba_table_find(words->table, name);
    return *column != SIZE_MAX
               ? BA_OK
               : ba_fail(BA_MISSING, "%s: no column '%s'", words->file, name);
}

static int
find_columns(words_t *words)
{
    int status;

    BA_TRY(find_column(words, "neuron", &words->neuron));
    BA_TRY(find_column(words, "word", &words->word));
    BA_TRY(find_column(words, "score", &words->score));
    BA_TRY(find_column(words, "mean_z", &words->mean));
    BA_TRY(find_column(words, "n_tokens", &words->n_tokens));
out:
    return status;
}

/* Best first, then in the order of the file. */
static int
compare_candidates(const void *a, const void *b)
{
    const candidate_t *x = a, *y = b;

    if (x->iou != y->iou) {
        return x->iou > y->iou ? -1 : 1;
    }
    return x->row < y->row ? -1 : x->row > y->row;
}

/* IoU of a neuron's longest formula; below 0 where there is none. */
static double
fit_of(const explained_t *explained, size_t row)
{
    size_t at = (row + 1) * explained->n_lengths - 1;
    double iou = isfinite(explained->test[at]) ? explained->test[at] : explained->iou[at];

    return isfinite(iou) ? iou : -1.0;
}

/* "NAME: IoU .., on test tokens .., q .." */
static char *
formula_text(const explained_t *explained, size_t at)
{
    char *text = NULL, *longer, number[3][32];

    ba_number_print(100 * explained->iou[at], 3, number[0], sizeof number[0]);
    ba_number_print(100 * explained->test[at], 3, number[1], sizeof number[1]);
    ba_number_print(explained->q[at], 2, number[2], sizeof number[2]);
    text = ba_asprintf("%s: IoU\xc2\xa0%s\xc2\xa0%%", explained->formula[at], number[0]);
    if (text && isfinite(explained->test[at])) {
        longer = ba_asprintf("%s, on test tokens %s\xc2\xa0%%", text, number[1]);
        ba_free(text);
        text = longer;
    }
    if (text && isfinite(explained->q[at])) {
        longer = ba_asprintf("%s, q\xc2\xa0%s", text, number[2]);
        ba_free(text);
        text = longer;
    }
    return text;
}

/* What a card holds besides borrowed texts. */
typedef struct {
    char *title, *subtitle, *lines[2], *notes[MOST_WORDS];
    const char *names[MOST_WORDS];
    double values[MOST_WORDS];
    unsigned char kinds[MOST_WORDS];
    size_t n_words;
} content_t;

static void
free_content(content_t *content)
{
    ba_free(content->title);
    ba_free(content->subtitle);
    ba_free(content->lines[0]);
    ba_free(content->lines[1]);
    for (size_t i = 0; i < content->n_words; i++) {
        ba_free(content->notes[i]);
    }
}

/* The first words of a neuron; their lines stand together, best first. */
static int
fill_words(const words_t *words, int64_t neuron, content_t *content)
{
    size_t n_rows = ba_table_n_rows(words->table);
    int status = BA_OK;

    for (size_t row = 0; row < n_rows && content->n_words < MOST_WORDS; row++) {
        size_t i = content->n_words;
        double number, mean;

        BA_TRY(ba_table_number(words->table, row, words->neuron, &number));
        if (number != (double) neuron) {
            continue;
        }
        BA_TRY(ba_table_number(words->table, row, words->score, &content->values[i]));
        BA_TRY(ba_table_number(words->table, row, words->mean, &mean));
        content->kinds[i] = mean < 0.0;
        content->names[i] = ba_table_cell(words->table, row, words->word);
        BA_TRY_ALLOC(content->notes[i],
            ba_asprintf("n %s", ba_table_cell(words->table, row, words->n_tokens)));
        content->n_words++;
    }
out:
    return status;
}

static int
draw_card(
    ba_figure_t *figure, const explained_t *explained, const words_t *words, size_t row)
{
    content_t content = {.n_words = 0};
    size_t first = row * explained->n_lengths, last = first + explained->n_lengths - 1;
    size_t n_lines = strcmp(explained->formula[first], explained->formula[last]) ? 2 : 1;
    int status = BA_OK;

    BA_TRY_ALLOC(content.title,
        ba_asprintf("%s, layer %lld, unit %lld", explained->component[row],
            (long long) explained->layer[row], (long long) explained->unit[row]));
    BA_TRY_ALLOC(
        content.subtitle, ba_asprintf("neuron %lld", (long long) explained->neuron[row]));
    for (size_t i = 0; i < n_lines; i++) {
        BA_TRY_ALLOC(content.lines[i], formula_text(explained, i == 0 ? first : last));
    }
    BA_TRY(fill_words(words, explained->neuron[row], &content));
    BA_TRY(ba_figure_card(figure, &(ba_figure_card_t){.title = content.title,
                                      .subtitle = content.subtitle,
                                      .lines = (const char *const *) content.lines,
                                      .n_lines = n_lines,
                                      .n_bars = content.n_words,
                                      .names = content.names,
                                      .notes = (const char *const *) content.notes,
                                      .values = content.values,
                                      .kinds = content.kinds}));
out:
    free_content(&content);
    return status;
}

static int
draw_cards(ba_figure_t *figure, const explained_t *explained, const words_t *words,
    size_t n_cards)
{
    candidate_t *candidates = NULL;
    size_t n = explained->n_neurons;
    int status = BA_OK;

    BA_TRY_ALLOC(candidates, ba_malloc(n, sizeof *candidates));
    for (size_t k = 0; k < n; k++) {
        candidates[k] = (candidate_t){k, fit_of(explained, k)};
    }
    qsort(candidates, n, sizeof *candidates, compare_candidates);
    for (size_t k = 0; k < n && k < n_cards && candidates[k].iou >= 0.0; k++) {
        BA_TRY(draw_card(figure, explained, words, candidates[k].row));
    }
out:
    ba_free(candidates);
    return status;
}

int
ba_figure_words(ba_figure_t *figure, const char *file, const char *words, size_t n_cards)
{
    explained_t explained = {.n_neurons = 0};
    words_t columns = {.file = words};
    ba_table_t *table = NULL;
    int status;

    if (n_cards == 0) {
        return ba_fail(BA_VALUE, "cards: found 0, wanted at least 1");
    }
    BA_TRY(read_explained(file, &explained));
    BA_TRY(ba_table_read(words, BA_TABLE_HEADER, &table));
    columns.table = table;
    BA_TRY(find_columns(&columns));
    BA_TRY(ba_figure_title(figure, "Words and formulas of neurons",
        "Best formulas first. Bars: mean |z| of a word, relative to the neuron's first; "
        "blue: above its mean, orange: below. n: tokens."));
    BA_TRY(draw_cards(figure, &explained, &columns, n_cards));
out:
    free_explained(&explained);
    ba_table_free(table);
    return status;
}
