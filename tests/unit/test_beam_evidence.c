/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "tests/beamlib.h"

/* Word by word, whatever came before: what is gained is the difference of log likelihoods
 * over voxels of the run with the word and without it. */
static void
test_gain_is_the_difference_of_likelihoods(void **state)
{
    (void) state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        static beam_case_t c;
        ba_passage_t passage;
        ba_word_products_t products;
        ba_evidence_t evidence;
        uint64_t random = seed;
        double *from, *to, features[BEAM_FEATURES * BEAM_TIMES], gradient[BEAM_FEATURES];
        size_t words[BEAM_ITEMS], all[BEAM_WORDS] = {0, 1, 2, 3, 4, 5};
        double before;

        beam_case(&c, seed, seed > 4);
        beam_passage(&c, &passage);
        assert_int_equal(ba_word_products_new(
                             &c.inversion, BEAM_DELAYS, &c.said, BEAM_WORDS, &products),
            0);
        assert_int_equal(ba_word_products_forms(NULL, &products, all, BEAM_WORDS), 0);
        assert_int_equal(ba_word_products_take(NULL, &products, all, BEAM_WORDS), 0);
        assert_int_equal(ba_evidence_new(&passage, &products, &evidence), 0);
        from = calloc(ba_evidence_size(&evidence), sizeof *from);
        to = calloc(ba_evidence_size(&evidence), sizeof *to);
        memset(words, 0xff, sizeof words);
        beam_features(&c, words, features);
        before = beam_log_likelihood(&c, features);
        for (size_t i = 0; i < BEAM_ITEMS; i++) {
            double *swap = from, chosen = 0.0;
            size_t word = test_random(&random) % BEAM_WORDS;

            ba_evidence_slot(&evidence, i);
            ba_evidence_gradient(&evidence, i, from, gradient);
            for (size_t w = 0; w < BEAM_WORDS; w++) {
                double gain = ba_evidence_gain(&evidence, gradient, w), after;

                words[i] = w;
                beam_features(&c, words, features);
                after = beam_log_likelihood(&c, features);
                assert_close(gain, after - before, 1e-10 * (1.0 + fabs(before)));
                chosen = w == word ? after : chosen;
            }
            words[i] = word;
            before = chosen;
            ba_evidence_append(&evidence, i, from, word, to);
            from = to;
            to = swap;
        }
        free(from);
        free(to);
        ba_evidence_free(&evidence);
        ba_word_products_free(&products);
        ba_passage_free(&passage);
        ba_resampler_free(&c.resampler);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gain_is_the_difference_of_likelihoods),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
