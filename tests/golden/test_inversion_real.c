/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inverting an encoding model of a fold of real data with the noise model of Tang et al.
 * against dense v x v algebra in Python (golden file D3). */
#include "tests/golden/inversion_golden.h"

#include "brainalign/ridge.h"

#define DATA "data/narratives_black/narratives_black.h5"

#define N 538
#define V 200
#define F 64
#define P 256

static double design[N * P], brain[N * V], left[N * V];
static int fold_of[N];
static int32_t story_of[N];

static void
read_real(const char *data)
{
    golden_t x = golden_read(data, "/features/tinylm"),
             y = golden_read(data, "/responses");
    golden_t folds = golden_read(data, "/fold");

    for (size_t i = 0; i < N; i++) {
        fold_of[i] = (int) folds.data[i];
        for (size_t c = 0; c < P; c++) {
            size_t delay = 2 + c / F;

            design[i + c * N] =
                i < delay ? 0.0 : x.data[(i - delay) * x.dims[1] + 192 + c % F];
        }
        for (size_t j = 0; j < V; j++) {
            brain[i + j * N] = y.data[i * y.dims[1] + 2 * j];
        }
    }
    golden_free(&x);
    golden_free(&y);
    golden_free(&folds);
}

/* By the mean and deviation of the rows of folds 0 to 3. */
static void
scale_columns(double *x, size_t n_cols)
{
    for (size_t j = 0; j < n_cols; j++) {
        double n = 0.0, mean = 0.0, square = 0.0;

        for (size_t i = 0; i < N; i++) {
            n += fold_of[i] < 4 ? 1.0 : 0.0;
            mean += fold_of[i] < 4 ? x[i + j * N] : 0.0;
        }
        mean /= n;
        for (size_t i = 0; i < N; i++) {
            x[i + j * N] -= mean;
            square += fold_of[i] < 4 ? x[i + j * N] * x[i + j * N] : 0.0;
        }
        for (size_t i = 0; i < N; i++) {
            x[i + j * N] /= sqrt(square / n);
        }
    }
}

/* Rows of folds 0 to 3 (or only `wanted`, or all but `without`) of an N x n_cols
 * matrix. */
static size_t
take_rows(const double *x, size_t n_cols, int wanted, int without, double *out)
{
    size_t n = 0, at = 0;

    for (size_t i = 0; i < N; i++) {
        n += wanted >= 0 ? fold_of[i] == wanted : fold_of[i] < 4 && fold_of[i] != without;
    }
    for (size_t i = 0; i < N; i++) {
        if (wanted >= 0 ? fold_of[i] == wanted
                        : fold_of[i] < 4 && fold_of[i] != without) {
            for (size_t j = 0; j < n_cols; j++) {
                out[at + j * n] = x[i + j * N];
            }
            at++;
        }
    }
    return n;
}

/* Weights P x V of a ridge fit to folds 0 to 3 but one (-1: all of them). */
static void
fit_without(int fold, double *weights)
{
    static double x[N * P], y[N * V];
    size_t n = take_rows(design, P, -1, fold, x);
    double alpha = 3000.0;

    take_rows(brain, V, -1, fold, y);
    must(ba_ridge_solve(NULL, (ba_cdmat_t){x, n, P, n}, (ba_cdmat_t){y, n, V, n}, &alpha,
        1, &(ba_ridge_opts_t){BA_SOLVER_AUTO, BA_INTERCEPT_NO},
        (ba_dmat_t){weights, P, V, P}, NULL));
}

/* Held-out residuals of folds 0 to 3, side by side; returns how many rows. */
static size_t
residuals_of(double *weights)
{
    static double x[N * P], y[N * V];
    size_t n_all = 0, at = 0;

    for (size_t i = 0; i < N; i++) {
        n_all += fold_of[i] < 4;
    }
    for (int fold = 0; fold < 4; fold++) {
        size_t n = take_rows(design, P, fold, -1, x);

        fit_without(fold, weights);
        take_rows(brain, V, fold, -1, y);
        for (size_t i = 0; i < n; i++, at++) {
            story_of[at] = fold;
            for (size_t j = 0; j < V; j++) {
                double sum = y[i + j * n];

                for (size_t c = 0; c < P; c++) {
                    sum -= x[i + c * n] * weights[c + j * P];
                }
                left[at + j * n_all] = sum;
            }
        }
    }
    return n_all;
}

/* Mid-rank of the own candidate, and the sum form of 2v2, ties one half. */
static void
check_identification(const char *file, const double *q, size_t n)
{
    double rank = 0.0, pairs = 0.0, accuracy;

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            double own = q[i + i * n], other = q[i + j * n];

            rank += i != j && own > other ? 1.0 : i != j && own == other ? 0.5 : 0.0;
            if (j > i) {
                double sum = own + q[j + j * n] - other - q[j + i * n];

                pairs += sum > 0.0 ? 1.0 : sum == 0.0 ? 0.5 : 0.0;
            }
        }
    }
    accuracy = rank / (double) (n * (n - 1));
    compare(file, "/real", "rank_accuracy", &accuracy, 1, 0, 1e-12);
    pairs /= (double) (n * (n - 1) / 2);
    compare(file, "/real", "two_v_two", &pairs, 1, 0, 1e-12);
}

static void
test_real(void **state)
{
    static double weights[P * V], x[N * P], y[N * V], train[N * P], q[N * N];
    char data[TEST_PATH_SIZE], file[TEST_PATH_SIZE];
    double row[V], weights_row[V], *covariance = calloc(P * P, sizeof *covariance);
    ba_noise_opts_t opts = {.target = BA_SHRINK_IDENTITY,
        .share = 2.0 / 3.0,
        .story = story_of,
        .precision = BA_DOUBLE};
    ba_noise_t *noise;
    ba_inversion_t inversion;
    ba_prior_t prior;
    ba_posterior_t found;
    size_t n_rows, n, n_train;

    (void) state;
    test_need_data(file, D3);
    test_need_data(data, DATA);
    assert_non_null(covariance);
    read_real(data);
    scale_columns(design, P);
    scale_columns(brain, V);
    n_rows = residuals_of(weights);
    fit_without(-1, weights);
    for (size_t j = 0; j < V; j++) {
        weights_row[j] = weights[j * P];
    }
    compare(file, "/real", "weights_row0", weights_row, 1, 0, 1e-10);
    must(ba_noise_new(NULL, (ba_cdmat_t){left, n_rows, V, n_rows}, &opts, &noise));
    ba_noise_row(noise, 0, row);
    compare(file, "/real", "sigma_row0", row, 1, 0, 1e-10);
    n = take_rows(design, P, 4, -1, x);
    take_rows(brain, V, 4, -1, y);
    must(ba_inversion_make(NULL, noise, (ba_cdmat_t){weights, P, V, P},
        (ba_cdmat_t){y, n, V, n}, &inversion));
    compare(file, "/real", "sigma_logdet", &inversion.logdet, 1, 0, 1e-11);
    must(ba_inversion_candidates(
        NULL, &inversion, (ba_cdmat_t){x, n, P, n}, (ba_dmat_t){q, n, n, n}));
    compare(file, "/real", "candidate_quadratic", q, 1, n, 1e-11);
    check_identification(file, q, n);
    n_train = take_rows(design, P, -1, -1, train);
    for (size_t a = 0; a < P; a++) {
        for (size_t b = 0; b < P; b++) {
            for (size_t i = 0; i < n_train; i++) {
                covariance[a + b * P] += train[i + a * n_train] * train[i + b * n_train];
            }
            covariance[a + b * P] /= (double) n_train;
            covariance[a + b * P] += a == b ? 0.01 : 0.0;
        }
    }
    must(ba_prior_from_covariance(NULL, NULL, (ba_cdmat_t){covariance, P, P, P}, &prior));
    must(ba_posterior_from_data(NULL, noise,
        &(ba_inversion_data_t){{weights, P, V, P}, {y, n, V, n}}, &prior,
        BA_POSTERIOR_VARIANCE, &found));
    compare(file, "/real", "map_first20", found.mean, P, 1, 1e-10);
    compare(file, "/real", "log_evidence", found.evidence, 1, 0, 1e-11);
    ba_posterior_free(&found);
    ba_prior_free(&prior);
    ba_inversion_free(&inversion);
    ba_noise_free(noise);
    free(covariance);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
