/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/inversion.h"
#include "linalg/blas.h"

#define P 5

static void
must(int status)
{
    if (status != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
}

/* L L' must be the matrix. */
static void
check_factor(const ba_prior_t *prior, const double *covariance, double tolerance)
{
    for (size_t a = 0; a < P; a++) {
        for (size_t b = 0; b < P; b++) {
            double sum = 0.0;

            for (size_t k = 0; k < prior->rank; k++) {
                sum += prior->factor[a + k * P] * prior->factor[b + k * P];
            }
            assert_close(sum, covariance[a + b * P], tolerance);
        }
    }
}

/* Moments of n rows, divisor n. */
static void
moments(const double *x, size_t n, double mean[P], double covariance[P * P])
{
    for (size_t j = 0; j < P; j++) {
        mean[j] = 0.0;
        for (size_t i = 0; i < n; i++) {
            mean[j] += x[i + j * n] / (double) n;
        }
    }
    for (size_t a = 0; a < P; a++) {
        for (size_t b = 0; b < P; b++) {
            covariance[a + b * P] = 0.0;
            for (size_t i = 0; i < n; i++) {
                covariance[a + b * P] +=
                    (x[i + a * n] - mean[a]) * (x[i + b * n] - mean[b]) / (double) n;
            }
        }
    }
}

/* More rows than features, and fewer, where the covariance is singular. */
static void
test_features(void **state)
{
    double x[12 * P], mean[P], covariance[P * P];
    ba_prior_t prior;

    (void) state;
    for (size_t n = 4; n <= 12; n += 8) {
        test_fill_normal(x, n * P, n);
        moments(x, n, mean, covariance);
        must(ba_prior_from_features(NULL, ba_cdmat(x, n, P, n), 0.0, 0, &prior));
        assert_int_equal(prior.rank, n < P ? n - 1 : P);
        assert_all_close(prior.mean, mean, P, 1e-14);
        check_factor(&prior, covariance, 1e-12);
        ba_prior_free(&prior);
        must(ba_prior_from_features(NULL, ba_cdmat(x, n, P, n), 0.25, 0, &prior));
        for (size_t j = 0; j < P; j++) {
            covariance[j + j * P] += 0.25;
        }
        check_factor(&prior, covariance, 1e-12);
        ba_prior_free(&prior);
        must(ba_prior_from_features(NULL, ba_cdmat(x, n, P, n), 0.0, 2, &prior));
        assert_int_equal(prior.rank, 2);
        ba_prior_free(&prior);
    }
}

static void
test_singular_covariance(void **state)
{
    double l[P * 2], covariance[P * P], mean[P] = {1, 2, 3, 4, 5};
    ba_prior_t prior;

    (void) state;
    test_fill_normal(l, P * 2, 1);
    for (size_t a = 0; a < P; a++) {
        for (size_t b = 0; b < P; b++) {
            covariance[a + b * P] = l[a] * l[b] + l[a + P] * l[b + P];
        }
    }
    must(ba_prior_from_covariance(NULL, mean, ba_cdmat(covariance, P, P, P), &prior));
    assert_in_range(prior.rank, 2, P);
    check_factor(&prior, covariance, 1e-6);
    assert_all_close(prior.mean, mean, P, 0.0);
    ba_prior_free(&prior);
}

static void
test_refused(void **state)
{
    double c[P * P] = {0}, x[2 * P] = {0};
    ba_prior_t prior;

    (void) state;
    assert_int_equal(
        ba_prior_from_covariance(NULL, NULL, ba_cdmat(c, P, P - 1, P), &prior), BA_SHAPE);
    assert_int_equal(
        ba_prior_from_covariance(NULL, NULL, ba_cdmat(c, P, P, P), &prior), BA_FORMAT);
    for (size_t j = 0; j < P; j++) {
        c[j + j * P] = j == 3 ? -1.0 : 1.0;
    }
    assert_int_equal(
        ba_prior_from_covariance(NULL, NULL, ba_cdmat(c, P, P, P), &prior), BA_FORMAT);
    assert_contains(ba_error_message(), "eigenvalues from -1");
    c[3 + 3 * P] = 1.0;
    c[1] = 0.5;
    assert_int_equal(
        ba_prior_from_covariance(NULL, NULL, ba_cdmat(c, P, P, P), &prior), BA_FORMAT);
    assert_contains(ba_error_message(), "symmetric");
    assert_int_equal(ba_prior_from_factor(NULL, ba_cdmat(c, P, 0, P), &prior), BA_SHAPE);
    c[2] = NAN;
    assert_int_equal(
        ba_prior_from_factor(NULL, ba_cdmat(c, P, 1, P), &prior), BA_NONFINITE);
    assert_int_equal(
        ba_prior_from_features(NULL, ba_cdmat(x, 2, P, 2), 0.0, 0, &prior), BA_NUMERIC);
    assert_contains(ba_error_message(), "without variance");
    assert_int_equal(
        ba_prior_from_features(NULL, ba_cdmat(x, 2, P, 2), 0.1, 2, &prior), BA_VALUE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_features),
        cmocka_unit_test(test_singular_covariance),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
