/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The delayed copy of a feature x by d samples is x[t - d] where sample t - d belongs to
 * the same run as t (or, across runs, to the series at all), else 0. */
#include "model/design_impl.h"

#include "core/alloc.h"
#include "model/clones.h"
#include "model/disturb.h"
#include "model/numeral.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

/* Columns written side by side: few enough for their cache lines to stay in the nearest
 * cache, enough that looking up scattered samples is paid once for many values. */
#define COLUMN_GROUP 16

static size_t
magnitude(int delay)
{
    return delay < 0 ? (size_t) - (int64_t) delay : (size_t) delay;
}

/* Position of a delay in a list, n where it is not there. */
static size_t
find_delay(const int *delays, size_t n, int delay)
{
    size_t i = 0;

    while (i < n && delays[i] != delay) {
        i++;
    }
    return i;
}

static int
check_delay(
    const ba_space_t *space, int delay, const ba_runs_t *runs, ba_delay_borders_t borders)
{
    size_t shortest = 0;

    if (borders == BA_DELAY_ACROSS_RUNS) {
        return magnitude(delay) < runs->n_samples
                   ? BA_OK
                   : ba_fail(BA_SHAPE,
                         "delays: %s: delay %d, wanted shorter than the %zu samples",
                         space->name, delay, runs->n_samples);
    }
    for (size_t k = 1; k < runs->n_runs; k++) {
        if (runs->onset[k + 1] - runs->onset[k] <
            runs->onset[shortest + 1] - runs->onset[shortest]) {
            shortest = k;
        }
    }
    if (magnitude(delay) >= runs->onset[shortest + 1] - runs->onset[shortest]) {
        return ba_fail(BA_SHAPE,
            "delays: %s: delay %d, wanted shorter than run %zu (counted from 0) of %zu "
            "samples",
            space->name, delay, shortest,
            runs->onset[shortest + 1] - runs->onset[shortest]);
    }
    return BA_OK;
}

static int
check_space(const ba_space_t *space, const ba_runs_t *runs, ba_delay_borders_t borders)
{
    int status = BA_OK;

    if (space->n_components > space->n_features) {
        return ba_fail(BA_VALUE,
            "pca: %zu components of feature space '%s', wanted at most its %zu features",
            space->n_components, space->name, space->n_features);
    }
    if (space->n_delays == 0) {
        return ba_fail(
            BA_VALUE, "delays: %s: found none, wanted at least one", space->name);
    }
    for (size_t i = 0; i < space->n_delays; i++) {
        if (find_delay(space->delays, i, space->delays[i]) < i) {
            return ba_fail(BA_VALUE,
                "delays: %s: delay %d is given twice, wanted it once", space->name,
                space->delays[i]);
        }
        BA_TRY(check_delay(space, space->delays[i], runs, borders));
    }
out:
    return status;
}

/* Delays in order of first appearance, then the blocks in column order. */
static int
lay_columns(ba_design_t *design, size_t n_spaces)
{
    const ba_space_t *spaces = design->spaces;
    size_t n_given = 0;
    int status = BA_OK;

    for (size_t s = 0; s < n_spaces; s++) {
        n_given += spaces[s].n_delays;
        design->n_features += ba_space_width(&spaces[s]);
    }
    BA_TRY_ALLOC(design->delays, ba_calloc(n_given, sizeof *design->delays));
    BA_TRY_ALLOC(design->blocks, ba_calloc(n_given, sizeof *design->blocks));
    for (size_t s = 0; s < n_spaces; s++) {
        for (size_t i = 0; i < spaces[s].n_delays; i++) {
            int delay = spaces[s].delays[i];

            if (find_delay(design->delays, design->n_delays, delay) == design->n_delays) {
                design->delays[design->n_delays++] = delay;
            }
        }
    }
    for (size_t d = 0; d < design->n_delays; d++) {
        size_t feature0 = 0;

        for (size_t s = 0; s < n_spaces; feature0 += ba_space_width(&spaces[s++])) {
            if (spaces[s].n_features > 0 &&
                find_delay(spaces[s].delays, spaces[s].n_delays, design->delays[d]) <
                    spaces[s].n_delays) {
                design->blocks[design->n_blocks++] =
                    (ba_design_block_t){.col0 = design->n_columns,
                        .space = s,
                        .delay_index = d,
                        .feature0 = feature0};
                design->n_columns += ba_space_width(&spaces[s]);
            }
        }
    }
out:
    return status;
}

int
ba_design_new(const ba_space_t *spaces, size_t n_spaces, const ba_runs_t *runs,
    ba_delay_borders_t borders, ba_design_t **out)
{
    ba_design_t *design = NULL;
    size_t n_columns;
    int status = BA_OK;

    for (size_t s = 0; s < n_spaces; s++) {
        BA_TRY(check_space(&spaces[s], runs, borders));
        BA_TRY(ba_multiply(spaces[s].n_features, spaces[s].n_delays, &n_columns));
    }
    BA_TRY_ALLOC(design, ba_calloc(1, sizeof *design));
    design->spaces = spaces;
    design->runs = runs;
    design->borders = borders;
    design->n_spaces = n_spaces;
    BA_TRY(lay_columns(design, n_spaces));
    *out = design;
    return BA_OK;
out:
    ba_design_free(design);
    return status;
}

int
ba_design_adopt(
    ba_design_t *design, ba_space_t *spaces, double **owned, const ba_design_t *like)
{
    int status = BA_OK;

    *design = (ba_design_t){.spaces = spaces,
        .runs = like->runs,
        .borders = like->borders,
        .n_spaces = like->n_spaces,
        .own_spaces = spaces,
        .owned = owned};
    BA_TRY(lay_columns(design, design->n_spaces));
out:
    return status;
}

void
ba_design_free(ba_design_t *design)
{
    if (design) {
        for (size_t s = 0; design->owned && s < design->n_spaces; s++) {
            ba_free(design->owned[s]);
        }
        ba_free(design->owned);
        ba_free(design->own_spaces);
        ba_free(design->delays);
        ba_free(design->blocks);
        ba_free(design);
    }
}

size_t
ba_design_n_columns(const ba_design_t *design)
{
    return design->n_columns;
}

size_t
ba_design_n_spaces(const ba_design_t *design)
{
    return design->n_spaces;
}

size_t
ba_design_n_features(const ba_design_t *design)
{
    return design->n_features;
}

const int *
ba_design_delays(const ba_design_t *design, size_t *n_delays)
{
    *n_delays = design->n_delays;
    return design->delays;
}

/* The block that a column stands in. */
static const ba_design_block_t *
block_of(const ba_design_t *design, size_t column)
{
    size_t low = 0, high = design->n_blocks;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (design->blocks[middle].col0 <= column) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &design->blocks[low];
}

ba_column_t
ba_design_column(const ba_design_t *design, size_t column)
{
    const ba_design_block_t *block = block_of(design, column);
    size_t feature = column - block->col0;

    return (ba_column_t){.space = block->space,
        .feature = feature,
        .delay_index = block->delay_index,
        .feature_index = block->feature0 + feature};
}

/* Consecutive samples t0 .. t0 + n - 1 of one run that starts at `start` and stops before
 * `stop`. */
typedef struct {
    size_t t0, n, start, stop;
} stretch_t;

/* The longest stretch that rows[i] begins. *run is the last stretch's, the likely one. */
static stretch_t
stretch_at(
    const ba_design_t *design, const size_t *rows, size_t n_rows, size_t i, size_t *run)
{
    const size_t *onset = design->runs->onset;
    stretch_t stretch = {.t0 = rows[i], .n = 1, .stop = design->runs->n_samples};
    size_t longest;

    if (design->borders == BA_DELAY_WITHIN_RUNS) {
        if (rows[i] < onset[*run] || rows[i] >= onset[*run + 1]) {
            *run = ba_runs_of(design->runs, rows[i]);
        }
        stretch.start = onset[*run];
        stretch.stop = onset[*run + 1];
    }
    longest = stretch.stop - rows[i];
    longest = longest < n_rows - i ? longest : n_rows - i;
    while (stretch.n < longest && rows[i + stretch.n] == rows[i] + stretch.n) {
        stretch.n++;
    }
    return stretch;
}

/* Numbers of a cache line, and those ahead that will be read soon: columns follow one
 * another, but most processors stop fetching at the end of a page. */
#define LINE 16
#define AHEAD 1024

BA_CLONES static void
widen(const float *x, size_t n, double *to)
{
    for (size_t i = 0; i < n; i += LINE) {
        __builtin_prefetch((const void *) ((uintptr_t) (x + i) + AHEAD * sizeof *x));
    }
    for (size_t i = 0; i < n; i++) {
        to[i] = (double) x[i];
    }
}

/* One column of a stretch: zeros before the run's first source, the sources in one piece,
 * zeros after its last. */
static void
read_stretch(const ba_space_t *space, size_t feature, size_t n_samples, int delay,
    const stretch_t *stretch, double *dst)
{
    size_t shift = magnitude(delay), before = 0, after = 0, n, source;
    size_t first = stretch->t0, last = stretch->t0 + stretch->n;

    if (delay >= 0 && first - stretch->start < shift) {
        before = shift - (first - stretch->start);
    } else if (delay < 0 && stretch->stop - last < shift) {
        after = shift - (stretch->stop - last);
    }
    before = before < stretch->n ? before : stretch->n;
    after = after < stretch->n ? after : stretch->n;
    n = stretch->n - before - after;
    memset(dst, 0, before * sizeof *dst);
    memset(dst + before + n, 0, after * sizeof *dst);
    if (n == 0) {
        return;
    }
    source = delay >= 0 ? first + before - shift : first + shift;
    if (space->full) {
        memcpy(dst + before, space->full + feature * n_samples + source, n * sizeof *dst);
        return;
    }
    widen(space->single + feature * n_samples + source, n, dst + before);
}

/* Columns of one block, at most COLUMN_GROUP of them. */
static void
read_group(const ba_design_t *design, const size_t *rows, size_t n_rows,
    const ba_design_block_t *block, size_t feature0, size_t n_cols, double *dst,
    size_t ld)
{
    const ba_space_t *space = &design->spaces[block->space];
    int delay = design->delays[block->delay_index];
    size_t run = 0;

    for (size_t i = 0; i < n_rows;) {
        stretch_t stretch = stretch_at(design, rows, n_rows, i, &run);

        for (size_t j = 0; j < n_cols; j++) {
            read_stretch(space, feature0 + j, design->runs->n_samples, delay, &stretch,
                dst + i + j * ld);
        }
        i += stretch.n;
    }
}

static void
read_columns(const ba_design_t *design, const size_t *rows, size_t n_rows, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    size_t done = 0;

    while (done < n_cols) {
        const ba_design_block_t *block = block_of(design, col0 + done);
        size_t feature0 = col0 + done - block->col0;
        size_t n = design->spaces[block->space].n_features - feature0;

        n = n < n_cols - done ? n : n_cols - done;
        n = n < COLUMN_GROUP ? n : COLUMN_GROUP;
        read_group(design, rows, n_rows, block, feature0, n, dst + done * ld, ld);
        done += n;
    }
}

/* Samples looked up at a time. */
#define LOOK_UP 256

static void
read_disturbed(const ba_design_t *design, const size_t *rows, size_t n_rows, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    const ba_disturb_t *disturb = design->disturb;
    size_t from[LOOK_UP];

    for (size_t i0 = 0; i0 < n_rows; i0 += LOOK_UP) {
        size_t n = n_rows - i0 < LOOK_UP ? n_rows - i0 : LOOK_UP;

        for (size_t i = 0; i < n; i++) {
            from[i] = disturb->order ? disturb->order[rows[i0 + i]] : rows[i0 + i];
        }
        read_columns(design, from, n, col0, n_cols, dst + i0, ld);
    }
    for (size_t i = 0; disturb->columns && i < n_rows; i++) {
        for (size_t j = 0; disturb->columns[rows[i]] && j < n_cols; j++) {
            double *x = dst + i + j * ld;

            *x = ba_disturb_value(rows[i], col0 + j, *x);
        }
    }
}

void
ba_design_read(const ba_design_t *design, const size_t *rows, size_t n_rows, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    if (design->disturb) {
        read_disturbed(design, rows, n_rows, col0, n_cols, dst, ld);
    } else {
        read_columns(design, rows, n_rows, col0, n_cols, dst, ld);
    }
}

void
ba_design_disturb(ba_design_t *design, const ba_disturb_t *disturb)
{
    design->disturb = disturb;
}

int
ba_delays_parse(const char *text, int **delays, size_t *n_delays)
{
    const char *at = text;
    size_t n = 1, value;
    int *list;

    for (const char *c = text; *c; c++) {
        n += *c == ',';
    }
    list = ba_calloc(n, sizeof *list);
    if (!list) {
        return BA_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        int negative = *at == '-';

        at += *at == '-' || *at == '+';
        if (!ba_numeral_size(&at, INT_MAX, &value) || *at != (i + 1 < n ? ',' : '\0')) {
            ba_free(list);
            return ba_fail(BA_VALUE,
                "delays: found \"%s\", wanted whole numbers of samples such as 1,2,3,4",
                text);
        }
        list[i] = negative ? -(int) value : (int) value;
        at++;
    }
    *delays = list;
    *n_delays = n;
    return BA_OK;
}
