/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Similarities of neurons and spaces against loops over Gram matrices and pairs. */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/similarity.h"
#include "core/alloc.h"

enum { N = 40, P = 5, Q = 7 };

static double x_data[N * P], y_data[N * Q];
static const ba_cdmat_t models[] = {{x_data, N, P, N}, {y_data, N, Q, N}};
static ba_ctx_t ctx;

static double
draw(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return (double) (*seed >> 8 & 0xffff) / 65536.0 - 0.4;
}

/* Half of the second model are mixtures of the first. */
static int
make_models(void **state)
{
    unsigned seed = 5;

    (void) state;
    ctx = ba_ctx_default();
    for (size_t i = 0; i < N * P; i++) {
        x_data[i] = draw(&seed);
    }
    for (size_t i = 0; i < N * Q; i++) {
        y_data[i] = draw(&seed);
    }
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < 3; j++) {
            y_data[i + j * N] = x_data[i + j * N] - 0.5 * x_data[i + (j + 1) * N] +
                                0.1 * y_data[i + j * N];
        }
    }
    return 0;
}

static double
mean_of(const double *x)
{
    double sum = 0.0;

    for (size_t i = 0; i < N; i++) {
        sum += x[i] / N;
    }
    return sum;
}

static double
covariance(const double *a, const double *b)
{
    double sum = 0.0, mean_a = mean_of(a), mean_b = mean_of(b);

    for (size_t i = 0; i < N; i++) {
        sum += (a[i] - mean_a) * (b[i] - mean_b) / N;
    }
    return sum;
}

static double
r_of(const double *a, const double *b)
{
    return covariance(a, b) / sqrt(covariance(a, a) * covariance(b, b));
}

static void
test_correlations(void **state)
{
    double most[P + Q], least[P + Q], best[2 * (P + Q)];
    uint32_t partner[2 * (P + Q)];

    (void) state;
    assert_int_equal(
        ba_similarity_correlation(&ctx, models, 2, most, least, best, partner), BA_OK);
    for (size_t j = 0; j < P; j++) {
        double wanted = 0.0;
        size_t at = 0;

        for (size_t k = 0; k < Q; k++) {
            double r = fabs(r_of(x_data + j * N, y_data + k * N));

            at = r > wanted ? k : at;
            wanted = fmax(wanted, r);
        }
        assert_close(most[j], wanted, 1e-13);
        assert_close(least[j], most[j], 0.0);
        assert_int_equal(partner[2 * j + 1], at);
        assert_true(isnan(best[2 * j]));
        assert_int_equal(partner[2 * j], UINT32_MAX);
    }
}

/* Token products of a model, centred or not, and without their diagonal. */
static void
gram(ba_cdmat_t model, int centre, int diagonal, double *k)
{
    for (size_t i = 0; i < N; i++) {
        for (size_t t = 0; t < N; t++) {
            k[i + t * N] = 0.0;
            for (size_t j = 0; j < model.n_cols && (diagonal || i != t); j++) {
                const double *x = model.data + j * N;
                double mean = centre ? mean_of(x) : 0.0;

                k[i + t * N] += (x[i] - mean) * (x[t] - mean);
            }
        }
    }
}

static double
hsic_of(const double *k, const double *l, int debiased)
{
    double trace = 0.0, sum_k = 0.0, sum_l = 0.0, rows = 0.0;

    for (size_t i = 0; i < N; i++) {
        double row_k = 0.0, row_l = 0.0;

        for (size_t t = 0; t < N; t++) {
            trace += k[i + t * N] * l[i + t * N];
            row_k += k[i + t * N];
            row_l += l[i + t * N];
        }
        sum_k += row_k;
        sum_l += row_l;
        rows += row_k * row_l;
    }
    return debiased
               ? trace + sum_k * sum_l / ((N - 1.0) * (N - 2.0)) - 2.0 / (N - 2.0) * rows
               : trace;
}

static double
cka_of(int centre, int debiased)
{
    static double k[N * N], l[N * N];

    gram(models[0], centre, !debiased, k);
    gram(models[1], centre, !debiased, l);
    return hsic_of(k, l, debiased) /
           sqrt(hsic_of(k, k, debiased) * hsic_of(l, l, debiased));
}

static void
test_kernel_alignment(void **state)
{
    double cka[4], debiased[4];
    ba_similarity_spaces_t out = {.cka = cka, .cka_debiased = debiased};
    ba_similarity_opts_t opts = ba_similarity_opts_default();

    (void) state;
    for (int centre = 0; centre < 2; centre++) {
        opts.centre = centre;
        assert_int_equal(ba_similarity_spaces(&ctx, models, 2, &opts, &out), BA_OK);
        assert_close(cka[1], cka_of(centre, 0), 1e-12);
        assert_close(cka[2], cka[1], 0.0);
        assert_close(cka[0], 1.0, 1e-14);
        /* The same from raw and from centred tokens. */
        assert_close(debiased[1], cka_of(0, 1), 1e-11);
        assert_true(debiased[1] < cka[1]);
    }
}

/* Canonical correlations do not see mixtures of neurons; one's own are 1. */
static void
test_canonical(void **state)
{
    double mixed_data[N * P], svcca[9], pwcca[9], *corr;
    ba_cdmat_t three[] = {models[0], models[1], {mixed_data, N, P, N}};
    ba_similarity_spaces_t out = {.svcca = svcca, .pwcca = pwcca};
    ba_similarity_opts_t opts = ba_similarity_opts_default();
    size_t n;

    (void) state;
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < P; j++) {
            mixed_data[i + j * N] = x_data[i + j * N] + 3.0 * x_data[i + (j + 1) % P * N];
        }
    }
    opts.variance = 2.0; /* all directions */
    assert_int_equal(ba_similarity_spaces(&ctx, three, 3, &opts, &out), BA_OK);
    assert_close(svcca[0], 1.0, 1e-12);
    assert_close(svcca[2], 1.0, 1e-12);
    assert_close(pwcca[2], 1.0, 1e-12);
    assert_close(svcca[1], svcca[5], 1e-12);
    assert_int_equal(
        ba_similarity_svcca(&ctx, three[0], three[1], &opts, &corr, &n), BA_OK);
    assert_int_equal(n, P);
    /* The largest correlation of any mixture with one neuron is below the first. */
    for (size_t k = 0; k < Q; k++) {
        assert_true(fabs(r_of(x_data, y_data + k * N)) <= corr[0]);
    }
    /* A weighted mean lies between the smallest and the largest. */
    assert_true(pwcca[1] > corr[n - 1] && pwcca[1] < corr[0]);
    assert_true(pwcca[1] != pwcca[3]);
    free(corr);
}

/* One neuron each: everything is its |r|. */
static void
test_single_neurons(void **state)
{
    ba_cdmat_t two[] = {{x_data, N, 1, N}, {y_data, N, 1, N}};
    double svcca[4], pwcca[4], cka[4], linreg[2];
    ba_similarity_spaces_t out = {.svcca = svcca, .pwcca = pwcca, .cka = cka};
    ba_similarity_opts_t opts = ba_similarity_opts_default();
    double r = fabs(r_of(x_data, y_data));
    size_t rank[2];

    (void) state;
    opts.variance = 2.0;
    assert_int_equal(ba_similarity_spaces(&ctx, two, 2, &opts, &out), BA_OK);
    assert_close(svcca[1], r, 1e-13);
    assert_close(pwcca[1], r, 1e-13);
    assert_close(cka[1], r * r, 1e-13);
    assert_int_equal(ba_similarity_linreg(&ctx, two, 2, &opts, linreg, rank), BA_OK);
    assert_close(linreg[0], r, 1e-13);
    assert_int_equal(rank[1], 1);
}

/* A constant neuron correlates with nothing and is no direction. */
static void
test_constant(void **state)
{
    double flat[2 * N], most[P + 2], least[P + 2], linreg[P + 2];
    ba_cdmat_t two[] = {{x_data, N, P, N}, {flat, N, 2, N}};
    ba_similarity_opts_t opts = ba_similarity_opts_default();
    size_t rank[2];

    (void) state;
    memcpy(flat, x_data, N * sizeof *flat);
    for (size_t i = 0; i < N; i++) {
        flat[N + i] = 0.1;
    }
    assert_int_equal(
        ba_similarity_correlation(&ctx, two, 2, most, least, NULL, NULL), BA_OK);
    assert_close(most[P + 1], 0.0, 0.0);
    assert_close(most[P], 1.0, 1e-14);
    assert_int_equal(ba_similarity_linreg(&ctx, two, 2, &opts, linreg, rank), BA_OK);
    assert_int_equal(rank[1], 1);
    assert_close(linreg[P + 1], 0.0, 0.0);
}

static void
test_representations(void **state)
{
    enum { T = 12, PAIRS = T * (T - 1) / 2 };
    static const size_t tokens[T] = {0, 2, 3, 5, 8, 13, 14, 21, 22, 30, 34, 39};
    double rho[4], d[2][PAIRS], wanted;

    (void) state;
    for (size_t m = 0; m < 2; m++) {
        size_t at = 0;

        for (size_t i = 0; i < T; i++) {
            for (size_t k = i + 1; k < T; k++) {
                d[m][at] = 0.0;
                for (size_t j = 0; j < models[m].n_cols; j++) {
                    double by = models[m].data[tokens[i] + j * N] -
                                models[m].data[tokens[k] + j * N];

                    d[m][at] += by * by;
                }
                at++;
            }
        }
    }
    assert_int_equal(ba_spearman(d[0], d[1], PAIRS, &wanted), BA_OK);
    assert_int_equal(
        ba_similarity_rsa(&ctx, models, 2, BA_DISSIMILARITY_EUCLIDEAN, tokens, T, rho),
        BA_OK);
    assert_close(rho[1], wanted, 1e-12);
    assert_close(rho[0], 1.0, 1e-14);
    assert_int_equal(
        ba_similarity_rsa(&ctx, models, 2, BA_DISSIMILARITY_CORRELATION, tokens, T, rho),
        BA_OK);
    assert_true(rho[1] > 0.0 && rho[1] < 1.0 && rho[1] != wanted);
    assert_int_equal(
        ba_similarity_rsa(&ctx, models, 2, BA_DISSIMILARITY_COSINE, NULL, 2, rho),
        BA_SHAPE);
}

static void
test_bad(void **state)
{
    ba_cdmat_t shorter[] = {{x_data, N, P, N}, {y_data, N - 1, Q, N}};
    double most[P + Q], least[P + Q];

    (void) state;
    assert_int_equal(
        ba_similarity_correlation(&ctx, shorter, 2, most, least, NULL, NULL), BA_SHAPE);
    assert_contains(
        ba_error_message(), "found 40 tokens in the first and 39 in number 2");
    assert_int_equal(
        ba_similarity_correlation(&ctx, models, 1, most, least, NULL, NULL), BA_SHAPE);
    assert_contains(ba_error_message(), "models: found 1, wanted at least 2");
}

static void
test_no_memory(void **state)
{
    double most[P + Q], least[P + Q], linreg[P + Q], svcca[4], pwcca[4], cka[4];
    ba_similarity_spaces_t out = {.svcca = svcca, .pwcca = pwcca, .cka = cka};
    ba_similarity_opts_t opts = ba_similarity_opts_default();
    size_t rank[2];
    int status = BA_NOMEM;

    (void) state;
    for (size_t n = 1; status == BA_NOMEM; n++) {
        assert_true(n < 200);
        ba_alloc_fail_at(n);
        status = ba_similarity_correlation(&ctx, models, 2, most, least, NULL, NULL);
        if (status == BA_OK) {
            status = ba_similarity_linreg(&ctx, models, 2, &opts, linreg, rank);
        }
        if (status == BA_OK) {
            status = ba_similarity_spaces(&ctx, models, 2, &opts, &out);
        }
        ba_alloc_fail_at(0);
    }
    assert_int_equal(status, BA_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_correlations),
        cmocka_unit_test(test_kernel_alignment),
        cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_single_neurons),
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_representations),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests_name("similarity", tests, make_models, NULL);
}
