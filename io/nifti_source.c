/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images as a matrix: a row per volume, a column per voxel of the mask. */
#include "io/source_impl.h"

#include "core/alloc.h"
#include "io/image_impl.h"
#include "io/spool.h"

typedef struct {
    ba_nifti_t *nifti;
    ba_image_t *image; /* grid and voxels that are columns */
    size_t n_grid;     /* voxels of a volume */
    size_t first_kept; /* column that the image's first voxel is */
    ba_spool_t *spool; /* what a gzipped file held; NULL for a plain one */
} nifti_source_t;

static int
read_block(void *opaque, size_t slab, size_t row0, size_t n_rows, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    nifti_source_t *state = opaque;
    const size_t *voxels = ba_image_voxels(state->image);
    size_t first = voxels ? 0 : col0;
    int status = BA_OK;

    (void) slab;
    if (state->spool) {
        return ba_spool_read(state->spool, row0, n_rows, col0, n_cols, dst, ld);
    }
    for (size_t i = 0; i < n_rows; i++) {
        BA_TRY(ba_nifti_read(state->nifti, (row0 + i) * state->n_grid + first,
            voxels ? voxels + (col0 - state->first_kept) : NULL, n_cols, dst + i, ld));
    }
out:
    return status;
}

static const ba_image_t *
get_image(const void *opaque)
{
    const nifti_source_t *state = opaque;

    return state->image;
}

static int
keep_columns(void *opaque, size_t start, size_t stop)
{
    nifti_source_t *state = opaque;

    state->first_kept = start;
    return ba_image_keep(state->image, start, stop);
}

static void
close_state(void *opaque)
{
    nifti_source_t *state = opaque;

    ba_nifti_close(state->nifti);
    ba_image_free(state->image);
    ba_spool_free(state->spool);
    ba_free(state);
}

static const ba_source_ops_t NIFTI_OPS = {
    .format = "nifti",
    .read = read_block,
    .image = get_image,
    .keep_columns = keep_columns,
    .close = close_state,
};

/* Takes the voxels of the mask that `spec` names, a whole file. */
static int
apply_mask(const ba_ctx_t *ctx, const char *spec, ba_image_t *image)
{
    ba_spec_t parsed;
    ba_image_t *mask = NULL;
    int status = ba_spec_parse(spec, &parsed);

    if (status != BA_OK) {
        return status;
    }
    if (parsed.path || parsed.row_start != 0 || parsed.row_stop != SIZE_MAX ||
        parsed.col_start != 0 || parsed.col_stop != SIZE_MAX) {
        BA_TRY(
            ba_fail(BA_VALUE, "%s: a part of a file, wanted a whole NIfTI mask", spec));
    }
    BA_TRY(ba_image_open_mask(ctx, parsed.file, &mask));
    BA_TRY(ba_image_same_grid(mask, image));
    ba_image_move_voxels(image, mask);
out:
    ba_image_free(mask);
    ba_spec_free(&parsed);
    return status;
}

/* Decompresses the file once, keeping the voxels of the mask. */
static int
fill_spool(const ba_ctx_t *ctx, nifti_source_t *state, size_t n_volumes)
{
    const char *file = ba_nifti_file(state->nifti);
    size_t n_voxels = ba_image_n_voxels(state->image);
    ba_precision_t precision = ba_nifti_is_double(state->nifti) ? BA_DOUBLE : BA_SINGLE;
    double *volume = NULL;
    int status;

    BA_TRY_ALLOC(volume, ba_malloc(n_voxels, sizeof(*volume)));
    BA_TRY(ba_spool_by_rows(ctx, file, n_voxels, precision, &state->spool));
    for (size_t t = 0; t < n_volumes; t++) {
        BA_TRY(ba_ctx_check(ctx));
        ba_ctx_progress(ctx, "decompress volumes", (double) t, (double) n_volumes);
        BA_TRY(ba_nifti_read(state->nifti, t * state->n_grid,
            ba_image_voxels(state->image), n_voxels, volume, 1));
        BA_TRY(ba_spool_append(state->spool, volume));
    }
    BA_TRY(ba_nifti_finish(state->nifti));
    BA_TRY(ba_spool_finish(state->spool));
    ba_ctx_progress(ctx, "decompress volumes", (double) n_volumes, (double) n_volumes);
out:
    ba_free(volume);
    return status;
}

int
ba_nifti_source_open(const ba_ctx_t *ctx, const char *file, const ba_source_opts_t *opts,
    ba_source_t **out)
{
    const ba_nifti_header_t *header;
    nifti_source_t *state;
    ba_source_shape_t shape = {.n_slabs = 1};
    int status;

    *out = NULL;
    if (opts->max_rank < 2) {
        return ba_fail(BA_SHAPE, "%s: an image counts as 2 dimensions, wanted %d", file,
            opts->max_rank);
    }
    BA_TRY_ALLOC(state, ba_calloc(1, sizeof(*state)));
    BA_TRY(ba_nifti_open(file, &state->nifti));
    BA_TRY(ba_image_from_nifti(state->nifti, &state->image));
    header = ba_nifti_header(state->nifti);
    state->n_grid = ba_image_n_voxels(state->image);
    if (opts->mask) {
        BA_TRY(apply_mask(ctx, opts->mask, state->image));
    }
    if (ba_nifti_is_gzip(state->nifti)) {
        BA_TRY(fill_spool(ctx, state, header->shape[3]));
    }
    shape.n_rows = header->shape[3];
    shape.n_cols = ba_image_n_voxels(state->image);
    shape.rank = header->rank;
    shape.is_double = ba_nifti_is_double(state->nifti);
    return ba_source_wrap(&NIFTI_OPS, state, &shape, file, out);
out:
    if (state) {
        close_state(state);
    }
    return status;
}
