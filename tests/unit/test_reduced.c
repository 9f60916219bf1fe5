/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "linalg/reduced.h"

#include <float.h>

/* One block, a part of one, rows left over after whole panels; 700 has a wider band, and
 * more than one block of the grid (256). */
static const size_t sizes[] = {1, 2, 16, 17, 40, 300, 511, 700};
#define N_SIZES (sizeof sizes / sizeof *sizes)

typedef struct {
    size_t n;
    double *a, *q;
    ba_reduced_t reduced;
} case_t;

/* A positive definite matrix X X' + n I, whole. */
static double *
positive(size_t n)
{
    double *x = malloc(n * n * sizeof *x), *a = malloc(n * n * sizeof *a);
    const ba_ctx_t ctx = ba_ctx_default();

    assert_non_null(x);
    assert_non_null(a);
    test_fill_normal(x, n * n, 7 + n);
    ba_syrk_tiled(&ctx, 1.0, BA_KEEP, ba_cdmat(x, n, n, n), 0.0, ba_dmat(a, n, n, n));
    for (size_t i = 0; i < n; i++) {
        a[i + i * n] += (double) n;
    }
    free(x);
    return a;
}

static case_t
make_case(size_t n, int n_threads)
{
    case_t c = {.n = n, .a = positive(n), .q = malloc(n * n * sizeof(double))};
    double *copy = malloc(n * n * sizeof *copy);
    ba_ctx_t ctx = ba_ctx_default();

    assert_non_null(c.q);
    assert_non_null(copy);
    memcpy(copy, c.a, n * n * sizeof *copy);
    for (size_t j = 0; j < n; j++) { /* the upper triangle is not read */
        for (size_t i = 0; i < j; i++) {
            copy[i + j * n] = 1e30;
        }
    }
    ctx.n_threads = n_threads;
    assert_int_equal(ba_reduce_symmetric(
                         &ctx, ba_dmat(copy, n, n, n), ba_dmat(c.q, n, n, n), &c.reduced),
        BA_OK);
    free(copy);
    return c;
}

static void
free_case(case_t *c)
{
    ba_reduced_free(&c->reduced);
    free(c->a);
    free(c->q);
}

/* B as a whole matrix. */
static double *
expand(const ba_reduced_t *reduced)
{
    size_t n = reduced->n, w = reduced->width;
    double *b = calloc(n * n, sizeof *b);

    assert_non_null(b);
    for (size_t j = 0; j < n; j++) {
        size_t block = j / w;

        for (size_t i = j; i < n && i < (block + 2) * w; i++) {
            const double *from = i / w == block ? reduced->diagonal : reduced->below;

            b[i + j * n] = b[j + i * n] = from[block * w * w + i % w + j % w * w];
        }
    }
    return b;
}

/* Largest difference of op(x) y and z, all n x n. */
static double
worst(
    ba_op_t op, const double *x, ba_op_t op_y, const double *y, const double *z, size_t n)
{
    double *product = malloc(n * n * sizeof *product), most = 0.0;

    assert_non_null(product);
    ba_gemm_f64(1.0, op, ba_cdmat(x, n, n, n), op_y, ba_cdmat(y, n, n, n), 0.0,
        ba_dmat(product, n, n, n));
    for (size_t i = 0; i < n * n; i++) {
        most = fmax(most, fabs(product[i] - z[i]));
    }
    free(product);
    return most;
}

/* Householder reductions are backward stable: an error of a few eps |A| whatever n; |A| is
 * at most 5 n here. 30 times eps leaves room for the norm of the sums. */
static void
test_reduction_is_orthogonal(void **state)
{
    (void) state;
    for (size_t s = 0; s < N_SIZES; s++) {
        case_t c = make_case(sizes[s], 1);
        size_t n = c.n;
        double *b = expand(&c.reduced), *unit = calloc(n * n, sizeof *unit);
        double *product = malloc(n * n * sizeof *product);

        assert_non_null(unit);
        assert_non_null(product);
        for (size_t i = 0; i < n; i++) {
            unit[i + i * n] = 1.0;
        }
        assert_true(worst(BA_TRANSPOSE, c.q, BA_KEEP, c.q, unit, n) < 30 * DBL_EPSILON);
        ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(c.q, n, n, n), BA_KEEP, ba_cdmat(b, n, n, n),
            0.0, ba_dmat(product, n, n, n));
        assert_true(worst(BA_KEEP, product, BA_TRANSPOSE, c.q, c.a, n) <
                    30 * DBL_EPSILON * 5 * (double) n);
        free(b);
        free(unit);
        free(product);
        free_case(&c);
    }
}

/* Solutions through the band against the matrix itself; the condition is below 6. */
static void
test_solving(void **state)
{
    (void) state;
    for (size_t s = 0; s < N_SIZES; s++) {
        case_t c = make_case(sizes[s], 1);
        size_t n = c.n, n_rhs = 3;
        double alpha = 0.5 * (double) n;
        double *factor = malloc(ba_reduced_factor_size(&c.reduced) * sizeof *factor);
        double *y = malloc(n * n_rhs * sizeof *y), *z = malloc(n * n_rhs * sizeof *z);
        double *x = malloc(n * n_rhs * sizeof *x), norm = 0.0, half = 0.0;
        ba_dmat_t band = ba_dmat(z, n, n_rhs, n);

        assert_true(factor && x && y && z);
        test_fill_normal(y, n * n_rhs, 3);
        assert_int_equal(ba_reduced_factor(&c.reduced, alpha, factor), BA_OK);
        ba_gemm_f64(1.0, BA_TRANSPOSE, ba_cdmat(c.q, n, n, n), BA_KEEP,
            ba_cdmat(y, n, n_rhs, n), 0.0, band);
        ba_reduced_solve(&c.reduced, factor, band);
        ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(c.q, n, n, n), BA_KEEP, ba_dmat_const(band),
            0.0, ba_dmat(x, n, n_rhs, n));
        for (size_t j = 0; j < n_rhs; j++) {
            for (size_t i = 0; i < n; i++) {
                double sum = alpha * x[i + j * n];

                for (size_t k = 0; k < n; k++) {
                    sum += c.a[i + k * n] * x[k + j * n];
                }
                assert_true(fabs(sum - y[i + j * n]) < 1e-12);
                norm += j == 0 ? x[i] * y[i] : 0.0; /* y'(A + alpha)^-1 y */
            }
        }
        ba_gemm_f64(1.0, BA_TRANSPOSE, ba_cdmat(c.q, n, n, n), BA_KEEP,
            ba_cdmat(y, n, 1, n), 0.0, ba_dmat(z, n, 1, n));
        ba_reduced_solve_lower(&c.reduced, factor, ba_dmat(z, n, 1, n));
        for (size_t i = 0; i < n; i++) {
            half += z[i] * z[i]; /* |L^-1 Q'y|^2 */
        }
        assert_true(fabs(half - norm) < 1e-12 * norm);
        free(factor);
        free(x);
        free(y);
        free(z);
        free_case(&c);
    }
}

/* All eigenvalues are above n, so that a shift of - n is the last that must pass. */
static void
test_definiteness(void **state)
{
    case_t c = make_case(40, 1);
    double *factor = malloc(ba_reduced_factor_size(&c.reduced) * sizeof *factor);

    (void) state;
    assert_non_null(factor);
    assert_int_equal(ba_reduced_factor(&c.reduced, -40.0, factor), BA_OK);
    assert_int_equal(ba_reduced_factor(&c.reduced, -240.0, factor), BA_NUMERIC);
    free(factor);
    free_case(&c);
}

static void
test_threads_change_no_bit(void **state)
{
    case_t one = make_case(700, 1), two = make_case(700, 2);
    size_t n = one.n, w = one.reduced.width, blocks = (n + w - 1) / w;

    (void) state;
    assert_memory_equal(one.q, two.q, n * n * sizeof *one.q);
    assert_memory_equal(
        one.reduced.diagonal, two.reduced.diagonal, blocks * w * w * sizeof(double));
    assert_memory_equal(
        one.reduced.below, two.reduced.below, blocks * w * w * sizeof(double));
    free_case(&one);
    free_case(&two);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reduction_is_orthogonal),
        cmocka_unit_test(test_solving),
        cmocka_unit_test(test_definiteness),
        cmocka_unit_test(test_threads_change_no_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
