/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Overlap of brain and concept neurons against exact rational arithmetic. */
#include "tests/golden/golden.h"

#include "brainalign/overlap.h"

#define N8 "golden/neurons/n8_bridge.h5"

enum { LAYERS = 6, DECILES = 10, SETS = 7, KINDS = 3 };

static const char *const sets[SETS] = {
    "NOUN", "VERB", "PRON", "PUNCT", "n.PERSON", "n.FOOD", "v.motion"};

static void
mark(const golden_t *list, unsigned char *flags)
{
    for (size_t i = 0; i < list->n; i++) {
        flags[(size_t) list->data[i]] = 1;
    }
}

/* Kind 0: no strata, 1: layers, 2: layers and deciles of variance. */
static void
fill(size_t kind, const golden_t *layer, const golden_t *decile, size_t *stratum)
{
    for (size_t j = 0; j < layer->n; j++) {
        size_t cell = (size_t) layer->data[j];

        stratum[j] = kind == 2 ? cell * DECILES + (size_t) decile->data[j] : cell;
    }
}

/* Rows of the file: sets and strata in the order they are named in it; found by
 * values. */
static void
test_counts(void **state)
{
    char file[TEST_PATH_SIZE];
    golden_t layer, decile, top, observed, expected, p;
    golden_check_t checks[] = {{.what = "expected"}, {.what = "p_greater"}};
    unsigned char brain[LAYERS * 64] = {0};
    size_t stratum[LAYERS * 64];

    (void) state;
    test_need_data(file, N8);
    layer = golden_read(file, "/overlap/layer");
    decile = golden_read(file, "/overlap/variance_decile");
    top = golden_read(file, "/overlap/brain_top");
    observed = golden_read(file, "/overlap/observed");
    expected = golden_read(file, "/overlap/expected");
    p = golden_read(file, "/overlap/p_greater");
    assert_int_equal(layer.n, LAYERS * 64);
    assert_int_equal(p.n, SETS * KINDS);
    mark(&top, brain);
    for (size_t s = 0; s < SETS; s++) {
        unsigned char concept[LAYERS * 64] = {0};
        golden_t list = golden_read_in(file, "/overlap/concept_top", sets[s]);

        mark(&list, concept);
        for (size_t kind = 0; kind < KINDS; kind++) {
            size_t row = s * KINDS + kind;
            ba_overlap_t found;

            fill(kind, &layer, &decile, stratum);
            assert_int_equal(ba_overlap_test(brain, concept, kind > 0 ? stratum : NULL,
                                 layer.n, &found),
                BA_OK);
            assert_int_equal(found.observed, (size_t) observed.data[row]);
            golden_close(&checks[0], row, found.expected, expected.data[row], 1e-10);
            golden_close(&checks[1], row, found.p_greater, p.data[row], 1e-12);
        }
        golden_free(&list);
    }
    golden_report("overlap", &checks[0]);
    golden_report("overlap", &checks[1]);
    golden_free(&layer);
    golden_free(&decile);
    golden_free(&top);
    golden_free(&observed);
    golden_free(&expected);
    golden_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts)};

    return cmocka_run_group_tests_name("overlap_counts", tests, NULL, NULL);
}
