/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All scores and their tests against the same scores of matrices that are permuted and
 * scored anew; what must not change anything. */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/identification.h"
#include "core/alloc.h"

enum { N = 23, G = 31, B = 600, N_TOP = 2, N_SIZES = 3 };

static const size_t top[N_TOP] = {1, 4}, sizes[N_SIZES] = {2, 9, N};

typedef struct {
    double s[N * G], trace[N * N];
    size_t own[N], groups[N];
    uint32_t orders[B * N];
    ba_trace_t traces[1];
} study_t;

/* Values on a grid, so that there are ties. */
static study_t *
make_study(uint64_t seed)
{
    study_t *study = malloc(sizeof *study);

    assert_non_null(study);
    for (size_t i = 0; i < N * G; i++) {
        study->s[i] = (double) test_below(&seed, 30) / 32 + (i % (N + 1) == 0) * 0.25;
    }
    for (size_t i = 0; i < N * N; i++) {
        study->trace[i] = test_normal(&seed);
    }
    study->trace[5] = NAN;
    for (size_t i = 0; i < N; i++) {
        study->own[i] = (i * 7 + 3) % G;
        study->groups[i] = test_below(&seed, 3);
    }
    for (size_t b = 0; b < B; b++) {
        uint32_t *order = study->orders + b * N;

        for (size_t i = 0; i < N; i++) {
            size_t j = test_below(&seed, i + 1);

            order[i] = order[j];
            order[j] = (uint32_t) i;
        }
    }
    study->traces[0] = (ba_trace_t){{study->trace, N, N, N}, 7};
    return study;
}

static ba_identify_opts_t
options(const study_t *study)
{
    return (ba_identify_opts_t){.top = top,
        .n_top = N_TOP,
        .gallery = sizes,
        .n_gallery = N_SIZES,
        .groups = study->groups,
        .min_distance = 3,
        .traces = study->traces,
        .n_traces = 1};
}

static ba_identified_t
identify(const ba_ctx_t *ctx, const ba_identification_t *problem,
    const ba_identify_opts_t *opts)
{
    ba_identified_t found;

    if (ba_identify(ctx, problem, opts, &found) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    return found;
}

enum { N_STATISTICS = 8 + N_TOP + N_TOP * N_SIZES };

/* Every statistic in one list. */
static void
list(const ba_identified_t *found, ba_statistic_t *all)
{
    const ba_statistic_t first[] = {found->sum, found->single, found->strict,
        found->within_sum, found->between_sum, found->rank_accuracy, found->mrr,
        found->traces[0]};

    memcpy(all, first, sizeof first);
    memcpy(all + 8, found->top, N_TOP * sizeof *all);
    memcpy(all + 8 + N_TOP, found->curve, N_TOP * N_SIZES * sizeof *all);
}

/* The scores of each permuted problem, one at a time. */
static void
score_orders(const study_t *study, int is_wide, double null[B][N_STATISTICS])
{
    ba_identify_opts_t opts = options(study);
    ba_statistic_t all[N_STATISTICS];

    for (size_t b = 0; b < B; b++) {
        const uint32_t *order = study->orders + b * N;
        size_t own[N];
        double trace[N * N];
        ba_trace_t permuted = {{trace, N, N, N}, 7};
        ba_identification_t problem = {{study->s, N, is_wide ? G : N, N}, own, 1e-12};
        ba_identified_t found;

        for (size_t i = 0; i < N; i++) {
            own[i] = is_wide ? study->own[order[i]] : order[i];
            trace[i + i * N] = study->trace[i + order[i] * N];
        }
        opts.traces = &permuted;
        found = identify(NULL, &problem, &opts);
        list(&found, all);
        for (size_t k = 0; k < N_STATISTICS; k++) {
            null[b][k] = all[k].value;
        }
        ba_identified_free(&found);
    }
}

static void
check_test(const study_t *study, int is_wide)
{
    ba_identification_t problem = {
        {study->s, N, is_wide ? G : N, N}, is_wide ? study->own : NULL, 1e-12};
    ba_exchange_opts_t given = {
        .kind = BA_EXCHANGE_GIVEN, .n_permutations = B, .given = study->orders};
    ba_identify_opts_t opts = options(study);
    double null[B][N_STATISTICS];
    ba_statistic_t all[N_STATISTICS];
    ba_ctx_t ctx = ba_ctx_default();
    ba_identified_t found;

    ctx.n_threads = 2; /* which take 75 permutations at a time */
    assert_int_equal(ba_exchange_new(&given, N, &opts.exchange), BA_OK);
    found = identify(&ctx, &problem, &opts);
    list(&found, all);
    score_orders(study, is_wide, null);
    for (size_t k = 0; k < N_STATISTICS; k++) {
        double mean = 0;
        size_t n_extreme = 0;

        for (size_t b = 0; b < B; b++) {
            mean += null[b][k] / B;
            n_extreme += null[b][k] >= all[k].value - 1e-12;
        }
        assert_close(all[k].null_mean, mean, 1e-13);
        assert_close(all[k].p, (1 + (double) n_extreme) / (1 + B), 1e-15);
    }
    assert_close(found.strict.chance, found.strict.null_mean, 0);
    ba_identified_free(&found);
    ba_exchange_free(opts.exchange);
}

static void
test_permuted_anew(void **state)
{
    (void) state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        study_t *study = make_study(seed);

        check_test(study, 0);
        check_test(study, 1);
        free(study);
    }
}

/* Threads, and in which block of permutations one falls, change no bit. */
static void
test_same_bits(void **state)
{
    study_t *study = make_study(9);
    ba_identification_t problem = {{study->s, N, G, N}, study->own, 1e-12};
    ba_exchange_opts_t items = {.n_permutations = 9000, .seed = 3};
    ba_identify_opts_t opts = options(study);
    ba_statistic_t all[3][N_STATISTICS];

    (void) state;
    for (int k = 0; k < 3; k++) {
        ba_ctx_t ctx = ba_ctx_default();
        ba_identified_t found;

        ctx.n_threads = k + 1;
        assert_int_equal(ba_exchange_new(&items, N, &opts.exchange), BA_OK);
        found = identify(&ctx, &problem, &opts);
        list(&found, all[k]);
        ba_identified_free(&found);
        ba_exchange_free(opts.exchange);
    }
    assert_memory_equal(all[0], all[1], sizeof all[0]);
    assert_memory_equal(all[0], all[2], sizeof all[0]);
    free(study);
}

/* Items in another order are the same items (the distance aside). */
static void
test_order_of_items(void **state)
{
    study_t *study = make_study(2);
    double s[N * N], values[2][N_STATISTICS];
    size_t groups[N];
    ba_identify_opts_t opts = options(study);
    ba_statistic_t all[N_STATISTICS];

    (void) state;
    opts.min_distance = 0;
    for (int k = 0; k < 2; k++) {
        const uint32_t *order = study->orders;
        ba_identification_t problem = {{k ? s : study->s, N, N, N}, NULL, 1e-12};
        ba_identified_t found;

        for (size_t i = 0; i < N; i++) {
            groups[i] = study->groups[k ? order[i] : i];
            for (size_t j = 0; j < N; j++) {
                s[i + j * N] = study->s[order[i] + order[j] * N];
            }
        }
        opts.groups = groups;
        found = identify(NULL, &problem, &opts);
        list(&found, all);
        for (size_t v = 0; v < N_STATISTICS; v++) {
            values[k][v] = all[v].value;
        }
        ba_identified_free(&found);
    }
    assert_all_close(values[0], values[1], 7, 1e-14);
    assert_all_close(values[0] + 8, values[1] + 8, N_STATISTICS - 8, 1e-14);
    free(study);
}

/* Squared distances of single numbers: 2v2 = (Kendall's tau + 1) / 2; and the single form
 * is rank accuracy. */
static void
test_identities(void **state)
{
    double p[N], t[N], s[N * N], tau = 0;
    uint64_t seed = 8;
    ba_identification_t problem = {{s, N, N, N}, NULL, 1e-12};
    ba_identify_opts_t opts = {0};
    ba_identified_t found;

    (void) state;
    for (size_t i = 0; i < N; i++) {
        p[i] = test_normal(&seed);
        t[i] = p[i] + test_normal(&seed);
    }
    for (size_t i = 0; i < N; i++) {
        for (size_t j = i + 1; j < N; j++) {
            tau += ((p[i] - p[j]) * (t[i] - t[j]) > 0 ? 1 : -1) / (N * (N - 1) / 2.0);
        }
    }
    assert_int_equal(
        ba_similarity(NULL, BA_SIMILARITY_SQUARED_EUCLIDEAN, (ba_cdmat_t){p, N, 1, N},
            (ba_cdmat_t){t, N, 1, N}, (ba_dmat_t){s, N, N, N}),
        BA_OK);
    found = identify(NULL, &problem, &opts);
    assert_close(found.sum.value, (tau + 1) / 2, 1e-14);
    assert_close(found.single.value, found.rank_accuracy.value, 1e-14);
    assert_close(found.d_prime.value, ba_dprime_of_rank(found.single.value), 1e-12);
    ba_identified_free(&found);
}

/* Four items, 23 other orders: p is the share of all 24 that score as well. */
static void
test_exact(void **state)
{
    const double s[] = {5, 1, 1, 1, 1, 5, 1, 1, 1, 1, 5, 1, 1, 1, 1, 5};
    ba_identification_t problem = {{s, 4, 4, 4}, NULL, 1e-12};
    ba_exchange_opts_t items = {.n_permutations = 1000};
    ba_identify_opts_t opts = {0};
    ba_identified_t found;

    (void) state;
    assert_int_equal(ba_exchange_new(&items, 4, &opts.exchange), BA_OK);
    found = identify(NULL, &problem, &opts);
    assert_true(found.sum.value == 1 && found.strict.value == 1);
    assert_close(found.sum.p, 1.0 / 24, 1e-15);
    assert_true(found.sum.n_distinct > 1);
    assert_int_equal(found.pairs.n_pairs, 6);
    ba_identified_free(&found);
    ba_exchange_free(opts.exchange);
}

static int
always(void *payload)
{
    (void) payload;
    return 1;
}

static int
third_time(void *payload)
{
    int *n_calls = payload;

    return ++*n_calls >= 3;
}

/* Where the caller has one thread, what is asked between permutations stops them. */
static void
test_cancelled(void **state)
{
    study_t *study = make_study(1);
    ba_identification_t problem = {{study->s, N, N, N}, NULL, 1e-12};
    ba_exchange_opts_t items = {.n_permutations = 10000};
    ba_identify_opts_t opts = options(study);
    int n_calls = 0;
    ba_ctx_t ctx = {.n_threads = 1, .cancelled = third_time, .payload = &n_calls};
    ba_identified_t found;

    (void) state;
    assert_int_equal(ba_exchange_new(&items, N, &opts.exchange), BA_OK);
    assert_int_equal(ba_identify(&ctx, &problem, &opts, &found), BA_CANCELLED);
    assert_int_equal(n_calls, 3);
    ba_exchange_free(opts.exchange);
    free(study);
}

static void
test_failures(void **state)
{
    study_t *study = make_study(1);
    ba_identification_t problem = {{study->s, N, N, N}, NULL, 1e-12};
    ba_exchange_opts_t items = {.n_permutations = 100};
    ba_identify_opts_t opts = options(study);
    ba_ctx_t ctx = ba_ctx_default();
    ba_identified_t found;
    size_t zero = 0, large = N + 1, n_failed = 0;
    int status = BA_NOMEM;

    (void) state;
    opts.top = &zero;
    opts.n_top = 1;
    assert_int_equal(ba_identify(NULL, &problem, &opts, &found), BA_VALUE);
    opts.top = top;
    opts.gallery = &large;
    opts.n_gallery = 1;
    assert_int_equal(ba_identify(NULL, &problem, &opts, &found), BA_VALUE);
    assert_contains(ba_error_message(), "found 24, wanted 1 to 23");
    opts.n_gallery = 0;
    assert_int_equal(ba_exchange_new(&items, N, &opts.exchange), BA_OK);
    ctx.memory = 1000;
    assert_int_equal(ba_identify(&ctx, &problem, &opts, &found), BA_TOO_LARGE);
    ctx = ba_ctx_default();
    ctx.cancelled = always;
    assert_int_equal(ba_identify(&ctx, &problem, &opts, &found), BA_CANCELLED);
    for (size_t k = 1; status == BA_NOMEM && k < 100; k++) {
        ba_alloc_fail_at(k);
        status = ba_identify(NULL, &problem, &opts, &found);
        n_failed += status == BA_NOMEM;
    }
    ba_alloc_fail_at(0);
    assert_int_equal(status, BA_OK);
    assert_true(n_failed > 15);
    ba_identified_free(&found);
    ba_exchange_free(opts.exchange);
    free(study);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permuted_anew),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_order_of_items),
        cmocka_unit_test(test_identities),
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
