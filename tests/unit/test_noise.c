/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/inversion.h"
#include "linalg/blas.h"

#define N 9
#define V 6

static void
must(int status)
{
    if (status != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
}

/* Row 2 of the noise made by `opts` from n x V residuals. */
static void
row_of(const double *residuals, size_t n, const ba_noise_opts_t *opts, double row[V])
{
    ba_noise_t *noise;

    must(ba_noise_new(NULL, ba_cdmat(residuals, n, V, n), opts, &noise));
    ba_noise_row(noise, 2, row);
    ba_noise_free(noise);
}

/* Entry (2, j) of R'R / n, columns centred where asked for. */
static double
covariance(const double *r, size_t n, size_t j, int centred)
{
    double a = 0.0, b = 0.0, sum = 0.0;

    for (size_t i = 0; centred && i < n; i++) {
        a += r[i + 2 * n] / (double) n;
        b += r[i + j * n] / (double) n;
    }
    for (size_t i = 0; i < n; i++) {
        sum += (r[i + 2 * n] - a) * (r[i + j * n] - b) / (double) n;
    }
    return sum;
}

/* Fewer rows than voxels, and more, which are replaced by a triangle. */
static void
test_shrunk(void **state)
{
    double r[N * V], row[V];

    (void) state;
    for (size_t n = 4; n <= N; n += N - 4) {
        test_fill_normal(r, n * V, n);
        for (int centred = 0; centred < 2; centred++) {
            ba_noise_opts_t opts = {
                .share = 0.3, .remove_mean = centred, .precision = BA_DOUBLE};

            row_of(r, n, &opts, row);
            for (size_t j = 0; j < V; j++) {
                double s = covariance(r, n, j, centred);

                assert_close(row[j], j == 2 ? s : 0.7 * s, 1e-13);
            }
        }
    }
}

static void
test_white_and_diagonal(void **state)
{
    double r[N * V], row[V], mean = 0.0;

    (void) state;
    test_fill_normal(r, N * V, 1);
    for (size_t i = 0; i < N * V; i++) {
        mean += r[i] * r[i] / (N * V);
    }
    row_of(r, N, &(ba_noise_opts_t){.kind = BA_NOISE_WHITE}, row);
    assert_close(row[2], mean, 1e-14);
    assert_close(row[3], 0.0, 0.0);
    row_of(r, N, &(ba_noise_opts_t){.kind = BA_NOISE_DIAGONAL}, row);
    assert_close(row[2], covariance(r, N, 2, 0), 1e-14);
    assert_close(row[3], 0.0, 0.0);
}

/* Variances are kept whole, and with all components but one little is missing. */
static void
test_low_rank(void **state)
{
    double r[N * V], row[V], few[V];

    (void) state;
    test_fill_normal(r, N * V, 2);
    for (size_t i = 0; i < N; i++) {
        double shared = 20.0 * sin((double) i);

        for (size_t j = 0; j < V; j++) {
            r[i + j * N] += shared;
        }
    }
    row_of(r, N, &(ba_noise_opts_t){.kind = BA_NOISE_LOW_RANK, .rank = 1}, few);
    row_of(r, N,
        &(ba_noise_opts_t){
            .kind = BA_NOISE_LOW_RANK, .rank = V - 1, .precision = BA_DOUBLE},
        row);
    for (size_t j = 0; j < V; j++) {
        double s = covariance(r, N, j, 0);

        assert_close(few[j], s, j == 2 ? 1e-4 * s : 0.05 * s);
        assert_close(row[j], s, j == 2 ? 1e-12 * s : 0.3);
    }
}

/* Stories count alike, whatever their scale. */
static void
test_stories(void **state)
{
    double r[N * V], row[V], other[V];
    const int32_t story[N] = {0, 0, 0, 0, 1, 1, 1, 1, 1};
    ba_noise_opts_t opts = {.target = BA_SHRINK_IDENTITY,
        .share = 0.5,
        .story = story,
        .precision = BA_DOUBLE};

    (void) state;
    test_fill_normal(r, N * V, 3);
    row_of(r, N, &opts, row);
    for (size_t j = 0; j < V; j++) {
        for (size_t i = 0; i < 4; i++) {
            r[i + j * N] *= 1000.0;
        }
    }
    row_of(r, N, &opts, other);
    assert_all_close(row, other, V, 1e-12);
}

static void
refused(const double *r, const ba_noise_opts_t *opts, int status, const char *words)
{
    ba_noise_t *noise;

    assert_int_equal(ba_noise_new(NULL, ba_cdmat(r, N, V, N), opts, &noise), status);
    assert_null(noise);
    assert_contains(ba_error_message(), words);
}

static void
test_refused(void **state)
{
    double r[N * V];
    const int32_t story[N] = {0};

    (void) state;
    test_fill_normal(r, N * V, 4);
    refused(r, &(ba_noise_opts_t){.share = 0.0}, BA_VALUE, "share of the target 0");
    refused(r, &(ba_noise_opts_t){.share = 1.5}, BA_VALUE, "at most 1");
    refused(r, &(ba_noise_opts_t){.share = NAN}, BA_VALUE, "share");
    refused(r, &(ba_noise_opts_t){.kind = BA_NOISE_LOW_RANK}, BA_VALUE, "rank 0");
    refused(r, &(ba_noise_opts_t){.kind = BA_NOISE_LOW_RANK, .rank = V}, BA_VALUE,
        "less than both");
    refused(r, &(ba_noise_opts_t){.ledoit_wolf = 1, .story = story}, BA_VALUE,
        "normalised stories");
    for (size_t i = 0; i < N; i++) {
        r[i + 4 * N] = 0.0;
    }
    refused(r, &(ba_noise_opts_t){.share = 0.5}, BA_UNSUPPORTED, "singular, voxel 4");
    r[3] = INFINITY;
    refused(r, &(ba_noise_opts_t){.share = 0.5}, BA_NONFINITE, "row 3, voxel 0");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shrunk),
        cmocka_unit_test(test_white_and_diagonal),
        cmocka_unit_test(test_low_rank),
        cmocka_unit_test(test_stories),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
