/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/cluster.h"
#include "brainalign/error.h"
#include "core/alloc.h"

enum { N = 60, P = 12, K = 3 };

static double data[N * P];
static ba_ctx_t ctx;

static double
draw(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return (double) (*seed >> 8 & 0xffff) / 65536.0;
}

/* Three factors on four neurons each, active at different tokens. */
static int
make_data(void **state)
{
    unsigned seed = 7;

    (void) state;
    ctx = ba_ctx_default();
    for (size_t i = 0; i < N; i++) {
        double active[K];

        for (size_t f = 0; f < K; f++) {
            active[f] = i % K == f ? 1.0 + draw(&seed) : 0.0;
        }
        for (size_t j = 0; j < P; j++) {
            data[i + j * N] =
                active[j / 4] * (1.0 + (double) (j % 4)) * (j < 4 ? 1.3 : 1.0);
        }
    }
    return 0;
}

static double
half_error(const double *w, const double *h)
{
    double sum = 0.0;

    for (size_t j = 0; j < P; j++) {
        for (size_t i = 0; i < N; i++) {
            double rest = data[i + j * N];

            for (size_t f = 0; f < K; f++) {
                rest -= w[i + f * N] * h[f + j * K];
            }
            sum += 0.5 * rest * rest;
        }
    }
    return sum;
}

static void
test_updates(void **state)
{
    double w[N * K], h[K * P], objective[30];
    ba_cdmat_t x = {data, N, P, N};
    unsigned seed = 1;
    size_t n_done;

    (void) state;
    for (size_t i = 0; i < N * K; i++) {
        w[i] = draw(&seed);
    }
    for (size_t i = 0; i < K * P; i++) {
        h[i] = draw(&seed);
    }
    assert_int_equal(ba_nmf_run(&ctx, x, K, 30, 0.0, w, h, objective, &n_done), BA_OK);
    assert_int_equal(n_done, 30);
    for (size_t i = 1; i < 30; i++) {
        assert_true(objective[i] <= objective[i - 1] * (1.0 + 1e-12));
    }
    assert_close(objective[29], half_error(w, h), 1e-9 * objective[0]);
    assert_int_equal(ba_nmf_run(&ctx, x, K, 30, 0.5, w, h, objective, &n_done), BA_OK);
    assert_int_equal(n_done, 2);
}

static void
test_planted(void **state)
{
    ba_nmf_opts_t opts = ba_nmf_opts_default();
    ba_cdmat_t x = {data, N, P, N};
    ba_nmf_t *nmf, *again;

    (void) state;
    opts.rank = K;
    opts.tolerance = 0.0;
    opts.n_seeds = 8;
    assert_int_equal(ba_nmf(&ctx, x, &opts, &nmf), BA_OK);
    assert_true(nmf->error[nmf->best] < 1e-3);
    for (size_t f = 0; f < K; f++) {
        double norm = 0.0, own = 0.0, all = 0.0;
        size_t group = 0;

        for (size_t i = 0; i < N; i++) {
            norm += nmf->w[i + f * N] * nmf->w[i + f * N];
        }
        assert_close(norm, 1.0, 1e-12);
        for (size_t j = 0; j < P; j++) {
            group = nmf->h[f + j * K] > nmf->h[f + group * K] ? j : group;
        }
        for (size_t j = 0; j < P; j++) {
            own += j / 4 == group / 4 ? nmf->h[f + j * K] : 0.0;
            all += nmf->h[f + j * K];
        }
        assert_true(own > 0.99 * all);
        assert_true(nmf->stability[f] > 0.6 && nmf->stability[f] <= 1.0 + 1e-12);
    }
    /* In order of what they make: the largest group first. */
    assert_true(nmf->h[0] > nmf->h[4 * K]);
    ctx.n_threads = 2;
    assert_int_equal(ba_nmf(&ctx, x, &opts, &again), BA_OK);
    ctx.n_threads = 0;
    assert_memory_equal(again->w, nmf->w, sizeof(double) * N * K);
    ba_nmf_free(again);
    ba_nmf_free(nmf);
}

static void
test_bad(void **state)
{
    ba_nmf_opts_t opts = ba_nmf_opts_default();
    ba_cdmat_t x = {data, N, P, N};
    ba_nmf_t *nmf;
    int status = BA_NOMEM;

    (void) state;
    opts.n_seeds = 0;
    assert_int_equal(ba_nmf(&ctx, x, &opts, &nmf), BA_VALUE);
    opts = ba_nmf_opts_default();
    opts.rank = 0;
    assert_int_equal(ba_nmf(&ctx, x, &opts, &nmf), BA_SHAPE);
    opts.rank = 2;
    opts.n_rounds = 3;
    data[5] = -1.0;
    assert_int_equal(ba_nmf(&ctx, x, &opts, &nmf), BA_VALUE);
    assert_contains(ba_error_message(), "row 5, column 0 is -1");
    make_data(NULL);
    for (size_t n = 1; status == BA_NOMEM; n++) {
        assert_true(n < 100);
        ba_alloc_fail_at(n);
        status = ba_nmf(&ctx, x, &opts, &nmf);
        ba_alloc_fail_at(0);
    }
    assert_int_equal(status, BA_OK);
    ba_nmf_free(nmf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_updates),
        cmocka_unit_test(test_planted),
        cmocka_unit_test(test_bad),
    };

    return cmocka_run_group_tests_name("nmf", tests, make_data, NULL);
}
