/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ranklib.h"

static const double nan_value = (double) NAN;

static double
mean(const double *values, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += (values[i] - values[0]) / (double) n;
    }
    return n > 0 ? values[0] + sum : nan_value;
}

static double
variance(const double *values, size_t n)
{
    double middle = mean(values, n), sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += (values[i] - middle) * (values[i] - middle);
    }
    return sum / ((double) n - 1);
}

static double
difference(const double *values, size_t n_in, size_t n)
{
    return n_in > 0 && n_in < n ? mean(values, n_in) - mean(values + n_in, n - n_in)
                                : nan_value;
}

static double
selectivity(const double *values, size_t n_in, size_t n)
{
    double low = values[0], high = values[0];

    for (size_t i = 1; i < n; i++) {
        low = fmin(low, values[i]);
        high = fmax(high, values[i]);
    }
    return high > low ? difference(values, n_in, n) / (high - low) : nan_value;
}

static double
minus_selectivity(const double *values, size_t n_in, size_t n)
{
    return -selectivity(values, n_in, n);
}

static double
size_of_selectivity(const double *values, size_t n_in, size_t n)
{
    return fabs(selectivity(values, n_in, n));
}

static double
welch(const double *values, size_t n_in, size_t n)
{
    double size[RANK_TOKENS], spread;

    for (size_t i = 0; i < n; i++) {
        size[i] = fabs(values[i]);
    }
    if (n_in < 2 || n < n_in + 2) {
        return nan_value;
    }
    spread = variance(size, n_in) / (double) n_in +
             variance(size + n_in, n - n_in) / (double) (n - n_in);
    return spread > 0 ? difference(size, n_in, n) / sqrt(spread) : nan_value;
}

static double
correlation(const double *values, size_t n_in, size_t n)
{
    double share = (double) n_in / (double) n, spread = variance(values, n);

    if (!(spread > 0)) {
        return nan_value;
    }
    return difference(values, n_in, n) * sqrt(share * (1 - share)) /
           sqrt(spread * ((double) n - 1) / (double) n);
}

static void
check(const char *method, ba_rank_direction_t direction, rank_definition_t definition)
{
    for (uint64_t seed = 1; seed < 4; seed++) {
        rank_study_t *study = rank_study(seed, seed == 2);
        ba_rank_opts_t opts = rank_plain(method);

        opts.direction = direction;
        rank_check(study, &opts, definition, 1e-11);
        rank_study_free(study);
    }
}

static void
test_differences(void **state)
{
    (void) state;
    check("mean", BA_RANK_POSITIVE, difference);
    check("concept-selectivity", BA_RANK_POSITIVE, selectivity);
    check("concept-selectivity", BA_RANK_NEGATIVE, minus_selectivity);
    check("concept-selectivity", BA_RANK_EITHER, size_of_selectivity);
}

static void
test_welch(void **state)
{
    (void) state;
    check("welch", BA_RANK_POSITIVE, welch);
}

static void
test_correlation(void **state)
{
    (void) state;
    check("corr", BA_RANK_POSITIVE, correlation);
}

/* z-scores with mean and deviation of the training tokens, for test tokens as well; a
 * constant neuron is centred alone. */
static void
test_scaling(void **state)
{
    rank_study_t *study = rank_study(3, 0);
    ba_rank_opts_t raw = rank_plain("mean"), scaled = raw;
    ba_rank_report_t *of_raw, *of_scaled;
    ba_ranking_t *one, *other;
    double values[RANK_TOKENS];

    (void) state;
    scaled.zscore = 1;
    one = rank_must(study, &raw, &of_raw);
    other = rank_must(study, &scaled, &of_scaled);
    for (size_t j = 0; j < RANK_NEURONS; j++) {
        size_t n = study->split.n_train, i = RANK_NEURONS + j;
        double deviation;

        rank_values(study, study->train, n, j, 0, values);
        deviation = sqrt(variance(values, n) * ((double) n - 1) / (double) n);
        deviation = deviation > 0 ? deviation : 1;
        assert_close(other->score[i], one->score[i] / deviation, 1e-12);
        assert_close(of_scaled->test[i], of_raw->test[i] / deviation, 1e-12);
    }
    assert_true(other->score[RANK_NEURONS - 1] == 0);
    ba_ranking_free(one);
    ba_ranking_free(other);
    ba_rank_report_free(of_raw);
    ba_rank_report_free(of_scaled);
    rank_study_free(study);
}

static void
check_probeless(const rank_study_t *study)
{
    ba_rank_opts_t opts = rank_plain("probeless");
    ba_ranking_t *ranking = rank_must(study, &opts, NULL);
    double values[RANK_TOKENS], middle[RANK_CONCEPTS];

    assert_int_equal(ranking->n_concepts, RANK_CONCEPTS + 1);
    assert_string_equal(ranking->concepts[RANK_CONCEPTS], "*");
    for (size_t j = 0; j < RANK_NEURONS; j++) {
        double all = 0;

        for (size_t c = 0; c < RANK_CONCEPTS; c++) {
            size_t n =
                rank_values(study, study->train, study->split.n_train, j, c, values);

            middle[c] = n > 0 ? mean(values, n) : nan_value;
        }
        for (size_t c = 0; c < RANK_CONCEPTS; c++) {
            double sum = isnan(middle[c]) ? nan_value : 0;

            for (size_t b = 0; b < RANK_CONCEPTS; b++) {
                sum += isnan(middle[b]) ? 0 : fabs(middle[c] - middle[b]);
            }
            assert_close(ranking->score[c * RANK_NEURONS + j], sum, 1e-11);
            all += isnan(sum) ? 0 : sum / 2;
        }
        assert_close(ranking->score[RANK_CONCEPTS * RANK_NEURONS + j], all, 1e-11);
    }
    ba_ranking_free(ranking);
}

/* With all concepts, and where one (that of study 0: c3) has no token. */
static void
test_probeless(void **state)
{
    (void) state;
    for (int exclusive = 0; exclusive < 2; exclusive++) {
        rank_study_t *study = rank_study(11, exclusive);

        check_probeless(study);
        rank_study_free(study);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_welch),
        cmocka_unit_test(test_correlation),
        cmocka_unit_test(test_scaling),
        cmocka_unit_test(test_probeless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
