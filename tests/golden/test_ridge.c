/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole ridge fits of awkward matrices against 60-digit arithmetic (golden file E9).
 *
 * "Pass" for fitted values is 20 times the larger of the errors that a plain float64 SVD
 * and a plain float64 Cholesky solver make, plus 1e-13; weights and predictions may be
 * off by 1e-12 of the target's largest where the condition number of X'X + alpha is below
 * 1e3, else by that number times 1e-15. */
#include "tests/golden/golden.h"

#include "brainalign/fit.h"

#define E9 "golden/encode/e9_numerics.h5"

/* One case of the file; matrices in C order as stored. */
typedef struct {
    const char *name;
    golden_t alphas, x, y, x_new, weights, fitted, predictions, condition, svd, cholesky;
    size_t n, p, v;
} case_t;

static case_t
read_case(const char *file, const char *name)
{
    case_t c = {.name = name,
        .alphas = golden_read(file, "/alphas"),
        .x = golden_read_in(file, name, "X"),
        .y = golden_read_in(file, name, "Y"),
        .x_new = golden_read_in(file, name, "X_new"),
        .weights = golden_read_in(file, name, "weights"),
        .fitted = golden_read_in(file, name, "fitted"),
        .predictions = golden_read_in(file, name, "predictions"),
        .condition = golden_read_in(file, name, "condition"),
        .svd = golden_read_in(file, name, "fitted_error_float64_svd"),
        .cholesky = golden_read_in(file, name, "fitted_error_float64_cholesky")};

    c.n = c.x.dims[0];
    c.p = c.x.dims[1];
    c.v = c.y.dims[1];
    return c;
}

static void
free_case(case_t *c)
{
    golden_free(&c->alphas);
    golden_free(&c->x);
    golden_free(&c->y);
    golden_free(&c->x_new);
    golden_free(&c->weights);
    golden_free(&c->fitted);
    golden_free(&c->predictions);
    golden_free(&c->condition);
    golden_free(&c->svd);
    golden_free(&c->cholesky);
}

/* Column-major copy. */
static double *
by_column(const golden_t *array)
{
    size_t n = array->dims[0], p = array->dims[1];
    double *columns = malloc(array->n * sizeof *columns);

    assert_non_null(columns);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < p; j++) {
            columns[i + j * n] = array->data[i * p + j];
        }
    }
    return columns;
}

/* Weights p x v column-major, for the caller to free. */
static double *
solve(const golden_t *x, const golden_t *y, double alpha, ba_ridge_opts_t opts,
    double *intercepts)
{
    size_t n = x->dims[0], p = x->dims[1], v = y->dims[1];
    double *columns = by_column(x), *targets = by_column(y);
    double *weights = malloc(p * v * sizeof *weights);

    assert_non_null(weights);
    if (ba_ridge_solve(NULL, (ba_cdmat_t){columns, n, p, n},
            (ba_cdmat_t){targets, n, v, n}, &alpha, 1, &opts,
            (ba_dmat_t){weights, p, v, p}, intercepts) != 0) {
        fail_msg("%s", ba_error_message());
    }
    free(columns);
    free(targets);
    return weights;
}

/* Entry (i, j) of X W in extended precision: the test must add no error of its own. */
static double
product(const golden_t *x, size_t i, const double *w, size_t j)
{
    size_t p = x->dims[1];
    long double sum = 0;

    for (size_t k = 0; k < p; k++) {
        sum += (long double) x->data[i * p + k] * (long double) w[k + j * p];
    }
    return (double) sum;
}

/* |X W - wanted| / |Y|, Frobenius. */
static double
fitted_error(const golden_t *x, const golden_t *y, const double *w, const double *wanted)
{
    double error = 0, size = 0;

    for (size_t i = 0; i < y->dims[0]; i++) {
        for (size_t j = 0; j < y->dims[1]; j++) {
            double found = product(x, i, w, j);

            error += pow(found - wanted[i * y->dims[1] + j], 2);
            size += pow(y->data[i * y->dims[1] + j], 2);
        }
    }
    return sqrt(error / size);
}

static double
largest_of_target(const double *wanted, size_t n, size_t v, size_t j)
{
    double largest = 0;

    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(wanted[i * v + j]));
    }
    return largest;
}

/* Largest difference of a weight, in units of the target's largest weight. */
static double
weight_error(const double *w, const double *wanted, size_t p, size_t v)
{
    double worst = 0;

    for (size_t j = 0; j < v; j++) {
        double unit = largest_of_target(wanted, p, v, j);

        for (size_t i = 0; i < p; i++) {
            worst = fmax(worst, fabs(w[i + j * p] - wanted[i * v + j]) / unit);
        }
    }
    return worst;
}

static double
prediction_error(const golden_t *x_new, const double *w, const double *wanted, size_t v)
{
    size_t n = x_new->dims[0];
    double worst = 0;

    for (size_t j = 0; j < v; j++) {
        double unit = largest_of_target(wanted, n, v, j);

        for (size_t i = 0; i < n; i++) {
            worst = fmax(worst, fabs(product(x_new, i, w, j) - wanted[i * v + j]) / unit);
        }
    }
    return worst;
}

/* Says every number before the first failure ends the test. */
static int
judge(const char *name, const char *what, double alpha, double found, double allowed)
{
    int bad = !(found <= allowed);

    print_message("%-26s alpha %-6.0e %-12s %9.2e, allowed %9.2e%s\n", name, alpha, what,
        found, allowed, bad ? "  FAILED" : "");
    return bad;
}

static int
check_alpha(const case_t *c, size_t k, ba_ridge_opts_t opts)
{
    double alpha = c->alphas.data[k], condition = c->condition.data[k];
    double allowed = condition < 1e3 ? 1e-12 : condition * 1e-15;
    double *w = solve(&c->x, &c->y, alpha, opts, NULL);
    int bad = 0;

    /* fmax() passes over the NaN of a peer that failed. */
    bad += judge(c->name, "fitted", alpha,
        fitted_error(&c->x, &c->y, w, c->fitted.data + k * c->n * c->v),
        20 * fmax(c->svd.data[k], c->cholesky.data[k]) + 1e-13);
    bad += judge(c->name, "weights", alpha,
        weight_error(w, c->weights.data + k * c->p * c->v, c->p, c->v), allowed);
    bad += judge(c->name, "predictions", alpha,
        prediction_error(
            &c->x_new, w, c->predictions.data + k * c->x_new.dims[0] * c->v, c->v),
        allowed);
    free(w);
    return bad;
}

static void
test_case(void **state)
{
    char file[TEST_PATH_SIZE];
    const char *name = *state;
    ba_ridge_opts_t opts = {BA_SOLVER_AUTO, BA_INTERCEPT_NO};
    int bad = 0;
    case_t c;

    test_need_data(file, E9);
    c = read_case(file, name);
    assert_true(c.alphas.n == 7 && c.weights.n == 7 * c.p * c.v);
    for (size_t k = 0; k < c.alphas.n; k++) {
        bad += check_alpha(&c, k, opts);
    }
    free_case(&c);
    assert_int_equal(bad, 0);
}

#define CASE(name) {"e9 " name, test_case, NULL, NULL, (void *) (name)}

int
main(void)
{
    static char names[][32] = {"collinear", "float32", "large_offset", "one_feature",
        "one_row", "scales", "square", "two_rows", "wide", "zero_and_constant_column"};
    const struct CMUnitTest tests[] = {
        {"e9 collinear", test_case, NULL, NULL, names[0]},
        {"e9 float32", test_case, NULL, NULL, names[1]},
        {"e9 large_offset", test_case, NULL, NULL, names[2]},
        {"e9 one_feature", test_case, NULL, NULL, names[3]},
        {"e9 one_row", test_case, NULL, NULL, names[4]},
        {"e9 scales", test_case, NULL, NULL, names[5]},
        {"e9 square", test_case, NULL, NULL, names[6]},
        {"e9 two_rows", test_case, NULL, NULL, names[7]},
        {"e9 wide", test_case, NULL, NULL, names[8]},
        {"e9 zero_and_constant_column", test_case, NULL, NULL, names[9]},
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
