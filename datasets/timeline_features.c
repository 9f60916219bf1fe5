/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Activations, read run by run in blocks of columns, pooled, resampled, written. */
#include "datasets/timeline.h"

#include "core/alloc.h"
#include "datasets/dataset_impl.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

/* Most bytes of the buffers of one block: what caches hold in part is faster than more. */
static const size_t MOST_BYTES = (size_t) 32 << 20;

/* Buffers of one run, for blocks of up to n_cols columns. */
typedef struct {
    size_t n_cols, n_rows, row0; /* rows read, from row0 of the activations */
    double *rows, *items, *scratch, *volumes;
} buffers_t;

/* The end of a SPEC as a name: of "act.h5:/model/layer_3" layer_3, of "run/act.npy" act.
 */
static int
name_of_spec(const char *text, char **name)
{
    ba_spec_t spec = {.file = NULL};
    const char *start, *slash, *dot;
    size_t n;
    int status;

    BA_TRY(ba_spec_parse(text, &spec));
    start = spec.path ? spec.path : spec.file;
    slash = strrchr(start, '/');
    start = slash ? slash + 1 : start;
    dot = spec.path ? NULL : strrchr(start, '.');
    n = dot && dot > start ? (size_t) (dot - start) : strlen(start);
    BA_TRY_ALLOC(*name, ba_asprintf("%.*s", (int) n, start));
    for (char *c = *name; *c; c++) {
        *c = (char) (isalnum((unsigned char) *c) || strchr("_-.+", *c) ? *c : '_');
    }
out:
    ba_spec_free(&spec);
    return status;
}

static ba_timeline_space_t *
space_called(ba_timeline_t *timeline, const char *name)
{
    for (size_t s = 0; s < timeline->n_spaces; s++) {
        if (strcmp(timeline->spaces[s].name, name) == 0) {
            return &timeline->spaces[s];
        }
    }
    return NULL;
}

static int
add_part(ba_timeline_t *timeline, const char *text)
{
    size_t length = ba_dataset_name_length(text);
    const char *spec = text + length + (length > 0);
    const ba_source_opts_t opts = {.max_rank = 3};
    ba_timeline_space_t *space;
    ba_source_t **parts;
    char *name = NULL;
    int status = BA_OK;

    if (length > 0) {
        BA_TRY_ALLOC(name, ba_asprintf("%.*s", (int) length, text));
    } else {
        BA_TRY(name_of_spec(spec, &name));
    }
    space = space_called(timeline, name);
    if (!space) {
        space = &timeline->spaces[timeline->n_spaces++];
        space->name = name;
        name = NULL;
    }
    BA_TRY_ALLOC(
        parts, ba_realloc(space->parts, space->n_parts + 1, sizeof *space->parts));
    space->parts = parts;
    BA_TRY(ba_source_open(timeline->ctx, spec, &opts, &space->parts[space->n_parts]));
    space->n_parts++;
out:
    ba_free(name);
    return status;
}

/* Several parts are rows one after the other. */
static int
join_parts(ba_timeline_space_t *space)
{
    int status = BA_OK;

    if (space->n_parts == 1) {
        space->source = space->parts[0];
    } else {
        BA_TRY(ba_source_stack(space->parts, space->n_parts, &space->source));
    }
    space->n_parts = 0;
out:
    return status;
}

static int
check_rows(const ba_timeline_t *timeline, const ba_timeline_space_t *space)
{
    const ba_words_t *words = &timeline->words;
    int has_tokens = timeline->tokens.file != NULL;
    size_t wanted = has_tokens ? timeline->tokens.n_tokens : words->n_words;
    size_t n = ba_source_n_rows(space->source);
    const char *hint = "";

    if (n == wanted) {
        return BA_OK;
    }
    if (!has_tokens && n == words->n_words - words->n_missing) {
        hint = ": words without a time have rows too";
    } else if (!has_tokens && n > wanted) {
        hint = ": rows of tokens? then the word of each is wanted";
    } else if (ba_source_n_cols(space->source) == wanted) {
        hint = ": is it transposed? rows are words";
    }
    return ba_fail(BA_SHAPE, "%s: %zu rows, but %s has %zu %s%s",
        ba_source_file(space->source, 1) ? space->name : ba_source_name(space->source), n,
        has_tokens ? timeline->tokens.file : words->files[0], wanted,
        has_tokens          ? "tokens"
        : words->n_runs > 1 ? "words in all runs"
                            : "words",
        hint);
}

int
ba_timeline_open_spaces(ba_timeline_t *timeline)
{
    const ba_prepare_opts_t *opts = timeline->opts;
    int status = BA_OK;

    BA_TRY_ALLOC(
        timeline->spaces, ba_calloc(opts->n_activations, sizeof *timeline->spaces));
    for (size_t i = 0; i < opts->n_activations; i++) {
        BA_TRY(add_part(timeline, opts->activations[i]));
    }
    for (size_t s = 0; s < timeline->n_spaces; s++) {
        ba_timeline_space_t *space = &timeline->spaces[s];

        BA_TRY(join_parts(space));
        BA_TRY(check_rows(timeline, space));
        timeline->info.n_spaces += ba_source_n_slabs(space->source);
        timeline->info.n_features += ba_source_n_slabs(space->source) *
                                     ba_source_n_cols(space->source) *
                                     ba_timeline_n_bases(opts);
    }
out:
    return status;
}

void
ba_timeline_free_spaces(ba_timeline_t *timeline)
{
    for (size_t s = 0; timeline->spaces && s < timeline->n_spaces; s++) {
        ba_timeline_space_t *space = &timeline->spaces[s];

        for (size_t i = 0; i < space->n_parts; i++) {
            ba_source_close(space->parts[i]);
        }
        ba_free(space->parts);
        ba_source_close(space->source);
        ba_free(space->name);
    }
    for (size_t i = 0; i < timeline->n_paths; i++) {
        ba_free(timeline->paths[i]);
    }
    ba_free(timeline->paths);
    ba_free(timeline->spaces);
}

static void
free_buffers(buffers_t *buffers)
{
    ba_free(buffers->rows);
    ba_free(buffers->items);
    ba_free(buffers->scratch);
    ba_free(buffers->volumes);
    *buffers = (buffers_t){0};
}

/* The rows of a run: from its first to its last word with a time. */
static void
set_rows(const ba_timeline_t *timeline, size_t run, buffers_t *buffers)
{
    const ba_tokens_t *tokens = &timeline->tokens;
    size_t first = timeline->items[timeline->first_item[run]];
    size_t last = timeline->items[timeline->first_item[run + 1] - 1];

    if (tokens->file) {
        first = tokens->rows[tokens->first[first]];
        last = tokens->rows[tokens->first[last + 1] - 1];
    }
    buffers->row0 = first;
    buffers->n_rows = last + 1 - first;
}

static int
make_buffers(const ba_timeline_t *timeline, size_t run, size_t n_cols, buffers_t *buffers)
{
    const ba_runs_t *runs = &timeline->scan.runs;
    size_t n_items = timeline->first_item[run + 1] - timeline->first_item[run];
    size_t n_volumes = runs->onset[run + 1] - runs->onset[run];
    size_t budget = ba_ctx_memory(timeline->ctx) / 8, column;
    int status = BA_OK;

    *buffers = (buffers_t){0};
    set_rows(timeline, run, buffers);
    column = (buffers->n_rows + n_items + 2 * n_volumes) * sizeof(double);
    budget = budget < MOST_BYTES ? budget : MOST_BYTES;
    buffers->n_cols = budget / column < 1 ? 1 : budget / column;
    buffers->n_cols = buffers->n_cols < n_cols ? buffers->n_cols : n_cols;
    n_cols = buffers->n_cols;
    BA_TRY_ALLOC(buffers->rows, ba_malloc(buffers->n_rows * n_cols, sizeof(double)));
    BA_TRY_ALLOC(buffers->items, ba_malloc(n_items * n_cols, sizeof(double)));
    BA_TRY_ALLOC(buffers->scratch, ba_malloc(n_volumes * n_cols, sizeof(double)));
    BA_TRY_ALLOC(buffers->volumes, ba_malloc(n_volumes * n_cols, sizeof(double)));
out:
    if (status != BA_OK) {
        free_buffers(buffers);
    }
    return status;
}

static int
check_finite(const ba_timeline_t *timeline, const ba_timeline_space_t *space,
    const size_t *items, size_t col0, ba_cdmat_t x)
{
    char where[256];

    for (size_t j = 0; j < x.n_cols; j++) {
        for (size_t i = 0; i < x.n_rows; i++) {
            double value = x.data[i + j * x.ld];

            if (!isfinite(value)) {
                return ba_fail(BA_NONFINITE,
                    "%s: %g in column %zu (from 0) of the word of %s, wanted finite "
                    "numbers",
                    ba_source_name(space->source), value, col0 + j,
                    ba_words_where(&timeline->words, items[i], where, sizeof where));
            }
        }
    }
    return BA_OK;
}

/* One row for each word with a time. */
static int
gather(const ba_timeline_t *timeline, const ba_timeline_space_t *space, size_t run,
    const buffers_t *buffers, size_t col0, size_t n_cols)
{
    const size_t *items = timeline->items + timeline->first_item[run];
    size_t n = timeline->first_item[run + 1] - timeline->first_item[run];

    if (timeline->tokens.file) {
        ba_tokens_pool(&timeline->tokens, timeline->opts->pool, items, buffers->row0,
            (ba_cdmat_t){buffers->rows, buffers->n_rows, n_cols, buffers->n_rows},
            (ba_dmat_t){buffers->items, n, n_cols, n});
    } else {
        for (size_t j = 0; j < n_cols; j++) {
            for (size_t i = 0; i < n; i++) {
                buffers->items[i + j * n] =
                    buffers->rows[items[i] - buffers->row0 + j * buffers->n_rows];
            }
        }
    }
    return check_finite(
        timeline, space, items, col0, (ba_cdmat_t){buffers->items, n, n_cols, n});
}

int
ba_timeline_reserve(ba_timeline_t *timeline, ba_bundle_t *bundle, const char *path,
    size_t n_cols, ba_sink_t **sink)
{
    const size_t dims[2] = {timeline->scan.runs.n_samples, n_cols};
    char **paths;
    int status = BA_OK;

    BA_TRY_ALLOC(
        paths, ba_realloc(timeline->paths, timeline->n_paths + 1, sizeof *paths));
    timeline->paths = paths;
    BA_TRY_ALLOC(timeline->paths[timeline->n_paths], ba_strdup(path));
    timeline->n_paths++;
    BA_TRY(ba_bundle_reserve(bundle, path,
        timeline->opts->precision == BA_DOUBLE ? BA_F64 : BA_F32, 2, dims, sink));
out:
    return status;
}

int
ba_timeline_write_block(const ba_timeline_t *timeline, ba_sink_t *sink, size_t row0,
    size_t col0, ba_cdmat_t block)
{
    const size_t start[2] = {row0, col0}, count[2] = {block.n_rows, block.n_cols};
    int is_double = timeline->opts->precision == BA_DOUBLE;
    size_t n, size = is_double ? sizeof(double) : sizeof(float);
    void *values;
    int status;

    BA_TRY(ba_multiply(block.n_rows, block.n_cols, &n));
    BA_TRY_ALLOC(values, ba_malloc(n, size));
    for (size_t i = 0; i < block.n_rows; i++) {
        for (size_t j = 0; j < block.n_cols; j++) {
            double value = block.data[i + j * block.ld];

            if (is_double) {
                ((double *) values)[i * block.n_cols + j] = value;
            } else {
                ((float *) values)[i * block.n_cols + j] = (float) value;
            }
        }
    }
    status = ba_sink_write(sink, start, count, values);
    ba_free(values);
out:
    return status;
}

/* Every basis of a block of columns: blocks of one basis stand side by side. */
static int
write_bases(const ba_timeline_t *timeline, size_t run, const ba_timeline_map_t *map,
    const buffers_t *buffers, size_t n_features, size_t col0, size_t n_cols,
    ba_sink_t *sink)
{
    const ba_runs_t *runs = &timeline->scan.runs;
    size_t n_items = timeline->first_item[run + 1] - timeline->first_item[run];
    size_t row0 = runs->onset[run], n = runs->onset[run + 1] - row0;
    int status = BA_OK;

    for (size_t b = 0; b < ba_timeline_n_bases(timeline->opts); b++) {
        ba_timeline_map_apply(timeline->ctx, map, b,
            (ba_cdmat_t){buffers->items, n_items, n_cols, n_items},
            (ba_dmat_t){buffers->scratch, n, n_cols, n},
            (ba_dmat_t){buffers->volumes, n, n_cols, n});
        BA_TRY(ba_timeline_write_block(timeline, sink, row0, b * n_features + col0,
            (ba_cdmat_t){buffers->volumes, n, n_cols, n}));
    }
out:
    return status;
}

static int
write_run(const ba_timeline_t *timeline, const ba_timeline_space_t *space, size_t slab,
    size_t run, ba_sink_t *sink)
{
    size_t n_features = ba_source_n_cols(space->source);
    ba_timeline_map_t map = {0};
    buffers_t buffers;
    int status;

    BA_TRY(make_buffers(timeline, run, n_features, &buffers));
    BA_TRY(ba_timeline_map_make(timeline, run, timeline->opts->resample, &map));
    for (size_t col0 = 0; col0 < n_features; col0 += buffers.n_cols) {
        size_t n =
            n_features - col0 < buffers.n_cols ? n_features - col0 : buffers.n_cols;

        BA_TRY(ba_ctx_check(timeline->ctx));
        BA_TRY(ba_source_read(space->source, slab, buffers.row0, buffers.n_rows, col0, n,
            buffers.rows, buffers.n_rows));
        BA_TRY(gather(timeline, space, run, &buffers, col0, n));
        BA_TRY(write_bases(timeline, run, &map, &buffers, n_features, col0, n, sink));
    }
out:
    ba_timeline_map_free(&map);
    free_buffers(&buffers);
    return status;
}

/* Names of columns, where the activations have them. */
static int
write_names(const ba_timeline_t *timeline, const ba_source_t *source, const char *path,
    ba_bundle_t *bundle)
{
    size_t n = ba_source_n_cols(source), n_bases = ba_timeline_n_bases(timeline->opts);
    const char *basis[3] = {NULL};
    const char **names = NULL;
    char *place = NULL;
    int status = BA_OK;

    for (size_t b = 0; b < n_bases; b++) {
        basis[b] = ba_timeline_basis_name(b);
    }
    if (timeline->opts->hrf != BA_PREPARE_HRF_NONE) {
        BA_TRY(ba_bundle_attr_strings(bundle, path, "hrf_basis", n_bases, basis));
    }
    if (!ba_source_column_name(source, 0)) {
        goto out;
    }
    BA_TRY_ALLOC(names, ba_malloc(n * n_bases, sizeof *names));
    for (size_t j = 0; j < n * n_bases; j++) {
        names[j] = ba_source_column_name(source, j % n);
    }
    BA_TRY_ALLOC(place, ba_asprintf("/names%s", path));
    BA_TRY(ba_bundle_write_strings(bundle, place, n * n_bases, names));
out:
    ba_free(names);
    ba_free(place);
    return status;
}

static int
write_slab(ba_timeline_t *timeline, const ba_timeline_space_t *space, size_t slab,
    ba_bundle_t *bundle)
{
    const ba_source_t *source = space->source;
    size_t n_runs = timeline->words.n_runs;
    ba_sink_t *sink = NULL;
    char *path;
    int status = BA_OK;

    BA_TRY_ALLOC(path, ba_source_n_slabs(source) > 1
                           ? ba_asprintf("/features/%s_%zu", space->name, slab)
                           : ba_asprintf("/features/%s", space->name));
    BA_TRY(ba_timeline_reserve(timeline, bundle, path,
        ba_source_n_cols(source) * ba_timeline_n_bases(timeline->opts), &sink));
    BA_TRY(write_names(timeline, source, path, bundle));
    for (size_t k = 0; k < n_runs; k++) {
        BA_TRY(write_run(timeline, space, slab, k, sink));
    }
out:
    ba_free(path);
    return status;
}

int
ba_timeline_write_features(ba_timeline_t *timeline, ba_bundle_t *bundle)
{
    size_t done = 0;
    int status = BA_OK;

    for (size_t s = 0; s < timeline->n_spaces; s++) {
        const ba_timeline_space_t *space = &timeline->spaces[s];

        for (size_t slab = 0; slab < ba_source_n_slabs(space->source); slab++) {
            ba_ctx_progress(timeline->ctx, "resampling", (double) done++,
                (double) timeline->info.n_spaces);
            BA_TRY(write_slab(timeline, space, slab, bundle));
        }
    }
out:
    return status;
}
