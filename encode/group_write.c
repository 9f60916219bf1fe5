/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A group as a file, a table and a map. */
#include "encode/group_impl.h"

#include "brainalign/table.h"
#include "core/alloc.h"
#include "datasets/provenance.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const char *name;
    const double *values;
} column_t;

enum { N_COLUMNS = 13 };

/* In the order of the table. */
static void
list_columns(const group_t *group, column_t columns[N_COLUMNS])
{
    const column_t all[N_COLUMNS] = {{"mean", group->mean}, {"median", group->median},
        {"low", group->low}, {"high", group->high}, {"p", group->p}, {"q", group->q},
        {"p_fwe", group->p_fwe}, {"t", group->t}, {"p_t", group->p_t},
        {"p_wilcoxon", group->p_wilcoxon}, {"p_flip", group->p_flip},
        {"p_flip_fwe", group->p_flip_fwe}, {"t_rate", group->t_rate}};

    memcpy(columns, all, sizeof all);
}

static const char *
null_name(const group_t *group)
{
    static const char *const names[] = {"none", "joint", "refit", "shift"};

    return names[group->opts->null];
}

static size_t
n_targets_of(const group_t *group, size_t unit)
{
    size_t n = 0;

    for (size_t i = 0; i < group->n_subjects; i++) {
        n += group->n_defined[i + unit * group->n_subjects];
    }
    return n;
}

static int
write_units(const group_t *group, ba_bundle_t *bundle)
{
    int status = BA_OK;
    column_t columns[N_COLUMNS];
    int64_t *counts = NULL;
    size_t n = group->n_units;

    list_columns(group, columns);
    for (size_t i = 0; i < N_COLUMNS; i++) {
        char path[32] = "/group/";

        strcat(path, columns[i].name);
        BA_TRY(ba_bundle_write(bundle, path, BA_F64, 1, &n, columns[i].values));
    }
    BA_TRY_ALLOC(counts, ba_malloc(n, 2 * sizeof *counts));
    for (size_t u = 0; u < n; u++) {
        counts[u] = (int64_t) n_targets_of(group, u);
        counts[n + u] = (int64_t) group->n_scored[u];
    }
    BA_TRY(ba_bundle_write(bundle, "/group/n_targets", BA_I64, 1, &n, counts));
    BA_TRY(ba_bundle_write(bundle, "/group/n_subjects", BA_I64, 1, &n, counts + n));
    BA_TRY(ba_bundle_write_strings(
        bundle, "/group/name", n, (const char *const *) group->units));
out:
    ba_free(counts);
    return status;
}

/* Subjects by rows. */
static int
write_subjects(const group_t *group, ba_bundle_t *bundle)
{
    int status = BA_OK;
    size_t s = group->n_subjects, n = group->n_units;
    double *scores = NULL;

    BA_TRY_ALLOC(scores, ba_malloc(s, n * sizeof *scores));
    for (size_t i = 0; i < s; i++) {
        for (size_t u = 0; u < n; u++) {
            scores[i * n + u] = group->scores[i + u * s];
        }
    }
    BA_TRY(
        ba_bundle_write(bundle, "/subjects/scores", BA_F64, 2, (size_t[]){s, n}, scores));
    BA_TRY(ba_bundle_write_strings(
        bundle, "/subjects/name", s, (const char *const *) group->subjects));
out:
    ba_free(scores);
    return status;
}

static int
write_bundle(const group_t *group, ba_bundle_t *bundle)
{
    int status;
    static const ba_dataset_t none = {0};
    const ba_group_opts_t *opts = group->opts;
    ba_provenance_t provenance = ba_provenance_start(group->ctx, opts->argc, opts->argv);
    int64_t permutations = (int64_t) group->n_permutations;
    int64_t flips = (int64_t) group->n_flips, draws = (int64_t) opts->n_bootstrap;
    const char **files = NULL;

    BA_TRY_ALLOC(files, ba_calloc(group->n_files + 1, sizeof *files));
    for (size_t f = 0; f < group->n_files; f++) {
        files[f] = opts->files[f];
    }
    BA_TRY(ba_bundle_attr_string(bundle, "/", "format", "brainalign-group"));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "format_version", 1, (int64_t[]){1}));
    BA_TRY(ba_bundle_attr_string(
        bundle, "/", "score", opts->score == BA_SCORE_R ? "r" : "r2"));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "null", null_name(group)));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "n_permutations", 1, &permutations));
    BA_TRY(ba_bundle_attr_f64(bundle, "/", "smallest_p", 1, &group->smallest_p));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "n_flips", 1, &flips));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "n_bootstrap", 1, &draws));
    BA_TRY(write_units(group, bundle));
    BA_TRY(write_subjects(group, bundle));
    BA_TRY(ba_provenance_write(&provenance, &none, files, bundle));
out:
    ba_free(files);
    return status;
}

static int
write_table(const group_t *group, ba_table_writer_t *table)
{
    int status;
    column_t columns[N_COLUMNS];

    list_columns(group, columns);
    BA_TRY(ba_table_put_text(table, "name"));
    BA_TRY(ba_table_put_text(table, "n_subjects"));
    BA_TRY(ba_table_put_text(table, "n_targets"));
    for (size_t i = 0; i < N_COLUMNS; i++) {
        BA_TRY(ba_table_put_text(table, columns[i].name));
    }
    BA_TRY(ba_table_end_row(table));
    for (size_t u = 0; u < group->n_units; u++) {
        BA_TRY(ba_table_put_text(table, group->units[u]));
        BA_TRY(ba_table_put_integer(table, (int64_t) group->n_scored[u]));
        BA_TRY(ba_table_put_integer(table, (int64_t) n_targets_of(group, u)));
        for (size_t i = 0; i < N_COLUMNS; i++) {
            BA_TRY(ba_table_put_number(table, columns[i].values[u], 7));
        }
        BA_TRY(ba_table_end_row(table));
    }
out:
    return status;
}

/* ---- maps ---- */

/* mean at the name given; t and p, with those words before the extension, where there are
 * tests. */
enum { N_MAPS = 4 };

typedef struct {
    const char *word, *what;
    const double *values;
    int is_wanted;
} map_kind_t;

static void
list_maps(const group_t *group, map_kind_t kinds[N_MAPS])
{
    int tests = group->n_subjects > 1;
    const map_kind_t all[N_MAPS] = {
        {NULL, "brainalign: mean score over subjects", group->mean, 1},
        {"t", "brainalign: Student's t over subjects", group->t, tests},
        {"p_t", "brainalign: p of Student's t over subjects", group->p_t, tests},
        {"p", "brainalign: p against the stimulus", group->p,
            group->opts->null != BA_GROUP_NONE}};

    memcpy(kinds, all, sizeof all);
}

static int
map_name(const char *file, const char *word, char **out)
{
    if (word) {
        return ba_output_name(file, word, out);
    }
    *out = ba_strdup(file);
    return *out ? BA_OK : BA_NOMEM;
}

static int
check_grid(const group_t *group, const ba_image_t *grid)
{
    if (ba_image_n_voxels(grid) != group->n_units) {
        return ba_fail(BA_SHAPE, "%s: %zu voxels, but %s has %zu targets",
            group->opts->grid, ba_image_n_voxels(grid), group->files[0].path,
            group->n_units);
    }
    return BA_OK;
}

static int
make_maps(const group_t *group, ba_map_t *out[N_MAPS])
{
    int status;
    const ba_group_opts_t *opts = group->opts;
    ba_image_t *grid = NULL;
    map_kind_t kinds[N_MAPS];
    char *name = NULL;

    if (!opts->grid || group->has_regions) {
        return ba_fail(BA_VALUE, "map: wanted the mask of the targets, and no regions");
    }
    list_maps(group, kinds);
    BA_TRY(ba_image_open_mask(group->ctx, opts->grid, &grid));
    BA_TRY(check_grid(group, grid));
    for (size_t i = 0; i < N_MAPS; i++) {
        if (kinds[i].is_wanted) {
            BA_TRY(map_name(opts->map, kinds[i].word, &name));
            BA_TRY(ba_map_create(
                grid, kinds[i].values, kinds[i].what, name, opts->force, &out[i]));
            ba_free(name);
            name = NULL;
        }
    }
out:
    ba_free(name);
    ba_image_free(grid);
    return status;
}

int
ba_group_check_maps(const ba_group_opts_t *opts)
{
    int status = BA_OK;
    static const char *const words[] = {NULL, "t", "p_t", "p"};
    char *name = NULL;

    for (size_t i = 0; opts->map && !opts->force && i < sizeof words / sizeof *words;
         i++) {
        BA_TRY(map_name(opts->map, words[i], &name));
        if (access(name, F_OK) == 0) {
            BA_TRY(ba_fail(BA_EXISTS, "%s: exists, --force replaces it", name));
        }
        ba_free(name);
        name = NULL;
    }
out:
    ba_free(name);
    return status;
}

int
ba_group_write(const group_t *group)
{
    int status;
    const ba_group_opts_t *opts = group->opts;
    ba_bundle_t *bundle = NULL;
    ba_table_writer_t *table = NULL;
    ba_map_t *maps[N_MAPS] = {NULL};

    BA_TRY(ba_bundle_create(opts->output, opts->force, &bundle));
    BA_TRY(write_bundle(group, bundle));
    if (opts->table) {
        BA_TRY(ba_table_create(opts->table, opts->force, &table));
        BA_TRY(write_table(group, table));
        BA_TRY(ba_table_finish(table));
    }
    if (opts->map) {
        BA_TRY(make_maps(group, maps));
    }
    BA_TRY(ba_bundle_commit(bundle));
    if (table) {
        BA_TRY(ba_table_commit(table));
    }
    for (size_t i = 0; i < N_MAPS; i++) {
        if (maps[i]) {
            BA_TRY(ba_map_commit(maps[i]));
        }
    }
out:
    ba_table_writer_free(table);
    for (size_t i = 0; i < N_MAPS; i++) {
        ba_map_free(maps[i]);
    }
    ba_bundle_free(bundle);
    return status;
}
