/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Features are read once, in blocks of rows. Memory: one block, a few numbers per column
 * and per sample, whatever the number of folds. */
#include "datasets/check_impl.h"

#include <math.h>
#include <stdlib.h>

#include "brainalign/hash.h"
#include "core/alloc.h"
#include "datasets/dataset_impl.h"

/* Extremes of a column. Leaving one fold out can only change them when it is the fold of
 * an extreme, so the extremes of the other folds are all that is needed beside. */
typedef struct {
    double low, high;
    double low_elsewhere, high_elsewhere; /* outside of low_fold and high_fold */
    int32_t low_fold, high_fold;
} extremes_t;

/* A sample, for finding its like. */
typedef struct {
    uint64_t hash;
    size_t row;
    int32_t fold;
    int matters; /* finite, not dropped, and not one value repeated in every space */
    int varies;
} sample_t;

typedef struct {
    ba_checker_t *checker;
    ba_source_t *source;
    const char *space_name;
    sample_t *samples; /* of the part */
    extremes_t *columns;
    double *row; /* n_cols */
    size_t n_bad, bad_row, bad_column;
    double bad_value;
} scan_t;

static void
widen(extremes_t *column, double value, int32_t fold)
{
    if (fold == column->low_fold) {
        column->low = fmin(column->low, value);
    } else if (value < column->low) {
        column->low_elsewhere = column->low;
        column->low = value;
        column->low_fold = fold;
    } else {
        column->low_elsewhere = fmin(column->low_elsewhere, value);
    }
    if (fold == column->high_fold) {
        column->high = fmax(column->high, value);
    } else if (value > column->high) {
        column->high_elsewhere = column->high;
        column->high = value;
        column->high_fold = fold;
    } else {
        column->high_elsewhere = fmax(column->high_elsewhere, value);
    }
}

/* The training rows of a fold: at least one, and all of one value. */
static int
is_single(double low, double high)
{
    return low <= high && ba_check_is_constant(low, high);
}

/* Non-zero when the training rows of some fold show one value only. */
static int
is_constant_in_fold(const extremes_t *column)
{
    int both = column->low_fold == column->high_fold;
    double high = both ? column->high_elsewhere : column->high;
    double low = both ? column->low_elsewhere : column->low;

    return (column->low_fold >= 0 && is_single(column->low_elsewhere, high)) ||
           (column->high_fold >= 0 && is_single(low, column->high_elsewhere));
}

/* One row, gathered: its fingerprint goes on from the spaces before. */
static void
scan_row(scan_t *scan, sample_t *sample, const double *block, size_t ld)
{
    size_t n_cols = ba_source_n_cols(scan->source);
    int is_used = sample->fold != CHECK_DROPPED;

    for (size_t j = 0; j < n_cols; j++) {
        double value = block[j * ld] + 0.0; /* -0 and 0 are one value */

        scan->row[j] = value;
        if (!isfinite(value)) {
            if (scan->n_bad++ == 0) {
                scan->bad_row = sample->row;
                scan->bad_column = j;
                scan->bad_value = value;
            }
            sample->matters = 0;
        } else if (is_used && scan->columns) {
            widen(&scan->columns[j], value, sample->fold);
        }
        sample->varies |= value != scan->row[0];
    }
    sample->hash = ba_hash_bytes(scan->row, n_cols * sizeof *scan->row, sample->hash);
}

static int
scan_rows(scan_t *scan)
{
    const ba_ctx_t *ctx = scan->checker->ctx;
    size_t n = ba_source_n_rows(scan->source), n_cols = ba_source_n_cols(scan->source);
    size_t step = ba_dataset_block_rows(ctx, scan->source);
    double *block;
    int status = BA_OK;

    BA_TRY_ALLOC(block, ba_malloc(step * n_cols, sizeof *block));
    for (size_t row = 0; row < n; row += step) {
        size_t k = n - row < step ? n - row : step;

        BA_TRY(ba_ctx_check(ctx));
        ba_ctx_progress(ctx, scan->space_name, (double) row, (double) n);
        BA_TRY(ba_source_read(scan->source, 0, row, k, 0, n_cols, block, k));
        for (size_t i = 0; i < k; i++) {
            scan_row(scan, &scan->samples[row + i], block + i, k);
        }
    }
    ba_ctx_progress(ctx, scan->space_name, (double) n, (double) n);
out:
    ba_free(block);
    return status;
}

static int
report_nonfinite(const scan_t *scan)
{
    if (scan->n_bad == 0) {
        return BA_OK;
    }
    return ba_check_add(scan->checker, BA_FINDING_ERROR, "nonfinite-features",
        scan->n_bad,
        "%s: %zu values of features '%s' are not finite, first %g in row %zu, column "
        "%zu (counted from 0): replace them or leave the column out",
        ba_source_name(scan->source), scan->n_bad, scan->space_name, scan->bad_value,
        scan->bad_row, scan->bad_column);
}

static int
report_constant(const scan_t *scan)
{
    size_t n_cols = ba_source_n_cols(scan->source), n = 0, n_in_fold = 0;
    size_t first = 0, first_in_fold = 0;
    int status = BA_OK;

    for (size_t j = 0; scan->columns && j < n_cols; j++) {
        const extremes_t *column = &scan->columns[j];

        if (column->low > column->high) {
            continue; /* no finite value */
        }
        if (ba_check_is_constant(column->low, column->high)) {
            first = n++ == 0 ? j : first;
        } else if (is_constant_in_fold(column)) {
            first_in_fold = n_in_fold++ == 0 ? j : first_in_fold;
        }
    }
    if (n > 0) {
        BA_TRY(ba_check_add(scan->checker, BA_FINDING_WARNING, "constant-features", n,
            "%s: %zu of %zu columns of features '%s' are constant, first column %zu: "
            "they predict nothing",
            ba_source_name(scan->source), n, n_cols, scan->space_name, first));
    }
    if (n_in_fold > 0) {
        BA_TRY(ba_check_add(scan->checker, BA_FINDING_WARNING,
            "constant-features-in-fold", n_in_fold,
            "%s: %zu of %zu columns of features '%s' are constant in the training rows "
            "of some outer fold, first column %zu: they predict nothing there",
            ba_source_name(scan->source), n_in_fold, n_cols, scan->space_name,
            first_in_fold));
    }
out:
    return status;
}

/* One space of one part; columns are looked at in the training part. */
static int
scan_space(
    ba_checker_t *checker, const ba_dataset_part_t *part, size_t space, sample_t *samples)
{
    scan_t scan = {.checker = checker,
        .source = part->features[space],
        .space_name = checker->dataset->space_names[space],
        .samples = samples};
    size_t n_cols = ba_source_n_cols(scan.source);
    int status;

    BA_TRY_ALLOC(scan.row, ba_malloc(n_cols, sizeof *scan.row));
    if (part == &checker->dataset->train) {
        BA_TRY_ALLOC(scan.columns, ba_malloc(n_cols, sizeof *scan.columns));
        for (size_t j = 0; j < n_cols; j++) {
            scan.columns[j] = (extremes_t){.low = HUGE_VAL,
                .high = -HUGE_VAL,
                .low_elsewhere = HUGE_VAL,
                .high_elsewhere = -HUGE_VAL,
                .low_fold = CHECK_DROPPED,
                .high_fold = CHECK_DROPPED};
        }
    }
    BA_TRY(scan_rows(&scan));
    BA_TRY(report_nonfinite(&scan));
    BA_TRY(report_constant(&scan));
out:
    ba_free(scan.columns);
    ba_free(scan.row);
    return status;
}

static int
compare_samples(const void *a, const void *b)
{
    const sample_t *left = a, *right = b;

    if (left->hash != right->hash) {
        return left->hash < right->hash ? -1 : 1;
    }
    return (left->row > right->row) - (left->row < right->row);
}

/* Samples that count, sorted by fingerprint, to the front. */
static size_t
sort_samples(sample_t *samples, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (samples[i].matters && samples[i].varies) {
            samples[kept++] = samples[i];
        }
    }
    qsort(samples, kept, sizeof *samples, compare_samples);
    return kept;
}

/* Rows whose like stands in another fold; with a fixed test set that is fold 1, and its
 * rows count on from the training rows. */
static int
report_duplicates(ba_checker_t *checker, sample_t *samples, size_t n_samples)
{
    size_t n_train = checker->dataset->train.n_samples, n_found = 0;
    size_t n = sort_samples(samples, n_samples);
    sample_t a = {.row = 0}, b = {.row = 0};

    for (size_t start = 0, stop; start < n; start = stop) {
        int apart = 0;

        for (stop = start + 1; stop < n && samples[stop].hash == samples[start].hash;
             stop++) {
            if (samples[stop].fold != samples[start].fold && !apart) {
                apart = 1;
                if (n_found == 0 || samples[start].row < a.row) {
                    a = samples[start];
                    b = samples[stop];
                }
            }
        }
        n_found += apart ? stop - start : 0;
    }
    if (n_found == 0) {
        return BA_OK;
    }
    if (checker->dataset->test.n_samples > 0) {
        return ba_check_add(checker, BA_FINDING_WARNING, "duplicate-rows", n_found,
            "%zu feature rows occur both in the training and in the test set, first "
            "training row %zu and test row %zu: such a test is not of unseen samples",
            n_found, a.row, b.row - n_train);
    }
    return ba_check_add(checker, BA_FINDING_WARNING, "duplicate-rows", n_found,
        "%zu feature rows occur in more than one outer fold, first rows %zu and %zu: "
        "where they repeat a stimulus, keep them in one fold or average them",
        n_found, a.row, b.row);
}

int
ba_check_features(ba_checker_t *checker)
{
    const ba_dataset_t *dataset = checker->dataset;
    size_t n_train = dataset->train.n_samples;
    size_t n = n_train + dataset->test.n_samples;
    sample_t *samples;
    int status = BA_OK;

    BA_TRY_ALLOC(samples, ba_calloc(n, sizeof *samples));
    for (size_t i = 0; i < n; i++) {
        int32_t fold = i < n_train ? checker->fold[i] : 1;

        samples[i] = (sample_t){.row = i, .fold = fold, .matters = fold != CHECK_DROPPED};
    }
    for (size_t space = 0; space < dataset->n_spaces; space++) {
        BA_TRY(scan_space(checker, &dataset->train, space, samples));
        if (dataset->test.n_samples > 0) {
            BA_TRY(scan_space(checker, &dataset->test, space, samples + n_train));
        }
    }
    BA_TRY(report_duplicates(checker, samples, n));
out:
    ba_free(samples);
    return status;
}
