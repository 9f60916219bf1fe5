/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The permuted scores of the engine are those of series that are permuted one by one. */
#include "tests/unit/null_study.h"

#include "brainalign/score.h"

/* The score of a target for one permutation, from series written out: the mean over the
 * folds. */
static double
explicit_score(const study_t *study, const ba_null_t *null, ba_null_statistic_t what,
    size_t j, size_t index)
{
    double permuted[LONGEST], sum = 0, score;

    for (size_t f = 0; f < N_FOLDS; f++) {
        size_t n = study->runs[f].n_samples;

        assert_int_equal(
            ba_null_permute(null, f, index, study->p[f] + j * LONGEST, permuted), 0);
        ba_score_f64(what == BA_NULL_R ? BA_SCORE_R : BA_SCORE_R2,
            study->y[f] + j * LONGEST, n, permuted, n, n, 1, &score);
        sum += score / N_FOLDS;
    }
    return sum;
}

/* p and maxima of the engine against a loop over explicit permutations. */
static void
check_explicit(const ba_null_opts_t *opts, ba_null_statistic_t what, ba_tail_t tail)
{
    static study_t study;
    double observed[V], p[V], *maxima, *values, *largest, wanted[V];
    ba_null_t *null;
    size_t n;

    make_study(&study);
    assert_int_equal(ba_null_new(opts, study.runs, N_FOLDS, &null), 0);
    n = ba_null_info(null, what).n_permutations;
    maxima = calloc(n, sizeof *maxima);
    values = calloc(n * V, sizeof *values);
    largest = calloc(n, sizeof *largest);
    assert_true(maxima && values && largest);
    assert_int_equal(ba_null_test(NULL, null, what, study.folds, tail,
                         &(ba_null_result_t){observed, p, maxima}),
        0);
    for (size_t j = 0; j < V; j++) {
        for (size_t b = 0; b < n; b++) {
            values[b + j * n] = explicit_score(&study, null, what, j, b);
        }
    }
    ba_p_of_null(observed, (ba_cdmat_t){values, n, V, n}, tail, wanted);
    assert_all_close(p, wanted, V, 1e-15);
    ba_maxima_of_null((ba_cdmat_t){values, n, V, n}, tail, largest);
    assert_all_close(maxima, largest, n, 1e-12);
    free(maxima);
    free(values);
    free(largest);
    ba_null_free(null);
    free_study(&study);
}

static void
test_against_permuted_series(void **state)
{
    static const ba_null_kind_t kinds[] = {
        BA_NULL_COSINE, BA_NULL_CIRCULAR, BA_NULL_BLOCKS, BA_NULL_PHASE};

    (void) state;
    for (size_t k = 0; k < 4; k++) {
        ba_null_opts_t opts = ba_null_opts_default();

        opts.kind = kinds[k];
        opts.n_permutations = 150;
        opts.block = 7;
        opts.seed = 4 + k;
        check_explicit(&opts, BA_NULL_R, BA_TAIL_GREATER);
        check_explicit(&opts, BA_NULL_R, BA_TAIL_TWO_SIDED);
        check_explicit(&opts, BA_NULL_R2, BA_TAIL_GREATER);
        opts.min_shift = 10;
        check_explicit(&opts, BA_NULL_R, BA_TAIL_GREATER);
    }
}

/* Runs that are transformed by FFT: engine against explicit permutations. */
static void
test_long_run(void **state)
{
    enum { LONG = 1100, B = 40 };
    static double y[LONG], p[LONG], permuted[LONG];
    ba_null_fold_t fold = {{y, LONG, 1, LONG}, {p, LONG, 1, LONG}, {.data = NULL}};
    ba_runs_t runs;

    (void) state;
    test_fill_normal(y, LONG, 1);
    test_fill_normal(p, LONG, 2);
    assert_int_equal(ba_runs_one(LONG, &runs), 0);
    for (int kind = BA_NULL_COSINE; kind <= BA_NULL_PHASE; kind++) {
        ba_null_opts_t opts = {(ba_null_kind_t) kind, B, 0, 30, 5, 0};
        double r, p_value, maxima[B], wanted;
        ba_null_t *null;

        assert_int_equal(ba_null_new(&opts, &runs, 1, &null), 0);
        assert_int_equal(ba_null_test(NULL, null, BA_NULL_R, &fold, BA_TAIL_GREATER,
                             &(ba_null_result_t){&r, &p_value, maxima}),
            0);
        for (size_t b = 0; b < B; b++) {
            assert_int_equal(ba_null_permute(null, 0, b, p, permuted), 0);
            ba_score_f64(BA_SCORE_R, y, LONG, permuted, LONG, LONG, 1, &wanted);
            assert_close(maxima[b], wanted, 1e-13);
        }
        ba_null_free(null);
    }
    ba_runs_free(&runs);
}

/* Amplitudes of all frequencies of a run, and its mean. */
static void
amplitudes(const double *x, size_t n, double *out)
{
    for (size_t k = 0; k <= n / 2; k++) {
        double re = 0, im = 0;

        for (size_t t = 0; t < n; t++) {
            double angle = 6.283185307179586 * (double) (k * t % n) / (double) n;

            re += x[t] * cos(angle);
            im += x[t] * sin(angle);
        }
        out[k] = k == 0 ? re : hypot(re, im);
    }
}

static void
test_phase_keeps_amplitudes(void **state)
{
    ba_null_opts_t opts = {.kind = BA_NULL_PHASE, .n_permutations = 20};
    static study_t study;
    ba_null_t *null;

    (void) state;
    make_study(&study);
    assert_int_equal(ba_null_new(&opts, study.runs, N_FOLDS, &null), 0);
    for (size_t b = 0; b < 20; b++) {
        double permuted[LONGEST], before[LONGEST], after[LONGEST], change = 0;

        assert_int_equal(ba_null_permute(null, 0, b, study.p[0], permuted), 0);
        for (size_t r = 0; r < 3; r++) {
            size_t first = study.runs[0].onset[r], n = study.runs[0].onset[r + 1] - first;

            amplitudes(study.p[0] + first, n, before);
            amplitudes(permuted + first, n, after);
            assert_all_close(before, after, n / 2 + 1, 1e-11);
        }
        for (size_t t = 0; t < 79; t++) {
            change = fmax(change, fabs(permuted[t] - study.p[0][t]));
        }
        assert_true(change > 0.5);
    }
    ba_null_free(null);
    free_study(&study);
}

/* Sizes of the cosine coefficients of a run. */
static void
cosine_sizes(const double *x, size_t n, double *out)
{
    for (size_t k = 1; k < n; k++) {
        double sum = 0;

        for (size_t t = 0; t < n; t++) {
            sum += x[t] *
                   cos(3.141592653589793 * (double) k * ((double) t + 0.5) / (double) n);
        }
        out[k] = fabs(sum);
    }
    out[0] = 0;
}

static void
test_cosine_keeps_sizes(void **state)
{
    ba_null_opts_t opts = {.kind = BA_NULL_COSINE, .n_permutations = 20};
    static study_t study;
    ba_null_t *null;

    (void) state;
    make_study(&study);
    assert_int_equal(ba_null_new(&opts, study.runs, N_FOLDS, &null), 0);
    for (size_t b = 0; b < 20; b++) {
        double permuted[LONGEST], before[LONGEST], after[LONGEST], sum = 0, squares = 0;

        assert_int_equal(ba_null_permute(null, 0, b, study.p[0], permuted), 0);
        for (size_t r = 0; r < 3; r++) {
            size_t first = study.runs[0].onset[r], n = study.runs[0].onset[r + 1] - first;

            cosine_sizes(study.p[0] + first, n, before);
            cosine_sizes(permuted + first, n, after);
            assert_all_close(before, after, n, 1e-11);
        }
        for (size_t t = 0; t < 79; t++) {
            sum += permuted[t] - study.p[0][t];
            squares += permuted[t] * permuted[t] - study.p[0][t] * study.p[0][t];
        }
        assert_close(sum, 0, 1e-11); /* mean and deviation of the fold */
        assert_close(squares, 0, 1e-10);
    }
    ba_null_free(null);
    free_study(&study);
}

/* A target that is constant or not finite in one fold is scored in the other; in both:
 * NaN. Its neighbours keep their bits. */
static void
test_undefined(void **state)
{
    ba_null_opts_t opts = {BA_NULL_COSINE, 200, 0, 7, 3, 0};
    static study_t study;
    double r[V], p[V], maxima[200], r2[V], p2[V], alone;
    ba_null_t *null;

    (void) state;
    make_study(&study);
    assert_int_equal(ba_null_new(&opts, study.runs, N_FOLDS, &null), 0);
    assert_int_equal(ba_null_test(NULL, null, BA_NULL_R, study.folds, BA_TAIL_GREATER,
                         &(ba_null_result_t){r, p, maxima}),
        0);
    study.y[0][2 * LONGEST + 5] = (double) NAN;
    for (size_t t = 0; t < LONGEST; t++) {
        study.p[0][4 * LONGEST + t] = 7;
        study.y[0][6 * LONGEST + t] = study.y[1][6 * LONGEST + t] = -1;
    }
    assert_int_equal(ba_null_test(NULL, null, BA_NULL_R, study.folds, BA_TAIL_GREATER,
                         &(ba_null_result_t){r2, p2, maxima}),
        0);
    for (size_t j = 0; j < V; j++) {
        ba_score_f64(BA_SCORE_R, study.y[1] + j * LONGEST, 60, study.p[1] + j * LONGEST,
            60, 60, 1, &alone);
        if (j == 6) {
            assert_true(isnan(r2[j]) && isnan(p2[j]));
        } else if (j == 2 || j == 4) {
            assert_close(r2[j], alone, 0);
            assert_true(p2[j] > 0 && p2[j] <= 1);
        } else {
            assert_close(r2[j], r[j], 0);
            assert_close(p2[j], p[j], 0);
        }
    }
    for (size_t b = 0; b < 200; b++) {
        assert_true(isfinite(maxima[b]));
    }
    ba_null_free(null);
    free_study(&study);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_permuted_series),
        cmocka_unit_test(test_long_run),
        cmocka_unit_test(test_phase_keeps_amplitudes),
        cmocka_unit_test(test_cosine_keeps_sizes),
        cmocka_unit_test(test_undefined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
