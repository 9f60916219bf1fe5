/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A score that is known everywhere: minus the squared distance of log gamma from an
 * optimum of the target's own. */
#include "tests/testlib.h"

#include "brainalign/bands.h"
#include "core/alloc.h"

enum { SPACES = 3, TARGETS = 40, ROOM = 80, FIRST = 8 };

static double optimum[TARGETS * SPACES];

static double
score_of(const double *gamma, size_t t)
{
    double sum = 0.0, difference[SPACES], mean = 0.0;

    for (size_t k = 0; k < SPACES; k++) {
        difference[k] = log(fmax(gamma[k], 1e-4) / optimum[t * SPACES + k]);
        mean += difference[k] / SPACES;
    }
    for (size_t k = 0; k < SPACES; k++) {
        sum -= (difference[k] - mean) * (difference[k] - mean);
    }
    return sum;
}

static double
mean_best(const double *gammas, size_t n)
{
    double sum = 0.0;

    for (size_t t = 0; t < TARGETS; t++) {
        double best = -INFINITY;

        for (size_t c = 0; c < n; c++) {
            best = fmax(best, score_of(gammas + c * SPACES, t));
        }
        sum += best / TARGETS;
    }
    return sum;
}

static void
make_optima(void)
{
    uint64_t seed = 5;

    for (size_t i = 0; i < TARGETS * SPACES; i++) {
        optimum[i] = exp(1.5 * test_normal(&seed));
    }
}

static void
fill_scores(const double *gammas, size_t n, double *scores)
{
    for (size_t c = 0; c < n; c++) {
        for (size_t t = 0; t < TARGETS; t++) {
            scores[c * TARGETS + t] = score_of(gammas + c * SPACES, t);
        }
    }
}

/* Every round helps, and all of them find more than as many samples. */
static void
test_rounds(void **state)
{
    static double gammas[ROOM * SPACES], scores[ROOM * TARGETS], others[ROOM * SPACES];
    size_t n = FIRST;
    double before;

    (void) state;
    make_optima();
    assert_int_equal(ba_bands_sample(ROOM, SPACES, 1, others), BA_OK);
    memcpy(gammas, others, FIRST * SPACES * sizeof *gammas);
    before = mean_best(gammas, n);
    for (size_t round = 0; round < 4; round++) {
        int found;

        fill_scores(gammas, n, scores);
        found = ba_bands_moves(gammas, n, SPACES, scores, TARGETS, others, 0,
            round < 2 ? 3.0 : 2.0, 6, gammas + n * SPACES);
        assert_int_equal(found, 6);
        for (size_t c = n; c < n + 6; c++) {
            const double *g = gammas + c * SPACES;

            assert_true(test_is_close(g[0] + g[1] + g[2], 1, 1e-14));
        }
        n += 6;
        assert_true(mean_best(gammas, n) > before + 0.01);
        before = mean_best(gammas, n);
    }
    assert_true(before > mean_best(others, n) + 0.1);
}

/* Spaces that are out stay out; targets without scores ask for nothing. */
static void
test_limits(void **state)
{
    double gammas[] = {0.5, 0.5, 0, 0.9, 0.1, 0}, moves[12 * SPACES];
    double scores[2 * TARGETS];
    int found;

    (void) state;
    make_optima();
    fill_scores(gammas, 2, scores);
    scores[TARGETS] = (double) NAN;
    found = ba_bands_moves(gammas, 2, SPACES, scores, TARGETS, NULL, 0, 3.0, 12, moves);
    assert_true(found > 0);
    for (int i = 0; i < found; i++) {
        assert_true(moves[i * SPACES + 2] == 0.0);
        assert_true(fabs(log(moves[i * SPACES] / moves[i * SPACES + 1])) > 0.2 * log(3));
    }
    for (size_t i = 0; i < 2 * TARGETS; i++) {
        scores[i] = (double) NAN;
    }
    assert_int_equal(
        ba_bands_moves(gammas, 2, SPACES, scores, TARGETS, NULL, 0, 3.0, 12, moves), 0);
    for (size_t i = 0; i < 2 * TARGETS; i++) {
        scores[i] = 1.0; /* all alike: nothing to be had */
    }
    assert_int_equal(
        ba_bands_moves(gammas, 2, SPACES, scores, TARGETS, NULL, 0, 3.0, 12, moves), 0);
}

static void
test_memory(void **state)
{
    double gammas[] = {0.5, 0.25, 0.25, 0.9, 0.05, 0.05}, moves[4 * SPACES];
    double scores[2 * TARGETS];
    size_t n = 1;
    int found;

    (void) state;
    make_optima();
    fill_scores(gammas, 2, scores);
    do {
        ba_alloc_fail_at(n++);
        found =
            ba_bands_moves(gammas, 2, SPACES, scores, TARGETS, NULL, 0, 3.0, 4, moves);
        ba_alloc_fail_at(0);
        assert_true(found > 0 || found == BA_NOMEM);
    } while (found == BA_NOMEM);
    assert_true(n > 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounds),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
