/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ranklib.h"

#include "neurons/rank_impl.h"

typedef struct {
    rank_study_t *study;
    rank_labels_t labels;
    rank_types_t types;
    rank_labelling_t made[2];
    size_t *scratch;
} null_t;

static void
null_open(null_t *null, uint64_t seed, const uint32_t *unit, size_t min_stratum)
{
    null->study = rank_study(seed, 0);
    assert_int_equal(ba_rank_labels_new(&null->study->data, &null->labels), 0);
    assert_int_equal(ba_rank_types_new(&null->labels, unit ? unit : null->study->type,
                         min_stratum, &null->types),
        0);
    assert_int_equal(ba_rank_labelling_new(&null->labels, &null->made[0]), 0);
    assert_int_equal(ba_rank_labelling_new(&null->labels, &null->made[1]), 0);
    null->scratch = calloc(RANK_TOKENS, 3 * sizeof(size_t));
    assert_non_null(null->scratch);
}

static void
null_close(null_t *null)
{
    ba_rank_labelling_free(&null->made[0]);
    ba_rank_labelling_free(&null->made[1]);
    ba_rank_types_free(&null->types);
    ba_rank_labels_free(&null->labels);
    rank_study_free(null->study);
    free(null->scratch);
}

static size_t
size_of(const rank_types_t *types, size_t type)
{
    return types->first[type + 1] - types->first[type];
}

/* All training rows stand in one type, all types in one stratum, in falling frequency. */
static void
test_strata(void **state)
{
    unsigned char seen[RANK_TOKENS] = {0}, member[RANK_TOKENS] = {0};
    null_t null;

    (void) state;
    for (size_t least = 1; least < 30; least += 7) {
        memset(seen, 0, sizeof seen);
        memset(member, 0, sizeof member);
        null_open(&null, 3, NULL, least);
        for (size_t t = 0; t < null.types.n_types; t++) {
            uint32_t word =
                null.study->type[null.labels.rows[null.types.row[null.types.first[t]]]];

            for (size_t e = null.types.first[t]; e < null.types.first[t + 1]; e++) {
                uint32_t row = null.types.row[e];

                assert_int_equal(null.study->type[null.labels.rows[row]], word);
                assert_int_equal(null.labels.test[row], 0);
                assert_int_equal(seen[row]++, 0);
            }
        }
        assert_int_equal(null.types.first[null.types.n_types], null.study->split.n_train);
        for (size_t s = 0; s < null.types.n_strata; s++) {
            size_t from = null.types.stratum[s], to = null.types.stratum[s + 1];

            assert_true(to - from >= least);
            for (size_t i = from; i < to; i++) {
                assert_int_equal(member[null.types.member[i]]++, 0);
                assert_true(i == 0 || size_of(&null.types, null.types.member[i]) <=
                                          size_of(&null.types, null.types.member[i - 1]));
            }
            /* No stratum goes on over a border of powers of two where it need not. */
            if (least == 1) {
                assert_true(size_of(&null.types, null.types.member[from]) <
                            2 * size_of(&null.types, null.types.member[to - 1]));
            }
        }
        assert_int_equal(null.types.stratum[null.types.n_strata], null.types.n_types);
        null_close(&null);
    }
}

static int
compare_sets(const void *a, const void *b)
{
    const uint32_t *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

/* The sets of a type under a labelling, sorted. */
static void
sets_of(const null_t *null, const uint32_t *set, size_t type, uint32_t *out)
{
    size_t n = size_of(&null->types, type);

    for (size_t i = 0; i < n; i++) {
        out[i] = set[null->types.row[null->types.first[type] + i]];
    }
    qsort(out, n, sizeof *out, compare_sets);
}

/* Where all types have the same number of tokens a permutation only moves the sets of
 * types around, each to one type of its own. */
static void
test_same_frequency(void **state)
{
    uint32_t unit[RANK_TOKENS], before[8], after[8];
    size_t n_moved = 0;
    null_t null;

    (void) state;
    for (size_t i = 0; i < RANK_TOKENS; i++) {
        unit[i] = (uint32_t) (i / 3 % 20); /* 8 training tokens each */
    }
    null_open(&null, 5, unit, 8);
    assert_int_equal(null.types.n_strata, 1);
    for (size_t b = 0; b < 20; b++) {
        unsigned char taken[20] = {0};

        assert_int_equal(
            ba_rank_permute(&null.labels, &null.types, 1, b, null.scratch, &null.made[0]),
            0);
        for (size_t t = 0; t < 20; t++) {
            size_t donor = 0;

            assert_int_equal(size_of(&null.types, t), 8);
            sets_of(&null, null.made[0].set, t, after);
            for (; donor < 20; donor++) {
                sets_of(&null, null.labels.set, donor, before);
                if (!taken[donor] && memcmp(before, after, sizeof after) == 0) {
                    break;
                }
            }
            assert_true(donor < 20);
            taken[donor] = 1;
            n_moved += donor != t;
        }
    }
    assert_true(n_moved > 200);
    null_close(&null);
}

/* With unequal counts a type gets every set of its donor floor(n / m) or ceil(n / m)
 * times; test rows stay out; strata do not mix. */
static void
test_unequal_frequency(void **state)
{
    uint32_t unit[RANK_TOKENS];
    size_t n_tokens[2] = {0};
    null_t null;

    (void) state;
    for (size_t i = 0; i < RANK_TOKENS; i++) {
        unit[i] = i % 3 == 2 ? 0 : (uint32_t) (i % 5 == 0);
        n_tokens[unit[i]] += i % 3 != 2;
    }
    null_open(&null, 6, unit, 8);
    assert_int_equal(null.types.n_types, 2);
    for (size_t b = 0; b < 10; b++) {
        assert_int_equal(
            ba_rank_permute(&null.labels, &null.types, 1, b, null.scratch, &null.made[0]),
            0);
        assert_int_equal(null.made[0].n_in, null.study->split.n_train);
        for (size_t i = 0; i < null.labels.n_rows; i++) {
            assert_int_equal(null.made[0].set[i] == RANK_LEFT_OUT, null.labels.test[i]);
        }
        for (size_t t = 0; t < 2; t++) {
            size_t n = size_of(&null.types, t), m = size_of(&null.types, 1 - t);

            for (uint32_t s = 0; s < null.labels.sets.n_sets; s++) {
                size_t own = 0, other = 0, got = 0;

                for (size_t i = 0; i < null.labels.n_rows; i++) {
                    size_t type =
                        unit[null.labels.rows[i]] ==
                        unit[null.labels.rows[null.types.row[null.types.first[t]]]];

                    if (!null.labels.test[i] && null.labels.set[i] == s) {
                        own += type;
                        other += !type;
                    }
                    got += type && null.made[0].set[i] == s;
                }
                assert_true(got == own ||
                            (got >= other * (n / m) && got <= other * ((n + m - 1) / m)));
            }
        }
    }
    assert_true(n_tokens[0] > 2 * n_tokens[1]);
    null_close(&null);
}

/* Halves share no row and no type, and are about equal in each stratum. */
static void
test_halves(void **state)
{
    null_t null;

    (void) state;
    null_open(&null, 9, NULL, 8);
    for (size_t h = 0; h < 5; h++) {
        size_t n_types[2] = {0};

        assert_int_equal(
            ba_rank_halve(&null.labels, &null.types, 4, h, null.scratch, null.made), 0);
        for (size_t t = 0; t < null.types.n_types; t++) {
            uint32_t first = null.types.row[null.types.first[t]];
            int in = null.made[0].set[first] == RANK_LEFT_OUT;

            n_types[in]++;
            for (size_t e = null.types.first[t]; e < null.types.first[t + 1]; e++) {
                uint32_t row = null.types.row[e];

                assert_int_equal(null.made[in].set[row], null.labels.set[row]);
                assert_int_equal(null.made[!in].set[row], RANK_LEFT_OUT);
            }
        }
        assert_true(n_types[0] - n_types[1] <= 1);
        assert_int_equal(
            null.made[0].n_in + null.made[1].n_in, null.study->split.n_train);
    }
    null_close(&null);
}

/* The numbers of a labelling are those of its rows. */
static void
test_counts(void **state)
{
    null_t null;

    (void) state;
    null_open(&null, 10, NULL, 8);
    for (unsigned char part = 0; part < 2; part++) {
        ba_rank_labelling_part(&null.labels, part, &null.made[0]);
        for (size_t c = 0; c < RANK_CONCEPTS; c++) {
            size_t n = 0;

            for (size_t i = 0; i < RANK_TOKENS; i++) {
                n += (i % 3 == 2) == part && rank_has(null.study, i, c);
            }
            assert_int_equal(null.made[0].count[c], n);
        }
    }
    null_close(&null);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strata),
        cmocka_unit_test(test_same_frequency),
        cmocka_unit_test(test_unequal_frequency),
        cmocka_unit_test(test_halves),
        cmocka_unit_test(test_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
