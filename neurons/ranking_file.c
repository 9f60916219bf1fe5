/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rankings as tables, and lists of neurons. */
#include "brainalign/ranking.h"

#include "core/alloc.h"
#include "core/texts.h"
#include "datasets/neuron_table.h"
#include "neurons/neuron_output.h"
#include "brainalign/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 17 };

/* Neuron numbers are below this: a mistyped one must not ask for all memory. */
#define MOST_NEURONS 1e7

static int
put_header(ba_table_writer_t *writer, const ba_ranking_t *ranking)
{
    static const char *const names[] = {
        "rank", "neuron", "layer", "component", "unit", "concept", "score", "p", "q"};
    int status = BA_OK;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        BA_TRY(ba_table_put_text(writer, names[i]));
    }
    if (ranking->stability) {
        BA_TRY(ba_table_put_text(writer, "stability"));
    }
    BA_TRY(ba_table_end_row(writer));
out:
    return status;
}

static int
put_neuron(ba_table_writer_t *writer, const ba_neuron_table_t *neurons, size_t i)
{
    int status;

    BA_TRY(ba_table_put_integer(writer, (int64_t) ba_neuron_number(neurons, i)));
    BA_TRY(ba_table_put_integer(writer, (int64_t) neurons->layer[i]));
    BA_TRY(ba_table_put_text(writer, neurons->component_names[neurons->component[i]]));
    BA_TRY(ba_table_put_integer(writer, (int64_t) neurons->unit[i]));
out:
    return status;
}

static int
put_row(
    ba_table_writer_t *writer, const ba_ranking_t *ranking, size_t concept, size_t rank)
{
    size_t base = concept * ranking->n_neurons;
    size_t neuron = ranking->order[base + rank];
    int status;

    BA_TRY(ba_table_put_integer(writer, (int64_t) rank + 1));
    BA_TRY(put_neuron(writer, &ranking->neurons, neuron));
    BA_TRY(ba_table_put_text(writer, ranking->concepts[concept]));
    BA_TRY(ba_table_put_number(writer, ranking->score[base + neuron], DIGITS));
    BA_TRY(ba_table_put_number(
        writer, ranking->p ? ranking->p[base + neuron] : (double) NAN, DIGITS));
    BA_TRY(ba_table_put_number(
        writer, ranking->q ? ranking->q[base + neuron] : (double) NAN, DIGITS));
    if (ranking->stability) {
        BA_TRY(ba_table_put_number(writer, ranking->stability[base + neuron], DIGITS));
    }
    BA_TRY(ba_table_end_row(writer));
out:
    return status;
}

int
ba_ranking_table(const ba_ranking_t *ranking, const char *file, size_t top, int force,
    ba_table_writer_t **out)
{
    size_t n = top > 0 && top < ranking->n_neurons ? top : ranking->n_neurons;
    int status;

    BA_TRY(ba_table_create(file, force, out));
    BA_TRY(put_header(*out, ranking));
    for (size_t c = 0; c < ranking->n_concepts; c++) {
        for (size_t rank = 0; rank < n; rank++) {
            BA_TRY(put_row(*out, ranking, c, rank));
        }
    }
out:
    return status;
}

int
ba_ranking_write(const ba_ranking_t *ranking, const char *file, size_t top, int force)
{
    ba_table_writer_t *writer = NULL;
    int status;

    BA_TRY(ba_ranking_table(ranking, file, top, force, &writer));
    BA_TRY(ba_table_commit(writer));
out:
    ba_table_writer_free(writer);
    return status;
}

/* A table being read, and where its columns stand (SIZE_MAX = it has none). */
typedef struct {
    const char *file;
    ba_table_t *table;
    size_t neuron, layer, component, unit, concept, score, p, q, stability;
    ba_text_set_t concepts, components;
    unsigned char *seen; /* n_concepts x n_neurons */
} reading_t;

static int
find_columns(reading_t *reading)
{
    const struct {
        const char *name;
        size_t *column;
        int is_needed;
    } columns[] = {{"neuron", &reading->neuron, 1}, {"layer", &reading->layer, 0},
        {"component", &reading->component, 0}, {"unit", &reading->unit, 0},
        {"concept", &reading->concept, 1}, {"score", &reading->score, 1},
        {"p", &reading->p, 0}, {"q", &reading->q, 0},
        {"stability", &reading->stability, 0}};

    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        *columns[i].column = ba_table_find(reading->table, columns[i].name);
        if (columns[i].is_needed && *columns[i].column == SIZE_MAX) {
            return ba_fail(BA_FORMAT,
                "%s: no column '%s', wanted a ranking (rank, neuron, "
                "layer, component, unit, concept, score, p, q)",
                reading->file, columns[i].name);
        }
    }
    return BA_OK;
}

/* A whole number from 0; a column that is not there gives 0. */
static int
read_integer(
    const char *file, const ba_table_t *table, size_t row, size_t column, size_t *out)
{
    double value;
    int status = BA_OK;

    *out = 0;
    if (column == SIZE_MAX) {
        return BA_OK;
    }
    BA_TRY(ba_table_number(table, row, column, &value));
    if (!(value >= 0 && value < MOST_NEURONS && value == floor(value))) {
        const char *name = ba_table_column(table, column);

        return ba_fail(BA_FORMAT,
            "%s: row %zu, column %zu%s%s%s: '%.60s', wanted a whole number from 0", file,
            row + 1, column + 1, name ? " (" : "", name ? name : "", name ? ")" : "",
            ba_table_cell(table, row, column));
    }
    *out = (size_t) value;
out:
    return status;
}

/* Concepts, components and the largest neuron. */
static int
look(reading_t *reading, size_t *largest)
{
    size_t neuron, number;
    int status = BA_OK;

    *largest = 0;
    for (size_t row = 0; row < ba_table_n_rows(reading->table); row++) {
        BA_TRY(
            read_integer(reading->file, reading->table, row, reading->neuron, &neuron));
        *largest = neuron > *largest ? neuron : *largest;
        BA_TRY(ba_text_set_add(&reading->concepts,
            ba_table_cell(reading->table, row, reading->concept), &number));
        BA_TRY(ba_text_set_add(&reading->components,
            reading->component == SIZE_MAX
                ? "neurons"
                : ba_table_cell(reading->table, row, reading->component),
            &number));
    }
out:
    return status;
}

static int
make_optional(const reading_t *reading, size_t column, size_t n, double **out)
{
    int status = BA_OK;

    (void) reading;
    if (column == SIZE_MAX) {
        return BA_OK;
    }
    BA_TRY_ALLOC(*out, ba_malloc(n, sizeof **out));
    for (size_t i = 0; i < n; i++) {
        (*out)[i] = (double) NAN;
    }
out:
    return status;
}

static int
make_ranking(reading_t *reading, size_t n_neurons, ba_ranking_t **out)
{
    ba_neuron_table_t neurons = {0};
    char **concepts = NULL, **components = NULL;
    size_t n_concepts = reading->concepts.texts.n, n;
    int status;

    BA_TRY(ba_texts_list(&reading->concepts.texts, &concepts));
    BA_TRY(ba_texts_list(&reading->components.texts, &components));
    BA_TRY(ba_neuron_table_make(n_neurons, (const char *const *) components,
        reading->components.texts.n, &neurons));
    BA_TRY(
        ba_ranking_create("", n_concepts, (const char *const *) concepts, &neurons, out));
    BA_TRY(ba_multiply(n_concepts, n_neurons, &n));
    BA_TRY(make_optional(reading, reading->p, n, &(*out)->p));
    BA_TRY(make_optional(reading, reading->q, n, &(*out)->q));
    BA_TRY(make_optional(reading, reading->stability, n, &(*out)->stability));
    BA_TRY_ALLOC(reading->seen, ba_calloc(n, 1));
out:
    ba_neuron_table_free(&neurons);
    ba_free(concepts);
    ba_free(components);
    return status;
}

static int
read_optional(const reading_t *reading, size_t row, size_t column, double *out)
{
    return out ? ba_table_number(reading->table, row, column, out) : BA_OK;
}

static int
take_row(reading_t *reading, size_t row, ba_ranking_t *ranking)
{
    const ba_table_t *table = reading->table;
    size_t neuron, concept, at;
    int status;

    BA_TRY(read_integer(reading->file, table, row, reading->neuron, &neuron));
    concept =
        ba_text_set_find(&reading->concepts, ba_table_cell(table, row, reading->concept));
    at = concept * ranking->n_neurons + neuron;
    if (reading->seen[at]++) {
        return ba_fail(BA_FORMAT,
            "%s: row %zu: neuron %zu of concept '%.60s' for the "
            "second time",
            reading->file, row + 1, neuron, ranking->concepts[concept]);
    }
    BA_TRY(read_integer(
        reading->file, table, row, reading->layer, &ranking->neurons.layer[neuron]));
    BA_TRY(read_integer(
        reading->file, table, row, reading->unit, &ranking->neurons.unit[neuron]));
    if (reading->component != SIZE_MAX) {
        ranking->neurons.component[neuron] = ba_text_set_find(
            &reading->components, ba_table_cell(table, row, reading->component));
    }
    BA_TRY(ba_table_number(table, row, reading->score, &ranking->score[at]));
    BA_TRY(read_optional(reading, row, reading->p, ranking->p ? &ranking->p[at] : NULL));
    BA_TRY(read_optional(reading, row, reading->q, ranking->q ? &ranking->q[at] : NULL));
    BA_TRY(read_optional(reading, row, reading->stability,
        ranking->stability ? &ranking->stability[at] : NULL));
out:
    return status;
}

int
ba_ranking_read(const char *file, size_t n_neurons, ba_ranking_t **out)
{
    reading_t reading = {.file = file};
    ba_ranking_t *ranking = NULL;
    size_t largest;
    int status;

    *out = NULL;
    BA_TRY(ba_table_read(file, BA_TABLE_HEADER, &reading.table));
    BA_TRY(find_columns(&reading));
    BA_TRY(look(&reading, &largest));
    if (n_neurons > 0 && largest >= n_neurons) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: neuron %zu, but there are %zu (counted from 0)",
            file, largest, n_neurons));
    }
    BA_TRY(make_ranking(&reading, n_neurons > 0 ? n_neurons : largest + 1, &ranking));
    for (size_t row = 0; row < ba_table_n_rows(reading.table); row++) {
        BA_TRY(take_row(&reading, row, ranking));
    }
    BA_TRY(ba_ranking_sort(ranking));
    *out = ranking;
    ranking = NULL;
out:
    ba_table_free(reading.table);
    ba_text_set_free(&reading.concepts);
    ba_text_set_free(&reading.components);
    ba_free(reading.seen);
    ba_ranking_free(ranking);
    return status;
}

static int
compare_sizes(const void *a, const void *b)
{
    size_t x = *(const size_t *) a, y = *(const size_t *) b;

    return x < y ? -1 : x > y;
}

static int
check_list(const char *file, const size_t *list, size_t n, size_t n_neurons)
{
    if (n_neurons > 0 && list[n - 1] >= n_neurons) {
        return ba_fail(BA_SHAPE, "%s: neuron %zu, but there are %zu (counted from 0)",
            file, list[n - 1], n_neurons);
    }
    for (size_t i = 1; i < n; i++) {
        if (list[i] == list[i - 1]) {
            return ba_fail(BA_FORMAT, "%s: neuron %zu twice", file, list[i]);
        }
    }
    return BA_OK;
}

int
ba_neuron_list_read(const char *file, size_t n_neurons, size_t **out, size_t *n_listed)
{
    ba_table_t *table = NULL;
    size_t *list = NULL, column, n;
    int status;

    *out = NULL;
    *n_listed = 0;
    BA_TRY(ba_table_read(file, BA_TABLE_DETECT, &table));
    column = ba_table_find(table, "neuron");
    if (column == SIZE_MAX) {
        if (ba_table_n_cols(table) > 1) {
            BA_TRY(ba_fail(BA_FORMAT, "%s: no column 'neuron'", file));
        }
        column = 0;
    }
    n = ba_table_n_rows(table);
    BA_TRY_ALLOC(list, ba_malloc(n, sizeof *list));
    for (size_t i = 0; i < n; i++) {
        BA_TRY(read_integer(file, table, i, column, &list[i]));
    }
    qsort(list, n, sizeof *list, compare_sizes);
    BA_TRY(check_list(file, list, n, n_neurons));
    *out = list;
    *n_listed = n;
    list = NULL;
out:
    ba_free(list);
    ba_table_free(table);
    return status;
}

int
ba_neuron_list_places(const ba_neuron_table_t *neurons, size_t *list, size_t n_listed)
{
    int status = BA_OK;

    for (size_t i = 0; i < n_listed; i++) {
        BA_TRY(ba_neuron_place(neurons, list[i], &list[i]));
    }
out:
    return status;
}

int
ba_neuron_list_write(const char *file, const ba_neuron_table_t *neurons,
    const size_t *list, size_t n_listed, int force)
{
    static const char *const names[] = {"neuron", "layer", "component", "unit"};
    ba_table_writer_t *writer = NULL;
    int status;

    BA_TRY(ba_table_create(file, force, &writer));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        BA_TRY(ba_table_put_text(writer, names[i]));
    }
    BA_TRY(ba_table_end_row(writer));
    for (size_t i = 0; i < n_listed; i++) {
        BA_TRY(put_neuron(writer, neurons, list[i]));
        BA_TRY(ba_table_end_row(writer));
    }
    BA_TRY(ba_table_commit(writer));
out:
    ba_table_writer_free(writer);
    return status;
}
