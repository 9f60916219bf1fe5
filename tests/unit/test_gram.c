/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "linalg/gram.h"

#include "core/alloc.h"
#include "linalg/amx.h"

/* Around groups of 32 rows, blocks of 384, and panels that are not full. */
static const size_t sizes[][3] = {{1, 1, 1}, {5, 31, 5}, {33, 64, 20}, {192, 33, 192},
    {200, 512, 150}, {230, 100, 193}, {390, 512, 390}};
#define N_SIZES (sizeof sizes / sizeof *sizes)

typedef struct {
    size_t n, width, n_left;
    float *x;
    double *expected, *size, *found;
    void *room;
} problem_t;

static problem_t
problem_make(const size_t *size, int is_binary)
{
    problem_t problem = {.n = size[0], .width = size[1], .n_left = size[2]};
    size_t n = problem.n, count = n * problem.width;
    double *x = ba_malloc(count, sizeof *x);

    problem.x = ba_malloc(count, sizeof *problem.x);
    problem.expected = ba_calloc(n * n, sizeof(double));
    problem.size = ba_calloc(n * n, sizeof(double));
    problem.found = ba_calloc(n * n, sizeof(double));
    problem.room = ba_malloc(1, ba_gram_room(n));
    test_fill_normal(x, count, 7 + n);
    for (size_t i = 0; i < count; i++) {
        problem.x[i] = (float) (is_binary ? (x[i] > 0 ? 1.7 : -0.3) : x[i]);
    }
    for (size_t k = 0; k < problem.width; k++) {
        for (size_t j = 0; j < problem.n_left; j++) {
            for (size_t i = j; i < n; i++) {
                double term =
                    (double) problem.x[i + k * n] * (double) problem.x[j + k * n];

                problem.expected[i + j * n] += term;
                problem.size[i + j * n] += fabs(term);
            }
        }
    }
    ba_free(x);
    return problem;
}

static void
problem_free(problem_t *problem)
{
    ba_free(problem->x);
    ba_free(problem->expected);
    ba_free(problem->size);
    ba_free(problem->found);
    ba_free(problem->room);
}

/* Every product is off by at most `tolerance` of itself, added twice. */
static void
compare(problem_t *problem, double tolerance)
{
    size_t n = problem->n;

    memset(problem->found, 0, n * n * sizeof(double));
    for (int repeat = 0; repeat < 2; repeat++) {
        ba_gram_add(NULL, BA_GRAM_TILES, problem->x, n, problem->width, problem->n_left,
            problem->room, problem->found);
    }
    for (size_t i = 0; i < n * n; i++) {
        double apart = fabs(problem->found[i] - 2 * problem->expected[i]);

        if (!(apart <= 2 * tolerance * problem->size[i])) {
            fail_msg("n %zu, width %zu: entry %zu, %zu is %.9g, wanted %.9g", n,
                problem->width, i % n, i / n, problem->found[i],
                2 * problem->expected[i]);
        }
    }
}

static void
compare_all(double tolerance)
{
    for (size_t s = 0; s < N_SIZES; s++) {
        for (int is_binary = 0; is_binary < 2; is_binary++) {
            problem_t problem = problem_make(sizes[s], is_binary);

            compare(&problem, tolerance);
            problem_free(&problem);
        }
    }
}

/* Rounding of up to 512 products in a row, worst case. */
static void
test_plain(void **state)
{
    (void) state;
    ba_amx_allow(0);
    compare_all(512 * 0x1p-24);
    ba_amx_allow(1);
}

/* Two terms of 8 bits each leave 2^-17 of a product. */
static void
test_tiles(void **state)
{
    (void) state;
    ba_amx_allow(1);
    if (!ba_amx_is_usable()) {
        test_skip("no tile matrix unit");
    }
    compare_all(512 * 0x1p-24);
}

static void
test_threads(void **state)
{
    ba_ctx_t one = ba_ctx_default(), two = ba_ctx_default();
    problem_t problem = problem_make(sizes[N_SIZES - 1], 0);
    size_t n = problem.n;
    double *other = ba_calloc(n * n, sizeof *other);

    (void) state;
    one.n_threads = 1;
    two.n_threads = 2;
    ba_gram_add(
        &one, BA_GRAM_TILES, problem.x, n, problem.width, n, problem.room, problem.found);
    ba_gram_add(&two, BA_GRAM_TILES, problem.x, n, problem.width, n, problem.room, other);
    assert_memory_equal(problem.found, other, n * n * sizeof *other);
    ba_free(other);
    problem_free(&problem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plain),
        cmocka_unit_test(test_tiles), cmocka_unit_test(test_threads)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
