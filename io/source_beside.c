/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sources side by side: one matrix whose columns stand in several files. */
#include "io/source_impl.h"

#include "core/alloc.h"

typedef struct {
    ba_source_t **parts;
    size_t n_parts;
    size_t *col0; /* n_parts + 1: first column of each */
} beside_t;

static void
beside_close(void *state)
{
    beside_t *beside = state;

    for (size_t i = 0; i < beside->n_parts; i++) {
        ba_source_close(beside->parts[i]);
    }
    ba_free(beside->parts);
    ba_free(beside->col0);
    ba_free(beside);
}

static int
beside_read(void *state, size_t slab, size_t row0, size_t n_rows, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    beside_t *beside = state;
    int status = BA_OK;

    for (size_t i = 0; i < beside->n_parts; i++) {
        size_t start = beside->col0[i] > col0 ? beside->col0[i] : col0;
        size_t stop =
            beside->col0[i + 1] < col0 + n_cols ? beside->col0[i + 1] : col0 + n_cols;

        if (start < stop) {
            BA_TRY(ba_source_read(beside->parts[i], slab, row0, n_rows,
                start - beside->col0[i], stop - start, dst + (start - col0) * ld, ld));
        }
    }
out:
    return status;
}

static const char *
beside_column_name(const void *state, size_t column)
{
    const beside_t *beside = state;
    size_t i = 0;

    while (column >= beside->col0[i + 1]) {
        i++;
    }
    return ba_source_column_name(beside->parts[i], column - beside->col0[i]);
}

static const ba_source_ops_t beside_ops = {.format = "beside",
    .read = beside_read,
    .column_name = beside_column_name,
    .close = beside_close};

static int
check_part(const ba_source_t *first, const ba_source_t *part)
{
    if (part->shape.n_slabs != 1) {
        return ba_fail(
            BA_SHAPE, "%s: %zu slabs, expected 1", part->name, part->shape.n_slabs);
    }
    if (part->shape.n_rows != first->shape.n_rows) {
        return ba_fail(BA_SHAPE, "%s: %zu rows, expected %zu as in %s", part->name,
            part->shape.n_rows, first->shape.n_rows, first->name);
    }
    return BA_OK;
}

static int
take_names(ba_source_t *source, ba_source_t *const *parts, size_t n_parts)
{
    char *name;
    int status = BA_OK;

    BA_TRY_ALLOC(name, ba_strdup(parts[0]->name));
    ba_free(source->name);
    source->name = name;
    source->format = parts[0]->format;
    for (size_t i = 0; i < n_parts; i++) {
        for (size_t k = 0; k < parts[i]->n_files; k++) {
            BA_TRY(ba_source_add_file(source, parts[i]->files[k]));
        }
    }
out:
    return status;
}

/* The parts stay the caller's (n_parts = 0) until nothing can fail any more. */
int
ba_source_beside(ba_source_t **parts, size_t n_parts, ba_source_t **out)
{
    ba_source_shape_t shape = {.n_slabs = 1, .rank = 2};
    beside_t *beside = NULL;
    ba_source_t *source = NULL;
    int status = BA_OK;

    *out = NULL;
    BA_TRY_ALLOC(beside, ba_calloc(1, sizeof *beside));
    BA_TRY_ALLOC(beside->parts, ba_calloc(n_parts, sizeof(ba_source_t *)));
    BA_TRY_ALLOC(beside->col0, ba_calloc(n_parts + 1, sizeof(size_t)));
    for (size_t i = 0; i < n_parts; i++) {
        BA_TRY(check_part(parts[0], parts[i]));
        beside->parts[i] = parts[i];
        shape.n_rows = parts[0]->shape.n_rows;
        shape.is_double |= parts[i]->shape.is_double;
        if (__builtin_add_overflow(shape.n_cols, parts[i]->shape.n_cols, &shape.n_cols)) {
            BA_TRY(ba_fail(BA_TOO_LARGE, "%s: too many columns in all", parts[i]->name));
        }
        beside->col0[i + 1] = shape.n_cols;
    }
    status = ba_source_wrap(&beside_ops, beside, &shape, NULL, &source);
    if (status != BA_OK) {
        beside = NULL;
        goto out;
    }
    BA_TRY(take_names(source, parts, n_parts));
    beside->n_parts = n_parts;
    beside = NULL;
    *out = source;
    source = NULL;
out:
    if (source) {
        ba_source_close(source);
    } else if (beside) {
        beside_close(beside);
    }
    return status;
}
