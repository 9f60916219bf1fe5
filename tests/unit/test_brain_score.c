/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Means over targets and regions against loops. */
#include "tests/testlib.h"

#include "core/alloc.h"
#include "model/fold_test.h"
#include "neurons/brain_score.h"

enum { NEURONS = 6, TARGETS = 9, FOLDS = 4, REGIONS = 3 };

/* Region 2 has target 8 alone, which has no score; targets 3 and 7 are in none. */
static size_t region_of[TARGETS] = {1, 1, 1, 0, 1, 1, 1, 0, 2};
static const ba_align_regions_t regions = {REGIONS, TARGETS, NULL, region_of, NULL};

static double folds[FOLDS][BA_ALIGN_N][TARGETS * NEURONS], r2[TARGETS];
static double mean[BA_ALIGN_N][TARGETS * NEURONS];

static void
fill(void)
{
    for (size_t s = 0; s < BA_ALIGN_N; s++) {
        memset(mean[s], 0, sizeof mean[s]);
        for (size_t f = 0; f < FOLDS; f++) {
            test_fill_normal(folds[f][s], TARGETS * NEURONS, 10 * s + f);
            for (size_t i = 0; i < TARGETS * NEURONS; i++) {
                mean[s][i] += folds[f][s][i] / FOLDS;
            }
        }
    }
    for (size_t t = 0; t < TARGETS; t++) {
        r2[t] = t == 8 ? (double) NAN : 0.1;
    }
    mean[BA_ALIGN_ALONE_R][2 * NEURONS + 1] = NAN;
}

/* In two windows. */
static void
add(ba_brain_scores_t *scores)
{
    for (size_t first = 0; first < TARGETS; first += 5) {
        for (size_t f = 0; f <= FOLDS; f++) {
            ba_aligned_t window = {
                .first = first, .n = first > 0 ? TARGETS - 5 : 5, .r2 = r2 + first};

            for (size_t s = 0; s < BA_ALIGN_N; s++) {
                window.values[s] = (f < FOLDS ? folds[f][s] : mean[s]) + first * NEURONS;
            }
            if (f < FOLDS) {
                ba_brain_add_fold(scores, &regions, f, &window);
            } else {
                ba_brain_add_mean(scores, &regions, &window);
            }
        }
    }
}

static int
counts(size_t region, size_t target)
{
    return target != 8 && (region == 0 || region_of[target] == region);
}

static double
mean_of(size_t region, const double *values, size_t neuron)
{
    double sum = 0.0;
    size_t n = 0;

    for (size_t t = 0; t < TARGETS; t++) {
        double value = values[t * NEURONS + neuron];

        if (counts(region, t) && !isnan(value)) {
            sum += value;
            n++;
        }
    }
    return n > 0 ? sum / (double) n : (double) NAN;
}

static void
check_region(const ba_brain_scores_t *scores, size_t r)
{
    for (size_t j = 0; j < NEURONS; j++) {
        size_t at = r * NEURONS + j, n_positive = 0, n = 0;
        double values[FOLDS];
        ba_fold_test_t test;

        for (size_t f = 0; f < FOLDS; f++) {
            values[f] = mean_of(r, folds[f][BA_ALIGN_DELTA_R2], j);
            assert_close(
                scores->by_fold[(f * REGIONS + r) * NEURONS + j], values[f], 1e-14);
        }
        for (size_t t = 0; t < TARGETS; t++) {
            n += counts(r, t) ? 1 : 0;
            n_positive +=
                counts(r, t) && mean[BA_ALIGN_DELTA_R2][t * NEURONS + j] > 0 ? 1 : 0;
        }
        test = ba_fold_test(values, FOLDS, 0.4);
        assert_close(scores->delta_r2[at], mean_of(r, mean[BA_ALIGN_DELTA_R2], j), 1e-14);
        assert_close(scores->alone_r[at], mean_of(r, mean[BA_ALIGN_ALONE_R], j), 1e-14);
        assert_close(
            scores->weight_norm[at], mean_of(r, mean[BA_ALIGN_WEIGHT], j), 1e-14);
        assert_close(scores->unique[at], mean_of(r, mean[BA_ALIGN_UNIQUE], j), 1e-14);
        assert_close(scores->positive[at], (double) n_positive / (double) n, 1e-14);
        assert_close(scores->p[at], test.p, 1e-12);
        assert_close(scores->se[at], test.se, 1e-12);
    }
}

static void
test_means(void **state)
{
    ba_brain_scores_t scores;

    (void) state;
    fill();
    assert_int_equal(ba_brain_scores_make(REGIONS, NEURONS, FOLDS, &scores), BA_OK);
    add(&scores);
    assert_int_equal(ba_brain_finish(&scores, 0.4), BA_OK);
    check_region(&scores, 0);
    check_region(&scores, 1);
    for (size_t j = 0; j < NEURONS; j++) {
        assert_true(isnan(scores.delta_r2[2 * NEURONS + j]));
        assert_true(isnan(scores.p[2 * NEURONS + j]));
        assert_true(isnan(scores.q[2 * NEURONS + j]));
        assert_true(scores.q[j] >= scores.p[j]);
    }
    assert_true(isnan(scores.stability[2]));
    ba_brain_scores_free(&scores);
}

/* Folds that order neurons alike, and folds that do not. */
static void
test_stability(void **state)
{
    ba_brain_scores_t scores;

    (void) state;
    fill();
    for (size_t f = 0; f < FOLDS; f++) {
        for (size_t i = 0; i < TARGETS * NEURONS; i++) {
            double rank = (double) (i % NEURONS);

            folds[f][BA_ALIGN_DELTA_R2][i] = exp(rank) * (double) (f + 1);
        }
    }
    assert_int_equal(ba_brain_scores_make(REGIONS, NEURONS, FOLDS, &scores), BA_OK);
    add(&scores);
    assert_int_equal(ba_brain_finish(&scores, 0.4), BA_OK);
    assert_close(scores.stability[0], 1.0, 1e-12);
    assert_close(scores.positive_folds[3], 1.0, 0.0);
    ba_brain_scores_free(&scores);
    for (size_t i = 0; i < TARGETS * NEURONS; i++) {
        folds[0][BA_ALIGN_DELTA_R2][i] *= -1.0;
    }
    assert_int_equal(ba_brain_scores_make(REGIONS, NEURONS, FOLDS, &scores), BA_OK);
    add(&scores);
    assert_int_equal(ba_brain_finish(&scores, 0.4), BA_OK);
    assert_close(scores.stability[0], 0.0, 1e-12); /* three pairs at 1, three at -1 */
    assert_close(scores.positive_folds[3], 0.75, 1e-15);
    ba_brain_scores_free(&scores);
}

static void
test_allocations_fail(void **state)
{
    ba_brain_scores_t scores;
    int status = BA_NOMEM;

    (void) state;
    fill();
    for (size_t k = 1; status != BA_OK && k < 200; k++) {
        ba_alloc_fail_at(k);
        status = ba_brain_scores_make(REGIONS, NEURONS, FOLDS, &scores);
        if (status == BA_OK) {
            add(&scores);
            status = ba_brain_finish(&scores, 0.4);
        }
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
        ba_brain_scores_free(&scores);
    }
    assert_int_equal(status, BA_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_means),
        cmocka_unit_test(test_stability),
        cmocka_unit_test(test_allocations_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
