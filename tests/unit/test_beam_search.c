/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "core/alloc.h"
#include "tests/beamlib.h"

/* ---- a language of BEAM_WORDS words: p(w | word before) ---- */

static double table[BEAM_WORDS + 1][BEAM_WORDS];

static int
next_words(const void *model, const ba_ctx_t *ctx, const size_t *histories,
    size_t n_histories, double *p)
{
    (void) model;
    (void) ctx;
    for (size_t i = 0; i < n_histories; i++) {
        size_t row = histories[i] == SIZE_MAX ? BEAM_WORDS : histories[i];

        memcpy(p + i * BEAM_WORDS, table[row], BEAM_WORDS * sizeof *p);
    }
    return 0;
}

static ba_language_t
make_language(uint64_t seed)
{
    for (size_t row = 0; row <= BEAM_WORDS; row++) {
        double sum = 0.0;

        for (size_t w = 0; w < BEAM_WORDS; w++) {
            table[row][w] = 0.05 + test_uniform(&seed);
            sum += table[row][w];
        }
        for (size_t w = 0; w < BEAM_WORDS; w++) {
            table[row][w] /= sum;
        }
    }
    return (ba_language_t){.n_words = BEAM_WORDS, .n_context = 1, .next = next_words};
}

/* ---- by the book ---- */

enum { SLOTS = 4, SEQUENCES = BEAM_WORDS * BEAM_WORDS * BEAM_WORDS * BEAM_WORDS };

typedef struct {
    double score;
    size_t words[SLOTS];
} sequence_t;

static int
compare_sequences(const void *a, const void *b)
{
    const sequence_t *x = a, *y = b;

    return (x->score < y->score) - (x->score > y->score);
}

/* Scores of all sequences of the first slots, the rest unknown, sorted. */
static void
score_all(const beam_case_t *c, double weight, double lm_weight, sequence_t *all)
{
    double features[BEAM_FEATURES * BEAM_TIMES], nothing;
    size_t words[BEAM_ITEMS];

    memset(words, 0xff, sizeof words);
    beam_features(c, words, features);
    nothing = beam_log_likelihood(c, features);
    for (size_t n = 0; n < SEQUENCES; n++) {
        double log_p = 0.0;
        size_t rest = n, before = BEAM_WORDS;

        for (size_t i = 0; i < SLOTS; i++) {
            words[i] = all[n].words[i] = rest % BEAM_WORDS;
            rest /= BEAM_WORDS;
            log_p += log(table[before][words[i]]);
            before = words[i];
        }
        beam_features(c, words, features);
        all[n].score =
            weight * (beam_log_likelihood(c, features) - nothing) + lm_weight * log_p;
    }
    qsort(all, SEQUENCES, sizeof *all, compare_sequences);
}

static void
search(beam_case_t *c, const ba_search_opts_t *opts, ba_found_t *out)
{
    ba_language_t language = make_language(5);
    ba_passage_t passage;
    ba_word_products_t products;

    beam_passage(c, &passage);
    for (size_t i = SLOTS; i < passage.n_slots; i++) {
        ba_free(passage.slots[i].weight);
    }
    passage.n_slots = SLOTS;
    assert_int_equal(ba_word_products_new(
                         &c->inversion, BEAM_DELAYS, &c->said, opts->width, &products),
        0);
    assert_int_equal(
        ba_beam_search(NULL, &passage, &products, &language, opts, 50, out), 0);
    ba_word_products_free(&products);
    ba_passage_free(&passage);
}

/* A beam that drops nothing finds the best sequences of all, in their order, with their
 * scores, terms and posterior. */
static void
test_wide_beam_equals_all_sequences(void **state)
{
    static sequence_t all[SEQUENCES];
    const ba_search_opts_t opts = {.width = SEQUENCES,
        .n_extensions = BEAM_WORDS,
        .nucleus = 1.0,
        .evidence_weight = 0.7,
        .lm_weight = 1.3};

    (void) state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        static beam_case_t c;
        ba_found_t found;
        double sum = 0.0, step = 0.0;

        beam_case(&c, seed, seed % 2 == 0);
        search(&c, &opts, &found);
        score_all(&c, 0.7, 1.3, all);
        for (size_t n = 0; n < SEQUENCES; n++) {
            sum += exp(all[n].score - all[0].score);
        }
        assert_int_equal(found.n, 50);
        for (size_t n = 0; n < found.n; n++) {
            assert_memory_equal(
                found.words + n * SLOTS, all[n].words, sizeof all[n].words);
            assert_close(found.score[n], all[n].score, 1e-9);
            assert_close(
                found.posterior[n], exp(all[n].score - all[0].score) / sum, 1e-9);
            assert_close(
                0.7 * found.likelihood[n] + 1.3 * found.log_p[n], found.score[n], 1e-9);
        }
        for (size_t i = 0; i < SLOTS; i++) {
            step += 0.7 * found.step_likelihood[i] + 1.3 * found.step_log_p[i];
        }
        assert_close(step, found.score[0], 1e-9);
        ba_found_free(&found);
        ba_resampler_free(&c.resampler);
    }
}

/* A narrow beam keeps the best of what the hypotheses before it lead to, by the book. */
static void
test_narrow_beam_is_greedy(void **state)
{
    static beam_case_t c;
    static sequence_t all[SEQUENCES];
    const ba_search_opts_t opts = {.width = 1,
        .n_extensions = BEAM_WORDS,
        .nucleus = 1.0,
        .evidence_weight = 1.0,
        .lm_weight = 1.0};
    double features[BEAM_FEATURES * BEAM_TIMES];
    size_t words[BEAM_ITEMS], before = BEAM_WORDS;
    ba_found_t found;

    (void) state;
    beam_case(&c, 7, 1);
    search(&c, &opts, &found);
    memset(words, 0xff, sizeof words);
    for (size_t i = 0; i < SLOTS; i++) {
        double best = -1e300;
        size_t best_word = 0;

        for (size_t w = 0; w < BEAM_WORDS; w++) {
            double score;

            words[i] = w;
            beam_features(&c, words, features);
            score = beam_log_likelihood(&c, features) + log(table[before][w]);
            if (score > best) {
                best = score;
                best_word = w;
            }
        }
        words[i] = before = best_word;
        assert_int_equal(found.words[i], best_word);
    }
    score_all(&c, 1.0, 1.0, all);
    assert_true(found.score[0] <= all[0].score + 1e-9);
    assert_close(found.posterior[0], 1.0, 0.0);
    ba_found_free(&found);
    ba_resampler_free(&c.resampler);
}

/* Words without a vector never come; two words of equal vectors and p go by number. */
static void
test_leaves_out_and_breaks_ties(void **state)
{
    static beam_case_t c;
    const ba_search_opts_t opts = {.width = 20,
        .n_extensions = BEAM_WORDS,
        .nucleus = 1.0,
        .evidence_weight = 1.0,
        .lm_weight = 0.0};
    ba_found_t found;

    (void) state;
    beam_case(&c, 3, 0);
    memcpy(c.delta + BEAM_FEATURES, c.delta, BEAM_FEATURES * sizeof *c.delta);
    c.allowed[2] = 0;
    search(&c, &opts, &found);
    for (size_t i = 0; i < found.n * SLOTS; i++) {
        assert_true(found.words[i] != 2);
    }
    ba_found_free(&found);
    ba_resampler_free(&c.resampler);
}

/* ---- a case large enough for threads ---- */

enum { LARGE_Q = 64, LARGE_P = 2 * LARGE_Q, LARGE_TIMES = 12, LARGE_ITEMS = 10 };

static const int large_delays[] = {1, 2};

static int
next_large(const void *model, const ba_ctx_t *ctx, const size_t *histories,
    size_t n_histories, double *p)
{
    (void) model;
    (void) ctx;
    for (size_t i = 0; i < n_histories; i++) {
        for (size_t w = 0; w < 200; w++) {
            p[i * 200 + w] = 1.0 / (1.0 + (double) ((w * 7 + histories[i] * 3) % 200));
        }
    }
    return 0;
}

/* A random model of 2 delays, 64 features and 200 words; the best of 300 hypotheses. */
static void
search_large(int n_threads, ba_found_t *out)
{
    static double a[LARGE_P * LARGE_P], z[LARGE_P * LARGE_TIMES], b[LARGE_P * LARGE_P];
    static double blank[LARGE_Q], delta[LARGE_Q * 200];
    static unsigned char allowed[200];
    const ba_language_t language = {.n_words = 200, .n_context = 1, .next = next_large};
    const ba_search_opts_t opts = {.width = 300,
        .n_extensions = 20,
        .nucleus = 1.0,
        .evidence_weight = 1.0,
        .lm_weight = 1.0};
    ba_ctx_t ctx = ba_ctx_default();
    double moments[LARGE_ITEMS], times[LARGE_TIMES];
    size_t items[LARGE_ITEMS], response[LARGE_TIMES];
    ba_inversion_t inversion = {
        .n_features = LARGE_P, .n_responses = LARGE_TIMES, .a = a, .z = z};
    const ba_said_t said = {LARGE_Q, 200, blank, delta, allowed};
    ba_resampler_t resampler;
    ba_passage_t passage;
    ba_word_products_t products;

    ctx.n_threads = n_threads;
    memset(allowed, 1, sizeof allowed);
    test_fill_normal(b, LARGE_P * LARGE_P, 1);
    test_fill_normal(z, LARGE_P * LARGE_TIMES, 2);
    test_fill_normal(delta, LARGE_Q * 200, 3);
    for (size_t i = 0; i < LARGE_P; i++) {
        for (size_t j = 0; j < LARGE_P; j++) {
            a[i + j * LARGE_P] = 0.0;
            for (size_t k = 0; k < LARGE_P; k++) {
                a[i + j * LARGE_P] += 1e-3 * b[i + k * LARGE_P] * b[j + k * LARGE_P];
            }
        }
    }
    for (size_t t = 0; t < LARGE_TIMES; t++) {
        times[t] = (double) t;
        response[t] = t;
    }
    for (size_t i = 0; i < LARGE_ITEMS; i++) {
        moments[i] = 0.9 * (double) i;
        items[i] = i;
    }
    assert_int_equal(ba_resampler_lanczos(
                         moments, LARGE_ITEMS, times, LARGE_TIMES, 3.0, 1.0, &resampler),
        0);
    assert_int_equal(ba_passage_make(&ctx, &inversion, large_delays, 2, response,
                         LARGE_TIMES, &resampler, items, LARGE_ITEMS, blank, &passage),
        0);
    assert_int_equal(
        ba_word_products_new(&inversion, 2, &said, opts.width, &products), 0);
    assert_true(ba_beam_threads(&ctx, 2.0 * 300 * LARGE_Q * 4 * 9) == n_threads);
    assert_int_equal(
        ba_beam_search(&ctx, &passage, &products, &language, &opts, 300, out), 0);
    ba_word_products_free(&products);
    ba_passage_free(&passage);
    ba_resampler_free(&resampler);
}

static void
test_same_bits_for_any_threads(void **state)
{
    ba_found_t one, many;

    (void) state;
    search_large(1, &one);
    assert_int_equal(one.n, 300);
    for (int n = 2; n <= 3; n++) {
        search_large(n, &many);
        assert_int_equal(one.n, many.n);
        assert_memory_equal(
            one.words, many.words, one.n * LARGE_ITEMS * sizeof *one.words);
        assert_memory_equal(one.score, many.score, one.n * sizeof *one.score);
        assert_memory_equal(one.posterior, many.posterior, one.n * sizeof(double));
        ba_found_free(&many);
    }
    ba_found_free(&one);
}

/* Whatever allocation fails, nothing is left and the failure is told. */
static void
test_survives_failing_allocations(void **state)
{
    static beam_case_t c;
    const ba_search_opts_t opts = {.width = 5,
        .n_extensions = 3,
        .nucleus = 1.0,
        .evidence_weight = 1.0,
        .lm_weight = 1.0};
    const ba_language_t language = make_language(5);
    int status = BA_NOMEM;

    (void) state;
    beam_case(&c, 2, 1);
    for (size_t n = 1; status != BA_OK; n++) {
        ba_passage_t passage = {.n_slots = 0};
        ba_word_products_t products = {.n_delays = 0};
        ba_found_t found = {.n = 0};

        ba_alloc_fail_at(n);
        status = ba_passage_make(NULL, &c.inversion, c.delays, BEAM_DELAYS, c.response,
            BEAM_TIMES, &c.resampler, c.items, BEAM_ITEMS, c.blank, &passage);
        if (status == BA_OK) {
            status = ba_word_products_new(
                &c.inversion, BEAM_DELAYS, &c.said, opts.width, &products);
        }
        if (status == BA_OK) {
            status =
                ba_beam_search(NULL, &passage, &products, &language, &opts, 5, &found);
        }
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
        ba_found_free(&found);
        ba_word_products_free(&products);
        ba_passage_free(&passage);
    }
    ba_resampler_free(&c.resampler);
}

static void
test_refuses_what_memory_does_not_allow(void **state)
{
    static beam_case_t c;
    const ba_search_opts_t opts = {
        .width = 100000, .n_extensions = 10, .nucleus = 1.0, .evidence_weight = 1.0};
    const ba_language_t language = make_language(5);
    ba_ctx_t ctx = ba_ctx_default();
    ba_passage_t passage;
    ba_word_products_t products;
    ba_found_t found;

    (void) state;
    ctx.memory = 1 << 20;
    beam_case(&c, 2, 1);
    beam_passage(&c, &passage);
    assert_int_equal(
        ba_word_products_new(&c.inversion, BEAM_DELAYS, &c.said, 6, &products), 0);
    assert_int_equal(
        ba_beam_search(&ctx, &passage, &products, &language, &opts, 1, &found),
        BA_TOO_LARGE);
    assert_contains(ba_error_message(), "100000 hypotheses of 9 words");
    ba_word_products_free(&products);
    ba_passage_free(&passage);
    ba_resampler_free(&c.resampler);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wide_beam_equals_all_sequences),
        cmocka_unit_test(test_narrow_beam_is_greedy),
        cmocka_unit_test(test_leaves_out_and_breaks_ties),
        cmocka_unit_test(test_same_bits_for_any_threads),
        cmocka_unit_test(test_survives_failing_allocations),
        cmocka_unit_test(test_refuses_what_memory_does_not_allow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
