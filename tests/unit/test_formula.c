/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/formula.h"
#include "core/alloc.h"
#include "model/formula_impl.h"

enum { N_TOKENS = 131, N_LEAVES = 9 };

static uint64_t seed_state;

static unsigned
draw(unsigned n)
{
    seed_state = seed_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned) (seed_state >> 33) % n;
}

/* Leaves of different sizes, and a neuron that is on for part of a formula of them. */
static ba_masks_t *
make_leaves(unsigned seed, ba_masks_t **on)
{
    ba_masks_t *leaves;

    seed_state = seed;
    assert_int_equal(ba_masks_create(N_LEAVES, N_TOKENS, &leaves), BA_OK);
    assert_int_equal(ba_masks_create(1, N_TOKENS, on), BA_OK);
    for (size_t l = 0; l < N_LEAVES; l++) {
        for (size_t t = 0; t < N_TOKENS; t++) {
            if (draw(12) <= l) {
                ba_masks_set(leaves, l, t);
            }
        }
    }
    for (size_t t = 0; t < N_TOKENS; t++) {
        if (draw(6) == 0) {
            ba_masks_set(*on, 0, t);
        }
    }
    ba_masks_count(leaves);
    return leaves;
}

static int
has(const ba_masks_t *masks, size_t m, size_t t)
{
    return (int) ((masks->bits[m * masks->n_words + t / 64] >> (t % 64)) & 1);
}

static int
join(int left, int op, int right)
{
    return op == 0 ? left || right : op == 1 ? left && right : left && !right;
}

static double
iou_of(const int *value, const ba_masks_t *on)
{
    int both = 0, either = 0;

    for (size_t t = 0; t < N_TOKENS; t++) {
        both += value[t] && has(on, 0, t);
        either += value[t] || has(on, 0, t);
    }
    return either ? (double) both / either : 0.0;
}

/* Every chain, token by token: the best of each length. */
static void
brute(const ba_masks_t *leaves, const ba_masks_t *on, const int *left, int length,
    double *best)
{
    int value[N_TOKENS];

    for (size_t l = 0; l < N_LEAVES; l++) {
        for (int op = 0; op < (length == 0 ? 1 : 3); op++) {
            for (size_t t = 0; t < N_TOKENS; t++) {
                value[t] = join(length == 0 ? 0 : left[t], op, has(leaves, l, t));
            }
            best[length] = fmax(best[length], iou_of(value, on));
            if (length < 2) {
                brute(leaves, on, value, length + 1, best);
            }
        }
    }
}

static void
run(const ba_masks_t *leaves, const ba_masks_t *on, const ba_formula_opts_t *opts,
    ba_formula_t *best, ba_formula_info_t *info)
{
    ba_formula_search_t *search;

    assert_int_equal(ba_formula_search_create(leaves, opts, &search), BA_OK);
    ba_formula_search_run(search, on->bits, best, info);
    ba_formula_search_free(search);
}

/* Counts and score are those of the formula's own tokens. */
static void
check_counts(const ba_formula_t *formula, const ba_masks_t *leaves, const ba_masks_t *on)
{
    ba_formula_t again;

    assert_int_equal(
        ba_formula_rescore(formula, leaves, on->bits, BA_FORMULA_IOU, &again), BA_OK);
    assert_int_equal(again.n_formula, formula->n_formula);
    assert_int_equal(again.n_both, formula->n_both);
    assert_close(again.score, formula->score, 0.0);
}

static void
test_exact_is_best_of_all(void **state)
{
    ba_formula_opts_t opts = ba_formula_opts_default();

    (void) state;
    opts.exact = 1;
    opts.n_leaves = 3;
    opts.beam = 1;
    for (unsigned seed = 1; seed <= 20; seed++) {
        double wanted[3] = {0};
        ba_masks_t *on, *leaves = make_leaves(seed, &on);
        ba_formula_t best[BA_FORMULA_LEAVES];
        ba_formula_info_t info;

        brute(leaves, on, NULL, 0, wanted);
        run(leaves, on, &opts, best, &info);
        assert_int_equal(info.proven, 3);
        assert_true(info.n_bounded > 0);
        for (int i = 0; i < 3; i++) {
            assert_close(best[i].score, wanted[i], 0.0);
            check_counts(&best[i], leaves, on);
        }
        ba_masks_free(leaves);
        ba_masks_free(on);
    }
}

/* A beam that holds every formula is exhaustive, whatever the bounds set aside. */
static void
test_wide_beam_is_best_of_all(void **state)
{
    ba_formula_opts_t opts = ba_formula_opts_default();

    (void) state;
    opts.n_leaves = 3;
    opts.beam = 1000;
    for (unsigned seed = 30; seed <= 36; seed++) {
        double wanted[3] = {0};
        ba_masks_t *on, *leaves = make_leaves(seed, &on);
        ba_formula_t best[BA_FORMULA_LEAVES];

        brute(leaves, on, NULL, 0, wanted);
        run(leaves, on, &opts, best, NULL);
        for (int i = 0; i < 3; i++) {
            assert_close(best[i].score, wanted[i], 0.0);
        }
        ba_masks_free(leaves);
        ba_masks_free(on);
    }
}

static void
test_lengths_and_scores(void **state)
{
    ba_formula_opts_t opts = ba_formula_opts_default();

    (void) state;
    for (int by = BA_FORMULA_IOU; by <= BA_FORMULA_RECALL; by++) {
        ba_masks_t *on, *leaves = make_leaves(7, &on);
        ba_formula_t best[BA_FORMULA_LEAVES], again;

        opts.score = (ba_fit_by_t) by;
        run(leaves, on, &opts, best, NULL);
        for (size_t i = 0; i < BA_FORMULA_LEAVES; i++) {
            assert_true(best[i].n_leaves >= 1 && best[i].n_leaves <= i + 1);
            assert_true(i == 0 || best[i].score >= best[i - 1].score);
            assert_int_equal(
                ba_formula_rescore(&best[i], leaves, on->bits, opts.score, &again),
                BA_OK);
            assert_close(again.score, best[i].score, 0.0);
        }
        ba_masks_free(leaves);
        ba_masks_free(on);
    }
}

/* A penalty that no leaf makes up for leaves one. */
static void
test_penalty(void **state)
{
    ba_formula_opts_t opts = ba_formula_opts_default();
    ba_masks_t *on, *leaves = make_leaves(11, &on);
    ba_formula_t best[BA_FORMULA_LEAVES];

    (void) state;
    opts.penalty = 0.01;
    run(leaves, on, &opts, best, NULL);
    assert_int_equal(best[4].n_leaves, 1);
    ba_masks_free(leaves);
    ba_masks_free(on);
}

static ba_formula_t
chain(size_t n, uint32_t a, int op1, uint32_t b, int op2, uint32_t c)
{
    return (ba_formula_t){.n_leaves = (uint32_t) n,
        .leaf = {a, b, c},
        .op = {0, (uint8_t) op1, (uint8_t) op2}};
}

static void
test_equal_up_to_order(void **state)
{
    ba_formula_t a, b;

    (void) state;
    a = chain(2, 5, 0, 11, 0, 0);
    b = chain(2, 11, 0, 5, 0, 0);
    assert_true(ba_formula_is_equal(&a, &b));
    a = chain(3, 1, 1, 2, 2, 3); /* 1 and 2 and not 3 */
    b = chain(3, 2, 2, 3, 1, 1); /* 2 and not 3 and 1 */
    assert_true(ba_formula_is_equal(&a, &b));
    b = chain(3, 2, 2, 1, 1, 3);
    assert_false(ba_formula_is_equal(&a, &b));
    a = chain(3, 1, 0, 2, 1, 3); /* (1 or 2) and 3 */
    b = chain(3, 3, 1, 1, 0, 2); /* (3 and 1) or 2 */
    assert_false(ba_formula_is_equal(&a, &b));
    a = chain(2, 4, 0, 4, 0, 0);
    b = chain(1, 4, 0, 0, 0, 0);
    assert_true(ba_formula_is_equal(&a, &b));
    a = chain(2, 1, 0, 2, 0, 0);
    b = chain(2, 1, 1, 2, 0, 0);
    assert_false(ba_formula_is_equal(&a, &b));
}

static void
test_text(void **state)
{
    static const char *const names[] = {"a", "b", "c"};
    ba_formula_t formula = chain(3, 0, 0, 1, 2, 2);
    char *text;

    (void) state;
    assert_int_equal(ba_formula_text(&formula, names, &text), BA_OK);
    assert_string_equal(text, "((a OR b) AND NOT c)");
    ba_free(text);
    formula.n_leaves = 1;
    assert_int_equal(ba_formula_text(&formula, names, &text), BA_OK);
    assert_string_equal(text, "a");
    ba_free(text);
}

/* Nothing overlaps: no formula, score 0. */
static void
test_nothing(void **state)
{
    ba_formula_opts_t opts = ba_formula_opts_default();
    ba_masks_t *on, *leaves;
    ba_formula_t best[BA_FORMULA_LEAVES];

    (void) state;
    opts.exact = 1;
    assert_int_equal(ba_masks_create(2, 70, &leaves), BA_OK);
    assert_int_equal(ba_masks_create(1, 70, &on), BA_OK);
    ba_masks_set(leaves, 0, 3);
    ba_masks_count(leaves);
    run(leaves, on, &opts, best, NULL);
    assert_int_equal(best[0].n_leaves, 0);
    assert_close(best[4].score, 0.0, 0.0);
    ba_masks_set(on, 0, 69);
    run(leaves, on, &opts, best, NULL);
    assert_int_equal(best[4].n_leaves, 0);
    ba_masks_free(leaves);
    ba_masks_free(on);
}

static void
check_refused(ba_formula_opts_t opts, const char *words)
{
    ba_masks_t *on, *leaves = make_leaves(1, &on);
    ba_formula_search_t *search;

    assert_int_equal(ba_formula_search_create(leaves, &opts, &search), BA_VALUE);
    assert_contains(ba_error_message(), words);
    assert_null(search);
    ba_masks_free(leaves);
    ba_masks_free(on);
}

static void
test_bad_options(void **state)
{
    ba_formula_opts_t opts = ba_formula_opts_default();

    (void) state;
    opts.n_leaves = 6;
    check_refused(opts, "found 6 leaves, wanted 1 to 5");
    opts = ba_formula_opts_default();
    opts.beam = 0;
    check_refused(opts, "beam: found 0");
    opts = ba_formula_opts_default();
    opts.penalty = 1.5;
    check_refused(opts, "length penalty: found 1.5");
    opts = ba_formula_opts_default();
    opts.exact = 1;
    opts.score = BA_FORMULA_PRECISION;
    check_refused(opts, "wanted iou");
}

static void
test_no_memory(void **state)
{
    ba_formula_opts_t opts = ba_formula_opts_default();
    ba_masks_t *on, *leaves = make_leaves(1, &on);
    ba_formula_search_t *search = NULL;
    size_t n = 0;

    (void) state;
    do {
        ba_alloc_fail_at(++n);
    } while (ba_formula_search_create(leaves, &opts, &search) == BA_NOMEM);
    ba_alloc_fail_at(0);
    assert_true(n > 5);
    assert_non_null(search);
    ba_formula_search_free(search);
    ba_masks_free(leaves);
    ba_masks_free(on);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_is_best_of_all),
        cmocka_unit_test(test_wide_beam_is_best_of_all),
        cmocka_unit_test(test_lengths_and_scores),
        cmocka_unit_test(test_penalty),
        cmocka_unit_test(test_equal_up_to_order),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests_name("formula", tests, NULL, NULL);
}
