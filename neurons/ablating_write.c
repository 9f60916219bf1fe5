/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of neurons ablate (docs/formats.md). */
#include "core/alloc.h"
#include "neurons/ablating_impl.h"
#include "brainalign/table.h"

#include <math.h>
#include <stdlib.h>

enum { DIGITS = 17 };

static const char *const mode_names[ABLATING_MODES] = {"keep", "zero", "mean", "retrain"};

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

/* Mean, 2.5 % and 97.5 % of accuracies over the random sets (areas: size SIZE_MAX). */
static void
sum_up(
    const ablating_t *ablating, size_t size, size_t mode, double *scratch, double out[3])
{
    size_t n = ablating->opts->n_random;
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        scratch[i] =
            size == SIZE_MAX
                ? ba_ablating_area(ablating, ABLATING_RANDOM + i, mode)
                : ba_ablating_at(ablating, ABLATING_RANDOM + i, size, mode)->accuracy;
        sum += scratch[i];
    }
    qsort(scratch, n, sizeof *scratch, compare_numbers);
    out[0] = sum / (double) n;
    out[1] = quantile(scratch, n, 0.025);
    out[2] = quantile(scratch, n, 0.975);
}

/* One line: what is not known stays n/a. */
static int
put_row(ba_table_writer_t *writer, const char *set, size_t mode, const double *values,
    size_t n)
{
    int status;

    BA_TRY(ba_table_put_text(writer, set));
    BA_TRY(ba_table_put_text(writer, mode_names[mode]));
    for (size_t i = 0; i < n; i++) {
        BA_TRY(ba_table_put_number(writer, values[i], DIGITS));
    }
    BA_TRY(ba_table_end_row(writer));
out:
    return status;
}

/* Means of the F1 and the loss over the random sets. */
static void
mean_of_rest(const ablating_t *ablating, size_t size, size_t mode, double out[2])
{
    size_t n = ablating->opts->n_random;

    out[0] = out[1] = 0;
    for (size_t i = 0; i < n; i++) {
        const ablating_score_t *score =
            ba_ablating_at(ablating, ABLATING_RANDOM + i, size, mode);

        out[0] += score->f1_macro / (double) n;
        out[1] += score->loss / (double) n;
    }
}

static int
put_size(const ablating_t *ablating, ba_table_writer_t *writer, size_t size, size_t mode,
    double *scratch)
{
    static const char *const names[] = {"top", "bottom"};
    double k = (double) ablating->k[size];
    double share = k / (double) ablating->probing.n_neurons;
    int status = BA_OK;

    for (size_t set = 0; set < ABLATING_RANDOM; set++) {
        const ablating_score_t *score = ba_ablating_at(ablating, set, size, mode);
        const double values[] = {k, share, score->accuracy, (double) NAN, (double) NAN,
            score->f1_macro, score->loss};

        BA_TRY(put_row(writer, names[set], mode, values, 7));
    }
    if (ablating->opts->n_random > 0) {
        double accuracy[3], rest[2];

        sum_up(ablating, size, mode, scratch, accuracy);
        mean_of_rest(ablating, size, mode, rest);
        const double values[] = {
            k, share, accuracy[0], accuracy[1], accuracy[2], rest[0], rest[1]};

        BA_TRY(put_row(writer, "random", mode, values, 7));
    }
out:
    return status;
}

static int
write_table(const ablating_t *ablating, double *scratch)
{
    static const char *const names[] = {"set", "mode", "n_neurons", "share", "accuracy",
        "accuracy_low", "accuracy_high", "f1_macro", "loss"};
    const ba_neurons_ablate_opts_t *opts = ablating->opts;
    ba_table_writer_t *writer = NULL;
    int status;

    BA_TRY(ba_table_create(opts->probing.table, opts->probing.force, &writer));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        BA_TRY(ba_table_put_text(writer, names[i]));
    }
    BA_TRY(ba_table_end_row(writer));
    for (size_t mode = 0; mode < ABLATING_MODES; mode++) {
        for (size_t i = 0; i < opts->n_sizes && (opts->modes & (1u << mode)); i++) {
            BA_TRY(put_size(ablating, writer, i, mode, scratch));
        }
    }
    BA_TRY(ba_table_commit(writer));
out:
    ba_table_writer_free(writer);
    return status;
}

/* One score of all sets, sizes and modes. */
static int
write_scores(const ablating_t *ablating, ba_bundle_t *bundle)
{
    static const char *const names[] = {"/accuracy", "/f1_macro", "/loss"};
    size_t dims[3] = {ablating->n_sets, ablating->opts->n_sizes, ABLATING_MODES};
    size_t n = dims[0] * dims[1] * dims[2];
    double *numbers = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(numbers, ba_malloc(n, sizeof *numbers));
    for (size_t score = 0; score < 3; score++) {
        for (size_t k = 0; k < n; k++) {
            const ablating_score_t *at = &ablating->scores[k];

            numbers[k] = score == 0 ? at->accuracy : score == 1 ? at->f1_macro : at->loss;
        }
        BA_TRY(ba_bundle_write(bundle, names[score], BA_F64, 3, dims, numbers));
    }
out:
    ba_free(numbers);
    return status;
}

static int
write_areas(const ablating_t *ablating, double *scratch, ba_bundle_t *bundle)
{
    double *areas = NULL, interval[ABLATING_MODES][3];
    size_t n = ablating->n_sets;
    int status = BA_OK;

    BA_TRY_ALLOC(areas, ba_malloc(n, ABLATING_MODES * sizeof *areas));
    for (size_t set = 0; set < n; set++) {
        for (size_t mode = 0; mode < ABLATING_MODES; mode++) {
            areas[mode + set * ABLATING_MODES] = ba_ablating_area(ablating, set, mode);
        }
    }
    BA_TRY(ba_probing_put(bundle, "/area", BA_F64, n, ABLATING_MODES, areas));
    for (size_t mode = 0; mode < ABLATING_MODES && ablating->opts->n_random > 0; mode++) {
        sum_up(ablating, SIZE_MAX, mode, scratch, interval[mode]);
    }
    if (ablating->opts->n_random > 0) {
        BA_TRY(
            ba_probing_put(bundle, "/area_random", BA_F64, ABLATING_MODES, 3, interval));
    }
out:
    ba_free(areas);
    return status;
}

static int
write_sets(const ablating_t *ablating, ba_bundle_t *bundle)
{
    size_t n = ablating->n_ranked, n_sizes = ablating->opts->n_sizes;
    size_t most = n > n_sizes ? n : n_sizes;
    int64_t *numbers = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(numbers, ba_malloc(most, sizeof *numbers));
    for (size_t i = 0; i < n_sizes; i++) {
        numbers[i] = (int64_t) ablating->k[i];
    }
    BA_TRY(ba_probing_put(bundle, "/n_neurons", BA_I64, n_sizes, 0, numbers));
    for (size_t i = 0; i < n; i++) {
        numbers[i] = (int64_t) ablating->order[i];
    }
    BA_TRY(ba_probing_put(bundle, "/order", BA_I64, n, 0, numbers));
    BA_TRY(ba_bundle_attr_strings(bundle, "/", "modes", ABLATING_MODES, mode_names));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "ranking", ablating->opts->ranking));
    BA_TRY(ba_bundle_attr_f64(bundle, "/", "accuracy_all", 1, &ablating->accuracy));
out:
    ba_free(numbers);
    return status;
}

int
ba_ablating_save(const ablating_t *ablating)
{
    const ba_probing_opts_t *opts = &ablating->opts->probing;
    const int64_t version = 1;
    ba_bundle_t *bundle = NULL;
    double *scratch = NULL;
    int status;

    BA_TRY_ALLOC(scratch, ba_malloc(ablating->n_sets, sizeof *scratch));
    BA_TRY(ba_bundle_create(opts->output, opts->force, &bundle));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "format", "brainalign-ablation"));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "format_version", 1, &version));
    BA_TRY(write_sets(ablating, bundle));
    BA_TRY(write_scores(ablating, bundle));
    BA_TRY(write_areas(ablating, scratch, bundle));
    BA_TRY(ba_probing_write(&ablating->probing, bundle));
    BA_TRY(ba_bundle_commit(bundle));
    if (opts->table) {
        BA_TRY(write_table(ablating, scratch));
    }
out:
    ba_bundle_free(bundle);
    ba_free(scratch);
    return status;
}
