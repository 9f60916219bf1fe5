/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statistics, posteriors and candidates against the voxels x voxels matrix written
 * out. */
#include "tests/testlib.h"

#include "brainalign/inversion.h"
#include "linalg/blas.h"

#define P 4
#define N 5
#define V 13

static void
must(int status)
{
    if (status != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
}

typedef struct {
    double w[P * V], y[N * V], r[20 * V], sigma[V * V], inverse[V * V], logdet;
    size_t n_rows;
    ba_noise_t *noise;
} study_t;

static void
open_study(study_t *s, size_t n_rows, const ba_noise_opts_t *opts)
{
    s->n_rows = n_rows;
    test_fill_normal(s->w, P * V, 1);
    test_fill_normal(s->y, N * V, 2);
    test_fill_normal(s->r, n_rows * V, 3);
    must(ba_noise_new(NULL, ba_cdmat(s->r, n_rows, V, n_rows), opts, &s->noise));
    for (size_t j = 0; j < V; j++) {
        ba_noise_row(s->noise, j, s->sigma + j * V);
    }
    memcpy(s->inverse, s->sigma, sizeof s->sigma);
    must(ba_cholesky(ba_dmat(s->inverse, V, V, V)));
    s->logdet = 0.0;
    for (size_t j = 0; j < V; j++) {
        s->logdet += 2.0 * log(s->inverse[j + j * V]);
    }
    ba_cholesky_invert(ba_dmat(s->inverse, V, V, V));
}

/* a' Sigma^-1 b, columns with strides. */
static double
form(const study_t *s, const double *a, size_t stride_a, const double *b, size_t stride_b)
{
    double sum = 0.0;

    for (size_t i = 0; i < V; i++) {
        for (size_t j = 0; j < V; j++) {
            sum += a[i * stride_a] * s->inverse[i + j * V] * b[j * stride_b];
        }
    }
    return sum;
}

static void
check_statistics(const study_t *s, const ba_inversion_t *found, double tolerance)
{
    for (size_t a = 0; a < P; a++) {
        for (size_t b = 0; b < P; b++) {
            assert_close(
                found->a[a + b * P], form(s, s->w + a, P, s->w + b, P), tolerance);
        }
        for (size_t i = 0; i < N; i++) {
            assert_close(
                found->z[a + i * P], form(s, s->w + a, P, s->y + i, N), tolerance);
        }
    }
    for (size_t i = 0; i < N; i++) {
        assert_close(found->norm[i], form(s, s->y + i, N, s->y + i, N), tolerance);
    }
    assert_close(found->logdet, s->logdet, tolerance);
}

static void
test_statistics(void **state)
{
    const ba_noise_opts_t cases[] = {
        {.share = 0.4, .precision = BA_DOUBLE},
        {.share = 0.05, .target = BA_SHRINK_SCALED, .precision = BA_DOUBLE},
        {.share = 1.0, .precision = BA_DOUBLE},
        {.kind = BA_NOISE_WHITE, .precision = BA_DOUBLE},
        {.kind = BA_NOISE_DIAGONAL, .precision = BA_DOUBLE},
        {.kind = BA_NOISE_LOW_RANK, .rank = 3, .precision = BA_DOUBLE},
        {.ledoit_wolf = 1, .precision = BA_DOUBLE},
    };
    study_t s;
    ba_inversion_t found;

    (void) state;
    for (size_t n_rows = 7; n_rows <= 20; n_rows += 13) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            open_study(&s, n_rows, &cases[i]);
            must(ba_inversion_make(
                NULL, s.noise, ba_cdmat(s.w, P, V, P), ba_cdmat(s.y, N, V, N), &found));
            check_statistics(&s, &found, 1e-10);
            ba_inversion_free(&found);
            ba_noise_free(s.noise);
        }
    }
}

/* One pass over voxels serves every share. */
static void
test_shares(void **state)
{
    ba_noise_opts_t opts = {.share = 0.9, .precision = BA_DOUBLE};
    study_t s;
    ba_inversion_gram_t *gram;
    ba_inversion_t found;

    (void) state;
    open_study(&s, 7, &opts);
    must(ba_inversion_gram(
        NULL, s.noise, ba_cdmat(s.w, P, V, P), ba_cdmat(s.y, N, V, N), &gram));
    ba_noise_free(s.noise);
    for (int k = 1; k <= 10; k++) {
        opts.share = 0.1 * k;
        open_study(&s, 7, &opts);
        must(ba_inversion_at(NULL, gram, opts.share, &found));
        check_statistics(&s, &found, 1e-10);
        ba_inversion_free(&found);
        ba_noise_free(s.noise);
    }
    assert_int_equal(ba_inversion_at(NULL, gram, 0.0, &found), BA_VALUE);
    ba_inversion_gram_free(gram);
}

/* Products in single precision, sums in double. */
static void
test_single(void **state)
{
    const ba_noise_opts_t opts = {.share = 0.5};
    study_t s;
    ba_inversion_t found;

    (void) state;
    open_study(&s, 7, &opts);
    must(ba_inversion_make(
        NULL, s.noise, ba_cdmat(s.w, P, V, P), ba_cdmat(s.y, N, V, N), &found));
    check_statistics(&s, &found, 1e-4);
    ba_inversion_free(&found);
    ba_noise_free(s.noise);
}

static void
test_candidates(void **state)
{
    const ba_noise_opts_t opts = {.share = 0.5, .precision = BA_DOUBLE};
    enum { G = 3 };
    double x[G * P], found[N * G], rest[V];
    study_t s;
    ba_inversion_t inversion;

    (void) state;
    open_study(&s, 7, &opts);
    test_fill_normal(x, G * P, 9);
    must(ba_inversion_make(
        NULL, s.noise, ba_cdmat(s.w, P, V, P), ba_cdmat(s.y, N, V, N), &inversion));
    must(ba_inversion_candidates(
        NULL, &inversion, ba_cdmat(x, G, P, G), ba_dmat(found, N, G, N)));
    for (size_t i = 0; i < N; i++) {
        for (size_t g = 0; g < G; g++) {
            for (size_t j = 0; j < V; j++) {
                rest[j] = s.y[i + j * N];
                for (size_t c = 0; c < P; c++) {
                    rest[j] -= s.w[c + j * P] * x[g + c * G];
                }
            }
            assert_close(found[i + g * N], -0.5 * form(&s, rest, 1, rest, 1), 1e-10);
        }
    }
    assert_int_equal(ba_inversion_candidates(NULL, &inversion, ba_cdmat(x, G, P - 1, G),
                         ba_dmat(found, N, G, N)),
        BA_SHAPE);
    ba_inversion_free(&inversion);
    ba_noise_free(s.noise);
}

static void
test_refused(void **state)
{
    const ba_noise_opts_t opts = {.share = 0.5};
    study_t s;
    ba_inversion_t found;
    ba_posterior_t posterior;

    (void) state;
    open_study(&s, 7, &opts);
    assert_int_equal(ba_inversion_make(NULL, s.noise, ba_cdmat(s.w, P, V - 1, P),
                         ba_cdmat(s.y, N, V, N), &found),
        BA_SHAPE);
    s.w[5] = NAN;
    assert_int_equal(ba_inversion_make(NULL, s.noise, ba_cdmat(s.w, P, V, P),
                         ba_cdmat(s.y, N, V, N), &found),
        BA_NONFINITE);
    assert_contains(ba_error_message(), "weights: row 1, voxel 1");
    /* More features than voxels have no unbiased estimate. */
    must(ba_inversion_make(
        NULL, s.noise, ba_cdmat(s.y, N, V, N), ba_cdmat(s.y, N, V, N), &found));
    found.n_voxels = N - 1;
    assert_int_equal(
        ba_posterior_flat(NULL, &found, BA_POSTERIOR_VARIANCE, &posterior), BA_NUMERIC);
    ba_inversion_free(&found);
    ba_noise_free(s.noise);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_single),
        cmocka_unit_test(test_candidates),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
