/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons explain: threads, memory and the choice of neurons change no bit; planted
 * formulas are found; the null of word types holds its level where that of tokens does
 * not. */
#include "tests/explainlib.h"

enum { LENGTHS = 5, ALL = EX_NEURONS * LENGTHS };

static explain_study_t study;

static int
open_study(void **state)
{
    (void) state;
    explain_write_files(&study);
    explain_open(&study, 0.2);
    return 0;
}

static int
close_study(void **state)
{
    (void) state;
    explain_close(&study);
    return 0;
}

static ba_explain_info_t
run(const ba_explain_opts_t *opts, int n_threads, size_t memory)
{
    ba_ctx_t ctx = ba_ctx_default();
    ba_explain_info_t info;

    ctx.n_threads = n_threads;
    ctx.memory = memory;
    if (ba_neurons_explain(&ctx, study.opened, study.concepts, opts, &info) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    return info;
}

static const char *const paths[] = {
    "/score", "/iou", "/test/iou", "/test/recall", "/p", "/q", "/n_formula"};

enum { N_PATHS = sizeof paths / sizeof paths[0] };

/* Same bits, NaN included. */
static void
check_same(double *const *a, double *const *b, const size_t *rows, size_t n_rows)
{
    for (size_t i = 0; i < N_PATHS; i++) {
        /* q is over the neurons that were explained together. */
        if (n_rows < EX_NEURONS && strcmp(paths[i], "/q") == 0) {
            continue;
        }
        for (size_t k = 0; k < n_rows; k++) {
            size_t row = rows ? rows[k] : k;

            if (memcmp(a[i] + row * LENGTHS, b[i] + k * LENGTHS,
                    LENGTHS * sizeof(double)) != 0) {
                fail_msg("%s of neuron %zu: other bits", paths[i], row);
            }
        }
    }
}

static void
read_all(double **values, size_t n_rows)
{
    for (size_t i = 0; i < N_PATHS; i++) {
        values[i] = explain_read(study.output, paths[i], n_rows * LENGTHS);
    }
}

static void
free_all(double **values)
{
    for (size_t i = 0; i < N_PATHS; i++) {
        free(values[i]);
    }
}

static void
test_same_bits(void **state)
{
    static const size_t only[] = {0, 3, 4, 17, 39};
    ba_explain_opts_t opts = explain_opts(&study);
    double *one[N_PATHS], *other[N_PATHS];

    (void) state;
    run(&opts, 1, 0);
    read_all(one, EX_NEURONS);
    run(&opts, 2, 0);
    read_all(other, EX_NEURONS);
    check_same(one, other, NULL, EX_NEURONS);
    free_all(other);
    /* Two neurons at a time. */
    run(&opts, 2, 2 * 8 * EX_TOKENS * 4);
    read_all(other, EX_NEURONS);
    check_same(one, other, NULL, EX_NEURONS);
    free_all(other);
    opts.only = only;
    opts.n_only = 5;
    run(&opts, 2, 0);
    read_all(other, 5);
    check_same(one, other, only, 5);
    free_all(other);
    free_all(one);
}

static void
test_planted(void **state)
{
    ba_explain_opts_t opts = explain_opts(&study);
    ba_explain_info_t info;
    double *iou, *test, *p, *proven;
    char **formulas;
    ba_bundle_t *bundle;
    size_t n;

    (void) state;
    opts.formula.exact = 1;
    opts.threshold = 0.75;
    opts.n_permutations = 39;
    info = run(&opts, 2, 0);
    assert_int_equal(info.n_few, 1); /* the constant one */
    assert_int_equal(info.n_proven, EX_NEURONS - 1);
    iou = explain_read(study.output, "/iou", ALL);
    test = explain_read(study.output, "/test/iou", ALL);
    p = explain_read(study.output, "/p", ALL);
    proven = explain_read(study.output, "/proven", EX_NEURONS);
    assert_close(iou[2], 1.0, 0.0);
    assert_close(test[2], 1.0, 0.0);
    assert_close(p[2], 1.0 / 40.0, 1e-15);
    assert_close(proven[0], 3.0, 0.0);
    assert_true(isnan(iou[LENGTHS]) && isnan(p[LENGTHS]));
    assert_int_equal(ba_bundle_open(study.output, "brainalign-explain", &bundle), BA_OK);
    assert_int_equal(ba_bundle_read_strings(bundle, "/formula", &n, &formulas), BA_OK);
    assert_int_equal(n, ALL);
    assert_string_equal(formulas[2], "((pos1 OR pos2) AND NOT sem3)");
    assert_string_equal(formulas[LENGTHS], "n/a");
    free(formulas);
    ba_bundle_free(bundle);
    free(iou);
    free(test);
    free(p);
    free(proven);
}

/* Share of p below 0.1 among neurons `first`, `first` + 2 ... of one concept's length. */
static double
rate_of(ba_explain_null_t null, size_t first)
{
    ba_explain_opts_t opts = explain_opts(&study);
    double *p, below = 0.0, n = 0.0;

    opts.null = null;
    opts.n_permutations = 49;
    run(&opts, 2, 0);
    p = explain_read(study.output, "/p", ALL);
    for (size_t j = first; j < EX_NEURONS; j += 2) {
        below += p[j * LENGTHS] < 0.1;
        n += 1.0;
    }
    free(p);
    return below / n;
}

/* Neurons that know of no concept. Those that follow word types look like concepts to a
 * null that moves single tokens: few types make a concept. */
static void
test_null(void **state)
{
    double circular_noise = rate_of(BA_EXPLAIN_NULL_CIRCULAR, 3);
    double circular_types = rate_of(BA_EXPLAIN_NULL_CIRCULAR, 2);
    double types_noise = rate_of(BA_EXPLAIN_NULL_TYPES, 3);
    double types_types = rate_of(BA_EXPLAIN_NULL_TYPES, 2);

    (void) state;
    print_message("p < 0.1: neurons of noise %.2f circular, %.2f types; neurons of word "
                  "types %.2f circular, %.2f types\n",
        circular_noise, types_noise, circular_types, types_types);
    /* 19 neurons: more than 5 of them below 0.1 has a chance of 1 in 100. */
    assert_true(circular_noise <= 5.0 / 19.0);
    assert_true(types_noise <= 5.0 / 19.0);
    assert_true(types_types <= 5.0 / 19.0);
    assert_true(circular_types > types_types);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_planted),
        cmocka_unit_test(test_null),
    };

    return cmocka_run_group_tests_name("explain", tests, open_study, close_study);
}
