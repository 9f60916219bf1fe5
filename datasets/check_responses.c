/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Responses are read once, in tiles of targets. */
#include "datasets/check_impl.h"

#include <math.h>
#include <stdlib.h>

#include "core/alloc.h"

static const size_t LEAST_TILE = (size_t) 1 << 20, MOST_TILE = (size_t) 64 << 20;

/* Targets that say whether samples are a time series, and from which median
 * autocorrelation on they are. */
enum { MOST_TRACED = 1000 };
static const double SERIES_AUTOCORRELATION = 0.3;

typedef struct {
    ba_checker_t *checker;
    const ba_dataset_part_t *part;
    const char *which;
    unsigned char *bad, *varies; /* n_targets */
    size_t n_values_bad, bad_slab, bad_row, bad_target;
    double *traced; /* autocorrelations found, room for MOST_TRACED; NULL = not wanted */
    size_t n_traced;
} survey_t;

/* Lag-1 autocorrelation about the means of the runs; NaN for a constant series. */
static double
autocorrelation(const double *y, const ba_runs_t *runs)
{
    double products = 0, squares = 0;

    for (size_t k = 0; k < runs->n_runs; k++) {
        size_t start = runs->onset[k], n = runs->onset[k + 1] - start;
        double mean = 0;

        for (size_t t = 0; t < n; t++) {
            mean += y[start + t] / (double) n;
        }
        for (size_t t = 0; t < n; t++) {
            double here = y[start + t] - mean;

            squares += here * here;
            products += t > 0 ? here * (y[start + t - 1] - mean) : 0;
        }
    }
    return squares > 0 ? products / squares : (double) NAN;
}

/* Whether a target is one of at most MOST_TRACED that are spread evenly. */
static int
is_traced(size_t target, size_t n_targets)
{
    size_t m = n_targets < MOST_TRACED ? n_targets : MOST_TRACED;

    return target == 0 || target * m / n_targets != (target - 1) * m / n_targets;
}

static void
survey_target(survey_t *survey, size_t slab, size_t target, const double *y)
{
    size_t n = survey->part->n_samples, n_bad = 0;
    double low = HUGE_VAL, high = -HUGE_VAL;

    for (size_t t = 0; t < n; t++) {
        if (isfinite(y[t])) {
            low = fmin(low, y[t]);
            high = fmax(high, y[t]);
        } else if (n_bad++ == 0 && survey->n_values_bad == 0) {
            survey->bad_slab = slab;
            survey->bad_row = t;
            survey->bad_target = target;
        }
    }
    survey->n_values_bad += n_bad;
    survey->bad[target] |= n_bad > 0;
    if (low <= high && !ba_check_is_constant(low, high)) {
        survey->varies[target] = 1;
        if (survey->traced && n_bad == 0 && slab == 0 &&
            is_traced(target, ba_source_n_cols(survey->part->responses))) {
            double r = autocorrelation(y, &survey->part->runs);

            if (isfinite(r)) {
                survey->traced[survey->n_traced++] = r;
            }
        }
    }
}

static size_t
tile_width(const ba_ctx_t *ctx, size_t n_samples)
{
    size_t bytes = ba_ctx_memory(ctx) / 16;

    bytes = bytes < LEAST_TILE ? LEAST_TILE : bytes > MOST_TILE ? MOST_TILE : bytes;
    bytes /= n_samples * sizeof(double);
    return bytes < 1 ? 1 : bytes;
}

static int
survey_targets(survey_t *survey)
{
    const ba_ctx_t *ctx = survey->checker->ctx;
    ba_source_t *source = survey->part->responses;
    size_t n = ba_source_n_rows(source), n_targets = ba_source_n_cols(source);
    size_t width = tile_width(ctx, n);
    double *tile;
    int status = BA_OK;

    width = width < n_targets ? width : n_targets;
    BA_TRY_ALLOC(tile, ba_malloc(n * width, sizeof *tile));
    for (size_t first = 0, k; first < n_targets; first += k) {
        k = n_targets - first < width ? n_targets - first : width;
        for (size_t slab = 0; slab < ba_source_n_slabs(source); slab++) {
            BA_TRY(ba_ctx_check(ctx));
            BA_TRY(ba_source_read(source, slab, 0, n, first, k, tile, n));
            for (size_t j = 0; j < k; j++) {
                survey_target(survey, slab, first + j, tile + j * n);
            }
        }
        ba_ctx_progress(ctx, "responses", (double) (first + k), (double) n_targets);
    }
out:
    ba_free(tile);
    return status;
}

static int
report_targets(const survey_t *survey)
{
    const ba_source_t *source = survey->part->responses;
    size_t n_targets = ba_source_n_cols(source), n_bad = 0, n_constant = 0, first = 0;
    int status = BA_OK;

    for (size_t i = 0; i < n_targets; i++) {
        n_bad += survey->bad[i];
        if (!survey->bad[i] && !survey->varies[i]) {
            first = n_constant++ == 0 ? i : first;
        }
    }
    if (n_bad > 0) {
        BA_TRY(ba_check_add(survey->checker, BA_FINDING_WARNING, "nonfinite-responses",
            n_bad,
            "%s: %zu of %zu targets of the %s set hold %zu values that are not finite, "
            "first in row %zu of target %zu: they will have no score",
            ba_source_name(source), n_bad, n_targets, survey->which, survey->n_values_bad,
            survey->bad_row, survey->bad_target));
    }
    if (n_constant > 0) {
        BA_TRY(ba_check_add(survey->checker, BA_FINDING_WARNING, "constant-responses",
            n_constant,
            "%s: %zu of %zu targets of the %s set are constant, first target %zu: they "
            "will have no score",
            ba_source_name(source), n_constant, n_targets, survey->which, first));
    }
out:
    return status;
}

static int
compare_numbers(const void *a, const void *b)
{
    const double *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

static int
report_series(survey_t *survey)
{
    size_t n = survey->n_traced;
    double median;

    if (n == 0) {
        return BA_OK;
    }
    qsort(survey->traced, n, sizeof *survey->traced, compare_numbers);
    median = (survey->traced[(n - 1) / 2] + survey->traced[n / 2]) / 2;
    if (median <= SERIES_AUTOCORRELATION) {
        return BA_OK;
    }
    return ba_check_add(survey->checker, BA_FINDING_WARNING, "delays-zero", n,
        "%s: responses look like a time series (median lag-1 autocorrelation %.2f of %zu "
        "targets), but the only delay is 0: blood flow answers some seconds later, as "
        "with delays 1,2,3,4",
        ba_source_name(survey->part->responses), median, n);
}

static int
survey_part(ba_checker_t *checker, const ba_dataset_part_t *part, const char *which,
    int wants_series)
{
    size_t n_targets = ba_source_n_cols(part->responses);
    survey_t survey = {.checker = checker, .part = part, .which = which};
    int status;

    BA_TRY_ALLOC(survey.bad, ba_calloc(n_targets, 1));
    BA_TRY_ALLOC(survey.varies, ba_calloc(n_targets, 1));
    if (wants_series) {
        BA_TRY_ALLOC(survey.traced, ba_malloc(MOST_TRACED, sizeof *survey.traced));
    }
    BA_TRY(survey_targets(&survey));
    BA_TRY(report_targets(&survey));
    BA_TRY(report_series(&survey));
out:
    ba_free(survey.bad);
    ba_free(survey.varies);
    ba_free(survey.traced);
    return status;
}

int
ba_check_responses(ba_checker_t *checker)
{
    const ba_dataset_t *dataset = checker->dataset;
    const ba_check_opts_t *opts = checker->opts;
    int only_zero = opts->n_delays > 0;
    int status = BA_OK;

    for (size_t i = 0; i < opts->n_delays; i++) {
        only_zero = only_zero && opts->delays[i] == 0;
    }
    if (dataset->train.responses) {
        BA_TRY(survey_part(checker, &dataset->train, "training", only_zero));
    }
    if (dataset->test.responses) {
        BA_TRY(survey_part(checker, &dataset->test, "test", 0));
    }
out:
    return status;
}
