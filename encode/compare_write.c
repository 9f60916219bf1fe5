/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A comparison as a file and as a table. */
#include "encode/compare_impl.h"

#include "brainalign/encoder.h"
#include "brainalign/table.h"
#include "core/alloc.h"
#include "datasets/provenance.h"
#include "io/bundle_walk.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the file ---- */

static int
write_matrix(ba_bundle_t *bundle, const char *folder, const char *name, ba_dtype_t type,
    size_t n_rows, size_t n, const void *data)
{
    char path[64];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return ba_bundle_write(bundle, path, type, 2, (size_t[]){n_rows, n}, data);
}

static int
write_list(ba_bundle_t *bundle, const char *folder, const char *name, ba_dtype_t type,
    size_t n, const void *data)
{
    char path[64];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return ba_bundle_write(bundle, path, type, 1, &n, data);
}

/* Everything of targets or regions below `folder`. */
static int
write_units(const compare_t *compare, const char *folder, const comparison_t *units,
    int has_pairs, ba_bundle_t *bundle)
{
    int status;
    size_t n = units->n, pairs = compare->n_pairs;

    BA_TRY(write_matrix(bundle, folder, "r", BA_F64, compare->n_models, n, units->r));
    BA_TRY(write_matrix(bundle, folder, "r2", BA_F64, compare->n_models, n, units->r2));
    BA_TRY(write_list(bundle, folder, "best", BA_I32, n, units->best));
    BA_TRY(write_matrix(bundle, folder, "best_without_fold", BA_I32, compare->n_folds, n,
        units->best_fold));
    BA_TRY(write_list(bundle, folder, "chosen", BA_F64, n, units->chosen));
    BA_TRY(write_list(bundle, folder, "centre_of_mass", BA_F64, n, units->centre));
    if (has_pairs) {
        BA_TRY(write_matrix(
            bundle, folder, "difference", BA_F64, pairs, n, units->difference));
        BA_TRY(write_matrix(bundle, folder, "low", BA_F64, pairs, n, units->low));
        BA_TRY(write_matrix(bundle, folder, "high", BA_F64, pairs, n, units->high));
        BA_TRY(write_matrix(bundle, folder, "p", BA_F64, pairs, n, units->p));
        BA_TRY(write_matrix(bundle, folder, "q", BA_F64, pairs, n, units->q));
    }
out:
    return status;
}

static int
write_pairs(const compare_t *compare, ba_bundle_t *bundle)
{
    int status = BA_OK;
    int32_t *models = NULL;
    size_t n = compare->n_pairs;
    int64_t draws = (int64_t) compare->opts->n_bootstrap;
    int64_t permutations = (int64_t) compare->n_permutations;
    int64_t units = (int64_t) compare->n_units;

    BA_TRY_ALLOC(models, ba_malloc(n, 2 * sizeof *models));
    for (size_t k = 0; k < n; k++) {
        models[2 * k] = (int32_t) compare->first[k];
        models[2 * k + 1] = (int32_t) compare->second[k];
    }
    BA_TRY(write_matrix(bundle, "/pairs", "models", BA_I32, n, 2, models));
    BA_TRY(write_matrix(
        bundle, "/targets", "p_fwe", BA_F64, n, compare->n_targets, compare->p_fwe));
    BA_TRY(ba_bundle_attr_i64(bundle, "/pairs", "n_bootstrap", 1, &draws));
    BA_TRY(ba_bundle_attr_i64(bundle, "/pairs", "n_units", 1, &units));
    BA_TRY(ba_bundle_attr_string(
        bundle, "/pairs", "unit", compare->unit_is_run ? "run" : "block"));
    BA_TRY(ba_bundle_attr_i64(bundle, "/pairs", "n_permutations", 1, &permutations));
    BA_TRY(ba_bundle_attr_string(bundle, "/pairs", "null", "cosine"));
    BA_TRY(ba_bundle_attr_string(bundle, "/pairs", "tail",
        compare->tail == BA_TAIL_GREATER ? "greater" : "two-sided"));
    BA_TRY(ba_bundle_attr_f64(bundle, "/pairs", "smallest_p", 1, &compare->smallest_p));
out:
    ba_free(models);
    return status;
}

static int
write_regions(const compare_t *compare, int has_pairs, ba_bundle_t *bundle)
{
    int status = BA_OK;
    const ba_regions_t *regions = &compare->regions;
    int64_t *sizes = NULL;

    if (regions->n == 0) {
        return BA_OK;
    }
    BA_TRY_ALLOC(sizes, ba_malloc(regions->n, sizeof *sizes));
    for (size_t i = 0; i < regions->n; i++) {
        sizes[i] = (int64_t) regions->n_members[i];
    }
    BA_TRY(ba_bundle_write_strings(
        bundle, "/rois/name", regions->n, (const char *const *) regions->names));
    BA_TRY(write_list(bundle, "/rois", "n_targets", BA_I64, regions->n, sizes));
    BA_TRY(write_units(compare, "/rois", &compare->rois, has_pairs, bundle));
out:
    ba_free(sizes);
    return status;
}

/* Names and places of the targets, as the first file has them. */
static int
copy_targets(const ba_bundle_t *from, ba_bundle_t *to)
{
    int status;
    static const char *const arrays[] = {"/targets/name", "/targets/ijk", "/targets/mm"};
    ba_bundle_content_t content = {0};

    BA_TRY(ba_bundle_content(from, &content));
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        const ba_bundle_array_t *array = ba_bundle_find_array(&content, arrays[i]);

        if (array) {
            BA_TRY(ba_bundle_copy_array(from, array, to));
        }
    }
out:
    ba_bundle_content_free(&content);
    return status;
}

static int
write_models(const compare_t *compare, ba_bundle_t *bundle)
{
    int status = BA_OK;
    const char **names = NULL;
    size_t n = compare->n_models;
    int64_t range[2] = {(int64_t) compare->models[0].target_start,
        (int64_t) (compare->models[0].target_start + compare->n_targets)};

    BA_TRY_ALLOC(names, ba_malloc(n, sizeof *names));
    for (size_t m = 0; m < n; m++) {
        names[m] = compare->models[m].name;
    }
    BA_TRY(ba_bundle_attr_string(bundle, "/", "format", "brainalign-comparison"));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "format_version", 1, (int64_t[]){1}));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "target_range", 2, range));
    BA_TRY(ba_bundle_attr_string(
        bundle, "/", "score", compare->opts->score == BA_SCORE_R ? "r" : "r2"));
    BA_TRY(ba_bundle_write_strings(bundle, "/models/name", n, names));
    BA_TRY(ba_bundle_write_strings(bundle, "/models/file", n, compare->opts->files));
out:
    ba_free(names);
    return status;
}

static int
write_bundle(const compare_t *compare, const ba_dataset_t *responses, ba_bundle_t *bundle)
{
    int status;
    static const ba_dataset_t none = {0};
    const ba_compare_opts_t *opts = compare->opts;
    ba_provenance_t provenance =
        ba_provenance_start(compare->ctx, opts->argc, opts->argv);
    const char **files = NULL;
    int has_pairs = responses != NULL;

    BA_TRY_ALLOC(files, ba_calloc(compare->n_models + 1, sizeof *files));
    for (size_t m = 0; m < compare->n_models; m++) {
        files[m] = opts->files[m];
    }
    BA_TRY(write_models(compare, bundle));
    BA_TRY(write_units(compare, "/targets", &compare->targets, has_pairs, bundle));
    BA_TRY(copy_targets(compare->models[0].bundle, bundle));
    BA_TRY(write_regions(compare, has_pairs, bundle));
    if (has_pairs) {
        BA_TRY(write_pairs(compare, bundle));
    }
    BA_TRY(
        ba_provenance_write(&provenance, responses ? responses : &none, files, bundle));
out:
    ba_free(files);
    return status;
}

/* ---- the table ---- */

static int
put_column(ba_table_writer_t *table, const char *start, const compare_t *compare,
    size_t first, size_t second)
{
    int status = BA_OK;
    char *name;

    BA_TRY_ALLOC(name, ba_asprintf("%s:%s-%s", start, compare->models[first].name,
                           compare->models[second].name));
    BA_TRY(ba_table_put_text(table, name));
out:
    ba_free(name);
    return status;
}

static int
write_header(ba_table_writer_t *table, const compare_t *compare, int has_pairs)
{
    int status;
    static const char *const of_pair[] = {"d", "low", "high", "p", "q"};

    BA_TRY(ba_table_put_text(table, "level"));
    BA_TRY(ba_table_put_text(table, "unit"));
    BA_TRY(ba_table_put_text(table, "name"));
    BA_TRY(ba_table_put_text(table, "n"));
    for (size_t m = 0; m < compare->n_models; m++) {
        BA_TRY(ba_table_put_text(table, compare->models[m].name));
    }
    BA_TRY(ba_table_put_text(table, "best"));
    BA_TRY(ba_table_put_text(table, "chosen"));
    BA_TRY(ba_table_put_text(table, "centre_of_mass"));
    for (size_t k = 0; has_pairs && k < compare->n_pairs; k++) {
        for (size_t i = 0; i < sizeof of_pair / sizeof *of_pair; i++) {
            BA_TRY(put_column(
                table, of_pair[i], compare, compare->first[k], compare->second[k]));
        }
    }
    BA_TRY(ba_table_end_row(table));
out:
    return status;
}

static int
write_row(ba_table_writer_t *table, const compare_t *compare, const comparison_t *units,
    size_t i, int has_pairs)
{
    int status = BA_OK;
    const double *scores = compare->opts->score == BA_SCORE_R ? units->r : units->r2;
    const double *of_pair[] = {
        units->difference, units->low, units->high, units->p, units->q};

    for (size_t m = 0; m < compare->n_models; m++) {
        BA_TRY(ba_table_put_number(table, scores[m * units->n + i], 7));
    }
    BA_TRY(ba_table_put_text(
        table, units->best[i] < 0 ? "n/a" : compare->models[units->best[i]].name));
    BA_TRY(ba_table_put_number(table, units->chosen[i], 7));
    BA_TRY(ba_table_put_number(table, units->centre[i], 7));
    for (size_t k = 0; has_pairs && k < compare->n_pairs; k++) {
        for (size_t c = 0; c < sizeof of_pair / sizeof *of_pair; c++) {
            BA_TRY(ba_table_put_number(table, of_pair[c][k * units->n + i], 7));
        }
    }
    BA_TRY(ba_table_end_row(table));
out:
    return status;
}

static int
write_table(ba_table_writer_t *table, const compare_t *compare, int has_pairs)
{
    int status;
    const ba_fitted_t *first = &compare->models[0];
    const ba_regions_t *regions = &compare->regions;

    BA_TRY(write_header(table, compare, has_pairs));
    for (size_t i = 0; i < regions->n; i++) {
        BA_TRY(ba_table_put_text(table, "roi"));
        BA_TRY(ba_table_put_integer(table, (int64_t) i));
        BA_TRY(ba_table_put_text(table, regions->names[i]));
        BA_TRY(ba_table_put_integer(table, (int64_t) regions->n_members[i]));
        BA_TRY(write_row(table, compare, &compare->rois, i, has_pairs));
    }
    for (size_t t = 0; t < compare->n_targets; t++) {
        BA_TRY(ba_table_put_text(table, "target"));
        BA_TRY(ba_table_put_integer(table, (int64_t) (first->target_start + t)));
        BA_TRY(ba_table_put_text(table, first->names ? first->names[t] : "n/a"));
        BA_TRY(ba_table_put_integer(table, 1));
        BA_TRY(write_row(table, compare, &compare->targets, t, has_pairs));
    }
out:
    return status;
}

int
ba_compare_write(const compare_t *compare, const ba_dataset_t *responses)
{
    int status;
    const ba_compare_opts_t *opts = compare->opts;
    ba_bundle_t *bundle = NULL;
    ba_table_writer_t *table = NULL;

    BA_TRY(ba_bundle_create(opts->output, opts->force, &bundle));
    BA_TRY(write_bundle(compare, responses, bundle));
    if (opts->table) {
        BA_TRY(ba_table_create(opts->table, opts->force, &table));
        BA_TRY(write_table(table, compare, responses != NULL));
        BA_TRY(ba_table_finish(table));
    }
    BA_TRY(ba_bundle_commit(bundle));
    if (table) {
        BA_TRY(ba_table_commit(table));
    }
out:
    ba_table_writer_free(table);
    ba_bundle_free(bundle);
    return status;
}
