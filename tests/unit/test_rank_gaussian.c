/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ranklib.h"

static const double pi = 3.14159265358979323846;

/* Class of a token of an exclusive study. */
static uint32_t
class_of(const rank_study_t *study, size_t token)
{
    return study->concept[study->first[token]];
}

/* Sigma_c over the neurons of q, row by row, and the means. */
static double
fit_class(const rank_study_t *study, uint32_t class, const size_t *q, size_t k,
    double den, double *sigma, double *mean)
{
    double n = 0;

    memset(mean, 0, k * sizeof *mean);
    memset(sigma, 0, k * k * sizeof *sigma);
    for (size_t i = 0; i < study->split.n_train; i++) {
        size_t t = study->train[i];

        for (size_t a = 0; a < k && class_of(study, t) == class; a++) {
            mean[a] += study->x[t + q[a] * RANK_TOKENS];
            n += a == 0;
        }
    }
    for (size_t a = 0; a < k; a++) {
        mean[a] /= n;
    }
    for (size_t i = 0; i < study->split.n_train; i++) {
        size_t t = study->train[i];

        for (size_t e = 0; e < k * k && class_of(study, t) == class; e++) {
            sigma[e] += (study->x[t + q[e / k] * RANK_TOKENS] - mean[e / k]) *
                        (study->x[t + q[e % k] * RANK_TOKENS] - mean[e % k]);
        }
    }
    for (size_t e = 0; e < k * k; e++) {
        sigma[e] += e / k == e % k ? sigma[e] / (n - den) : 0;
        sigma[e] /= n + 2 * RANK_NEURONS + 4;
    }
    return n;
}

/* log N(x; mean, sigma) by elimination. */
static double
density(const double *x, const double *mean, const double *sigma, size_t k)
{
    double a[16], r[4], sum = -(double) k / 2 * log(2 * pi);

    memcpy(a, sigma, k * k * sizeof *a);
    for (size_t i = 0; i < k; i++) {
        r[i] = x[i] - mean[i];
    }
    for (size_t i = 0; i < k; i++) {
        for (size_t j = i + 1; j < k; j++) {
            double factor = a[j * k + i] / a[i * k + i];

            for (size_t l = i; l < k; l++) {
                a[j * k + l] -= factor * a[i * k + l];
            }
            r[j] -= factor * r[i];
        }
        sum -= (log(a[i * k + i]) + r[i] * r[i] / a[i * k + i]) / 2;
    }
    return sum;
}

/* Information in bits of the neurons of q, by fitting everything anew. */
static double
information(
    const rank_study_t *study, ba_gaussian_variant_t variant, const size_t *q, size_t k)
{
    int own = variant == BA_GAUSSIAN_NEUROX;
    const size_t *rows = own ? study->train : study->test;
    size_t n = own ? study->split.n_train : study->split.n_test;
    double sigma[RANK_CONCEPTS][16], mean[RANK_CONCEPTS][4], count[RANK_CONCEPTS];
    double score = 0, share[RANK_CONCEPTS] = {0}, entropy = 0;

    for (uint32_t c = 0; c < RANK_CONCEPTS; c++) {
        count[c] = fit_class(
            study, c, q, k, variant == BA_GAUSSIAN_AUTHORS ? 0 : 1, sigma[c], mean[c]);
    }
    for (size_t i = 0; i < n; i++) {
        double x[4], sum = 0, joint[RANK_CONCEPTS];

        for (size_t a = 0; a < k; a++) {
            x[a] = study->x[rows[i] + q[a] * RANK_TOKENS];
        }
        for (size_t c = 0; c < RANK_CONCEPTS; c++) {
            joint[c] = log(count[c] / (double) study->split.n_train) +
                       density(x, mean[c], sigma[c], k);
            sum += exp(joint[c]);
        }
        score += (joint[class_of(study, rows[i])] - log(sum)) / (double) n;
        share[class_of(study, rows[i])] += 1 / (double) n;
    }
    for (size_t c = 0; c < RANK_CONCEPTS; c++) {
        entropy -= share[c] * log(share[c]);
    }
    return (entropy + score) / log(2);
}

/* The picks are those of a search that fits every candidate set anew. */
static void
test_greedy(void **state)
{
    (void) state;
    for (int variant = 0; variant < 3; variant++) {
        rank_study_t *study = rank_study(20 + (uint64_t) variant, 1);
        ba_rank_opts_t opts = rank_plain("gaussian");
        ba_rank_report_t *report;
        ba_ranking_t *ranking;
        size_t q[4];

        opts.gaussian = (ba_gaussian_variant_t) variant;
        opts.n_picks = 4;
        ranking = rank_must(study, &opts, &report);
        assert_int_equal(report->n_picks, 4);
        for (size_t k = 0; k < 4; k++) {
            double best = -INFINITY;
            size_t pick = 0;

            for (size_t j = 0; j + 1 < RANK_NEURONS; j++) {
                double found;
                int picked = 0;

                for (size_t h = 0; h < k; h++) {
                    picked |= q[h] == j;
                }
                q[k] = j;
                found = picked ? -1e300 : information(study, opts.gaussian, q, k + 1);
                pick = found > best ? j : pick;
                best = fmax(best, found);
            }
            q[k] = pick;
            assert_int_equal(report->pick[k], pick);
            assert_int_equal(ranking->order[k], pick);
            assert_close(report->bits[k], best, 1e-11);
            assert_close(ranking->score[pick], best, 1e-11);
            assert_close(report->nmi[k], best / report->entropy, 1e-11);
        }
        ba_ranking_free(ranking);
        ba_rank_report_free(report);
        rank_study_free(study);
    }
}

/* Constant neurons cannot be picked; the others run out. */
static void
test_degenerate(void **state)
{
    rank_study_t *study = rank_study(30, 1);
    ba_rank_opts_t opts = rank_plain("gaussian");
    ba_rank_report_t *report;
    ba_ranking_t *ranking;

    (void) state;
    memset(study->x + 3 * RANK_TOKENS, 0, RANK_TOKENS * sizeof *study->x);
    opts.n_picks = 50;
    ranking = rank_must(study, &opts, &report);
    assert_int_equal(report->n_picks, RANK_NEURONS - 2);
    assert_true(isnan(ranking->score[3]));
    assert_true(isnan(ranking->score[RANK_NEURONS - 1]));
    assert_int_equal(report->n_undefined[0], 2);
    assert_int_equal(ranking->order[RANK_NEURONS - 2], 3);
    assert_int_equal(ranking->order[RANK_NEURONS - 1], RANK_NEURONS - 1);
    ba_ranking_free(ranking);
    ba_rank_report_free(report);
    rank_study_free(study);
}

static void
test_errors(void **state)
{
    rank_study_t *study = rank_study(31, 1);
    ba_rank_opts_t opts = rank_plain("gaussian");
    ba_ranking_t *ranking;

    (void) state;
    study->split.n_test = 0;
    assert_int_equal(
        ba_neurons_rank(NULL, &study->data, &opts, &ranking, NULL), BA_SHAPE);
    assert_contains(ba_error_message(), "test tokens: none carries a class");
    study->concepts.is_exclusive = 0;
    assert_int_equal(
        ba_neurons_rank(NULL, &study->data, &opts, &ranking, NULL), BA_SHAPE);
    assert_contains(ba_error_message(), "wants classes");
    study->concepts.is_exclusive = 1;
    for (size_t i = 0; i < RANK_TOKENS; i++) {
        study->concept[i] = study->train[0] == i;
    }
    assert_int_equal(
        ba_neurons_rank(NULL, &study->data, &opts, &ranking, NULL), BA_SHAPE);
    assert_contains(ba_error_message(), "1 classes of two or more tokens");
    rank_study_free(study);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greedy),
        cmocka_unit_test(test_degenerate),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
