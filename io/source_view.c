/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Views: parts of one source that stand for themselves. The source is closed with the
 * last of them. */
#include "io/source_impl.h"

#include "core/alloc.h"

typedef struct {
    ba_source_t *whole;
    size_t n_views;
} shared_t;

typedef struct {
    shared_t *shared;
    size_t slab, col0;
} view_t;

static int
view_read(void *state, size_t slab, size_t row0, size_t n_rows, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    const view_t *view = state;

    (void) slab;
    return ba_source_read(view->shared->whole, view->slab, row0, n_rows,
        view->col0 + col0, n_cols, dst, ld);
}

static const char *
view_column_name(const void *state, size_t column)
{
    const view_t *view = state;

    return ba_source_column_name(view->shared->whole, view->col0 + column);
}

static void
view_close(void *state)
{
    view_t *view = state;

    if (--view->shared->n_views == 0) {
        ba_source_close(view->shared->whole);
        ba_free(view->shared);
    }
    ba_free(view);
}

static const ba_source_ops_t view_ops = {.format = "view",
    .read = view_read,
    .column_name = view_column_name,
    .close = view_close};

static int
make_view(shared_t *shared, size_t slab, size_t col0, size_t n_cols, ba_source_t **out)
{
    int status = BA_OK;
    const ba_source_t *whole = shared->whole;
    ba_source_shape_t shape = {.n_slabs = 1,
        .n_rows = whole->shape.n_rows,
        .n_cols = n_cols,
        .rank = 2,
        .is_double = whole->shape.is_double};
    view_t *view = NULL;
    ba_source_t *source = NULL;
    char *name;

    BA_TRY_ALLOC(view, ba_calloc(1, sizeof *view));
    *view = (view_t){shared, slab, col0};
    shared->n_views++;
    BA_TRY(ba_source_wrap(&view_ops, view, &shape, NULL, &source));
    BA_TRY_ALLOC(name, ba_strdup(whole->name));
    ba_free(source->name);
    source->name = name;
    source->format = whole->format;
    for (size_t i = 0; i < whole->n_files; i++) {
        BA_TRY(ba_source_add_file(source, whole->files[i]));
    }
    *out = source;
    source = NULL;
out:
    ba_source_close(source);
    return status;
}

static int
count_layers(const ba_source_t *whole, size_t layer_size, size_t *n, size_t *n_cols)
{
    const ba_source_shape_t *shape = &whole->shape;

    *n_cols = layer_size > 0 ? layer_size : shape->n_cols;
    *n = shape->n_slabs;
    if (shape->rank == 3 && *n_cols != shape->n_cols) {
        return ba_fail(BA_SHAPE, "%s: layers of %zu columns, wanted the layer size %zu",
            whole->name, shape->n_cols, layer_size);
    }
    if (shape->rank < 3 && layer_size == 0) {
        return ba_fail(BA_VALUE,
            "%s: a matrix, wanted the number of columns of a layer as well (or layers x "
            "samples x features)",
            whole->name);
    }
    if (shape->n_cols % *n_cols != 0) {
        return ba_fail(BA_SHAPE,
            "%s: %zu columns, wanted a multiple of the layer size "
            "%zu",
            whole->name, shape->n_cols, layer_size);
    }
    if (shape->rank < 3) {
        *n = shape->n_cols / *n_cols;
    }
    return BA_OK;
}

int
ba_source_layers(
    ba_source_t *whole, size_t layer_size, ba_source_t ***out, size_t *n_layers)
{
    int status = BA_OK, is_cube = whole->shape.rank == 3;
    size_t n = 0, n_cols;
    shared_t *shared = NULL;
    ba_source_t **layers = NULL;

    *out = NULL;
    BA_TRY(count_layers(whole, layer_size, &n, &n_cols));
    BA_TRY_ALLOC(layers, ba_calloc(n, sizeof(ba_source_t *)));
    BA_TRY_ALLOC(shared, ba_calloc(1, sizeof *shared));
    /* One view more until all is made: on failure the source stays the caller's. */
    *shared = (shared_t){whole, 1};
    for (size_t k = 0; k < n; k++) {
        BA_TRY(make_view(
            shared, is_cube ? k : 0, is_cube ? 0 : k * n_cols, n_cols, &layers[k]));
    }
    shared->n_views--;
    *out = layers;
    *n_layers = n;
    return BA_OK;
out:
    for (size_t k = 0; layers && k < n; k++) {
        ba_source_close(layers[k]);
    }
    ba_free(layers);
    ba_free(shared);
    return status;
}
