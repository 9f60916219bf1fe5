/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a result file of neurons align says: neurons, layers, sets, minimal sets. */
#include "brainalign/bundle.h"
#include "core/alloc.h"
#include "report/figure_impl.h"
#include "report/palette.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Regions with a line or a panel of their own, all targets being the first. */
enum { MOST_LINES = 8, MOST_CURVES = 6 };

typedef struct {
    const ba_bundle_t *bundle;
    const char *file;
    char **regions;
    size_t n_regions;
} align_file_t;

/* dims: n_dims wanted dimensions; the caller frees. */
static int
read_array(const align_file_t *file, const char *path, const size_t *wanted, int n_dims,
    double **out)
{
    size_t dims[BA_MAX_RANK], size = 1;
    int rank, status, fits;

    BA_TRY(ba_bundle_shape(file->bundle, path, &rank, dims));
    fits = rank == n_dims;
    for (int i = 0; fits && i < rank; i++) {
        fits = dims[i] == wanted[i];
        BA_TRY(ba_multiply(size, dims[i], &size));
    }
    if (!fits || size == 0) {
        BA_TRY(ba_fail(BA_FORMAT,
            "%s:%s: found another shape than the regions, layers and neurons of the file",
            file->file, path));
    }
    BA_TRY_ALLOC(*out, ba_malloc(size, sizeof **out));
    BA_TRY(ba_bundle_read(file->bundle, path, BA_F64, NULL, NULL, *out));
out:
    return status;
}

static const char *
region_name(const align_file_t *file, size_t region)
{
    return region == 0 ? "all targets" : file->regions[region];
}

/* ---- neurons ---- */

typedef struct {
    double score, se;
} scored_t;

static int
compare_scores(const void *left, const void *right)
{
    const scored_t *a = left, *b = right;

    return a->score > b->score ? -1 : a->score < b->score;
}

/* Over all targets, best first, with a standard error on either side. */
static int
draw_neurons(ba_figure_t *figure, const align_file_t *file)
{
    size_t dims[BA_MAX_RANK], n;
    int rank, status;
    double *score = NULL, *se = NULL, *series = NULL;
    scored_t *order = NULL;

    BA_TRY(ba_bundle_shape(file->bundle, "/brain/delta_r2", &rank, dims));
    n = rank == 2 ? dims[1] : 0;
    dims[0] = file->n_regions;
    BA_TRY(read_array(file, "/brain/delta_r2", dims, 2, &score));
    BA_TRY(read_array(file, "/brain/se", dims, 2, &se));
    BA_TRY_ALLOC(order, ba_malloc(n, sizeof *order));
    BA_TRY_ALLOC(series, ba_malloc(n, 4 * sizeof *series));
    for (size_t j = 0; j < n; j++) {
        order[j] = (scored_t){score[j], se[j]};
    }
    qsort(order, n, sizeof *order, compare_scores);
    for (size_t j = 0; j < n; j++) {
        double half = isnan(order[j].se) ? 0.0 : order[j].se;

        series[j] = (double) (j + 1);
        series[n + j] = order[j].score;
        series[2 * n + j] = order[j].score - half;
        series[3 * n + j] = order[j].score + half;
    }
    BA_TRY(ba_figure_plot(
        figure, &(ba_figure_plot_t){.title = "Neurons, all targets",
                    .x_label = "neuron, best first",
                    .y_label = "mean unique contribution to r2",
                    .series = &(ba_figure_series_t){.tip = "one standard error around",
                        .kind = BA_SERIES_LINE,
                        .n = n,
                        .x = series,
                        .y = series + n,
                        .low = series + 2 * n,
                        .high = series + 3 * n},
                    .n_series = 1,
                    .marks = &(ba_figure_mark_t){NULL, 0.0},
                    .n_marks = 1}));
out:
    ba_free(score);
    ba_free(se);
    ba_free(order);
    ba_free(series);
    return status;
}

/* ---- layers ---- */

/* Names like component:layer, and numbers to draw them at. */
typedef struct {
    size_t n;
    char **names;
    double *at;
} layers_t;

static void
free_layers(layers_t *layers)
{
    for (size_t i = 0; layers->names && i < layers->n; i++) {
        ba_free(layers->names[i]);
    }
    ba_free(layers->names);
    ba_free(layers->at);
}

static int
read_layers(const align_file_t *file, layers_t *layers)
{
    char **components = NULL;
    double *numbers = NULL;
    int status;

    BA_TRY(ba_bundle_read_strings(
        file->bundle, "/profile/component", &layers->n, &components));
    BA_TRY(read_array(file, "/profile/layer", &layers->n, 1, &numbers));
    BA_TRY_ALLOC(layers->names, ba_calloc(layers->n, sizeof *layers->names));
    BA_TRY_ALLOC(layers->at, ba_malloc(layers->n, sizeof *layers->at));
    for (size_t i = 0; i < layers->n; i++) {
        BA_TRY_ALLOC(layers->names[i], ba_asprintf("%s:%.0f", components[i], numbers[i]));
        layers->at[i] = (double) i;
    }
out:
    free(components);
    ba_free(numbers);
    return status;
}

/* Lines of regions over the layers, a band of drawn folds around that of all targets. */
static int
draw_lines(ba_figure_t *figure, const align_file_t *file, const layers_t *layers)
{
    size_t dims[] = {file->n_regions, layers->n};
    size_t n = file->n_regions < MOST_LINES ? file->n_regions : MOST_LINES;
    ba_figure_series_t series[MOST_LINES] = {{.name = NULL}};
    double *mean = NULL, *low = NULL, *high = NULL;
    int status;

    BA_TRY(read_array(file, "/profile/product_r2", dims, 2, &mean));
    BA_TRY(read_array(file, "/profile/product_r2_low", dims, 2, &low));
    BA_TRY(read_array(file, "/profile/product_r2_high", dims, 2, &high));
    for (size_t r = 0; r < n; r++) {
        series[r] = (ba_figure_series_t){.name = region_name(file, r),
            .kind = BA_SERIES_BOTH,
            .n = layers->n,
            .x = layers->at,
            .y = mean + r * layers->n,
            .low = r == 0 && isfinite(low[0]) ? low : NULL,
            .high = r == 0 && isfinite(low[0]) ? high : NULL};
    }
    BA_TRY(ba_figure_plot(
        figure, &(ba_figure_plot_t){.title = "Share of r2 (product measure)",
                    .x_label = "layer, in the order of the file",
                    .y_label = "sum over its neurons",
                    .series = series,
                    .n_series = n,
                    .marks = &(ba_figure_mark_t){NULL, 0.0},
                    .n_marks = 1}));
out:
    ba_free(mean);
    ba_free(low);
    ba_free(high);
    return status;
}

static int
draw_profile(ba_figure_t *figure, const align_file_t *file)
{
    layers_t layers = {.names = NULL};
    size_t dims[2];
    double *values = NULL;
    int status;

    BA_TRY(read_layers(file, &layers));
    dims[0] = file->n_regions;
    dims[1] = layers.n;
    if (layers.n > 1) {
        BA_TRY(draw_lines(figure, file, &layers));
    }
    if (layers.n > 1 || file->n_regions > 1) {
        BA_TRY(read_array(file, "/profile/delta_r2", dims, 2, &values));
        BA_TRY(
            ba_figure_matrix(figure, &(ba_figure_matrix_t){.title = "delta r2, a neuron",
                                         .row_label = "region",
                                         .column_label = "layer",
                                         .n_rows = file->n_regions,
                                         .n_columns = layers.n,
                                         .rows = (const char *const *) file->regions,
                                         .columns = (const char *const *) layers.names,
                                         .values = values,
                                         .palette = BA_PALETTE_DIVERGING}));
    }
out:
    free_layers(&layers);
    ba_free(values);
    return status;
}

/* ---- sets and concepts ---- */

/* Sets or concepts by regions, row after row; or by_region: the other way round in the
 * file. Nothing where the file has no such array. */
static int
draw_rows(ba_figure_t *figure, const align_file_t *file, const char *path,
    const ba_figure_matrix_t *kind, int by_region)
{
    size_t n = kind->n_rows, n_regions = file->n_regions;
    size_t dims[] = {by_region ? n_regions : n, by_region ? n : n_regions};
    ba_figure_matrix_t matrix = *kind;
    double *found = NULL, *values = NULL;
    int status = BA_OK;

    if (!ba_bundle_has(file->bundle, path)) {
        return BA_OK;
    }
    BA_TRY(read_array(file, path, dims, 2, &found));
    BA_TRY_ALLOC(values, ba_malloc(n, n_regions * sizeof *values));
    for (size_t i = 0; i < n * n_regions; i++) {
        size_t row = i / n_regions, region = i % n_regions;

        values[i] = found[by_region ? region * n + row : i];
    }
    matrix.column_label = "region";
    matrix.n_columns = n_regions;
    matrix.columns = (const char *const *) file->regions;
    matrix.values = values;
    matrix.palette = BA_PALETTE_DIVERGING;
    BA_TRY(ba_figure_matrix(figure, &matrix));
out:
    ba_free(found);
    ba_free(values);
    return status;
}

typedef struct {
    const char *path, *title;
} panel_t;

/* A line of panels, of the rows named at `names`; nothing without the group. */
static int
draw_group(ba_figure_t *figure, const align_file_t *file, const char *group,
    const char *names, const panel_t *panels, size_t n_panels, const char *row_label)
{
    char **rows = NULL;
    size_t n = 0;
    int status = BA_OK, by_region = strcmp(group, "/sets") == 0;

    if (!ba_bundle_has(file->bundle, group)) {
        return BA_OK;
    }
    BA_TRY(ba_bundle_read_strings(file->bundle, names, &n, &rows));
    ba_figure_break(figure);
    for (size_t i = 0; i < n_panels; i++) {
        ba_figure_matrix_t kind = {.title = panels[i].title,
            .row_label = row_label,
            .n_rows = n,
            .rows = (const char *const *) rows};

        BA_TRY(draw_rows(figure, file, panels[i].path, &kind, by_region));
    }
out:
    free(rows);
    return status;
}

static int
draw_sets(ba_figure_t *figure, const align_file_t *file)
{
    static const panel_t panels[] = {{"/sets/by_region/delta_r2", "delta r2, a set"},
        {"/sets/by_region/shapley", "Shapley values"}};

    return draw_group(figure, file, "/sets", "/sets/name", panels, 2, "set");
}

static int
draw_concepts(ba_figure_t *figure, const align_file_t *file)
{
    static const panel_t panels[] = {
        {"/ablation/region/delta_r2", "delta r2, a concept's neurons"},
        {"/ablation/matched/z", "z against matched sets"},
        {"/ablation/labels/z", "z against permuted labels"}};

    return draw_group(figure, file, "/ablation", "/concepts/name", panels, 3, "concept");
}

/* ---- minimal sets ---- */

/* r2 on the folds that chose, and mean over those that did not. */
static int
draw_curve(ba_figure_t *figure, const align_file_t *file, const size_t dims[3],
    size_t region, const double *chosen, const double *held)
{
    size_t n_folds = dims[1] - 1, n = dims[2];
    ba_figure_series_t series[2] = {
        {.name = "folds that chose", .is_dashed = 1}, {.name = "folds that did not"}};
    double *values = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(values, ba_calloc(n, 2 * sizeof *values));
    for (size_t i = 0; i < n; i++) {
        values[i] = (double) (n - 1 - i);
        for (size_t f = 0; f < n_folds; f++) {
            values[n + i] += held[(region * n_folds + f) * n + i] / (double) n_folds;
        }
    }
    for (size_t s = 0; s < 2; s++) {
        series[s].kind = BA_SERIES_LINE;
        series[s].n = n;
        series[s].x = values;
    }
    series[0].y = chosen + (region * dims[1] + n_folds) * n;
    series[1].y = values + n;
    BA_TRY(ba_figure_plot(figure, &(ba_figure_plot_t){.title = region_name(file, region),
                                      .x_label = "neurons left by backward elimination",
                                      .y_label = "r2",
                                      .series = series,
                                      .n_series = 2,
                                      .marks = &(ba_figure_mark_t){NULL, 0.0},
                                      .n_marks = 1,
                                      .width = 260,
                                      .height = 180}));
out:
    ba_free(values);
    return status;
}

static int
draw_elimination(ba_figure_t *figure, const align_file_t *file)
{
    size_t dims[BA_MAX_RANK];
    double *chosen = NULL, *held = NULL;
    int rank, status = BA_OK;

    if (!ba_bundle_has(file->bundle, "/elimination")) {
        return BA_OK;
    }
    BA_TRY(ba_bundle_shape(file->bundle, "/elimination/chosen_r2", &rank, dims));
    dims[0] = file->n_regions;
    BA_TRY(read_array(file, "/elimination/chosen_r2", dims, 3, &chosen));
    BA_TRY(read_array(file, "/elimination/held_out_r2",
        (size_t[]){dims[0], dims[1] - 1, dims[2]}, 3, &held));
    ba_figure_break(figure);
    for (size_t r = 0; r < file->n_regions && r < MOST_CURVES; r++) {
        BA_TRY(draw_curve(figure, file, dims, r, chosen, held));
    }
out:
    ba_free(chosen);
    ba_free(held);
    return status;
}

int
ba_figure_align(ba_figure_t *figure, const char *path)
{
    ba_bundle_t *bundle = NULL;
    align_file_t file = {.file = path};
    int status;

    BA_TRY(ba_bundle_open(path, "brainalign-align", &bundle));
    file.bundle = bundle;
    BA_TRY(
        ba_bundle_read_strings(bundle, "/brain/region", &file.n_regions, &file.regions));
    BA_TRY(ba_figure_title(figure, "Neurons and the brain",
        "Bands: one standard error over folds; layers: folds drawn again, 95 %."));
    BA_TRY(draw_neurons(figure, &file));
    BA_TRY(draw_profile(figure, &file));
    BA_TRY(draw_sets(figure, &file));
    BA_TRY(draw_concepts(figure, &file));
    BA_TRY(draw_elimination(figure, &file));
out:
    free(file.regions);
    ba_bundle_free(bundle);
    return status;
}
