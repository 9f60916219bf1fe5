/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "core/alloc.h"
#include "brainalign/concepts.h"
#include "brainalign/error.h"

enum { N_TOKENS = 20000, N_TYPES = 800, SENTENCE = 12 };

static uint32_t type[N_TOKENS];
static size_t sentence[N_TOKENS];
static unsigned char part[N_TOKENS];
static ba_concepts_t concepts;

/* Zipf's law: type k has about 1 / (k + 1) of the tokens of type 0. */
static int
make_corpus(void **state)
{
    double weights[N_TYPES], sum = 0;
    uint64_t seed = 5;

    (void) state;
    for (size_t k = 0; k < N_TYPES; k++) {
        weights[k] = sum += 1.0 / (double) (k + 1);
    }
    for (size_t t = 0; t < N_TOKENS; t++) {
        double u = test_uniform(&seed) * sum;
        uint32_t k = 0;

        while (weights[k] < u) {
            k++;
        }
        type[t] = t < N_TYPES ? (uint32_t) t : k; /* every type is there */
        sentence[t] = t / SENTENCE;
        part[t] = t % 10 == 0;
    }
    concepts = (ba_concepts_t){.n_tokens = N_TOKENS,
        .n_types = N_TYPES,
        .type = type,
        .sentence = sentence,
        .part = part};
    return 0;
}

/* Every token on one side or dropped, rows ascending. */
static void
assert_sides(const ba_token_split_t *split)
{
    static unsigned char seen[N_TOKENS];

    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < split->n_train; i++) {
        assert_true(i == 0 || split->train[i] > split->train[i - 1]);
        seen[split->train[i]]++;
    }
    for (size_t i = 0; i < split->n_test; i++) {
        assert_true(i == 0 || split->test[i] > split->test[i - 1]);
        assert_int_equal(seen[split->test[i]]++, 0);
    }
    assert_int_equal(split->n_train + split->n_test + split->n_dropped, N_TOKENS);
}

static void
by_types(void **state)
{
    static unsigned char side[N_TYPES];
    size_t counts[N_TYPES] = {0}, rare = 0, rare_test = 0;
    ba_token_split_t split, again, other;

    (void) state;
    assert_int_equal(
        ba_concepts_split(&concepts, BA_SPLIT_TYPES, 0.2, 0, 7, &split), BA_OK);
    assert_sides(&split);
    assert_int_equal(split.n_dropped, 0);
    memset(side, 0, sizeof side);
    for (size_t i = 0; i < split.n_train; i++) {
        side[type[split.train[i]]] |= 1;
    }
    for (size_t i = 0; i < split.n_test; i++) {
        side[type[split.test[i]]] |= 2;
    }
    for (size_t t = 0; t < N_TOKENS; t++) {
        counts[type[t]]++;
    }
    for (size_t k = 0; k < N_TYPES; k++) {
        assert_true(side[k] == 1 || side[k] == 2);
        rare += counts[k] < 16 ? counts[k] : 0;
        rare_test += counts[k] < 16 && side[k] == 2 ? counts[k] : 0;
    }
    /* The largest type of a stratum bounds how far off a stratum is; below 16 tokens
     * that is little. */
    assert_close((double) rare_test / (double) rare, 0.2, 0.02);
    assert_close((double) split.n_test / N_TOKENS, 0.2, 0.06);
    assert_int_equal(
        ba_concepts_split(&concepts, BA_SPLIT_TYPES, 0.2, 0, 7, &again), BA_OK);
    assert_int_equal(again.n_test, split.n_test);
    assert_memory_equal(again.test, split.test, split.n_test * sizeof *split.test);
    assert_int_equal(
        ba_concepts_split(&concepts, BA_SPLIT_TYPES, 0.2, 0, 8, &other), BA_OK);
    assert_true(other.n_test != split.n_test ||
                memcmp(other.test, split.test, split.n_test * sizeof *split.test) != 0);
    ba_token_split_free(&split);
    ba_token_split_free(&again);
    ba_token_split_free(&other);
}

static void
by_sentences(void **state)
{
    ba_token_split_t split;

    (void) state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        assert_int_equal(
            ba_concepts_split(&concepts, BA_SPLIT_SENTENCES, 0.25035, 0, seed, &split),
            BA_OK);
        assert_sides(&split);
        /* Nearest to 5,007 tokens by sentences of 12, and one of 8. */
        assert_true(
            split.n_test >= 5007 - SENTENCE / 2 && split.n_test <= 5007 + SENTENCE / 2);
        for (size_t i = 1; i < split.n_test; i++) {
            assert_true(sentence[split.test[i]] == sentence[split.test[i - 1]] ||
                        split.test[i] % SENTENCE == 0);
        }
        ba_token_split_free(&split);
    }
}

static void
by_parts(void **state)
{
    static unsigned char known[N_TYPES];
    ba_token_split_t split;
    size_t n_unknown = 0;

    (void) state;
    assert_int_equal(
        ba_concepts_split(&concepts, BA_SPLIT_PARTS, 0, 0, 1, &split), BA_OK);
    assert_int_equal(split.n_test, N_TOKENS / 10);
    assert_int_equal(split.test[3], 30);
    ba_token_split_free(&split);
    for (size_t t = 0; t < N_TOKENS; t++) {
        known[type[t]] |= !part[t];
    }
    for (size_t t = 0; t < N_TOKENS; t++) {
        n_unknown += part[t] && !known[type[t]];
    }
    assert_true(n_unknown > 0);
    assert_int_equal(
        ba_concepts_split(&concepts, BA_SPLIT_PARTS, 0, 1, 1, &split), BA_OK);
    assert_sides(&split);
    assert_int_equal(split.n_test, n_unknown);
    assert_int_equal(split.n_dropped, N_TOKENS / 10 - n_unknown);
    ba_token_split_free(&split);
}

static void
all_to_fit(void **state)
{
    ba_token_split_t split;

    (void) state;
    assert_int_equal(
        ba_concepts_split(&concepts, BA_SPLIT_TYPES, 0, 1, 1, &split), BA_OK);
    assert_int_equal(split.n_train, N_TOKENS);
    assert_int_equal(split.n_test, 0);
    ba_token_split_free(&split);
}

static void
refused(void **state)
{
    ba_concepts_t bare = {.n_tokens = N_TOKENS, .n_types = N_TYPES};
    ba_token_split_t split;
    static unsigned char all_test[N_TOKENS];

    (void) state;
    assert_int_equal(ba_concepts_split(&bare, BA_SPLIT_PARTS, 0, 0, 1, &split), BA_VALUE);
    assert_contains(ba_error_message(), "by parts, but none are given");
    assert_int_equal(
        ba_concepts_split(&bare, BA_SPLIT_TYPES, 0.2, 0, 1, &split), BA_VALUE);
    assert_contains(ba_error_message(), "by word types, but the forms");
    assert_int_equal(
        ba_concepts_split(&bare, BA_SPLIT_SENTENCES, 0.2, 0, 1, &split), BA_VALUE);
    assert_contains(ba_error_message(), "by sentences, but");
    bare.part = part;
    assert_int_equal(ba_concepts_split(&bare, BA_SPLIT_PARTS, 0, 1, 1, &split), BA_VALUE);
    assert_contains(ba_error_message(), "word types must differ");
    assert_int_equal(
        ba_concepts_split(&concepts, BA_SPLIT_TYPES, 1, 0, 1, &split), BA_VALUE);
    assert_int_equal(
        ba_concepts_split(&concepts, BA_SPLIT_TYPES, (double) NAN, 0, 1, &split),
        BA_VALUE);
    memset(all_test, 1, sizeof all_test);
    bare.part = all_test;
    assert_int_equal(ba_concepts_split(&bare, BA_SPLIT_PARTS, 0, 0, 1, &split), BA_SHAPE);
    assert_contains(ba_error_message(), "0 tokens to fit on, 20000 to test on");
    assert_null(split.test);
}

static void
no_memory(void **state)
{
    int status = BA_NOMEM;

    (void) state;
    for (size_t n = 1; status == BA_NOMEM; n++) {
        ba_token_split_t split;

        ba_alloc_fail_at(n);
        status = ba_concepts_split(&concepts, BA_SPLIT_TYPES, 0.2, 1, 7, &split);
        ba_alloc_fail_at(0);
        assert_true(n < 20);
        assert_true(status == BA_OK || status == BA_NOMEM);
        ba_token_split_free(&split);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_types),
        cmocka_unit_test(by_sentences), cmocka_unit_test(by_parts),
        cmocka_unit_test(all_to_fit), cmocka_unit_test(refused),
        cmocka_unit_test(no_memory)};

    return cmocka_run_group_tests(tests, make_corpus, NULL);
}
