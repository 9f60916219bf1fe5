/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Leave-one-out in closed form against scikit-learn (golden file E3, loo): 362 samples,
 * 256 z-scored columns, detrended responses, an intercept refitted without every sample.
 */
#include "tests/golden/golden.h"

#include "brainalign/detrend.h"
#include "brainalign/ridge.h"

#define E3 "golden/encode/e3_primal.h5"
#define DATA "data/alice_rois/alice_6mm.h5"

#define N 362
#define P 256
#define N_ALPHAS 13
#define N_TARGETS 162

/* The problem of the file. Everything column-major. */
typedef struct {
    double *features; /* N x 64 */
    double *mean, *scale;
    double *y; /* N x N_TARGETS, detrended */
    size_t rows[N];
    ba_space_t space;
    ba_runs_t runs;
    ba_design_t *design;
    ba_training_t training;
} problem_t;

static double *
new_doubles(size_t n)
{
    double *x = calloc(n, sizeof *x);

    assert_non_null(x);
    return x;
}

/* Detrends all responses and checks them against the sample in the file. */
static void
make_responses(problem_t *problem, const char *golden, const char *data)
{
    golden_t y = golden_read(data, "/responses");
    golden_t targets = golden_read(golden, "/loo/targets");
    golden_t sample = golden_read(golden, "/detrended_sample");
    golden_check_t check = {.what = "detrended"};
    ba_detrend_opts_t opts = {.kind = BA_DETREND_POLY, .degree = 3};
    ba_detrend_t *detrend;
    size_t n_all = y.dims[1];
    double *all = new_doubles(y.n);

    assert_int_equal(y.dims[0], N);
    assert_int_equal(targets.n, N_TARGETS);
    for (size_t i = 0; i < y.n; i++) {
        all[i / n_all + i % n_all * N] = y.data[i];
    }
    assert_int_equal(ba_detrend_new(&opts, &problem->runs, (ba_cdmat_t){0}, &detrend), 0);
    assert_int_equal(ba_detrend_apply(detrend, (ba_dmat_t){all, N, n_all, N}), 0);
    for (size_t i = 0; i < sample.n; i++) { /* rows 0, 29, ..; columns 0, 5, .. */
        size_t row = i / sample.dims[1] * 29, column = i % sample.dims[1] * 5;
        double largest = 0;

        for (size_t t = 0; t < N; t++) {
            largest = fmax(largest, fabs(y.data[t * n_all + column]));
        }
        golden_close(&check, i, all[row + column * N], sample.data[i], 1e-12 * largest);
    }
    golden_report("loo", &check);
    for (size_t j = 0; j < N_TARGETS; j++) {
        memcpy(problem->y + j * N, all + (size_t) targets.data[j] * N, N * sizeof *all);
    }
    ba_detrend_free(detrend);
    golden_free(&y);
    golden_free(&targets);
    golden_free(&sample);
    free(all);
}

/* Mean and population deviation of every delayed column. */
static void
find_scaling(problem_t *problem)
{
    double column[N];

    for (size_t j = 0; j < P; j++) {
        double squares = 0;

        ba_design_read(problem->design, problem->rows, N, j, 1, column, N);
        for (size_t i = 0; i < N; i++) {
            problem->mean[j] += column[i] / N;
        }
        for (size_t i = 0; i < N; i++) {
            squares += pow(column[i] - problem->mean[j], 2);
        }
        problem->scale[j] = sqrt(squares / N);
    }
}

static void
make_problem(problem_t *problem, const char *golden, const char *data)
{
    static const int delays[] = {1, 2, 3, 4};
    golden_t features = golden_read(data, "/features/tinylm");

    assert_int_equal(features.n, N * 384);
    problem->features = new_doubles(N * 64);
    problem->mean = new_doubles(P);
    problem->scale = new_doubles(P);
    problem->y = new_doubles(N * N_TARGETS);
    for (size_t j = 0; j < 64; j++) {
        for (size_t i = 0; i < N; i++) {
            problem->features[i + j * N] = features.data[i * 384 + 320 + j];
        }
    }
    for (size_t i = 0; i < N; i++) {
        problem->rows[i] = i;
    }
    problem->space = (ba_space_t){"tinylm", NULL, problem->features, 64, delays, 4, 0};
    assert_int_equal(ba_runs_one(N, &problem->runs), 0);
    assert_int_equal(ba_design_new(&problem->space, 1, &problem->runs,
                         BA_DELAY_WITHIN_RUNS, &problem->design),
        0);
    assert_int_equal(ba_design_n_columns(problem->design), P);
    find_scaling(problem);
    problem->training =
        (ba_training_t){problem->design, problem->rows, N, problem->mean, problem->scale};
    make_responses(problem, golden, data);
    golden_free(&features);
}

static void
free_problem(problem_t *problem)
{
    ba_design_free(problem->design);
    ba_runs_free(&problem->runs);
    free(problem->features);
    free(problem->mean);
    free(problem->scale);
    free(problem->y);
}

/* The dual right-hand side, Y without row `out`. */
static void
rhs_dual(const problem_t *problem, size_t out, double *rhs)
{
    for (size_t j = 0; j < N_TARGETS; j++) {
        const double *y = problem->y + j * N;

        memcpy(rhs + j * (N - 1), y, out * sizeof *rhs);
        memcpy(rhs + j * (N - 1) + out, y + out + 1, (N - 1 - out) * sizeof *rhs);
    }
}

/* The primal one, project' Y and sums of Y, less the part of row `out`. */
static void
rhs_primal(const problem_t *problem, ba_cdmat_t project, const double *whole, size_t out,
    double *rhs)
{
    size_t n_rhs = project.n_cols + 1;

    for (size_t j = 0; j < N_TARGETS; j++) {
        double y = problem->y[out + j * N];

        for (size_t k = 0; k < n_rhs; k++) {
            double q = k < project.n_cols ? project.data[out + k * project.ld] : 1;

            rhs[k + j * n_rhs] = whole[k + j * n_rhs] - q * y;
        }
    }
}

static void
whole_rhs(const problem_t *problem, ba_cdmat_t project, double *whole)
{
    for (size_t j = 0; j < N_TARGETS; j++) {
        for (size_t k = 0; k <= project.n_cols; k++) {
            double sum = 0;

            for (size_t i = 0; i < N; i++) {
                double q = k < project.n_cols ? project.data[i + k * project.ld] : 1;

                sum += q * problem->y[i + j * N];
            }
            whole[k + j * (project.n_cols + 1)] = sum;
        }
    }
}

/* Adds the squared errors of every sample left out alone to mse, one per target. */
static void
leave_each_out(const problem_t *problem, const ba_ridge_factor_t *factor, double alpha,
    const double *whole, double *mse)
{
    int dual = ba_ridge_factor_solver(factor) == BA_SOLVER_DUAL;
    size_t n_rhs = ba_ridge_holdout_n_rhs(factor, BA_INTERCEPT_YES, N - 1);
    ba_dmat_t m = {dual ? new_doubles(N * N) : NULL, dual ? N : 0, dual ? N : 0, N};
    double *p = new_doubles(n_rhs), *rhs = new_doubles(n_rhs * N_TARGETS);
    const size_t first = 0;

    if (dual) {
        ba_dmat_t work = {new_doubles(N * N), N, N, N};

        ba_ridge_residual_maker(NULL, factor, alpha, BA_INTERCEPT_YES, work, m);
        free(work.data);
    }
    for (size_t out = 0; out < N; out++) {
        assert_int_equal(ba_ridge_holdout(factor, alpha, BA_INTERCEPT_YES,
                             (ba_cdmat_t){m.data, m.n_rows, m.n_cols, m.ld}, &out, 1,
                             &first, 1, (ba_dmat_t){p, 1, n_rhs, 1}),
            0);
        if (dual) {
            rhs_dual(problem, out, rhs);
        } else {
            rhs_primal(problem, ba_ridge_factor_project(factor), whole, out, rhs);
        }
        for (size_t j = 0; j < N_TARGETS; j++) {
            double error = problem->y[out + j * N];

            for (size_t k = 0; k < n_rhs; k++) {
                error -= p[k] * rhs[k + j * n_rhs];
            }
            mse[j] += error * error / N;
        }
    }
    free(m.data);
    free(p);
    free(rhs);
}

/* The smallest error must be at the wanted alpha where it leads by more than rounding. */
static void
check_best(const double *mse, const golden_t *alphas, const char *golden)
{
    golden_t best = golden_read(golden, "/loo/best_alphas");
    golden_t margin = golden_read(golden, "/loo/alpha_margin");
    size_t n_compared = 0;

    for (size_t j = 0; j < N_TARGETS; j++) {
        size_t k = 0;

        for (size_t i = 1; i < N_ALPHAS; i++) {
            k = mse[j + i * N_TARGETS] <= mse[j + k * N_TARGETS] ? i : k;
        }
        if (margin.data[j] > 1e-8 * mse[j + k * N_TARGETS]) {
            assert_true(golden_same_alpha(alphas->data[k], best.data[j]));
            n_compared++;
        }
    }
    assert_true(n_compared * 10 >= N_TARGETS * 9);
    golden_free(&best);
    golden_free(&margin);
}

static void
check_form(const problem_t *problem, ba_solver_t solver, const char *golden)
{
    golden_t alphas = golden_read(golden, "/alphas");
    golden_t wanted = golden_read(golden, "/loo/mse");
    golden_check_t check = {.what = "mse / wanted"};
    double *mse = new_doubles(N_ALPHAS * N_TARGETS);
    double *whole = new_doubles((P + 1) * N_TARGETS);
    ba_ridge_factor_t *factor;

    assert_int_equal(wanted.n, N_ALPHAS * N_TARGETS);
    assert_int_equal(
        ba_ridge_factor(NULL, &problem->training, solver, BA_INTERCEPT_YES, &factor), 0);
    if (solver == BA_SOLVER_PRIMAL) {
        whole_rhs(problem, ba_ridge_factor_project(factor), whole);
    }
    for (size_t k = 0; k < N_ALPHAS; k++) {
        leave_each_out(problem, factor, alphas.data[k], whole, mse + k * N_TARGETS);
    }
    for (size_t i = 0; i < wanted.n; i++) {
        golden_close(&check, i, mse[i] / wanted.data[i], 1, 1e-9);
    }
    golden_report(solver == BA_SOLVER_DUAL ? "loo dual" : "loo primal", &check);
    check_best(mse, &alphas, golden);
    ba_ridge_factor_free(factor);
    golden_free(&alphas);
    golden_free(&wanted);
    free(mse);
    free(whole);
}

static void
test_leave_one_out(void **state)
{
    char golden[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    problem_t problem = {0};

    (void) state;
    test_need_data(golden, E3);
    test_need_data(data, DATA);
    make_problem(&problem, golden, data);
    check_form(&problem, BA_SOLVER_PRIMAL, golden);
    check_form(&problem, BA_SOLVER_DUAL, golden);
    free_problem(&problem);
}

/* The fit of all samples at the best alpha: intercepts of all targets, weights of the
 * first twelve. */
static void
test_refit(void **state)
{
    char golden[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    ba_ridge_opts_t opts = {BA_SOLVER_AUTO, BA_INTERCEPT_YES};
    golden_check_t check_w = {.what = "weights"}, check_b = {.what = "intercepts"};
    problem_t problem = {0};
    golden_t best, b, w;
    double *x, *weights, *intercepts;

    (void) state;
    test_need_data(golden, E3);
    test_need_data(data, DATA);
    make_problem(&problem, golden, data);
    x = new_doubles(N * P);
    weights = new_doubles(P * N_TARGETS);
    intercepts = new_doubles(N_TARGETS);
    best = golden_read(golden, "/loo/best_alphas");
    b = golden_read(golden, "/loo/intercept");
    w = golden_read(golden, "/loo/weights_first12");
    ba_design_read(problem.design, problem.rows, N, 0, P, x, N);
    for (size_t i = 0; i < N * P; i++) {
        x[i] = (x[i] - problem.mean[i / N]) / problem.scale[i / N];
    }
    assert_int_equal(ba_ridge_solve(NULL, (ba_cdmat_t){x, N, P, N},
                         (ba_cdmat_t){problem.y, N, N_TARGETS, N}, best.data, N_TARGETS,
                         &opts, (ba_dmat_t){weights, P, N_TARGETS, P}, intercepts),
        0);
    for (size_t j = 0; j < 12; j++) {
        double unit = 0;

        for (size_t i = 0; i < P; i++) {
            unit = fmax(unit, fabs(w.data[i * 12 + j]));
        }
        for (size_t i = 0; i < P; i++) {
            golden_close(&check_w, i * 12 + j, weights[i + j * P] / unit,
                w.data[i * 12 + j] / unit, 1e-8);
        }
    }
    for (size_t j = 0; j < N_TARGETS; j++) {
        double size = 0; /* responses are detrended: intercepts are rounding */

        for (size_t i = 0; i < N; i++) {
            size = fmax(size, fabs(problem.y[i + j * N]));
        }
        golden_close(&check_b, j, intercepts[j] / size, b.data[j] / size, 1e-12);
    }
    golden_report("refit", &check_w);
    golden_report("refit", &check_b);
    free_problem(&problem);
    golden_free(&best);
    golden_free(&b);
    golden_free(&w);
    free(x);
    free(weights);
    free(intercepts);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leave_one_out),
        cmocka_unit_test(test_refit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
