/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Curves of a result file of neurons ablate. */
#include "brainalign/bundle.h"
#include "core/alloc.h"
#include "io/number.h"
#include "report/figure_impl.h"
#include "report/palette.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* As the file has them: sets (top, bottom, then random draws) x sizes x modes. */
enum { TOP, BOTTOM, RANDOM, N_MODES = 4, N_CURVES = 3 };

typedef struct {
    size_t n_sets, n_sizes;
    double *sizes;    /* n_sizes */
    double *accuracy; /* n_sets x n_sizes x N_MODES */
    double *area;     /* n_sets x N_MODES */
    double all, majority;
} curves_t;

static int
compare_numbers(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;

    return x < y ? -1 : x > y;
}

/* Linear interpolation between order statistics. */
static double
quantile(const double *sorted, size_t n, double share)
{
    double at = share * (double) (n - 1);
    size_t k = (size_t) at;

    return k + 1 < n ? sorted[k] + (at - (double) k) * (sorted[k + 1] - sorted[k])
                     : sorted[n - 1];
}

static int
read_array(
    const ba_bundle_t *bundle, const char *path, const char *file, size_t n, double **out)
{
    size_t dims[BA_MAX_RANK], size = 1;
    int rank, status;

    BA_TRY(ba_bundle_shape(bundle, path, &rank, dims));
    for (int i = 0; i < rank; i++) {
        BA_TRY(ba_multiply(size, dims[i], &size));
    }
    if (size != n || n == 0) {
        BA_TRY(ba_fail(
            BA_FORMAT, "%s:%s: found %zu numbers, wanted %zu", file, path, size, n));
    }
    BA_TRY_ALLOC(*out, ba_malloc(n, sizeof **out));
    BA_TRY(ba_bundle_read(bundle, path, BA_F64, NULL, NULL, *out));
out:
    return status;
}

static int
read_curves(const char *file, curves_t *curves)
{
    ba_bundle_t *bundle = NULL;
    size_t dims[BA_MAX_RANK], n;
    int rank, status;

    BA_TRY(ba_bundle_open(file, "brainalign-ablation", &bundle));
    BA_TRY(ba_bundle_shape(bundle, "/accuracy", &rank, dims));
    if (rank != 3 || dims[0] < RANDOM || dims[2] != N_MODES) {
        BA_TRY(ba_fail(BA_FORMAT,
            "%s:/accuracy: found another shape, wanted sets x "
            "sizes x %d",
            file, (int) N_MODES));
    }
    curves->n_sets = dims[0];
    curves->n_sizes = dims[1];
    BA_TRY(ba_multiply(dims[0] * N_MODES, dims[1], &n));
    BA_TRY(read_array(bundle, "/accuracy", file, n, &curves->accuracy));
    BA_TRY(read_array(bundle, "/n_neurons", file, dims[1], &curves->sizes));
    BA_TRY(read_array(bundle, "/area", file, dims[0] * N_MODES, &curves->area));
    BA_TRY(ba_bundle_get_f64(bundle, "/", "accuracy_all", 1, &curves->all, NULL));
    BA_TRY(ba_bundle_get_f64(bundle, "/", "majority", 1, &curves->majority, NULL));
out:
    ba_bundle_free(bundle);
    return status;
}

static double
accuracy_at(const curves_t *curves, size_t set, size_t size, size_t mode)
{
    return curves->accuracy[(set * curves->n_sizes + size) * N_MODES + mode];
}

/* Mean and interval over the random sets of each size. */
static void
sum_up(const curves_t *curves, size_t mode, double *scratch, double *const out[3])
{
    size_t n = curves->n_sets - RANDOM;

    for (size_t i = 0; i < curves->n_sizes; i++) {
        double sum = 0.0;

        for (size_t draw = 0; draw < n; draw++) {
            scratch[draw] = accuracy_at(curves, RANDOM + draw, i, mode);
            sum += scratch[draw];
        }
        qsort(scratch, n, sizeof *scratch, compare_numbers);
        out[0][i] = sum / (double) n;
        out[1][i] = quantile(scratch, n, 0.025);
        out[2][i] = quantile(scratch, n, 0.975);
    }
}

/* Names of the curves with the areas under them. */
static void
name_curves(const curves_t *curves, size_t mode, char names[N_CURVES][64])
{
    static const char *const sets[N_CURVES] = {"top", "bottom", "random"};
    double area[N_CURVES] = {
        curves->area[TOP * N_MODES + mode], curves->area[BOTTOM * N_MODES + mode], 0.0};
    size_t n = curves->n_sets - RANDOM;
    char number[32];

    for (size_t draw = 0; draw < n; draw++) {
        area[RANDOM] += curves->area[(RANDOM + draw) * N_MODES + mode] / (double) n;
    }
    for (size_t set = 0; set < N_CURVES; set++) {
        ba_number_print(100 * area[set], 3, number, sizeof number);
        snprintf(names[set], 64, "%s (%s %%)", sets[set], number);
    }
}

static int
draw_mode(ba_figure_t *figure, const curves_t *curves, size_t mode)
{
    static const char *const titles[N_MODES] = {"keep: the rest at 0", "zero: these at 0",
        "mean: these at their mean", "retrain: a probe on these"};
    static const uint32_t colours[N_CURVES] = {
        BA_COLOUR_RED, BA_COLOUR_BLUE, BA_COLOUR_GREY};
    const ba_figure_mark_t marks[] = {
        {"all neurons", curves->all}, {"most frequent class", curves->majority}};
    ba_figure_series_t series[N_CURVES] = {{.name = NULL}};
    size_t n = curves->n_sizes, n_curves = curves->n_sets > RANDOM ? N_CURVES : RANDOM;
    double *values = NULL, *scratch = NULL;
    char names[N_CURVES][64];
    int status = BA_OK;

    BA_TRY_ALLOC(values, ba_malloc(n, 5 * sizeof *values));
    BA_TRY_ALLOC(scratch, ba_malloc(curves->n_sets, sizeof *scratch));
    name_curves(curves, mode, names);
    for (size_t set = 0; set < n_curves; set++) {
        for (size_t i = 0; i < n; i++) {
            values[set * n + i] = accuracy_at(curves, set, i, mode);
        }
        series[set] = (ba_figure_series_t){.name = names[set],
            .kind = BA_SERIES_BOTH,
            .n = n,
            .x = curves->sizes,
            .y = values + set * n,
            .colour = colours[set]};
    }
    if (n_curves == N_CURVES) {
        sum_up(curves, mode, scratch,
            (double *const[]){values + 2 * n, values + 3 * n, values + 4 * n});
        series[RANDOM].low = values + 3 * n;
        series[RANDOM].high = values + 4 * n;
    }
    BA_TRY(ba_figure_plot(
        figure, &(ba_figure_plot_t){.title = titles[mode],
                    .x_label = "neurons in the set",
                    .y_label = "accuracy on test tokens",
                    .x_is_log = curves->sizes[n - 1] >= 8 * curves->sizes[0],
                    .series = series,
                    .n_series = n_curves,
                    .marks = marks,
                    .n_marks = 2,
                    .width = 300}));
out:
    ba_free(values);
    ba_free(scratch);
    return status;
}

int
ba_figure_ablation(ba_figure_t *figure, const char *file)
{
    curves_t curves = {.n_sets = 0};
    int status;

    BA_TRY(read_curves(file, &curves));
    BA_TRY(ba_figure_title(figure, "A probe with and without the neurons of a ranking",
        curves.n_sets > RANDOM ? "Random sets: mean, and from 2.5 to 97.5 %. In "
                                 "brackets the mean over the range of sizes."
                               : "In brackets the mean over the range of sizes."));
    for (size_t mode = 0; mode < N_MODES; mode++) {
        if (isfinite(accuracy_at(&curves, TOP, 0, mode))) {
            BA_TRY(draw_mode(figure, &curves, mode));
        }
    }
out:
    ba_free(curves.sizes);
    ba_free(curves.accuracy);
    ba_free(curves.area);
    return status;
}
