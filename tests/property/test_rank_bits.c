/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must not change a ranking: threads, memory, the order of tokens, held-out tokens. */
#include "tests/ranklib.h"

static const size_t bytes = RANK_CONCEPTS * RANK_NEURONS * sizeof(double);

static const char *const methods[] = {"probeless", "ap", "auroc", "iou", "mean",
    "concept-selectivity", "welch", "corr", "spearman", "mi", "expert"};

enum { N_METHODS = sizeof methods / sizeof *methods };

static ba_rank_opts_t
tested(const char *method)
{
    ba_rank_opts_t opts = ba_rank_opts_default();

    opts.method = method;
    opts.n_permutations = 23;
    opts.n_halves = 2;
    return opts;
}

static void
same(const ba_ranking_t *a, const ba_rank_report_t *of_a, const ba_ranking_t *b,
    const ba_rank_report_t *of_b)
{
    assert_memory_equal(a->score, b->score, bytes);
    assert_memory_equal(a->order, b->order, bytes / 2);
    assert_memory_equal(a->p, b->p, bytes);
    assert_memory_equal(a->q, b->q, bytes);
    assert_memory_equal(of_a->p_fwe, of_b->p_fwe, bytes);
    assert_memory_equal(of_a->test, of_b->test, bytes);
    assert_memory_equal(of_a->halves, of_b->halves, RANK_CONCEPTS * sizeof(double));
}

/* Threads and a budget that holds 1 or 2 neurons and a few permutations at a time. */
static void
test_threads_and_memory(void **state)
{
    static const struct {
        int n_threads;
        size_t memory;
    } ways[] = {{2, 0}, {3, 0}, {1, 60000}, {2, 90000}};
    rank_study_t *study = rank_study(1, 0);

    (void) state;
    for (size_t k = 0; k < N_METHODS; k++) {
        ba_rank_opts_t opts = tested(methods[k]);
        ba_ctx_t ctx = ba_ctx_default();
        ba_ranking_t *one, *other;
        ba_rank_report_t *of_one, *of_other;

        ctx.seed = 5;
        ctx.n_threads = 1;
        assert_int_equal(ba_neurons_rank(&ctx, &study->data, &opts, &one, &of_one), 0);
        for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
            ctx.n_threads = ways[w].n_threads;
            ctx.memory = ways[w].memory;
            if (ba_neurons_rank(&ctx, &study->data, &opts, &other, &of_other) != 0) {
                fail_msg("%s", ba_error_message());
            }
            same(one, of_one, other, of_other);
            ba_ranking_free(other);
            ba_rank_report_free(of_other);
        }
        ba_ranking_free(one);
        ba_rank_report_free(of_one);
    }
    rank_study_free(study);
}

static void
test_gaussian_threads(void **state)
{
    rank_study_t *study = rank_study(2, 1);
    ba_rank_opts_t opts = rank_plain("gaussian");
    ba_ctx_t ctx = ba_ctx_default();
    ba_ranking_t *one, *other;

    (void) state;
    opts.n_picks = 6;
    ctx.n_threads = 1;
    assert_int_equal(ba_neurons_rank(&ctx, &study->data, &opts, &one, NULL), 0);
    ctx.n_threads = 3;
    assert_int_equal(ba_neurons_rank(&ctx, &study->data, &opts, &other, NULL), 0);
    assert_memory_equal(one->score, other->score, RANK_NEURONS * sizeof(double));
    assert_memory_equal(one->order, other->order, RANK_NEURONS * sizeof(uint32_t));
    ba_ranking_free(one);
    ba_ranking_free(other);
    rank_study_free(study);
}

/* Tokens in another order, their labels, words and parts with them. */
static void
shuffle(const rank_study_t *from, rank_study_t *to, uint64_t *random)
{
    size_t order[RANK_TOKENS], n = 0;

    for (size_t i = 0; i < RANK_TOKENS; i++) {
        size_t k = test_below(random, i + 1);

        order[i] = order[k];
        order[k] = i;
    }
    to->split.n_train = to->split.n_test = 0;
    for (size_t i = 0; i < RANK_TOKENS; i++) {
        size_t t = order[i];

        to->first[i] = n;
        for (size_t e = from->first[t]; e < from->first[t + 1]; e++) {
            to->concept[n++] = from->concept[e];
        }
        for (size_t j = 0; j < RANK_NEURONS; j++) {
            to->x[i + j * RANK_TOKENS] = from->x[t + j * RANK_TOKENS];
        }
        to->type[i] = from->type[t];
        if (t % 3 == 2) {
            to->test[to->split.n_test++] = i;
        } else {
            to->train[to->split.n_train++] = i;
        }
    }
    to->first[RANK_TOKENS] = n;
}

static void
test_order_of_tokens(void **state)
{
    rank_study_t *study = rank_study(3, 0), *moved = rank_study(3, 0);
    uint64_t random = 8;

    (void) state;
    shuffle(study, moved, &random);
    for (size_t k = 0; k < N_METHODS; k++) {
        ba_rank_opts_t opts = ba_rank_opts_default();
        ba_rank_report_t *of_one, *of_other;
        ba_ranking_t *one, *other;
        size_t n = RANK_CONCEPTS * RANK_NEURONS;

        opts.method = methods[k];
        opts.n_halves = 0;
        one = rank_must(study, &opts, &of_one);
        other = rank_must(moved, &opts, &of_other);
        /* Sums in another order: rounding; counts and ranks not even that. */
        assert_all_close(one->score, other->score, n, 1e-11);
        assert_all_close(of_one->test, of_other->test, n, 1e-11);
        if (strcmp(methods[k], "auroc") == 0 || strcmp(methods[k], "ap") == 0) {
            assert_memory_equal(one->score, other->score, bytes);
        }
        ba_ranking_free(one);
        ba_ranking_free(other);
        ba_rank_report_free(of_one);
        ba_rank_report_free(of_other);
    }
    rank_study_free(study);
    rank_study_free(moved);
}

/* Nothing of the test tokens, activations and labels, reaches scores, p or halves. */
static void
test_held_out(void **state)
{
    rank_study_t *study = rank_study(4, 0), *other = rank_study(4, 0);

    (void) state;
    for (size_t i = 0; i < RANK_TOKENS; i++) {
        for (size_t j = 0; j < RANK_NEURONS && i % 3 == 2; j++) {
            other->x[i + j * RANK_TOKENS] = 1e30 * (double) (i % 7) - 2e30;
        }
        for (size_t e = other->first[i]; e < other->first[i + 1] && i % 3 == 2; e++) {
            other->concept[e] = (other->concept[e] + 1) % 3;
        }
    }
    for (size_t k = 0; k < N_METHODS; k++) {
        ba_rank_opts_t opts = tested(methods[k]);
        ba_rank_report_t *of_a, *of_b;
        ba_ranking_t *a = rank_must(study, &opts, &of_a);
        ba_ranking_t *b = rank_must(other, &opts, &of_b);

        assert_memory_equal(a->score, b->score, bytes);
        assert_memory_equal(a->p, b->p, bytes);
        assert_memory_equal(of_a->p_fwe, of_b->p_fwe, bytes);
        assert_memory_equal(of_a->halves, of_b->halves, RANK_CONCEPTS * sizeof(double));
        ba_ranking_free(a);
        ba_ranking_free(b);
        ba_rank_report_free(of_a);
        ba_rank_report_free(of_b);
    }
    rank_study_free(study);
    rank_study_free(other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_and_memory),
        cmocka_unit_test(test_gaussian_threads),
        cmocka_unit_test(test_order_of_tokens),
        cmocka_unit_test(test_held_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
