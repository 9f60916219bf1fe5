/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ARPA files: see arpa_read.c. */
#include "brainalign/ngram_file.h"
#include "core/alloc.h"
#include "io/number.h"
#include "io/outfile.h"
#include "lm/ngram_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double LN10 = 2.302585092994045684;

enum { DIGITS = 9, NUMBER_SIZE = 40 };

typedef struct {
    const ba_ngram_t *ngram;
    ba_outfile_t *file;
    size_t path[BA_NGRAM_MAX_ORDER]; /* entry of each order that is being continued */
} writer_t;

static int
put(const writer_t *writer, const char *text)
{
    return ba_outfile_write(writer->file, text, strlen(text));
}

static int
put_log10(const writer_t *writer, double value)
{
    char text[NUMBER_SIZE];

    ba_number_print(isinf(value) ? -99.0 : value / LN10, DIGITS, text, sizeof text);
    return put(writer, text);
}

/* The n-gram whose entries stand in the path. */
static int
put_entry(const writer_t *writer, size_t order)
{
    int status = BA_OK;
    const ba_ngram_level_t *level = &writer->ngram->level[order - 1];
    size_t e = writer->path[order - 1];

    BA_TRY(put_log10(writer, level->log_p[e]));
    for (size_t k = 0; k < order; k++) {
        BA_TRY(put(writer, k == 0 ? "\t" : " "));
        BA_TRY(put(writer,
            ba_ngram_word(writer->ngram, writer->ngram->level[k].word[writer->path[k]])));
    }
    if (level->first && level->first[e] < level->first[e + 1]) {
        BA_TRY(put(writer, "\t"));
        BA_TRY(put_log10(writer, level->backoff[e]));
    }
    BA_TRY(put(writer, "\n"));
out:
    return status;
}

/* Everything of an order below the entry at `depth` of the path. */
static int
put_below(writer_t *writer, size_t depth, size_t order)
{
    int status = BA_OK;
    const ba_ngram_level_t *level = &writer->ngram->level[depth - 1];
    size_t e = writer->path[depth - 1];

    if (depth == order) {
        return put_entry(writer, order);
    }
    for (size_t c = level->first[e]; c < level->first[e + 1]; c++) {
        writer->path[depth] = c;
        BA_TRY(put_below(writer, depth + 1, order));
    }
out:
    return status;
}

static int
put_order(writer_t *writer, size_t order)
{
    int status = BA_OK;
    char text[64];

    snprintf(text, sizeof text, "\n\\%zu-grams:\n", order);
    BA_TRY(put(writer, text));
    for (size_t w = 0; w < writer->ngram->level[0].n; w++) {
        writer->path[0] = w;
        BA_TRY(put_below(writer, 1, order));
    }
out:
    return status;
}

int
ba_ngram_write(const ba_ngram_t *ngram, const char *file, int force)
{
    int status = BA_OK;
    writer_t writer = {.ngram = ngram};
    char text[64];

    BA_TRY(ba_outfile_create(file, force, &writer.file));
    BA_TRY(put(&writer, "\\data\\\n"));
    for (size_t order = 1; order <= ngram->order; order++) {
        snprintf(text, sizeof text, "ngram %zu=%zu\n", order, ngram->level[order - 1].n);
        BA_TRY(put(&writer, text));
    }
    for (size_t order = 1; order <= ngram->order; order++) {
        BA_TRY(put_order(&writer, order));
    }
    BA_TRY(put(&writer, "\n\\end\\\n"));
    BA_TRY(ba_outfile_commit(writer.file));
out:
    ba_outfile_free(writer.file);
    return status;
}
