/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The block-banded system against the same model written out as one dense Gaussian: all
 * responses of a stretch at once, with a prior over the whole feature series. */
#include "tests/testlib.h"

#include "brainalign/inversion.h"
#include "core/alloc.h"
#include "linalg/blas.h"

#define F 3
#define V 7
#define MAX_DELAYS 3
#define RUN 12

typedef struct {
    int delays[MAX_DELAYS];
    size_t n_delays, first, n_times, rank;
    double rho;
    double w[MAX_DELAYS * F * V], y[RUN * V], factor[F * F], mean[F], variance[V];
    double noise[2 * V];
} study_t;

static void
must(int status)
{
    if (status != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
}

static void
fill(study_t *s, uint64_t seed)
{
    test_fill_normal(s->w, MAX_DELAYS * F * V, seed);
    test_fill_normal(s->y, RUN * V, seed + 1);
    test_fill_normal(s->factor, F * F, seed + 2);
    test_fill_normal(s->mean, F, seed + 3);
    test_fill_normal(s->noise, 2 * V, seed + 4);
    for (size_t j = 0; j < V; j++) {
        s->variance[j] = 0.5 + 0.1 * (double) j;
    }
}

/* Sigma, V x V. */
static double
noise_at(const study_t *s, size_t i, size_t j)
{
    double sum = i == j ? s->variance[i] : 0.0;

    for (size_t k = 0; k < 2; k++) {
        sum += s->noise[k + i * 2] * s->noise[k + j * 2];
    }
    return sum;
}

/* Weight of feature f at time t's delay d on voxel j. */
static double
weight_at(const study_t *s, size_t d, size_t f, size_t j)
{
    return s->w[d * F + f + j * s->n_delays * F];
}

/* Dense answer for features of the whole run: mean and covariance diagonal F x RUN, and
 * the evidence. */
static void
dense(const study_t *s, double *mean, double *variance, double *evidence)
{
    size_t p = F * RUN, m = s->n_times * V;
    double *prior = calloc(p * p, sizeof *prior), *g = calloc(m * p, sizeof *g);
    double *gp = calloc(m * p, sizeof *gp), *c = calloc(m * m, sizeof *c);
    double *r = calloc(m, sizeof *r), *solved = calloc(m * (p + 1), sizeof *solved);
    double logdet = 0.0, norm = 0.0;

    for (size_t a = 0; a < p; a++) {
        for (size_t b = 0; b < p; b++) {
            double distance = fabs((double) (a / F) - (double) (b / F)), sum = 0.0;

            for (size_t k = 0; k < s->rank; k++) {
                sum += s->factor[a % F + k * F] * s->factor[b % F + k * F];
            }
            prior[a + b * p] =
                sum * (distance > 0.0 ? pow(s->rho, distance) * (s->rho != 0.0) : 1.0);
        }
    }
    for (size_t i = 0; i < s->n_times; i++) {
        for (size_t d = 0; d < s->n_delays; d++) {
            long long t = (long long) (s->first + i) - s->delays[d];

            for (size_t f = 0; t >= 0 && t < RUN && f < F; f++) {
                for (size_t j = 0; j < V; j++) {
                    g[i * V + j + ((size_t) t * F + f) * m] += weight_at(s, d, f, j);
                }
            }
        }
        for (size_t j = 0; j < V; j++) {
            r[i * V + j] = s->y[i + j * s->n_times];
            for (size_t k = 0; k < V; k++) {
                c[i * V + j + (i * V + k) * m] = noise_at(s, j, k);
            }
        }
    }
    for (size_t a = 0; a < p; a++) {
        for (size_t i = 0; i < m; i++) {
            r[i] -= g[i + a * m] * s->mean[a % F];
        }
    }
    ba_gemm_f64(1, BA_KEEP, ba_cdmat(g, m, p, m), BA_KEEP, ba_cdmat(prior, p, p, p), 0,
        ba_dmat(gp, m, p, m));
    ba_gemm_f64(1, BA_KEEP, ba_cdmat(gp, m, p, m), BA_TRANSPOSE, ba_cdmat(g, m, p, m), 1,
        ba_dmat(c, m, m, m));
    must(ba_cholesky(ba_dmat(c, m, m, m)));
    memcpy(solved, gp, m * p * sizeof *solved);
    memcpy(solved + m * p, r, m * sizeof *solved);
    ba_cholesky_solve(ba_cdmat(c, m, m, m), ba_dmat(solved, m, p + 1, m));
    for (size_t i = 0; i < m; i++) {
        logdet += 2.0 * log(c[i + i * m]);
        norm += r[i] * solved[i + m * p];
    }
    *evidence = -0.5 * ((double) m * log(2.0 * acos(-1.0)) + logdet + norm);
    for (size_t a = 0; a < p; a++) {
        mean[a] = s->mean[a % F];
        variance[a] = prior[a + a * p];
        for (size_t i = 0; i < m; i++) {
            mean[a] += gp[i + a * m] * solved[i + m * p];
            variance[a] -= gp[i + a * m] * solved[i + a * m];
        }
    }
    free(prior);
    free(g);
    free(gp);
    free(c);
    free(r);
    free(solved);
}

static void
compare(const study_t *s)
{
    size_t p = s->n_delays * F;
    double mean[F * RUN], variance[F * RUN], evidence;
    ba_noise_t *noise;
    ba_inversion_t inversion;
    ba_prior_t prior;
    ba_series_posterior_t found;
    ba_series_t series = {.delays = s->delays,
        .n_delays = s->n_delays,
        .n_features = F,
        .first = s->first,
        .run_length = RUN,
        .n_times = s->n_times,
        .autoregression = s->rho};

    dense(s, mean, variance, &evidence);
    must(ba_noise_from_factor(
        s->variance, ba_cdmat(s->noise, 2, V, 2), BA_DOUBLE, &noise));
    must(ba_inversion_make(NULL, noise, ba_cdmat(s->w, p, V, p),
        ba_cdmat(s->y, s->n_times, V, s->n_times), &inversion));
    must(ba_prior_from_factor(s->mean, ba_cdmat(s->factor, F, s->rank, F), &prior));
    must(ba_series_invert(NULL, &inversion, &prior, &series, &found));
    assert_all_close(found.mean, mean + found.first * F, F * found.n_times, 1e-10);
    assert_all_close(
        found.variance, variance + found.first * F, F * found.n_times, 1e-10);
    assert_close(found.evidence, evidence, 1e-10 * fabs(evidence));
    ba_series_posterior_free(&found);
    ba_prior_free(&prior);
    ba_inversion_free(&inversion);
    ba_noise_free(noise);
}

static void
test_dense(void **state)
{
    static const struct {
        int delays[MAX_DELAYS];
        size_t n_delays, first, n_times, rank;
        double rho;
    } cases[] = {
        {{1, 2, 3}, 3, 4, 6, F, 0.0},
        {{1, 2, 3}, 3, 0, RUN, F, 0.0},  /* zeros before the run */
        {{1, 2, 3}, 3, 4, 6, F, 0.7},    /* smooth features */
        {{3, -1, 0}, 3, 2, 10, 2, -0.4}, /* order, a negative delay, a deficient prior */
        {{0, 0, 0}, 1, 3, 5, F, 0.0},    /* one row per item */
        {{2, 0, 0}, 1, 5, 1, 1, 0.9},    /* one response */
        {{0, 4, 0}, 2, 1, 9, F, 0.3},    /* a gap between the delays */
    };
    study_t s;

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memcpy(s.delays, cases[i].delays, sizeof s.delays);
        s.n_delays = cases[i].n_delays;
        s.first = cases[i].first;
        s.n_times = cases[i].n_times;
        s.rank = cases[i].rank;
        s.rho = cases[i].rho;
        fill(&s, 100 * i);
        compare(&s);
    }
}

static void
test_refused(void **state)
{
    double numbers[4] = {1, 0.1, 0.1, 1}, z[2] = {0}, norm[1] = {1};
    ba_inversion_t inversion = {2, 1, 5, numbers, z, norm, 0.0};
    ba_prior_t prior = {1, 1, z, numbers};
    ba_series_posterior_t found;
    int delays[2] = {0, 1};
    ba_series_t series = {delays, 2, 1, 0, 4, 0, 2, 0.0};

    (void) state;
    assert_int_equal(
        ba_series_invert(NULL, &inversion, &prior, &series, &found), BA_SHAPE);
    assert_contains(ba_error_message(), "responses 0 to 2 of 1");
    series.n_times = 1;
    series.n_features = 2;
    assert_int_equal(
        ba_series_invert(NULL, &inversion, &prior, &series, &found), BA_SHAPE);
    series.n_features = 1;
    series.autoregression = 1.0;
    assert_int_equal(
        ba_series_invert(NULL, &inversion, &prior, &series, &found), BA_VALUE);
    series.autoregression = 0.0;
    must(ba_series_invert(NULL, &inversion, &prior, &series, &found));
    ba_series_posterior_free(&found);
}

static void
test_bytes(void **state)
{
    int delays[2] = {1, 3};
    ba_series_t series = {delays, 2, 10, 5, 100, 0, 20, 0.0};
    size_t bytes;

    (void) state;
    /* Times 2 to 23 that are unknown, three blocks each, two held, four of delays. */
    must(ba_series_bytes(&series, 10, &bytes));
    assert_int_equal(bytes, (22 * 3 + 2 + 4) * 100 * sizeof(double));
    assert_int_equal(ba_series_bytes(&series, SIZE_MAX / 8, &bytes), BA_TOO_LARGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
