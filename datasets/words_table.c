/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words from CSV, TSV and BIDS events files. */
#include "datasets/words.h"

#include "core/alloc.h"
#include "core/nearest.h"
#include "io/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Columns of the table, SIZE_MAX where there is none. */
typedef struct {
    size_t onset, offset, duration, word, run, sentence, surprisal;
} columns_t;

typedef struct {
    const ba_word_opts_t *opts;
    const char *file;
    ba_table_t *table;
    columns_t columns;
    double unit; /* seconds */
} job_t;

static int
has_number(const ba_table_t *table)
{
    double value;

    for (size_t i = 0; i < ba_table_n_cols(table); i++) {
        const char *name = ba_table_column(table, i);

        if (name && ba_number_parse(name, &value) && !isnan(value)) {
            return 1;
        }
    }
    return 0;
}

/* Word tables may have a header with an empty cell (a data frame's index), which numbers
 * do not; a first line is a header unless it has a number in it. */
static int
open_table(const char *file, ba_table_t **out)
{
    int status;

    BA_TRY(ba_table_read(file, BA_TABLE_HEADER, out));
    if (has_number(*out)) {
        ba_table_free(*out);
        *out = NULL;
        BA_TRY(ba_table_read(file, BA_TABLE_NO_HEADER, out));
    }
out:
    return status;
}

static int
fail_column(const job_t *job, const char *wanted)
{
    const char *nearest = NULL;

    if (!ba_table_column(job->table, 0)) {
        return ba_fail(BA_FORMAT,
            "%s: no header, so no column '%s': name columns by their numbers, 1 to %zu",
            job->file, wanted, ba_table_n_cols(job->table));
    }
    for (size_t i = 0; i < ba_table_n_cols(job->table); i++) {
        const char *name = ba_table_column(job->table, i);

        if (!nearest ||
            ba_word_distance(wanted, name) < ba_word_distance(wanted, nearest)) {
            nearest = name;
        }
    }
    return ba_fail(
        BA_FORMAT, "%s: no column '%s': nearest is '%s'", job->file, wanted, nearest);
}

/* A column by its name, or by its number from 1 where no column is called so. */
static int
find_given(const job_t *job, const char *given, size_t *column)
{
    char *end;
    unsigned long number;

    *column = ba_table_find(job->table, given);
    if (*column != SIZE_MAX) {
        return BA_OK;
    }
    number = strtoul(given, &end, 10);
    if (end == given || *end != '\0' || number == 0 ||
        number > ba_table_n_cols(job->table) || given[0] == '-') {
        return fail_column(job, given);
    }
    *column = number - 1;
    return BA_OK;
}

/* The column that was asked for, else the first of the usual names (NULL at the end) that
 * the table has. */
static int
find_column(const job_t *job, const char *given, const char *const *usual, size_t *column)
{
    *column = SIZE_MAX;
    if (given) {
        return find_given(job, given, column);
    }
    for (; *usual && *column == SIZE_MAX; usual++) {
        *column = ba_table_find(job->table, *usual);
    }
    return BA_OK;
}

static int
find_columns(job_t *job)
{
    static const char *const onset[] = {"onset", "start", NULL};
    static const char *const offset[] = {"offset", "end", NULL};
    static const char *const duration[] = {"duration", NULL};
    static const char *const word[] = {"word", "text", "token", "trial_type", NULL};
    static const char *const run[] = {"run", "story", NULL};
    static const char *const sentence[] = {"sentence", NULL};
    static const char *const surprisal[] = {"surprisal", NULL};
    static const char *const none[] = {NULL};
    const ba_word_opts_t *opts = job->opts;
    columns_t *columns = &job->columns;
    int status;

    BA_TRY(find_column(job, opts->onset, onset, &columns->onset));
    BA_TRY(
        find_column(job, opts->offset, opts->duration ? none : offset, &columns->offset));
    BA_TRY(find_column(job, opts->duration, duration, &columns->duration));
    BA_TRY(find_column(job, opts->word, word, &columns->word));
    BA_TRY(find_column(job, opts->run, opts->n_files > 1 ? none : run, &columns->run));
    BA_TRY(find_column(job, opts->sentence, sentence, &columns->sentence));
    BA_TRY(find_column(job, opts->surprisal, surprisal, &columns->surprisal));
    if (columns->onset == SIZE_MAX) {
        BA_TRY(fail_column(job, "onset"));
    }
    if (columns->offset == SIZE_MAX && columns->duration == SIZE_MAX) {
        BA_TRY(ba_fail(
            BA_FORMAT, "%s: no column 'offset' and no column 'duration'", job->file));
    }
out:
    return status;
}

static int
read_number(const job_t *job, size_t row, size_t column, double *value)
{
    *value = (double) NAN;
    return column == SIZE_MAX ? BA_OK : ba_table_number(job->table, row, column, value);
}

/* A word without an onset has no time; one without an end ends where it begins. */
static int
read_times(const job_t *job, size_t row, ba_word_t *word)
{
    double duration;
    int status;

    BA_TRY(read_number(job, row, job->columns.onset, &word->onset));
    BA_TRY(read_number(job, row, job->columns.offset, &word->offset));
    word->onset *= job->unit;
    word->offset *= job->unit;
    if (isnan(word->offset)) {
        BA_TRY(read_number(job, row, job->columns.duration, &duration));
        word->offset = word->onset + (isnan(duration) ? 0 : duration * job->unit);
    }
out:
    return status;
}

static const char *
cell(const job_t *job, size_t row, size_t column)
{
    return column == SIZE_MAX ? "" : ba_table_cell(job->table, row, column);
}

static int
starts_sentence(const job_t *job, size_t row)
{
    size_t column = job->columns.sentence;

    return row == 0 || strcmp(cell(job, row, column), cell(job, row - 1, column)) != 0;
}

static int
read_row(const job_t *job, size_t row, const char *name, ba_words_t *words)
{
    size_t run = job->columns.run;
    ba_word_t word = {.row = row + 1, .starts_sentence = starts_sentence(job, row)};
    int status;

    if (row == 0 || strcmp(cell(job, row, run), cell(job, row - 1, run)) != 0) {
        BA_TRY(ba_words_open_run(
            words, job->file, run == SIZE_MAX ? name : cell(job, row, run)));
    }
    word.text = cell(job, row, job->columns.word);
    BA_TRY(read_times(job, row, &word));
    BA_TRY(read_number(job, row, job->columns.surprisal, &word.surprisal));
    BA_TRY(ba_words_append(words, &word));
out:
    return status;
}

/* What one table has the others must have too: a control feature of half the runs is
 * none. */
static int
note_columns(const job_t *job, ba_words_t *words)
{
    int has_text = job->columns.word != SIZE_MAX;
    int has_sentences = job->columns.sentence != SIZE_MAX;

    if (words->n_runs > 0 &&
        (words->has_text != has_text || words->has_sentences != has_sentences)) {
        return ba_fail(BA_FORMAT,
            "%s: found %s, but the files before it have %s of words and %s of "
            "sentences, wanted the same columns in all",
            job->file,
            words->has_text != has_text ? (has_text ? "a column of words" : "no words")
            : has_sentences             ? "a column of sentences"
                                        : "no sentences",
            words->has_text ? "a column" : "none",
            words->has_sentences ? "a column" : "none");
    }
    words->has_text = has_text;
    words->has_sentences = has_sentences;
    return BA_OK;
}

int
ba_words_read_table(
    const ba_word_opts_t *opts, const char *file, const char *name, ba_words_t *words)
{
    job_t job = {.opts = opts, .file = file, .unit = opts->milliseconds ? 1e-3 : 1};
    int status;

    BA_TRY(open_table(file, &job.table));
    BA_TRY(find_columns(&job));
    BA_TRY(note_columns(&job, words));
    for (size_t row = 0; row < ba_table_n_rows(job.table); row++) {
        BA_TRY(read_row(&job, row, name, words));
    }
out:
    ba_table_free(job.table);
    return status;
}
