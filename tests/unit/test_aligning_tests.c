/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of drops on numbers made up: p, z, family-wise p and q by their definitions. */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "core/alloc.h"
#include "neurons/aligning_concepts.h"

enum { CONCEPTS = 3, TARGETS = 5, REGIONS = 3, N_MATCHED = 19, N_LABEL = 9 };
enum { EACH = 1 + N_MATCHED + N_LABEL, SETS = CONCEPTS * EACH };

typedef struct {
    double by_target[SETS * TARGETS], by_region[SETS * REGIONS];
    ba_align_opts_t opts;
    ba_aligning_t aligning;
    ba_align_regions_t regions;
    ba_align_concepts_t concepts;
} made_t;

static void
make(made_t *made)
{
    memset(made, 0, sizeof *made);
    test_fill_normal(made->by_target, SETS * TARGETS, 1);
    test_fill_normal(made->by_region, SETS * REGIONS, 2);
    for (size_t s = 0; s < SETS; s++) {
        made->by_target[s * TARGETS + 4] = NAN;
    }
    /* A tie, which counts against the concept, and a strong effect. */
    made->by_region[3 * REGIONS] = made->by_region[0];
    made->by_region[EACH * REGIONS + 1] = 9.0;
    made->opts.n_matched = N_MATCHED;
    made->aligning.opts = &made->opts;
    made->aligning.n_targets = TARGETS;
    made->regions.n = REGIONS;
    made->concepts.aligning = &made->aligning;
    made->concepts.regions = &made->regions;
    made->concepts.n = CONCEPTS;
    made->concepts.n_label = N_LABEL;
    made->concepts.drops = (ba_align_drops_t){.n_sets = SETS,
        .n_kept = SETS,
        .by_region = made->by_region,
        .by_target = made->by_target};
    assert_int_equal(ba_align_tests_run(&made->concepts), BA_OK);
}

static void
unmake(made_t *made)
{
    for (size_t k = 0; k < 2; k++) {
        ba_align_test_t *test = &made->concepts.tests[k];

        ba_free(test->target_p);
        ba_free(test->target_q);
        ba_free(test->mean);
        ba_free(test->deviation);
        ba_free(test->z);
        ba_free(test->ratio);
        ba_free(test->p);
        ba_free(test->q);
        ba_free(test->p_fwe);
    }
}

/* Sets of a test follow the concept's own: matched first, then permuted labels. */
static double
value(const made_t *made, size_t c, size_t first, size_t b, size_t r)
{
    return made->by_region[(c * EACH + (b == 0 ? 0 : first + b)) * REGIONS + r];
}

static void
check_region(const made_t *made, size_t kind, size_t r)
{
    const ba_align_test_t *test = &made->concepts.tests[kind];
    size_t n = kind == BA_ALIGN_MATCHED ? N_MATCHED : N_LABEL;
    size_t first = kind == BA_ALIGN_MATCHED ? 0 : N_MATCHED;
    double mean[CONCEPTS] = {0}, deviation[CONCEPTS] = {0};

    for (size_t c = 0; c < CONCEPTS; c++) {
        double n_above = 1.0, own = value(made, c, first, 0, r);

        for (size_t b = 1; b <= n; b++) {
            mean[c] += value(made, c, first, b, r) / (double) n;
            n_above += value(made, c, first, b, r) >= own;
        }
        for (size_t b = 1; b <= n; b++) {
            deviation[c] += pow(value(made, c, first, b, r) - mean[c], 2.0);
        }
        deviation[c] = sqrt(deviation[c] / ((double) n - 1.0));
        assert_close(test->p[c * REGIONS + r], n_above / ((double) n + 1.0), 1e-15);
        assert_close(test->z[c * REGIONS + r], (own - mean[c]) / deviation[c], 1e-12);
        assert_close(test->ratio[c * REGIONS + r],
            mean[c] > 0.0 ? own / mean[c] : (double) NAN, 1e-9);
    }
    for (size_t c = 0; c < CONCEPTS; c++) { /* scaled by own and null sets together */
        double own = value(made, c, first, 0, r), size = (double) n + 1.0;
        double all = (own + (double) n * mean[c]) / size;

        deviation[c] =
            sqrt((pow(deviation[c], 2.0) * ((double) n - 1.0) +
                     (double) n * pow(mean[c] - all, 2.0) + pow(own - all, 2.0)) /
                 size);
        mean[c] = all;
    }
    for (size_t c = 0; c < CONCEPTS; c++) {
        double n_above = 1.0;
        double own = (value(made, c, first, 0, r) - mean[c]) / deviation[c];

        for (size_t b = 1; b <= n; b++) {
            double most = -INFINITY;

            for (size_t e = 0; e < CONCEPTS; e++) {
                most = fmax(most, (value(made, e, first, b, r) - mean[e]) / deviation[e]);
            }
            n_above += most >= own;
        }
        assert_close(test->p_fwe[c * REGIONS + r], n_above / ((double) n + 1.0), 1e-15);
    }
}

static void
test_regions(void **state)
{
    static made_t made;

    (void) state;
    make(&made);
    for (size_t r = 0; r < REGIONS; r++) {
        check_region(&made, BA_ALIGN_MATCHED, r);
        check_region(&made, BA_ALIGN_LABELS, r);
    }
    assert_close(made.concepts.tests[BA_ALIGN_MATCHED].p[REGIONS + 1], 1.0 / 20.0, 1e-15);
    unmake(&made);
}

static void
test_targets(void **state)
{
    static made_t made;
    const ba_align_test_t *test = &made.concepts.tests[BA_ALIGN_LABELS];

    (void) state;
    make(&made);
    for (size_t c = 0; c < CONCEPTS; c++) {
        for (size_t t = 0; t < TARGETS; t++) {
            const double *own = made.by_target + c * EACH * TARGETS + t;
            double n_above = 1.0, p = test->target_p[c * TARGETS + t];

            for (size_t b = 1; b <= N_LABEL; b++) {
                n_above += own[(N_MATCHED + b) * TARGETS] >= own[0];
            }
            assert_close(p, t == 4 ? (double) NAN : n_above / (N_LABEL + 1.0), 1e-15);
            assert_true(t == 4 || test->target_q[c * TARGETS + t] >= p);
        }
    }
    unmake(&made);
}

/* All targets together are a family of their own. */
static void
test_families(void **state)
{
    static const double p[] = {0.01, 0.02, 0.5, 0.04, 0.03, 0.9};
    static const double wanted[] = {0.02, 0.06, 2.0 / 3.0, 0.04, 0.06, 0.9};
    double q[6];

    (void) state;
    assert_int_equal(ba_align_regions_q(p, 2, 3, q), BA_OK);
    assert_all_close(q, wanted, 6, 1e-15);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regions),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_families),
    };

    return cmocka_run_group_tests_name("aligning_tests", tests, NULL, NULL);
}
