/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ranklib.h"

static const double nan_value = (double) NAN;
static double threshold_quantile;

/* Precision at every distinct value, weighted by the recall that it adds. */
static double
average_precision(const double *values, size_t n_in, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n_in; i++) {
        double in = 0, all = 0;

        for (size_t k = 0; k < n; k++) {
            in += k < n_in && values[k] >= values[i];
            all += values[k] >= values[i];
        }
        sum += in / all;
    }
    return n_in > 0 ? sum / (double) n_in : nan_value;
}

static double
area(const double *values, size_t n_in, size_t n)
{
    double won = 0;

    for (size_t i = 0; i < n_in; i++) {
        for (size_t k = n_in; k < n; k++) {
            won += values[i] > values[k] ? 1 : (values[i] == values[k] ? 0.5 : 0);
        }
    }
    return n_in > 0 && n_in < n ? won / (double) (n_in * (n - n_in)) : nan_value;
}

static int
compare_numbers(const void *a, const void *b)
{
    const double *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

static double
overlap(const double *values, size_t n_in, size_t n)
{
    double sorted[RANK_TOKENS], at = threshold_quantile * (double) (n - 1), threshold;
    double both = 0, either = 0;
    size_t i = (size_t) at;

    memcpy(sorted, values, n * sizeof *values);
    qsort(sorted, n, sizeof *sorted, compare_numbers);
    threshold =
        sorted[i] + (at - floor(at)) * (sorted[i + 1 < n ? i + 1 : i] - sorted[i]);
    for (size_t k = 0; k < n; k++) {
        both += k < n_in && values[k] > threshold;
        either += k < n_in || values[k] > threshold;
    }
    return either > 0 ? both / either : 0;
}

static double
rank_correlation(const double *values, size_t n_in, size_t n)
{
    double rank[RANK_TOKENS], mean = ((double) n + 1) / 2, xy = 0, xx = 0, yy = 0;

    for (size_t i = 0; i < n; i++) {
        rank[i] = 0.5;
        for (size_t k = 0; k < n; k++) {
            rank[i] += values[k] < values[i] ? 1 : (values[k] == values[i] ? 0.5 : 0);
        }
    }
    for (size_t i = 0; i < n; i++) {
        double y = (i < n_in ? 1.0 : 0.0) - (double) n_in / (double) n;

        xy += (rank[i] - mean) * y;
        xx += (rank[i] - mean) * (rank[i] - mean);
        yy += y * y;
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : nan_value;
}

/* Definitions of the other directions. */
static rank_definition_t of_positive;

static double
of_negative(const double *values, size_t n_in, size_t n)
{
    double turned[RANK_TOKENS];

    for (size_t i = 0; i < n; i++) {
        turned[i] = -values[i];
    }
    return of_positive(turned, n_in, n);
}

static double
of_either(const double *values, size_t n_in, size_t n)
{
    return fmax(of_positive(values, n_in, n), of_negative(values, n_in, n));
}

static void
check_directions(const char *method, rank_definition_t definition)
{
    for (uint64_t seed = 1; seed < 4; seed++) {
        rank_study_t *study = rank_study(seed, seed == 2);
        ba_rank_opts_t opts = rank_plain(method);

        opts.quantiles = &threshold_quantile;
        opts.n_quantiles = 1;
        of_positive = definition;
        rank_check(study, &opts, definition, 1e-13);
        opts.direction = BA_RANK_NEGATIVE;
        rank_check(study, &opts, of_negative, 1e-13);
        opts.direction = BA_RANK_EITHER;
        rank_check(study, &opts, of_either, 1e-13);
        opts.zscore = 1;
        rank_check(study, &opts, of_either, 1e-13);
        rank_study_free(study);
    }
}

static void
test_average_precision(void **state)
{
    (void) state;
    check_directions("ap", average_precision);
    check_directions("expert", average_precision);
}

static void
test_area(void **state)
{
    (void) state;
    check_directions("auroc", area);
}

static void
test_rank_correlation(void **state)
{
    (void) state;
    check_directions("spearman", rank_correlation);
}

static void
test_overlap(void **state)
{
    (void) state;
    threshold_quantile = 0.8;
    check_directions("iou", overlap);
    threshold_quantile = 0;
    check_directions("iou", overlap);
}

/* Of several quantiles the best. */
static void
test_best_overlap(void **state)
{
    static const double quantiles[] = {0.3, 0.75, 0.9};
    rank_study_t *study = rank_study(7, 0);
    ba_rank_opts_t opts = rank_plain("iou");
    double best[RANK_CONCEPTS * RANK_NEURONS] = {0};
    ba_ranking_t *ranking;

    (void) state;
    opts.n_quantiles = 1;
    for (size_t k = 0; k < 3; k++) {
        opts.quantiles = &quantiles[k];
        ranking = rank_must(study, &opts, NULL);
        for (size_t i = 0; i < RANK_CONCEPTS * RANK_NEURONS; i++) {
            best[i] = fmax(best[i], ranking->score[i]);
        }
        ba_ranking_free(ranking);
    }
    opts.quantiles = quantiles;
    opts.n_quantiles = 3;
    ranking = rank_must(study, &opts, NULL);
    assert_memory_equal(ranking->score, best, sizeof best);
    ba_ranking_free(ranking);
    rank_study_free(study);
}

/* The matrices kept beside any sorting method are those of the methods themselves. */
static void
test_sorted_scores(void **state)
{
    static const char *const methods[] = {"iou", "spearman", "mi"};
    const size_t bytes = sizeof(double) * RANK_CONCEPTS * RANK_NEURONS;
    rank_study_t *study = rank_study(5, 0);
    ba_rank_opts_t ap = rank_plain("ap"), auroc = rank_plain("auroc");
    ba_ranking_t *one = rank_must(study, &ap, NULL);
    ba_ranking_t *other = rank_must(study, &auroc, NULL);

    (void) state;
    for (size_t k = 0; k < 3; k++) {
        ba_rank_opts_t opts = rank_plain(methods[k]);
        ba_rank_report_t *report;
        ba_ranking_t *ranking;

        opts.sorted_scores = 1;
        ranking = rank_must(study, &opts, &report);
        assert_memory_equal(report->ap, one->score, bytes);
        assert_memory_equal(report->auroc, other->score, bytes);
        ba_ranking_free(ranking);
        ba_rank_report_free(report);
    }
    ba_ranking_free(one);
    ba_ranking_free(other);
    rank_study_free(study);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_average_precision),
        cmocka_unit_test(test_area),
        cmocka_unit_test(test_rank_correlation),
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_best_overlap),
        cmocka_unit_test(test_sorted_scores),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
