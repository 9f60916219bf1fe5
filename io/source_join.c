/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sources made of other sources, or of memory. */
#include "io/source_impl.h"

#include "core/alloc.h"

#include <string.h>

typedef struct {
    ba_source_t **parts;
    size_t n_parts;
    size_t *row0; /* first row of each part when stacked */
} joined_t;

static void
joined_free(joined_t *joined)
{
    if (joined) {
        ba_free(joined->parts);
        ba_free(joined->row0);
        ba_free(joined);
    }
}

static void
joined_close(void *state)
{
    joined_t *joined = state;

    for (size_t i = 0; i < joined->n_parts; i++) {
        ba_source_close(joined->parts[i]);
    }
    joined_free(joined);
}

static const char *
joined_column_name(const void *state, size_t column)
{
    const joined_t *joined = state;

    return ba_source_column_name(joined->parts[0], column);
}

static const ba_image_t *
joined_image(const void *state)
{
    const joined_t *joined = state;

    return ba_source_image(joined->parts[0]);
}

static int
stack_read(void *state, size_t slab, size_t row0, size_t n_rows, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    joined_t *joined = state;
    size_t done = 0;
    int status = BA_OK;

    for (size_t i = 0; i < joined->n_parts && done < n_rows; i++) {
        size_t end = joined->row0[i] + ba_source_n_rows(joined->parts[i]);
        size_t first = row0 + done;
        size_t n;

        if (first >= end) {
            continue;
        }
        n = n_rows - done < end - first ? n_rows - done : end - first;
        BA_TRY(ba_source_read(joined->parts[i], slab, first - joined->row0[i], n, col0,
            n_cols, dst + done, ld));
        done += n;
    }
out:
    return status;
}

static int
slabs_read(void *state, size_t slab, size_t row0, size_t n_rows, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    joined_t *joined = state;

    return ba_source_read(joined->parts[slab], 0, row0, n_rows, col0, n_cols, dst, ld);
}

static const ba_source_ops_t stack_ops = {.format = "stack",
    .read = stack_read,
    .column_name = joined_column_name,
    .image = joined_image,
    .close = joined_close};

static const ba_source_ops_t slabs_ops = {.format = "slabs",
    .read = slabs_read,
    .column_name = joined_column_name,
    .image = joined_image,
    .close = joined_close};

/* Equal counts of voxels do not make equal columns: masks must agree voxel by voxel. */
static int
check_same_voxels(const ba_source_t *a, const ba_source_t *b)
{
    const ba_image_t *left = ba_source_image(a), *right = ba_source_image(b);
    int status = BA_OK;

    if (!left || !right) {
        return BA_OK;
    }
    status = ba_image_same_grid(left, right);
    if (status != BA_OK) {
        return ba_fail_within(status, "%s and %s", a->name, b->name);
    }
    for (size_t i = 0; i < a->shape.n_cols; i++) {
        int32_t at[3], bt[3];

        ba_image_voxel(left, i, at);
        ba_image_voxel(right, i, bt);
        if (memcmp(at, bt, sizeof at) != 0) {
            return ba_fail(BA_SHAPE,
                "%s: column %zu is voxel %d,%d,%d, expected %d,%d,%d as in %s", b->name,
                i, bt[0], bt[1], bt[2], at[0], at[1], at[2], a->name);
        }
    }
    return BA_OK;
}

static int
check_part(const ba_source_t *first, const ba_source_t *part, int same_rows)
{
    if (part->shape.n_slabs != 1) {
        return ba_fail(
            BA_SHAPE, "%s: %zu slabs, expected 1", part->name, part->shape.n_slabs);
    }
    if (part->shape.n_cols != first->shape.n_cols) {
        return ba_fail(BA_SHAPE, "%s: %zu columns, expected %zu as in %s", part->name,
            part->shape.n_cols, first->shape.n_cols, first->name);
    }
    if (same_rows && part->shape.n_rows != first->shape.n_rows) {
        return ba_fail(BA_SHAPE, "%s: %zu rows, expected %zu as in %s", part->name,
            part->shape.n_rows, first->shape.n_rows, first->name);
    }
    return check_same_voxels(first, part);
}

/* The parts stay the caller's (n_parts = 0) until nothing can fail any more. */
static int
collect(ba_source_t **parts, size_t n_parts, joined_t **out, size_t *n_rows)
{
    joined_t *joined = NULL;
    int status = BA_OK;

    *n_rows = 0;
    BA_TRY_ALLOC(joined, ba_calloc(1, sizeof *joined));
    BA_TRY_ALLOC(joined->parts, ba_calloc(n_parts, sizeof(ba_source_t *)));
    BA_TRY_ALLOC(joined->row0, ba_calloc(n_parts, sizeof(size_t)));
    for (size_t i = 0; i < n_parts; i++) {
        joined->parts[i] = parts[i];
        joined->row0[i] = *n_rows;
        if (__builtin_add_overflow(*n_rows, parts[i]->shape.n_rows, n_rows)) {
            status = ba_fail(BA_TOO_LARGE, "%s: too many rows in all", parts[i]->name);
            goto out;
        }
    }
    *out = joined;
    return BA_OK;
out:
    joined_free(joined);
    return status;
}

static int
take_labels(ba_source_t *source, ba_source_t **parts, size_t n_parts)
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

static int
join(const ba_source_ops_t *ops, ba_source_t **parts, size_t n_parts, ba_source_t **out)
{
    int as_slabs = ops == &slabs_ops;
    ba_source_shape_t shape;
    joined_t *joined = NULL;
    ba_source_t *source = NULL;
    int status;

    *out = NULL;
    if (n_parts == 0) {
        return ba_fail(BA_VALUE, "no source to join, expected at least one");
    }
    shape = parts[0]->shape;
    for (size_t i = 0; i < n_parts; i++) {
        BA_TRY(check_part(parts[0], parts[i], as_slabs));
        shape.is_double |= parts[i]->shape.is_double;
    }
    BA_TRY(collect(parts, n_parts, &joined, &shape.n_rows));
    if (as_slabs) {
        shape.n_rows = parts[0]->shape.n_rows;
        shape.n_slabs = n_parts;
        shape.rank = 3;
    }
    BA_TRY(ba_source_wrap(ops, joined, &shape, NULL, &source));
    BA_TRY(take_labels(source, parts, n_parts));
    joined->n_parts = n_parts;
    *out = source;
    source = NULL;
out:
    ba_source_close(source);
    return status;
}

int
ba_source_stack(ba_source_t **parts, size_t n_parts, ba_source_t **out)
{
    return join(&stack_ops, parts, n_parts, out);
}

int
ba_source_slabs(ba_source_t **parts, size_t n_parts, ba_source_t **out)
{
    return join(&slabs_ops, parts, n_parts, out);
}

typedef struct {
    const double *data;
    size_t ld;
} memory_t;

static int
memory_read(void *state, size_t slab, size_t row0, size_t n_rows, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    const memory_t *memory = state;

    (void) slab;
    for (size_t j = 0; j < n_cols; j++) {
        memcpy(dst + j * ld, memory->data + row0 + (col0 + j) * memory->ld,
            n_rows * sizeof *dst);
    }
    return BA_OK;
}

static const ba_source_ops_t memory_ops = {
    .format = "memory", .read = memory_read, .close = ba_free};

int
ba_source_from_memory(const double *data, size_t n_rows, size_t n_cols, size_t ld,
    const char *name, ba_source_t **out)
{
    ba_source_shape_t shape = {
        .n_slabs = 1, .n_rows = n_rows, .n_cols = n_cols, .rank = 2, .is_double = 1};
    memory_t *memory = NULL;
    ba_source_t *source = NULL;
    int status = BA_OK;

    *out = NULL;
    if (ld < n_rows) {
        return ba_fail(BA_VALUE, "%s: leading dimension %zu, expected at least %zu", name,
            ld, n_rows);
    }
    BA_TRY_ALLOC(memory, ba_calloc(1, sizeof *memory));
    memory->data = data;
    memory->ld = ld;
    BA_TRY(ba_source_wrap(&memory_ops, memory, &shape, NULL, &source));
    ba_free(source->name);
    BA_TRY_ALLOC(source->name, ba_strdup(name));
    *out = source;
    source = NULL;
out:
    ba_source_close(source);
    return status;
}
