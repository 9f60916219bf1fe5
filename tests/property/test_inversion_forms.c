/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What inversion is equal to: ridge regression on the weights, generalised least squares,
 * the least-squares decoder; and that voxel space, feature space, series and any number
 * of threads agree. */
#include "tests/testlib.h"

#include "brainalign/inversion.h"
#include "brainalign/ridge.h"
#include "linalg/blas.h"

#define P 6
#define N 5

static void
must(int status)
{
    if (status != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
}

/* Prior variance tau2 for each of P features. */
static void
isotropic(double tau2, ba_prior_t *out)
{
    double covariance[P * P] = {0};

    for (size_t i = 0; i < P; i++) {
        covariance[i + i * P] = tau2;
    }
    must(ba_prior_from_covariance(NULL, NULL, ba_cdmat(covariance, P, P, P), out));
}

/* White noise and an isotropic prior: ridge of a response on W', alpha = sigma2 /
 * tau2. */
static void
test_ridge(void **state)
{
    enum { V = 17 };
    double w[P * V], y[N * V], r[4 * V], x[V * P], t[V * N], weights[P * N];
    double alpha = 1.3 / 0.7;
    ba_noise_t *noise;
    ba_prior_t prior;
    ba_posterior_t found;

    (void) state;
    test_fill_normal(w, P * V, 1);
    test_fill_normal(y, N * V, 2);
    test_fill_normal(r, 4 * V, 3);
    for (size_t j = 0; j < V; j++) {
        for (size_t c = 0; c < P; c++) {
            x[j + c * V] = w[c + j * P];
        }
        for (size_t i = 0; i < N; i++) {
            t[j + i * V] = y[i + j * N];
        }
    }
    isotropic(0.7, &prior);
    must(ba_noise_new(NULL, ba_cdmat(r, 4, V, 4),
        &(ba_noise_opts_t){
            .kind = BA_NOISE_WHITE, .variance = 1.3, .precision = BA_DOUBLE},
        &noise));
    must(ba_posterior_from_data(NULL, noise,
        &(ba_inversion_data_t){ba_cdmat(w, P, V, P), ba_cdmat(y, N, V, N)}, &prior,
        BA_POSTERIOR_VARIANCE, &found));
    must(ba_ridge_solve(NULL, ba_cdmat(x, V, P, V), ba_cdmat(t, V, N, V), &alpha, 1,
        &(ba_ridge_opts_t){BA_SOLVER_AUTO, BA_INTERCEPT_NO}, ba_dmat(weights, P, N, P),
        NULL));
    assert_all_close(found.mean, weights, P * N, 1e-12);
    ba_posterior_free(&found);
    ba_prior_free(&prior);
    ba_noise_free(noise);
}

/* A prior that says less and less ends at the best linear unbiased estimate. */
static void
test_flat(void **state)
{
    enum { V = 17 };
    double w[P * V], y[N * V], r[8 * V], before = INFINITY;
    ba_noise_t *noise;
    ba_inversion_t inversion;
    ba_posterior_t flat, found;

    (void) state;
    test_fill_normal(w, P * V, 4);
    test_fill_normal(y, N * V, 5);
    test_fill_normal(r, 8 * V, 6);
    must(ba_noise_new(NULL, ba_cdmat(r, 8, V, 8),
        &(ba_noise_opts_t){.share = 0.4, .precision = BA_DOUBLE}, &noise));
    must(ba_inversion_make(
        NULL, noise, ba_cdmat(w, P, V, P), ba_cdmat(y, N, V, N), &inversion));
    must(ba_posterior_flat(NULL, &inversion, BA_POSTERIOR_COVARIANCE, &flat));
    for (double tau2 = 1.0; tau2 < 1e9; tau2 *= 100.0) {
        double worst = 0.0;
        ba_prior_t prior;

        isotropic(tau2, &prior);
        must(
            ba_posterior_make(NULL, &inversion, &prior, BA_POSTERIOR_COVARIANCE, &found));
        for (size_t i = 0; i < P * N; i++) {
            worst = fmax(worst, fabs(found.mean[i] - flat.mean[i]));
        }
        for (size_t i = 0; i < P * P; i++) {
            worst = fmax(worst, fabs(found.covariance[i] - flat.covariance[i]));
        }
        assert_true(worst < before / 50.0);
        before = worst;
        ba_posterior_free(&found);
        ba_prior_free(&prior);
    }
    assert_true(before < 1e-6);
    ba_posterior_free(&flat);
    ba_inversion_free(&inversion);
    ba_noise_free(noise);
}

/* a'b / n. */
static double
moment(const double *a, const double *b, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        sum += a[i] * b[i] / (double) n;
    }
    return sum;
}

/* Least-squares weights of y on x. */
static void
least_squares(const double *x, size_t p, const double *y, size_t v, size_t n, double *w)
{
    double alpha = 0.0;

    must(ba_ridge_solve(NULL, ba_cdmat(x, n, p, n), ba_cdmat(y, n, v, n), &alpha, 1,
        &(ba_ridge_opts_t){BA_SOLVER_AUTO, BA_INTERCEPT_NO}, ba_dmat(w, p, v, p), NULL));
}

/* A least-squares encoder, its residual covariance and the moments of the features: the
 * inversion is the least-squares decoder of the same rows. */
static void
test_decoder(void **state)
{
    enum { R = 40, V = 9 };
    double x[R * P], y[R * V], w[P * V], decoder[V * P], e[R * V], sigma[V * V];
    double covariance[P * P], variance[V], root[V * V], wanted[P * R];
    ba_prior_t prior, factor;
    ba_noise_t *noise;
    ba_posterior_t found;

    (void) state;
    test_fill_normal(x, R * P, 7);
    test_fill_normal(y, R * V, 8);
    for (size_t i = 0; i < R * V; i++) {
        y[i] += x[i % (R * P)];
    }
    least_squares(x, P, y, V, R, w);
    least_squares(y, V, x, P, R, decoder);
    memcpy(e, y, sizeof y);
    ba_gemm_f64(-1, BA_KEEP, ba_cdmat(x, R, P, R), BA_KEEP, ba_cdmat(w, P, V, P), 1,
        ba_dmat(e, R, V, R));
    ba_gemm_f64(1, BA_TRANSPOSE, ba_cdmat(decoder, V, P, V), BA_TRANSPOSE,
        ba_cdmat(y, R, V, R), 0, ba_dmat(wanted, P, R, P));
    for (size_t a = 0; a < V; a++) {
        variance[a] = 0.01;
        for (size_t b = 0; b < V; b++) {
            sigma[a + b * V] = moment(e + a * R, e + b * R, R) - (a == b ? 0.01 : 0.0);
        }
    }
    for (size_t a = 0; a < P; a++) {
        for (size_t b = 0; b < P; b++) {
            covariance[a + b * P] = moment(x + a * R, x + b * R, R);
        }
    }
    must(ba_prior_from_covariance(NULL, NULL, ba_cdmat(sigma, V, V, V), &factor));
    for (size_t j = 0; j < V; j++) {
        for (size_t i = 0; i < V; i++) {
            root[i + j * V] = factor.factor[j + i * V];
        }
    }
    must(ba_prior_from_covariance(NULL, NULL, ba_cdmat(covariance, P, P, P), &prior));
    must(ba_noise_from_factor(variance, ba_cdmat(root, V, V, V), BA_DOUBLE, &noise));
    must(ba_posterior_from_data(NULL, noise,
        &(ba_inversion_data_t){ba_cdmat(w, P, V, P), ba_cdmat(y, R, V, R)}, &prior,
        BA_POSTERIOR_VARIANCE, &found));
    assert_all_close(found.mean, wanted, P * R, 1e-10);
    ba_posterior_free(&found);
    ba_prior_free(&prior);
    ba_prior_free(&factor);
    ba_noise_free(noise);
}

static void
make_posterior(const ba_ctx_t *ctx, size_t v, ba_precision_t precision, int in_voxels,
    ba_posterior_t *found)
{
    double *w = malloc(P * v * sizeof *w), *y = malloc(N * v * sizeof *y);
    double *r = malloc(500 * v * sizeof *r), factor[P * 3], mean[P];
    ba_noise_t *noise;
    ba_prior_t prior;
    ba_inversion_data_t data = {ba_cdmat(w, P, v, P), ba_cdmat(y, N, v, N)};

    assert_true(w && y && r);
    test_fill_normal(w, P * v, 11);
    test_fill_normal(y, N * v, 12);
    test_fill_normal(r, 500 * v, 13);
    test_fill_normal(factor, P * 3, 14);
    test_fill_normal(mean, P, 15);
    must(ba_prior_from_factor(mean, ba_cdmat(factor, P, 3, P), &prior));
    must(ba_noise_new(ctx, ba_cdmat(r, 500, v, 500),
        &(ba_noise_opts_t){.share = 0.3, .precision = precision}, &noise));
    must((in_voxels ? ba_posterior_in_voxels : ba_posterior_from_data)(
        ctx, noise, &data, &prior, BA_POSTERIOR_COVARIANCE, found));
    ba_prior_free(&prior);
    ba_noise_free(noise);
    free(w);
    free(y);
    free(r);
}

static void
test_voxel_space(void **state)
{
    ba_posterior_t a, b;

    (void) state;
    for (size_t v = 40; v <= 600; v += 560) {
        make_posterior(NULL, v, BA_DOUBLE, 0, &a);
        make_posterior(NULL, v, BA_DOUBLE, 1, &b);
        assert_all_close(a.mean, b.mean, P * N, 1e-9);
        assert_all_close(a.variance, b.variance, P, 1e-11);
        assert_all_close(a.covariance, b.covariance, P * P, 1e-11);
        assert_all_close(a.evidence, b.evidence, N, 1e-8);
        ba_posterior_free(&a);
        ba_posterior_free(&b);
    }
}

/* Several blocks of voxels, several tiles of rows. */
static void
test_threads(void **state)
{
    ba_ctx_t one = ba_ctx_default(), three = ba_ctx_default();
    ba_posterior_t a, b;

    (void) state;
    one.n_threads = 1;
    three.n_threads = 3;
    for (int precision = BA_SINGLE; precision <= BA_DOUBLE; precision++) {
        make_posterior(&one, 1500, (ba_precision_t) precision, 0, &a);
        make_posterior(&three, 1500, (ba_precision_t) precision, 0, &b);
        assert_memory_equal(a.mean, b.mean, P * N * sizeof *a.mean);
        assert_memory_equal(a.covariance, b.covariance, P * P * sizeof *a.mean);
        assert_memory_equal(a.evidence, b.evidence, N * sizeof *a.mean);
        ba_posterior_free(&a);
        ba_posterior_free(&b);
    }
}

/* Series with one delay and no autoregression: each response alone. Threads change no
 * bit of the block-banded system. */
static void
test_series(void **state)
{
    enum { V = 300, F = 130, T = 6 };
    static double w[2 * F * V], y[T * V], r[50 * V], factor[F * F], mean[F];
    const int delays[2] = {0, 1};
    ba_noise_t *noise;
    ba_prior_t prior;
    ba_inversion_t one, two;
    ba_posterior_t alone;
    ba_series_posterior_t a, b;
    ba_ctx_t ctx = ba_ctx_default();
    ba_series_t series = {delays, 1, F, 0, T, 0, T, 0.0};

    (void) state;
    test_fill_normal(w, 2 * F * V, 21);
    test_fill_normal(y, T * V, 22);
    test_fill_normal(r, 50 * V, 23);
    test_fill_normal(factor, F * F, 24);
    test_fill_normal(mean, F, 25);
    must(ba_noise_new(NULL, ba_cdmat(r, 50, V, 50),
        &(ba_noise_opts_t){.share = 0.5, .precision = BA_DOUBLE}, &noise));
    must(ba_prior_from_factor(mean, ba_cdmat(factor, F, F, F), &prior));
    must(ba_inversion_make(
        NULL, noise, ba_cdmat(w, F, V, 2 * F), ba_cdmat(y, T, V, T), &one));
    must(ba_posterior_make(NULL, &one, &prior, BA_POSTERIOR_VARIANCE, &alone));
    must(ba_series_invert(NULL, &one, &prior, &series, &a));
    assert_all_close(a.mean, alone.mean, F * T, 1e-8);
    for (size_t t = 0; t < T; t++) {
        assert_all_close(a.variance + t * F, alone.variance, F, 1e-9);
        a.evidence -= alone.evidence[t];
    }
    assert_close(a.evidence, 0.0, 1e-6);
    ba_series_posterior_free(&a);
    must(ba_inversion_make(
        NULL, noise, ba_cdmat(w, 2 * F, V, 2 * F), ba_cdmat(y, T, V, T), &two));
    series.n_delays = 2;
    series.autoregression = 0.5;
    ctx.n_threads = 1;
    must(ba_series_invert(&ctx, &two, &prior, &series, &a));
    ctx.n_threads = 3;
    must(ba_series_invert(&ctx, &two, &prior, &series, &b));
    assert_memory_equal(a.mean, b.mean, F * T * sizeof *a.mean);
    assert_memory_equal(a.variance, b.variance, F * T * sizeof *a.mean);
    ba_series_posterior_free(&a);
    ba_series_posterior_free(&b);
    ba_posterior_free(&alone);
    ba_inversion_free(&one);
    ba_inversion_free(&two);
    ba_prior_free(&prior);
    ba_noise_free(noise);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ridge),
        cmocka_unit_test(test_flat),
        cmocka_unit_test(test_decoder),
        cmocka_unit_test(test_voxel_space),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_series),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
