/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/cluster.h"
#include "brainalign/error.h"
#include "core/alloc.h"
#include "model/linkage.h"

enum { N = 200, P = 9, POINTS = 30 };

static double data[N * P];
static ba_ctx_t ctx;

static double
draw(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return (double) (*seed >> 8 & 0xffff) / 65536.0 - 0.5;
}

/* Three groups of 4 (one negative), 3 and 1, and a constant neuron. The first of each
 * group is its signal, the others have noise. */
static int
make_data(void **state)
{
    unsigned seed = 3;

    (void) state;
    ctx = ba_ctx_default();
    for (size_t i = 0; i < N; i++) {
        double a = draw(&seed), b = draw(&seed), c = draw(&seed);
        const double row[P] = {a, a + 0.3 * draw(&seed), -a + 0.4 * draw(&seed),
            a + 0.4 * draw(&seed), b, 2.0 * b + 0.6 * draw(&seed), b + 0.4 * draw(&seed),
            c, 0.1};

        for (size_t j = 0; j < P; j++) {
            data[i + j * N] = row[j];
        }
    }
    return 0;
}

static ba_clusters_t *
cluster(const ba_cluster_opts_t *opts)
{
    ba_clusters_t *clusters;

    assert_int_equal(
        ba_neurons_cluster(&ctx, (ba_cdmat_t){data, N, P, N}, opts, &clusters), BA_OK);
    return clusters;
}

static void
test_planted(void **state)
{
    const uint32_t wanted[P] = {0, 0, 0, 0, 1, 1, 1, 2, 3};
    ba_cluster_opts_t opts = ba_cluster_opts_default();
    ba_clusters_t *clusters;

    (void) state;
    opts.n_bootstrap = 20;
    clusters = cluster(&opts);
    assert_int_equal(clusters->n_clusters, 4);
    assert_memory_equal(clusters->label, wanted, sizeof wanted);
    assert_int_equal(clusters->size[0], 4);
    assert_int_equal(clusters->representative[0], 0);
    assert_int_equal(clusters->representative[1], 4);
    assert_int_equal(clusters->representative[3], 8);
    assert_true(clusters->mean_r[0] > 0.8 && isnan(clusters->mean_r[2]));
    assert_close(clusters->stability[0], 1.0, 1e-12);
    for (size_t k = 1; k < P - 1; k++) {
        assert_true(clusters->height[k] >= clusters->height[k - 1]);
    }
    /* Nothing correlates with a constant neuron. */
    assert_close(clusters->height[P - 2], 1.0, 0.2);
    ba_clusters_free(clusters);
}

/* Signed: the negative one is far from the others. */
static void
test_signed(void **state)
{
    ba_cluster_opts_t opts = ba_cluster_opts_default();
    ba_clusters_t *clusters;

    (void) state;
    opts.is_signed = 1;
    clusters = cluster(&opts);
    assert_int_equal(clusters->n_clusters, 5);
    assert_int_equal(clusters->label[2], 1);
    assert_true(clusters->height[P - 2] > 1.05);
    ba_clusters_free(clusters);
}

static void
test_number(void **state)
{
    (void) state;
    for (size_t n = 1; n <= P; n++) {
        ba_cluster_opts_t opts = ba_cluster_opts_default();
        ba_clusters_t *clusters;

        opts.n_clusters = n;
        clusters = cluster(&opts);
        assert_int_equal(clusters->n_clusters, n);
        ba_clusters_free(clusters);
    }
}

static void
test_same_bits(void **state)
{
    ba_cluster_opts_t opts = ba_cluster_opts_default();
    ba_clusters_t *one, *two;

    (void) state;
    opts.n_bootstrap = 5;
    ctx.n_threads = 1;
    one = cluster(&opts);
    ctx.n_threads = 2;
    two = cluster(&opts);
    ctx.n_threads = 0;
    assert_memory_equal(one->height, two->height, (P - 1) * sizeof(double));
    assert_memory_equal(one->stability, two->stability, one->n_clusters * sizeof(double));
    ba_clusters_free(one);
    ba_clusters_free(two);
}

/* The greedy algorithm: the two nearest clusters, from all pairs of their points. */
static void
greedy(const double *d, size_t n, double *height)
{
    size_t label[POINTS];

    for (size_t i = 0; i < n; i++) {
        label[i] = i;
    }
    for (size_t k = 0; k + 1 < n; k++) {
        size_t best_a = 0, best_b = 0;

        height[k] = INFINITY;
        for (size_t a = 0; a < n; a++) {
            for (size_t b = a + 1; b < n; b++) {
                double sum = 0.0, pairs = 0.0;

                for (size_t i = 0; i < n * n; i++) {
                    if (label[i % n] == a && label[i / n] == b) {
                        sum += d[i];
                        pairs += 1.0;
                    }
                }
                if (pairs > 0.0 && sum / pairs < height[k]) {
                    height[k] = sum / pairs;
                    best_a = a;
                    best_b = b;
                }
            }
        }
        for (size_t i = 0; i < n; i++) {
            label[i] = label[i] == best_b ? best_a : label[i];
        }
    }
}

static void
test_linkage_is_greedy(void **state)
{
    double d[POINTS * POINTS], copy[POINTS * POINTS], found[POINTS], wanted[POINTS];
    uint32_t merge[2 * POINTS];
    unsigned seed = 17;

    (void) state;
    for (size_t i = 0; i < POINTS; i++) {
        for (size_t j = 0; j <= i; j++) {
            d[i + j * POINTS] = d[j + i * POINTS] = i == j ? 0.0 : draw(&seed) + 0.6;
        }
    }
    memcpy(copy, d, sizeof d);
    greedy(d, POINTS, wanted);
    assert_int_equal(ba_linkage_average(copy, POINTS, found, merge), BA_OK);
    assert_all_close(found, wanted, POINTS - 1, 1e-13);
    for (size_t k = 0; k < POINTS - 1; k++) {
        assert_true(merge[2 * k] < merge[2 * k + 1] && merge[2 * k + 1] < POINTS + k);
    }
}

static void
check_bad(ba_cdmat_t x, const ba_cluster_opts_t *opts, int code, const char *words)
{
    ba_clusters_t *clusters;

    assert_int_equal(ba_neurons_cluster(&ctx, x, opts, &clusters), code);
    assert_contains(ba_error_message(), words);
    assert_null(clusters);
}

static void
test_bad(void **state)
{
    ba_cluster_opts_t opts = ba_cluster_opts_default();
    ba_cdmat_t x = {data, N, P, N};

    (void) state;
    opts.n_clusters = P + 1;
    check_bad(x, &opts, BA_VALUE, "found 10 of 9 neurons");
    opts = ba_cluster_opts_default();
    opts.cut = -1.0;
    check_bad(x, &opts, BA_VALUE, "cut -1");
    opts.cut = 0.5;
    check_bad((ba_cdmat_t){data, 1, P, N}, &opts, BA_SHAPE, "found 1 tokens");
    ctx.memory = 1000;
    check_bad(x, &opts, BA_TOO_LARGE, "9 neurons need");
    ctx.memory = 0;
    data[3 + 2 * N] = NAN;
    check_bad(x, &opts, BA_NONFINITE, "neuron 2 is nan at token 3");
    make_data(NULL);
}

static void
test_no_memory(void **state)
{
    ba_cluster_opts_t opts = ba_cluster_opts_default();
    ba_clusters_t *clusters = NULL;
    int status = BA_NOMEM;

    (void) state;
    opts.n_bootstrap = 1;
    for (size_t n = 1; status == BA_NOMEM; n++) {
        assert_true(n < 100);
        ba_alloc_fail_at(n);
        status = ba_neurons_cluster(&ctx, (ba_cdmat_t){data, N, P, N}, &opts, &clusters);
        ba_alloc_fail_at(0);
    }
    assert_int_equal(status, BA_OK);
    ba_clusters_free(clusters);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_planted),
        cmocka_unit_test(test_signed),
        cmocka_unit_test(test_number),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_linkage_is_greedy),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests_name("cluster", tests, make_data, NULL);
}
