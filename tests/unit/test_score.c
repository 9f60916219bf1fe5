/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/score.h"
#include "linalg/blas.h"

#define LONGEST 70
#define V 6

/* By definition, with differences of all pairs instead of means for the
 * (co)variances: sum over i < j of (a_i - a_j)(b_i - b_j) = n times the centred sum. */
static double
centred(const double *a, const double *b, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            sum += (a[i] - a[j]) * (b[i] - b[j]);
        }
    }
    return sum / (double) n;
}

static double
brute(ba_score_t kind, const double *y, const double *p, size_t n)
{
    double sse = 0;

    for (size_t i = 0; i < n; i++) {
        sse += (y[i] - p[i]) * (y[i] - p[i]);
    }
    if (kind == BA_SCORE_MSE) {
        return -sse / (double) n;
    }
    if (n < 2) {
        return (double) NAN;
    }
    if (kind == BA_SCORE_R2) {
        return 1 - sse / centred(y, y, n);
    }
    if (kind == BA_SCORE_HUTH_R2) {
        double d[LONGEST], q;

        for (size_t i = 0; i < n; i++) {
            d[i] = y[i] - p[i];
        }
        q = 1 - 2 * centred(d, d, n) / (double) n / (1 + centred(y, y, n) / (double) n);
        return copysign(sqrt(fabs(q)), q);
    }
    return centred(y, p, n) / sqrt(centred(y, y, n) * centred(p, p, n));
}

static void
fill(double *y, double *p, float *y32, float *p32, size_t n)
{
    const double offset[V] = {0, 3, -1e4, 0, 0, 100};
    const double unit[V] = {1, 1, 1, 1e-20, 1e12, 1};

    test_fill_normal(y, n, n + 1);
    test_fill_normal(p, n, n + 2);
    for (size_t i = 0; i < n; i++) {
        size_t j = i / (LONGEST + 5);

        p[i] = offset[j] + unit[j] * (0.6 * p[i] + 0.5 * y[i]);
        y[i] = offset[j] + unit[j] * y[i];
        p32[i] = (float) p[i];
        y32[i] = (float) y[i];
        p[i] = (double) p32[i]; /* the same numbers in both types */
        y[i] = (double) y32[i];
    }
}

static void
test_against_definition(void **state)
{
    enum { LD = LONGEST + 5 };
    static double y[LD * V], p[LD * V], scores[V], scores32[V];
    static float y32[LD * V], p32[LD * V];

    (void) state;
    fill(y, p, y32, p32, LD * V);
    for (size_t n = 1; n <= LONGEST; n++) {
        for (int kind = BA_SCORE_MSE; kind <= BA_SCORE_HUTH_R2; kind++) {
            ba_score_f64((ba_score_t) kind, y, LD, p, LD, n, V, scores);
            ba_score_f32((ba_score_t) kind, y32, LD, p32, LD, n, V, scores32);
            for (size_t j = 0; j < V; j++) {
                double wanted = brute((ba_score_t) kind, y + j * LD, p + j * LD, n);

                if (kind == BA_SCORE_HUTH_R2) { /* a root: its square is well posed */
                    wanted *= fabs(wanted);
                    scores[j] *= fabs(scores[j]);
                    scores32[j] *= fabs(scores32[j]);
                }
                assert_close(scores[j], wanted, 2e-14 * fmax(1, fabs(wanted)));
                assert_memory_equal(&scores[j], &scores32[j], isnan(wanted) ? 0 : 8);
                assert_int_equal(isnan(scores32[j]), isnan(wanted));
            }
        }
    }
}

/* The place in memory changes no bit. */
static void
test_alignment(void **state)
{
    double y[LONGEST], p[LONGEST], shifted_y[LONGEST + 8], shifted_p[LONGEST + 8];

    (void) state;
    test_fill_normal(y, LONGEST, 1);
    test_fill_normal(p, LONGEST, 2);
    for (size_t shift = 0; shift < 8; shift++) {
        memcpy(shifted_y + shift, y, sizeof y);
        memcpy(shifted_p + 7 - shift, p, sizeof p);
        for (int kind = BA_SCORE_MSE; kind <= BA_SCORE_R; kind++) {
            double a, b;

            ba_score_f64((ba_score_t) kind, y, 0, p, 0, LONGEST, 1, &a);
            ba_score_f64((ba_score_t) kind, shifted_y + shift, 0, shifted_p + 7 - shift,
                0, LONGEST, 1, &b);
            assert_true(a == b);
        }
    }
}

static void
score_all(const double *y, const double *p, size_t n, double scores[3])
{
    for (int kind = BA_SCORE_MSE; kind <= BA_SCORE_R; kind++) {
        ba_score_f64((ba_score_t) kind, y, n, p, n, n, 1, &scores[kind]);
    }
}

static void
test_undefined(void **state)
{
    const double rise[] = {1, 2, 3, 5}, same[] = {0.1, 0.1, 0.1, 0.1};
    const double zero[4] = {0}, nan[] = {1, (double) NAN, 2, 3};
    /* Deviation 1e-3: real beside 1e6, noise beside 1e8. */
    const double real[] = {1e6, 1e6 + 1e-3, 1e6, 1e6 + 2e-3};
    const double noise[] = {1e8, 1e8 + 1e-3, 1e8, 1e8 + 2e-3};
    double scores[3];

    (void) state;
    score_all(same, rise, 4, scores);
    assert_true(scores[0] < 0 && isnan(scores[1]) && isnan(scores[2]));
    score_all(zero, zero, 4, scores);
    assert_true(scores[0] == 0 && isnan(scores[1]) && isnan(scores[2]));
    score_all(rise, same, 4, scores);
    assert_true(scores[0] < 0 && scores[1] < 0 && isnan(scores[2]));
    score_all(nan, rise, 4, scores);
    assert_true(isnan(scores[0]) && isnan(scores[1]) && isnan(scores[2]));
    score_all(rise, nan, 4, scores);
    assert_true(isnan(scores[0]) && isnan(scores[1]) && isnan(scores[2]));
    score_all(real, rise, 4, scores);
    assert_false(isnan(scores[1]) || isnan(scores[2]));
    score_all(noise, rise, 4, scores);
    assert_true(isnan(scores[1]) && isnan(scores[2]));
    score_all(rise, noise, 4, scores);
    assert_true(!isnan(scores[1]) && isnan(scores[2]));
    score_all(rise, rise, 1, scores);
    assert_true(scores[0] == 0 && isnan(scores[1]) && isnan(scores[2]));
    score_all(rise, rise, 0, scores);
    assert_true(isnan(scores[0]) && isnan(scores[1]) && isnan(scores[2]));
}

/* A perfect prediction scores 1, and no correlation leaves [-1, 1]. */
static void
test_limits(void **state)
{
    (void) state;
    for (size_t n = 2; n <= LONGEST; n++) {
        double y[LONGEST], p[LONGEST], scores[3];

        test_fill_normal(y, n, n);
        for (size_t i = 0; i < n; i++) {
            p[i] = 3.3 - 0.7 * y[i];
        }
        score_all(y, y, n, scores);
        assert_true(scores[0] == 0 && scores[1] == 1 && scores[2] <= 1);
        assert_close(scores[2], 1, 1e-15);
        score_all(y, p, n, scores);
        assert_true(scores[2] >= -1);
        assert_close(scores[2], -1, 1e-14);
    }
}

/* Scores from the coordinates of predictions in a basis whose first vector is constant:
 * those of the predictions themselves, also far from 0; NaN where y or p is constant. */
static void
test_projected(void **state)
{
    enum { N = 40, M = 7 };
    double basis[N * M], r[M * M], y[N * V], p[N * V], o[M * V], s[M * V];
    double square[V], rest[V], direct[V], projected[V];
    uint64_t seed = 12;

    (void) state;
    for (size_t i = 0; i < N * M; i++) {
        basis[i] = i < N ? 1.0 : test_normal(&seed);
    }
    assert_int_equal(ba_qr(ba_dmat(basis, N, M, N), ba_dmat(r, M, M, M)), BA_OK);
    for (size_t i = 0; i < M * V; i++) {
        s[i] = test_normal(&seed) + (i % M == 0 ? 100.0 : 0.0);
        s[i] = i / M == 3 && i % M > 0 ? 0.0 : s[i]; /* a constant prediction */
    }
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(basis, N, M, N), BA_KEEP, ba_cdmat(s, M, V, M),
        0.0, ba_dmat(p, N, V, N));
    for (size_t i = 0; i < N * V; i++) {
        y[i] =
            i / N == 4 ? 2.0 : p[i] + 0.7 * test_normal(&seed); /* a constant response */
    }
    ba_gemm_f64(1.0, BA_TRANSPOSE, ba_cdmat(basis, N, M, N), BA_KEEP,
        ba_cdmat(y, N, V, N), 0.0, ba_dmat(o, M, V, M));
    ba_score_rest_f64(y, N, N, o, M, M, V, square, rest);
    for (int kind = BA_SCORE_MSE; kind <= BA_SCORE_HUTH_R2; kind++) {
        ba_score_f64((ba_score_t) kind, y, N, p, N, N, V, direct);
        ba_score_projected_f64(
            (ba_score_t) kind, o, M, s, M, M, N, square, rest, V, projected);
        for (size_t j = 0; j < V; j++) {
            int undefined =
                (kind != BA_SCORE_MSE && j == 4) || (kind == BA_SCORE_R && j == 3);

            assert_true(isnan(projected[j]) == undefined);
            assert_true(undefined || fabs(projected[j] - direct[j]) < 1e-9);
        }
    }
}

/* Parts add up: to r, and to r2 of responses about their own mean. */
static void
test_split(void **state)
{
    double y[LONGEST], p[LONGEST] = {0}, parts[3 * LONGEST], r2[3], r[3], scores[3];
    double sum_r2 = 0, sum_r = 0, mean = 0, centred[LONGEST];
    static const double same[] = {2, 2, 2, 2};

    (void) state;
    test_fill_normal(y, LONGEST, 1);
    test_fill_normal(parts, 3 * LONGEST, 2);
    for (size_t i = 0; i < LONGEST; i++) {
        y[i] += 0.3 * parts[i] + 5;
        p[i] = parts[i] + parts[i + LONGEST] + parts[i + 2 * LONGEST];
        mean += y[i] / LONGEST;
    }
    for (size_t i = 0; i < LONGEST; i++) {
        centred[i] = y[i] - mean;
    }
    score_all(centred, p, LONGEST, scores);
    for (size_t k = 0; k < 3; k++) {
        ba_score_split_f64(y, p, parts + k * LONGEST, LONGEST, 1, &r2[k], &r[k]);
        sum_r2 += r2[k];
        sum_r += r[k];
    }
    assert_close(sum_r2, scores[1], 1e-12);
    assert_close(sum_r, scores[2], 1e-13);
    assert_true(r[0] > r[1]);
    ba_score_split_f64(same, y, y, 4, 1, r2, r);
    assert_true(isnan(r2[0]) && isnan(r[0]));
    ba_score_split_f64(y, same, y, 4, 1, r2, r);
    assert_true(!isnan(r2[0]) && isnan(r[0]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_definition),
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_undefined),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_projected),
        cmocka_unit_test(test_split),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
