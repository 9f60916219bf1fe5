/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/version.h"
#include "linalg/blas.h"

#include <cblas.h>
#include <float.h>
#include <limits.h>

/* Around the block of the tiled loops (384) and no multiple of anything. */
static const size_t sizes[] = {1, 383, 384, 385, 700};
#define N_SIZES (sizeof sizes / sizeof *sizes)
#define LARGEST 700

static double *
random_matrix(size_t n, uint64_t seed)
{
    double *x = malloc(n * sizeof *x);

    assert_non_null(x);
    test_fill_normal(x, n, seed);
    return x;
}

static ba_ctx_t
threads(int n)
{
    ba_ctx_t ctx = ba_ctx_default();

    ctx.n_threads = n;
    return ctx;
}

/* A view whose leading dimension is larger than it need be. */
static ba_dmat_t
padded(double *data, size_t n_rows, size_t n_cols)
{
    return ba_dmat(data, n_rows, n_cols, n_rows + 3);
}

static size_t
padded_size(size_t n_rows, size_t n_cols)
{
    return (n_rows + 3) * n_cols;
}

static double
element(ba_op_t op, ba_dmat_t m, size_t i, size_t j)
{
    return op == BA_TRANSPOSE ? m.data[j + i * m.ld] : m.data[i + j * m.ld];
}

/* Twice a sum of `inner` products of normal numbers, each of size about 1: the partial
 * sums stay below 2 inner (the diagonal of a a'), and the roundings of two orders of
 * summation, each at most eps / 2 of its partial sum, add up like a random walk of far
 * fewer than inner such steps. */
static double
tolerance_of(size_t inner)
{
    return 32.0 * DBL_EPSILON * (double) (inner + 8);
}

/* Some elements against loops: all rows and columns next to block borders. */
static void
check_product(double alpha, ba_op_t op_a, ba_dmat_t a, ba_op_t op_b, ba_dmat_t b,
    size_t inner, double beta, const double *before, ba_dmat_t c)
{
    static const size_t marks[] = {0, 1, 191, 382, 383, 384, 385, 500, 698, 699};
    size_t n_marks = sizeof marks / sizeof *marks;

    for (size_t v = 0; v < n_marks * n_marks; v++) {
        size_t i = marks[v % n_marks], j = marks[v / n_marks];
        double sum = 0.0;

        if (i >= c.n_rows || j >= c.n_cols) {
            continue;
        }
        for (size_t k = 0; k < inner; k++) {
            sum += element(op_a, a, i, k) * element(op_b, b, k, j);
        }
        assert_close(c.data[i + j * c.ld], alpha * sum + beta * before[i + j * c.ld],
            tolerance_of(inner));
    }
    for (size_t j = 0; j < c.n_cols; j++) {
        for (size_t i = c.n_rows; i < c.ld; i++) {
            assert_true(c.data[i + j * c.ld] == before[i + j * c.ld]);
        }
    }
}

static void
check_gemm(size_t m, size_t n, size_t inner, ba_op_t op_a, ba_op_t op_b, double beta)
{
    size_t a_rows = op_a == BA_TRANSPOSE ? inner : m, a_cols = m + inner - a_rows;
    size_t b_rows = op_b == BA_TRANSPOSE ? n : inner, b_cols = n + inner - b_rows;
    double *a = random_matrix(padded_size(a_rows, a_cols), 1);
    double *b = random_matrix(padded_size(b_rows, b_cols), 2);
    size_t n_c = padded_size(m, n);
    double *before = random_matrix(n_c, 3), *first = random_matrix(n_c, 3);
    ba_dmat_t view_a = padded(a, a_rows, a_cols), view_b = padded(b, b_rows, b_cols);

    for (int t = 1; t <= 3; t++) {
        ba_ctx_t ctx = threads(t);
        double *c = random_matrix(n_c, 3);

        ba_gemm_tiled(&ctx, -1.5, op_a, ba_dmat_const(view_a), op_b,
            ba_dmat_const(view_b), beta, padded(c, m, n));
        if (t == 1) {
            check_product(
                -1.5, op_a, view_a, op_b, view_b, inner, beta, before, padded(c, m, n));
            memcpy(first, c, n_c * sizeof *c);
        } else {
            assert_memory_equal(c, first, n_c * sizeof *c);
        }
        free(c);
    }
    free(a);
    free(b);
    free(before);
    free(first);
}

/* Every size in every place, every pair of operations. */
static void
test_gemm_tiled(void **state)
{
    (void) state;
    for (size_t i = 0; i < N_SIZES * N_SIZES; i++) {
        size_t m = sizes[i % N_SIZES], n = sizes[i / N_SIZES];

        check_gemm(m, n, sizes[(i + i / N_SIZES) % N_SIZES],
            i % 2 ? BA_TRANSPOSE : BA_KEEP, (i / 2) % 2 ? BA_TRANSPOSE : BA_KEEP,
            i % 3 == 0 ? 0.0 : 0.5);
    }
}

static void
check_syrk(size_t n, size_t inner, ba_op_t op, double beta)
{
    size_t rows = op == BA_TRANSPOSE ? inner : n, cols = n + inner - rows;
    double *a = random_matrix(padded_size(rows, cols), 4);
    size_t n_c = padded_size(n, n);
    double *before = random_matrix(n_c, 5), *first = random_matrix(n_c, 5);
    ba_dmat_t view = padded(a, rows, cols);

    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < j; i++) {
            before[i + j * (n + 3)] = before[j + i * (n + 3)];
        }
    }
    for (int t = 1; t <= 3; t++) {
        ba_ctx_t ctx = threads(t);
        double *c = random_matrix(n_c, 5);

        memcpy(c, before, n_c * sizeof *c);
        ba_syrk_tiled(&ctx, 2.0, op, ba_dmat_const(view), beta, padded(c, n, n));
        for (size_t v = 0; v < n * n; v++) {
            size_t i = v % n, j = v / n;

            assert_true(c[i + j * (n + 3)] == c[j + i * (n + 3)]);
        }
        if (t == 1) {
            check_product(2.0, op, view, op == BA_KEEP ? BA_TRANSPOSE : BA_KEEP, view,
                inner, beta, before, padded(c, n, n));
            memcpy(first, c, n_c * sizeof *c);
        } else {
            assert_memory_equal(c, first, n_c * sizeof *c);
        }
        free(c);
    }
    free(a);
    free(before);
    free(first);
}

static void
test_syrk_tiled(void **state)
{
    (void) state;
    for (size_t i = 0; i < N_SIZES * N_SIZES; i++) {
        check_syrk(sizes[i % N_SIZES], sizes[i / N_SIZES],
            (i + i / N_SIZES) % 2 ? BA_TRANSPOSE : BA_KEEP, i % 3 == 0 ? 1.0 : 0.0);
    }
}

/* With beta 0 whatever stood in c must not matter, NaN included. */
static void
test_beta_zero_forgets(void **state)
{
    double a = 2.0, b = 3.0, c = NAN;
    float af = 2.0f, bf = 3.0f, cf = NAN;

    (void) state;
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(&a, 1, 1, 1), BA_KEEP, ba_cdmat(&b, 1, 1, 1), 0.0,
        ba_dmat(&c, 1, 1, 1));
    ba_gemm_f32(1.0f, BA_KEEP, ba_cmat(&af, 1, 1, 1), BA_KEEP, ba_cmat(&bf, 1, 1, 1),
        0.0f, ba_mat(&cf, 1, 1, 1));
    assert_true(c == 6.0);
    assert_true(cf == 6.0f);
}

static void
test_gemm_f32(void **state)
{
    enum { M = 37, N = 29, K = 61 };
    float a[K * M], b[K * N], c[M * N];

    (void) state;
    test_fill_normal_f32(a, K * M, 6);
    test_fill_normal_f32(b, K * N, 7);
    for (size_t i = 0; i < M * N; i++) {
        c[i] = 1.0f;
    }
    ba_gemm_f32(2.0f, BA_TRANSPOSE, ba_cmat(a, K, M, K), BA_KEEP, ba_cmat(b, K, N, K),
        -1.0f, ba_mat(c, M, N, M));
    for (size_t v = 0; v < M * N; v++) {
        double sum = 0.0;

        for (size_t k = 0; k < K; k++) {
            sum += (double) a[k + v % M * K] * (double) b[k + v / M * K];
        }
        /* eps of float32 times a sum of sizes of about 2 K */
        assert_close((double) c[v], 2.0 * sum - 1.0, 4.0 * K * (double) FLT_EPSILON);
    }
}

/* Random positive definite: a a' + I. */
static double *
positive_definite(size_t n)
{
    double *a = random_matrix(n * n, 8), *s = random_matrix(n * n, 9);
    ba_ctx_t ctx = threads(1);

    ba_syrk_tiled(&ctx, 1.0, BA_KEEP, ba_cdmat(a, n, n, n), 0.0, ba_dmat(s, n, n, n));
    for (size_t i = 0; i < n; i++) {
        s[i + i * n] += 1.0;
    }
    free(a);
    return s;
}

/* |A V - V L| and |V'V - I|, and ascending eigenvalues. */
static void
test_eigen_symmetric(void **state)
{
    static const size_t orders[] = {1, 2, 17, 130};

    (void) state;
    for (size_t o = 0; o < 4; o++) {
        size_t n = orders[o];
        double *a = positive_definite(n), *vectors = positive_definite(n);
        double lambda[130], scale = 4.0 * (double) n + 1.0;

        assert_int_equal(
            ba_eigen_symmetric(NULL, ba_dmat(vectors, n, n, n), lambda), BA_OK);
        for (size_t v = 0; v < n * n; v++) {
            size_t i = v % n, j = v / n;
            double left = 0.0, dot = 0.0;

            for (size_t k = 0; k < n; k++) {
                left += a[i + k * n] * vectors[k + j * n];
                dot += vectors[k + i * n] * vectors[k + j * n];
            }
            assert_close(left, lambda[j] * vectors[i + j * n],
                scale * (double) n * 8 * DBL_EPSILON);
            assert_close(dot, i == j ? 1.0 : 0.0, (double) (n + 8) * 8 * DBL_EPSILON);
            assert_true(j == 0 || lambda[j] >= lambda[j - 1]);
        }
        free(a);
        free(vectors);
    }
    assert_int_equal(ba_eigen_symmetric(NULL, ba_dmat(NULL, 0, 0, 1), NULL), BA_OK);
}

/* L L' = A in the lower triangle, and A x = b. */
static void
test_cholesky(void **state)
{
    static const size_t orders[] = {1, 2, 17, 130};

    (void) state;
    for (size_t o = 0; o < 4; o++) {
        size_t n = orders[o];
        double *a = positive_definite(n), *l = positive_definite(n);
        double *b = random_matrix(n * 3, 10), *x = random_matrix(n * 3, 10);
        double scale = 4.0 * (double) n + 1.0;

        assert_int_equal(ba_cholesky(ba_dmat(l, n, n, n)), BA_OK);
        ba_cholesky_solve(ba_cdmat(l, n, n, n), ba_dmat(x, n, 3, n));
        for (size_t v = 0; v < n * n; v++) {
            size_t i = v % n, j = v / n;
            double sum = 0.0;

            for (size_t k = 0; k <= j && i >= j; k++) {
                sum += l[i + k * n] * l[j + k * n];
            }
            assert_true(i < j || fabs(sum - a[v]) <= scale * 64 * DBL_EPSILON);
        }
        for (size_t v = 0; v < n * 3; v++) {
            double sum = 0.0;

            for (size_t k = 0; k < n; k++) {
                sum += a[v % n + k * n] * x[k + v / n * n];
            }
            assert_close(sum, b[v], scale * (double) n * 64 * DBL_EPSILON);
        }
        free(a);
        free(l);
        free(b);
        free(x);
    }
}

static void
test_degenerate_input(void **state)
{
    double nan[4] = {1.0, NAN, NAN, 1.0}, negative[4] = {1.0, 2.0, 2.0, 1.0};
    double nan_again[4] = {NAN, 0.0, 0.0, 1.0}, infinite[4] = {INFINITY, 1.0, 1.0, 1.0};
    double lambda[2];

    (void) state;
    assert_int_equal(ba_eigen_symmetric(NULL, ba_dmat(nan, 2, 2, 2), lambda), BA_NUMERIC);
    assert_contains(ba_error_message(), "not finite");
    assert_int_equal(ba_cholesky(ba_dmat(nan_again, 2, 2, 2)), BA_NUMERIC);
    assert_int_equal(ba_cholesky(ba_dmat(negative, 2, 2, 2)), BA_NUMERIC);
    assert_contains(ba_error_message(), "Cholesky");
    assert_int_equal(
        ba_eigen_symmetric(NULL, ba_dmat(infinite, 2, 2, 2), lambda), BA_NUMERIC);
}

/* GSL's library comes with a CBLAS of its own, ten times slower: the one that is bound
 * must be OpenBLAS. Its settings are asked for at run time, and its one-thread mode must
 * be in force after ba_blas_single_thread(). */
static void
test_openblas_is_bound(void **state)
{
    (void) state;
    assert_contains(openblas_get_config(), "OpenBLAS");
    assert_true(strlen(openblas_get_corename()) > 0);
    assert_string_equal(ba_version_blas_core(), openblas_get_corename());
    openblas_set_num_threads(2);
    ba_blas_single_thread();
    assert_int_equal(openblas_get_num_threads(), 1);
}

static void
test_dimension_check(void **state)
{
    (void) state;
    assert_int_equal(ba_blas_check(INT_MAX), BA_OK);
    assert_int_equal(ba_blas_check((size_t) INT_MAX + 1), BA_TOO_LARGE);
}

/* a = O R, O'O = 1, R upper triangular; the triangle alone agrees with it. */
static void
test_qr(void **state)
{
    enum { N = 37, P = 12 };
    double a[N * P], o[N * P], t[N * P], r[P * P];
    uint64_t seed = 5;

    (void) state;
    for (size_t i = 0; i < N * P; i++) {
        a[i] = o[i] = t[i] = test_normal(&seed);
    }
    assert_int_equal(ba_qr(ba_dmat(o, N, P, N), ba_dmat(r, P, P, P)), BA_OK);
    assert_int_equal(ba_qr_triangle(ba_dmat(t, N, P, N)), BA_OK);
    for (size_t j = 0; j < P; j++) {
        for (size_t i = 0; i < N; i++) {
            double sum = 0.0;

            for (size_t k = 0; k < P; k++) {
                sum += o[i + k * N] * r[k + j * P];
            }
            assert_close(sum, a[i + j * N], 1e-13);
        }
        for (size_t i = 0; i < P; i++) {
            double sum = 0.0;

            for (size_t k = 0; k < N; k++) {
                sum += o[k + i * N] * o[k + j * N];
            }
            assert_close(sum, i == j ? 1.0 : 0.0, 1e-13);
            assert_true(i <= j || r[i + j * P] == 0.0);
            assert_close(fabs(t[i + j * N]), fabs(r[i + j * P]), 1e-13);
        }
    }
}

/* b = u b; what stands below the diagonal of u is not read. */
static void
test_trmm(void **state)
{
    enum { N = 19, V = 6 };
    double u[N * N], b[N * V], before[N * V];
    float u32[N * N], b32[N * V];
    uint64_t seed = 6;

    (void) state;
    for (size_t i = 0; i < N * N; i++) {
        u[i] = i % N <= i / N ? test_normal(&seed) : (double) NAN;
        u32[i] = (float) u[i];
    }
    for (size_t i = 0; i < N * V; i++) {
        b[i] = before[i] = test_normal(&seed);
        b32[i] = (float) b[i];
    }
    ba_trmm_f64(ba_cdmat(u, N, N, N), ba_dmat(b, N, V, N));
    ba_trmm_f32(ba_cmat(u32, N, N, N), ba_mat(b32, N, V, N));
    for (size_t j = 0; j < V; j++) {
        for (size_t i = 0; i < N; i++) {
            double sum = 0.0;

            for (size_t k = i; k < N; k++) {
                sum += u[i + k * N] * before[k + j * N];
            }
            assert_close(b[i + j * N], sum, 1e-13);
            assert_close((double) b32[i + j * N], sum, 1e-4);
        }
    }
}

/* Around the sizes at which a triangle is cut, in a view with rows to spare. */
static void
test_cholesky_invert(void **state)
{
    static const size_t ns[] = {1, 2, 64, 127, 128, 129, 191, 257, 700};

    (void) state;
    for (size_t c = 0; c < sizeof ns / sizeof *ns; c++) {
        size_t n = ns[c];
        double *x = random_matrix(2 * n * n, 40 + c), *a = malloc(n * n * sizeof *a);
        double *inverse = calloc(padded_size(n, n), sizeof *inverse);
        ba_dmat_t w = padded(inverse, n, n);

        assert_non_null(a);
        assert_non_null(inverse);
        ba_gemm_f64(1.0 / (double) n, BA_TRANSPOSE, ba_cdmat(x, 2 * n, n, 2 * n), BA_KEEP,
            ba_cdmat(x, 2 * n, n, 2 * n), 0.0, ba_dmat(a, n, n, n));
        for (size_t j = 0; j < n; j++) {
            for (size_t i = j; i < n; i++) {
                w.data[i + j * w.ld] = a[i + j * n];
            }
        }
        assert_int_equal(ba_cholesky(w), BA_OK);
        ba_cholesky_invert(w);
        for (size_t j = 0; j < n; j++) {
            for (size_t i = 0; i < n; i++) {
                double sum = 0.0;

                for (size_t k = 0; k < n; k++) {
                    sum += a[i + k * n] * w.data[k + j * w.ld];
                }
                assert_close(sum, i == j ? 1.0 : 0.0, 1e-12);
                assert_true(w.data[i + j * w.ld] == w.data[j + i * w.ld]);
            }
        }
        free(x);
        free(a);
        free(inverse);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gemm_tiled),
        cmocka_unit_test(test_syrk_tiled),
        cmocka_unit_test(test_beta_zero_forgets),
        cmocka_unit_test(test_gemm_f32),
        cmocka_unit_test(test_eigen_symmetric),
        cmocka_unit_test(test_cholesky),
        cmocka_unit_test(test_cholesky_invert),
        cmocka_unit_test(test_qr),
        cmocka_unit_test(test_trmm),
        cmocka_unit_test(test_degenerate_input),
        cmocka_unit_test(test_openblas_is_bound),
        cmocka_unit_test(test_dimension_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
