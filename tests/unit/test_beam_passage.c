/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "tests/beamlib.h"

/* The quadratic form differs from the log likelihood over voxels by what does not depend
 * on the words. */
static void
test_likelihood_is_that_of_voxels(void **state)
{
    (void) state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        static beam_case_t c;
        ba_passage_t passage;
        double features[BEAM_FEATURES * BEAM_TIMES], first = 0.0, first_voxels = 0.0;
        uint64_t random = seed;

        beam_case(&c, seed, seed % 3 == 0);
        beam_passage(&c, &passage);
        for (size_t trial = 0; trial < 10; trial++) {
            size_t words[BEAM_ITEMS];
            double got, voxels;

            for (size_t i = 0; i < BEAM_ITEMS; i++) {
                words[i] =
                    trial == 0 ? SIZE_MAX : (size_t) (test_random(&random) % BEAM_WORDS);
            }
            beam_features(&c, words, features);
            assert_int_equal(ba_passage_likelihood(NULL, &passage, features, &got), 0);
            voxels = beam_log_likelihood(&c, features);
            if (trial == 0) {
                first = got;
                first_voxels = voxels;
                assert_close(passage.likelihood, got, 1e-12 * (1.0 + fabs(got)));
            }
            assert_close(
                got - first, voxels - first_voxels, 1e-11 * (1.0 + fabs(voxels)));
        }
        ba_passage_free(&passage);
        ba_resampler_free(&c.resampler);
    }
}

/* Against differences of the likelihood itself, which is quadratic: central ones are
 * exact. */
static void
test_gradient_is_that_of_the_likelihood(void **state)
{
    static beam_case_t c;
    ba_passage_t passage;
    double features[BEAM_FEATURES * BEAM_TIMES], more, less;
    size_t words[BEAM_ITEMS];

    (void) state;
    beam_case(&c, 3, 1);
    beam_passage(&c, &passage);
    memset(words, 0xff, sizeof words);
    beam_features(&c, words, features);
    for (size_t i = 0; i < BEAM_FEATURES * BEAM_TIMES; i++) {
        double x = features[i];

        features[i] = x + 0.5;
        assert_int_equal(ba_passage_likelihood(NULL, &passage, features, &more), 0);
        features[i] = x - 0.5;
        assert_int_equal(ba_passage_likelihood(NULL, &passage, features, &less), 0);
        features[i] = x;
        assert_close(passage.gradient[i], more - less, 1e-10);
    }
    ba_passage_free(&passage);
    ba_resampler_free(&c.resampler);
}

/* Every weight of the resampler is in the slot of its item. */
static void
test_slots_hold_the_weights(void **state)
{
    (void) state;
    for (int lanczos = 0; lanczos < 2; lanczos++) {
        static beam_case_t c;
        ba_passage_t passage;

        beam_case(&c, 4, lanczos);
        beam_passage(&c, &passage);
        assert_int_equal(passage.n_slots, BEAM_ITEMS);
        for (size_t i = 0; i < BEAM_ITEMS; i++) {
            for (size_t t = 0; t < BEAM_TIMES; t++) {
                const ba_slot_t *slot = &passage.slots[i];
                size_t k = c.resampler.start[t] + i - c.resampler.first[t];
                double wanted = i >= c.resampler.first[t] && k < c.resampler.start[t + 1]
                                    ? c.resampler.weights[k]
                                    : 0.0;

                assert_true((t >= slot->first && t < slot->first + slot->n
                                    ? slot->weight[t - slot->first]
                                    : 0.0) == wanted);
            }
        }
        ba_passage_free(&passage);
        ba_resampler_free(&c.resampler);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_likelihood_is_that_of_voxels),
        cmocka_unit_test(test_gradient_is_that_of_the_likelihood),
        cmocka_unit_test(test_slots_hold_the_weights),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
