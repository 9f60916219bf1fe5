/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Data sets that run over targets are joined along that dimension; fingerprints of
 * response rows add up; tests are corrected anew; everything else must be the same in all shards, to the last bit.
 * A block at a time, whatever the sizes. */
#include "encode/blocks.h"
#include "encode/encoder_join.h"

#include "brainalign/encoder.h"
#include "core/alloc.h"
#include "encode/encoder_provenance.h"
#include "encode/inference.h"
#include "io/bundle_walk.h"

#include <stdio.h>
#include <string.h>

typedef enum { SAME, LAST_AXIS, FIRST_AXIS, ADDED, LARGER, RECOMPUTED } joining_t;

/* How a data set is joined, by the beginning of its path; what is not here is the same in
 * every shard. */
static const struct {
    const char *prefix;
    joining_t joining;
} rules[] = {
    {"/scores/", LAST_AXIS},
    {"/bands/candidates", SAME},
    {"/bands/", LAST_AXIS},
    {"/best_alphas", LAST_AXIS},
    {"/cv_scores", LAST_AXIS},
    {"/weights", LAST_AXIS},
    {"/fold_weights", LAST_AXIS},
    {"/intercept", LAST_AXIS},
    {"/scaling/response_", LAST_AXIS},
    {"/predictions", LAST_AXIS},
    {"/status", LAST_AXIS},
    {"/targets/", FIRST_AXIS},
    {"/splits/response_hash", ADDED},
};

static joining_t
joining_of(const char *path)
{
    if (ba_inference_is_maxima(path)) {
        return LARGER;
    }
    if (ba_inference_is_recomputed(path)) {
        return RECOMPUTED;
    }
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (strncmp(path, rules[i].prefix, strlen(rules[i].prefix)) == 0) {
            return rules[i].joining;
        }
    }
    return SAME;
}

static int
is_provenance(const char *path)
{
    static const char name[] = "/provenance";

    return strncmp(path, name, sizeof name - 1) == 0 &&
           (path[sizeof name - 1] == '/' || path[sizeof name - 1] == '\0');
}

/* Dimension that the targets lie along, -1 = none. */
static int
target_axis(const ba_bundle_array_t *array)
{
    joining_t joining = joining_of(array->path);

    return joining == LAST_AXIS || joining == RECOMPUTED ? array->rank - 1
           : joining == FIRST_AXIS                       ? 0
                                                         : -1;
}

typedef struct {
    const ba_ctx_t *ctx;
    const ba_part_t *parts;
    size_t n_parts, n_total;
    ba_bundle_t *first; /* the shard of the first targets, which the others are held to */
    ba_bundle_content_t content;
    ba_bundle_t *out;
    ba_sink_t **sinks; /* one per array of `content`, NULL where it is not filled so */
    char (*names)[64]; /* n_total target names; NULL where there are none */
    ba_joined_maxima_t maxima;
    uint64_t *added; /* n_rows */
    size_t n_rows;
    void *block, *other;
    size_t block_size;
} join_t;

static int
grow_blocks(join_t *join, size_t n, size_t size)
{
    int status = BA_OK;
    size_t n_bytes;

    BA_TRY(ba_multiply(n, size, &n_bytes));
    if (n_bytes <= join->block_size) {
        return BA_OK;
    }
    ba_free(join->block);
    ba_free(join->other);
    join->block_size = 0;
    join->other = NULL;
    BA_TRY_ALLOC(join->block, ba_malloc(n_bytes, 1));
    BA_TRY_ALLOC(join->other, ba_malloc(n_bytes, 1));
    join->block_size = n_bytes;
out:
    return status;
}

static int
differ(const join_t *join, const ba_part_t *part, const char *what)
{
    return ba_fail(
        BA_SHAPE, "%s:%s: not the same as in %s", part->file, what, join->parts[0].file);
}

/* The arrays of a shard are those of the first, but for the number of targets. */
static int
check_arrays(
    const join_t *join, const ba_part_t *part, const ba_bundle_content_t *content)
{
    for (size_t i = 0; i < content->n_arrays; i++) {
        const ba_bundle_array_t *array = &content->arrays[i], *wanted;

        if (is_provenance(array->path)) {
            continue;
        }
        wanted = ba_bundle_find_array(&join->content, array->path);
        if (!wanted || wanted->rank != array->rank ||
            wanted->is_string != array->is_string ||
            (!array->is_string && wanted->type != array->type)) {
            return differ(join, part, array->path);
        }
        for (int d = 0; d < array->rank; d++) {
            size_t n =
                d == target_axis(array) ? part->stop - part->start : wanted->dims[d];

            if (array->dims[d] != n) {
                return differ(join, part, array->path);
            }
        }
    }
    for (size_t i = 0; i < join->content.n_arrays; i++) {
        const char *path = join->content.arrays[i].path;

        if (!is_provenance(path) && !ba_bundle_find_array(content, path)) {
            return differ(join, part, path);
        }
    }
    return BA_OK;
}

static int
is_compared(const ba_bundle_attr_t *attr)
{
    return !is_provenance(attr->object) &&
           !(strcmp(attr->object, "/") == 0 && strcmp(attr->name, "target_range") == 0);
}

/* Both are ordered by object and name. */
static int
check_attrs(const join_t *join, const ba_part_t *part, const ba_bundle_content_t *content)
{
    const ba_bundle_content_t *first = &join->content;
    size_t i = 0, k = 0;

    for (;;) {
        const ba_bundle_attr_t *a, *b;

        for (; i < first->n_attrs && !is_compared(&first->attrs[i]); i++) {
        }
        for (; k < content->n_attrs && !is_compared(&content->attrs[k]); k++) {
        }
        if (i == first->n_attrs && k == content->n_attrs) {
            return BA_OK;
        }
        a = i < first->n_attrs ? &first->attrs[i] : NULL;
        b = k < content->n_attrs ? &content->attrs[k] : NULL;
        if (!a || !b || strcmp(a->object, b->object) != 0 ||
            strcmp(a->name, b->name) != 0 || a->n_bytes != b->n_bytes ||
            memcmp(a->bytes, b->bytes, a->n_bytes) != 0) {
            const ba_bundle_attr_t *attr = a ? a : b;

            return ba_fail(BA_SHAPE, "%s:%s: attribute '%s' is not the same as in %s",
                part->file, attr->object, attr->name, join->parts[0].file);
        }
        i++;
        k++;
    }
}

static int
compare_numbers(join_t *join, const ba_part_t *part, const ba_bundle_t *shard,
    const ba_bundle_array_t *array)
{
    int status = BA_OK;
    ba_blocks_t blocks;

    if (!ba_blocks_first(array, &blocks)) {
        return BA_OK;
    }
    BA_TRY(grow_blocks(join, blocks.n_most, array->size));
    do {
        BA_TRY(ba_bundle_read(join->first, array->path, array->type, blocks.start,
            blocks.count, join->block));
        BA_TRY(ba_bundle_read(
            shard, array->path, array->type, blocks.start, blocks.count, join->other));
        if (memcmp(join->block, join->other, ba_blocks_bytes(&blocks, array->size)) !=
            0) {
            BA_TRY(differ(join, part, array->path));
        }
    } while (ba_blocks_next(&blocks));
out:
    return status;
}

static int
compare_strings(
    const join_t *join, const ba_part_t *part, const ba_bundle_t *shard, const char *path)
{
    int status;
    char **a = NULL, **b = NULL;
    size_t n_a, n_b;

    BA_TRY(ba_bundle_read_strings(join->first, path, &n_a, &a));
    BA_TRY(ba_bundle_read_strings(shard, path, &n_b, &b));
    for (size_t i = 0; i < n_a && i < n_b; i++) {
        if (strcmp(a[i], b[i]) != 0) {
            BA_TRY(differ(join, part, path));
        }
    }
out:
    ba_free(a);
    ba_free(b);
    return status;
}

static int
join_numbers(join_t *join, const ba_part_t *part, const ba_bundle_t *shard,
    const ba_bundle_array_t *array, ba_sink_t *sink)
{
    int status = BA_OK, axis = target_axis(array);
    ba_blocks_t blocks;
    size_t to[BA_MAX_RANK];

    if (!ba_blocks_first(array, &blocks)) {
        return BA_OK;
    }
    BA_TRY(grow_blocks(join, blocks.n_most, array->size));
    do {
        BA_TRY(ba_ctx_check(join->ctx));
        BA_TRY(ba_bundle_read(
            shard, array->path, array->type, blocks.start, blocks.count, join->block));
        memcpy(to, blocks.start, sizeof to);
        to[axis] += part->start;
        BA_TRY(ba_sink_write(sink, to, blocks.count, join->block));
    } while (ba_blocks_next(&blocks));
out:
    return status;
}

static int
join_names(
    join_t *join, const ba_part_t *part, const ba_bundle_t *shard, const char *path)
{
    int status = BA_OK;
    char **names = NULL;
    size_t n;

    if (!join->names) {
        BA_TRY_ALLOC(join->names, ba_calloc(join->n_total, sizeof *join->names));
    }
    BA_TRY(ba_bundle_read_strings(shard, path, &n, &names));
    for (size_t t = 0; t < n; t++) {
        snprintf(join->names[part->start + t], sizeof *join->names, "%s", names[t]);
    }
out:
    ba_free(names);
    return status;
}

static int
join_added(join_t *join, const ba_bundle_t *shard, const ba_bundle_array_t *array)
{
    int status = BA_OK;
    uint64_t *rows = NULL;
    size_t n = array->dims[0];

    if (array->type != BA_U64 || array->rank != 1) {
        return ba_fail(BA_FORMAT, "%s: not a list of fingerprints", array->path);
    }
    if (!join->added) {
        BA_TRY_ALLOC(join->added, ba_calloc(n, sizeof *join->added));
        join->n_rows = n;
    }
    BA_TRY_ALLOC(rows, ba_malloc(n, sizeof *rows));
    BA_TRY(ba_bundle_read(shard, array->path, BA_U64, NULL, NULL, rows));
    for (size_t i = 0; i < n; i++) {
        join->added[i] += rows[i];
    }
out:
    ba_free(rows);
    return status;
}

static int
join_array(join_t *join, const ba_part_t *part, const ba_bundle_t *shard,
    const ba_bundle_array_t *array)
{
    size_t i;

    if (is_provenance(array->path)) {
        return BA_OK;
    }
    i = (size_t) (ba_bundle_find_array(&join->content, array->path) -
                  join->content.arrays);
    switch (joining_of(array->path)) {
    case ADDED:
        return join_added(join, shard, array);
    case LARGER:
        return ba_inference_join_maxima(
            shard, array->path, array->dims[0], &join->maxima);
    case RECOMPUTED:
        return BA_OK;
    case FIRST_AXIS:
    case LAST_AXIS:
        return array->is_string ? join_names(join, part, shard, array->path)
                                : join_numbers(join, part, shard, array, join->sinks[i]);
    case SAME:
        break;
    }
    if (part == join->parts) {
        return ba_bundle_copy_array(shard, array, join->out);
    }
    return array->is_string ? compare_strings(join, part, shard, array->path)
                            : compare_numbers(join, part, shard, array);
}

static int
join_part(join_t *join, const ba_part_t *part)
{
    int status;
    ba_bundle_t *shard = NULL;
    ba_bundle_content_t content = {0};

    BA_TRY(ba_bundle_open(part->file, BA_ENCODER_FORMAT, &shard));
    BA_TRY(ba_bundle_content(shard, &content));
    BA_TRY(check_arrays(join, part, &content));
    BA_TRY(check_attrs(join, part, &content));
    for (size_t i = 0; i < content.n_arrays; i++) {
        BA_TRY(ba_ctx_check(join->ctx));
        BA_TRY(join_array(join, part, shard, &content.arrays[i]));
    }
out:
    ba_bundle_content_free(&content);
    ba_bundle_free(shard);
    return status;
}

/* ---- the whole ---- */

static int
reserve_arrays(join_t *join)
{
    int status = BA_OK;
    const ba_bundle_content_t *content = &join->content;

    BA_TRY_ALLOC(join->sinks, ba_calloc(content->n_arrays, sizeof *join->sinks));
    for (size_t i = 0; i < content->n_arrays; i++) {
        const ba_bundle_array_t *array = &content->arrays[i];
        int axis = target_axis(array);
        size_t dims[BA_MAX_RANK];

        if (axis < 0 || array->is_string || is_provenance(array->path) ||
            joining_of(array->path) == RECOMPUTED) {
            continue;
        }
        memcpy(dims, array->dims, sizeof dims);
        dims[axis] = join->n_total;
        BA_TRY(ba_bundle_reserve(
            join->out, array->path, array->type, array->rank, dims, &join->sinks[i]));
    }
out:
    return status;
}

static int
write_names(const join_t *join, const char *path)
{
    int status = BA_OK;
    const char **names = NULL;

    BA_TRY_ALLOC(names, ba_malloc(join->n_total, sizeof *names));
    for (size_t t = 0; t < join->n_total; t++) {
        names[t] = join->names[t];
    }
    BA_TRY(ba_bundle_write_strings(join->out, path, join->n_total, names));
out:
    ba_free(names);
    return status;
}

/* What is complete only after the last shard, and the attributes. */
static int
finish(join_t *join)
{
    int status = BA_OK;
    const ba_bundle_content_t *content = &join->content;
    int64_t range[2] = {0, (int64_t) join->n_total};

    for (size_t i = 0; i < content->n_arrays; i++) {
        const ba_bundle_array_t *array = &content->arrays[i];

        if (joining_of(array->path) == ADDED) {
            BA_TRY(ba_bundle_write(
                join->out, array->path, BA_U64, 1, &join->n_rows, join->added));
        } else if (array->is_string && joining_of(array->path) == FIRST_AXIS) {
            BA_TRY(write_names(join, array->path));
        }
    }
    BA_TRY(ba_inference_join_finish(join->out, join->n_total, &join->maxima));
    for (size_t i = 0; i < content->n_attrs; i++) {
        if (is_compared(&content->attrs[i])) {
            BA_TRY(ba_bundle_copy_attr(&content->attrs[i], join->out));
        }
    }
    BA_TRY(ba_bundle_attr_i64(join->out, "/", "target_range", 2, range));
out:
    return status;
}

static int
fill(join_t *join, const ba_encoder_merge_opts_t *opts)
{
    int status;

    BA_TRY(ba_bundle_open(join->parts[0].file, BA_ENCODER_FORMAT, &join->first));
    BA_TRY(ba_bundle_content(join->first, &join->content));
    BA_TRY(ba_bundle_create(opts->output, opts->force, &join->out));
    BA_TRY(reserve_arrays(join));
    for (size_t i = 0; i < join->n_parts; i++) {
        BA_TRY(join_part(join, &join->parts[i]));
        ba_ctx_progress(join->ctx, "join", (double) (i + 1), (double) join->n_parts);
    }
    BA_TRY(finish(join));
    BA_TRY(ba_merged_provenance(join->ctx, join->parts, join->n_parts, opts, join->first,
        &join->content, join->out));
out:
    return status;
}

int
ba_encoder_join(
    const ba_ctx_t *ctx, const ba_encoder_merge_opts_t *opts, ba_bundle_t **out)
{
    int status;
    ba_part_t *parts = NULL;
    join_t join = {.ctx = ctx, .n_parts = opts->n_files};

    *out = NULL;
    BA_TRY(ba_encoder_parts(opts, &parts));
    join.parts = parts;
    join.n_total = parts[opts->n_files - 1].stop;
    BA_TRY(fill(&join, opts));
    *out = join.out;
    join.out = NULL;
out:
    ba_bundle_free(join.out);
    ba_bundle_content_free(&join.content);
    ba_bundle_free(join.first);
    ba_free(join.sinks);
    ba_free(join.names);
    ba_free(join.added);
    ba_joined_maxima_free(&join.maxima);
    ba_free(join.block);
    ba_free(join.other);
    ba_free(parts);
    return status;
}
