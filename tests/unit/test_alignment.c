/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Alignments against numbers of an independent computation (numpy 2.4, whole matrices,
 * numpy.linalg.svd and inv), planted truth, new subjects, refusals. */
#include "tests/testlib.h"

#include "brainalign/alignment.h"

#include <math.h>

enum { SUBJECTS = 3, N = 12, MOST = 40 };

static const size_t widths[SUBJECTS] = {5, 4, 15};

typedef struct {
    double values[SUBJECTS][N * 15];
    ba_cdmat_t x[SUBJECTS];
} waves_t;

static void
make_waves(waves_t *waves)
{
    for (size_t s = 0; s < SUBJECTS; s++) {
        for (size_t j = 0; j < widths[s]; j++) {
            for (size_t i = 0; i < N; i++) {
                double t = (double) i, v = (double) j, of = (double) s;

                waves->values[s][i + j * N] =
                    sin(1 + 0.7 * t + 1.3 * v + 2.1 * of + 0.11 * t * v * (of + 1)) +
                    0.3 * of;
            }
        }
        waves->x[s] = (ba_cdmat_t){waves->values[s], N, widths[s], N};
    }
}

static void
test_procrustes(void **state)
{
    static const double explained[] = {
        0.8832118227346175, 0.8946520827938986, 0.3609590871941728};
    waves_t waves;
    ba_alignment_opts_t opts = {.kind = BA_ALIGNMENT_PROCRUSTES};
    ba_alignment_t found;
    double square = 0.0;

    (void) state;
    make_waves(&waves);
    assert_int_equal(ba_alignment_fit(NULL, waves.x, SUBJECTS, &opts, &found), BA_OK);
    assert_int_equal(found.n_features, 5);
    assert_null(found.basis);
    for (size_t i = 0; i < N * 5; i++) {
        square += found.shared[i] * found.shared[i];
    }
    assert_close(sqrt(square), 5.079764824859137, 1e-12);
    assert_close(found.objective[0], 0.4449603587552855, 1e-12);
    assert_all_close(found.explained, explained, SUBJECTS, 1e-12);
    ba_alignment_free(&found);
}

static void
test_srm(void **state)
{
    static const double objective[] = {0.6140051953360885, 0.6122293648321742,
        0.6117144836142917, 0.6115272024414002, 0.6114564229953875, 0.6114296202092355,
        0.6114195004997685, 0.6114156880226749, 0.6114142527965503, 0.6114137122587228};
    static const double explained[] = {
        0.6405825725025103, 0.7615085644467064, 0.2104808355483927};
    waves_t waves;
    ba_alignment_opts_t opts = {.kind = BA_ALIGNMENT_SRM,
        .n_features = 2,
        .n_iterations = 10,
        .tolerance = 1e-300};
    ba_alignment_t found;

    (void) state;
    make_waves(&waves);
    assert_int_equal(ba_alignment_fit(NULL, waves.x, SUBJECTS, &opts, &found), BA_OK);
    assert_int_equal(found.n_iterations, 10);
    assert_false(found.is_converged);
    assert_all_close(found.objective, objective, 10, 1e-12);
    assert_all_close(found.explained, explained, SUBJECTS, 1e-11);
    ba_alignment_free(&found);
    opts.tolerance = 1e-5;
    assert_int_equal(ba_alignment_fit(NULL, waves.x, SUBJECTS, &opts, &found), BA_OK);
    assert_true(found.is_converged);
    assert_int_equal(found.n_iterations, 8); /* 3.8e-6 less than the one before */
    ba_alignment_free(&found);
}

/* The likelihood of numpy is that of the whole covariance matrix, 24 x 24. */
static void
test_srm_em(void **state)
{
    static const double likelihood[] = {-263.7033779570247, -262.83774955195446,
        -262.788553497465, -262.7795370360893, -262.77664159702124};
    static const double noise[] = {
        0.1959163802125448, 0.14065936016585434, 0.41741827313157814};
    static const double explained[] = {
        0.651737971827351, 0.7775002403665945, 0.19291997076199086};
    waves_t waves;
    ba_alignment_opts_t opts = {.kind = BA_ALIGNMENT_SRM_EM,
        .n_features = 2,
        .n_iterations = 5,
        .tolerance = 1e-300};
    ba_alignment_t found;

    (void) state;
    make_waves(&waves);
    assert_int_equal(ba_alignment_fit(NULL, waves.x, SUBJECTS, &opts, &found), BA_OK);
    assert_all_close(found.objective, likelihood, 5, 1e-12);
    assert_all_close(found.noise, noise, SUBJECTS, 1e-11);
    assert_all_close(found.explained, explained, SUBJECTS, 1e-11);
    ba_alignment_free(&found);
}

/* A study with a shared response of 3 features in 4 subjects of 8, 20, 50 and 12 columns,
 * 30 samples to align and 10 new ones; noise of size `noise` and a mean in every column. */
enum { PLANTED = 4, FEATURES = 3, OLD = 30, NEW = 10, ALL = OLD + NEW };

static const size_t planted_widths[PLANTED] = {8, 20, 50, 12};

typedef struct {
    double *all[PLANTED], *old[PLANTED], *new[PLANTED];
    ba_cdmat_t x[PLANTED];
} planted_t;

static void
orthonormal_columns(double *w, size_t v, size_t k)
{
    for (size_t j = 0; j < k; j++) {
        double size = 0.0;

        for (size_t l = 0; l < j; l++) {
            double dot = 0.0;

            for (size_t i = 0; i < v; i++) {
                dot += w[i + j * v] * w[i + l * v];
            }
            for (size_t i = 0; i < v; i++) {
                w[i + j * v] -= dot * w[i + l * v];
            }
        }
        for (size_t i = 0; i < v; i++) {
            size += w[i + j * v] * w[i + j * v];
        }
        for (size_t i = 0; i < v; i++) {
            w[i + j * v] /= sqrt(size);
        }
    }
}

static void
plant(planted_t *planted, double noise)
{
    double shared[ALL * FEATURES], w[50 * FEATURES], rest[50 * ALL];

    test_fill_normal(shared, ALL * FEATURES, 1);
    for (size_t s = 0; s < PLANTED; s++) {
        size_t v = planted_widths[s];

        test_fill_normal(w, v * FEATURES, 10 + s);
        test_fill_normal(rest, v * ALL, 20 + s);
        orthonormal_columns(w, v, FEATURES);
        planted->old[s] = malloc(OLD * v * sizeof(double));
        planted->new[s] = malloc(NEW * v * sizeof(double));
        for (size_t j = 0; j < v; j++) {
            for (size_t i = 0; i < ALL; i++) {
                double y = noise * rest[i + j * ALL] + (double) (s + j);

                for (size_t l = 0; l < FEATURES; l++) {
                    y += shared[i + l * ALL] * w[j + l * v];
                }
                *(i < OLD ? planted->old[s] + i + j * OLD
                          : planted->new[s] + i - OLD + j *NEW) = y;
            }
        }
        planted->x[s] = (ba_cdmat_t){planted->old[s], OLD, v, OLD};
    }
}

static void
planted_free(planted_t *planted)
{
    for (size_t s = 0; s < PLANTED; s++) {
        free(planted->old[s]);
        free(planted->new[s]);
    }
}

/* New samples of two subjects in the common space: mean absolute difference. */
static double
disagreement(const planted_t *planted, const ba_alignment_t *found, size_t a, size_t b)
{
    size_t k = found->n_directions, subjects[2] = {a, b};
    double place[2][NEW * MOST] = {{0}}, sum = 0.0;

    for (size_t c = 0; c < 2; c++) {
        size_t v = planted_widths[subjects[c]], half = v / 2;
        double rows[NEW * 50];

        memcpy(rows, planted->new[subjects[c]], NEW * v * sizeof *rows);
        ba_alignment_add(NULL, found, subjects[c], 0, (ba_dmat_t){rows, NEW, half, NEW},
            (ba_dmat_t){place[c], NEW, k, NEW});
        ba_alignment_add(NULL, found, subjects[c], half,
            (ba_dmat_t){rows + half * NEW, NEW, v - half, NEW},
            (ba_dmat_t){place[c], NEW, k, NEW});
    }
    for (size_t i = 0; i < NEW * k; i++) {
        sum += fabs(place[0][i] - place[1][i]);
    }
    return sum / (double) (NEW * k);
}

/* Without noise every method finds the planted response up to a turn: all is explained,
 * samples that it never saw agree, and each subject's own mean is taken out. */
static void
test_planted(void **state)
{
    static const ba_alignment_kind_t kinds[] = {
        BA_ALIGNMENT_PROCRUSTES, BA_ALIGNMENT_SRM, BA_ALIGNMENT_SRM_EM};
    planted_t planted;
    ba_alignment_t found;

    (void) state;
    plant(&planted, 0.0);
    for (size_t c = 0; c < 3; c++) {
        ba_alignment_opts_t opts = {.kind = kinds[c], .n_features = FEATURES};

        assert_int_equal(
            ba_alignment_fit(NULL, planted.x, PLANTED, &opts, &found), BA_OK);
        for (size_t s = 0; s < PLANTED; s++) {
            assert_close(found.explained[s], 1.0, 1e-10);
            assert_true(disagreement(&planted, &found, s, (s + 1) % PLANTED) < 1e-5);
        }
        ba_alignment_free(&found);
    }
    planted_free(&planted);
}

/* With noise: objectives move one way, weights are orthonormal, the noise is found. */
static void
test_monotone(void **state)
{
    planted_t planted;
    ba_alignment_t found;

    (void) state;
    plant(&planted, 0.3);
    for (int em = 0; em < 2; em++) {
        ba_alignment_opts_t opts = {.kind = em ? BA_ALIGNMENT_SRM_EM : BA_ALIGNMENT_SRM,
            .n_features = FEATURES,
            .n_iterations = 30,
            .tolerance = 1e-15};

        assert_int_equal(
            ba_alignment_fit(NULL, planted.x, PLANTED, &opts, &found), BA_OK);
        assert_true(found.n_iterations > 3);
        for (size_t i = 1; i < found.n_iterations; i++) {
            double step = found.objective[i] - found.objective[i - 1];

            assert_true((em ? step : -step) > -1e-12 * fabs(found.objective[i]));
        }
        for (size_t s = 0; s < PLANTED; s++) {
            size_t v = planted_widths[s];

            for (size_t a = 0; a < FEATURES; a++) {
                for (size_t b = 0; b < FEATURES; b++) {
                    double dot = 0.0;

                    for (size_t j = 0; j < v; j++) {
                        dot += found.weights[s][j + a * v] * found.weights[s][j + b * v];
                    }
                    assert_close(dot, a == b ? 1.0 : 0.0, 1e-12);
                }
            }
        }
        if (em) {
            for (size_t s = 0; s < PLANTED; s++) {
                assert_close(found.noise[s], 0.09, 0.03);
            }
        }
        ba_alignment_free(&found);
    }
    planted_free(&planted);
}

/* A subject that the model has not seen comes in by one Procrustes to what is shared, and
 * then agrees with the others on new samples. */
static void
test_new_subject(void **state)
{
    enum { LAST = PLANTED - 1, V = 12 };
    planted_t planted;
    ba_alignment_opts_t opts = {.kind = BA_ALIGNMENT_SRM, .n_features = FEATURES};
    ba_alignment_t found;
    double mean[V], centred[OLD * V], w[V * FEATURES], agreement = 0.0;

    (void) state;
    plant(&planted, 0.0);
    assert_int_equal(ba_alignment_fit(NULL, planted.x, LAST, &opts, &found), BA_OK);
    for (size_t j = 0; j < V; j++) {
        mean[j] = 0.0;
        for (size_t i = 0; i < OLD; i++) {
            mean[j] += planted.old[LAST][i + j * OLD] / OLD;
        }
        for (size_t i = 0; i < OLD; i++) {
            centred[i + j * OLD] = planted.old[LAST][i + j * OLD] - mean[j];
        }
    }
    assert_int_equal(ba_procrustes(NULL, (ba_cdmat_t){centred, OLD, V, OLD},
                         (ba_cdmat_t){found.shared, OLD, FEATURES, OLD},
                         (ba_dmat_t){w, V, FEATURES, V}, NULL),
        BA_OK);
    for (size_t i = 0; i < NEW; i++) {
        for (size_t k = 0; k < FEATURES; k++) {
            double of_new = 0.0, of_first = 0.0;

            for (size_t j = 0; j < V; j++) {
                of_new += (planted.new[LAST][i + j * NEW] - mean[j]) * w[j + k * V];
            }
            for (size_t j = 0; j < 8; j++) {
                of_first += (planted.new[0][i + j * NEW] - found.mean[0][j]) *
                            found.weights[0][j + k * 8];
            }
            agreement += fabs(of_new - of_first) / (NEW * FEATURES);
        }
    }
    assert_true(agreement < 1e-5);
    ba_alignment_free(&found);
    planted_free(&planted);
}

/* More columns than samples in the first subject: its columns are the common space all
 * the same, through a basis of so many directions as there are samples. */
static void
test_wide_reference(void **state)
{
    planted_t planted;
    ba_alignment_opts_t opts = {.kind = BA_ALIGNMENT_PROCRUSTES};
    ba_alignment_t found;
    ba_cdmat_t turned[2];

    (void) state;
    plant(&planted, 0.0);
    turned[0] = planted.x[2];
    turned[1] = planted.x[1];
    assert_int_equal(ba_alignment_fit(NULL, turned, 2, &opts, &found), BA_OK);
    assert_int_equal(found.n_features, 50);
    assert_int_equal(found.n_directions, OLD);
    assert_non_null(found.basis);
    for (size_t i = 0; i < OLD; i++) {
        for (size_t j = 0; j < 50; j++) {
            double y = 0.0, other = 0.0;

            for (size_t d = 0; d < OLD; d++) {
                double z = 0.0;

                for (size_t l = 0; l < 20; l++) {
                    z += (planted.old[1][i + l * OLD] - found.mean[1][l]) *
                         found.weights[1][l + d * 20];
                }
                other += z * found.basis[j + d * 50];
                y += found.shared[i + d * OLD] * found.basis[j + d * 50];
            }
            /* Without noise: the first subject's own columns. */
            assert_close(y, planted.old[2][i + j * OLD] - found.mean[0][j], 1e-9);
            assert_close(other, y, 1e-9);
        }
    }
    ba_alignment_free(&found);
    planted_free(&planted);
}

static void
test_threads(void **state)
{
    planted_t planted;
    ba_ctx_t one = ba_ctx_default(), two = ba_ctx_default();
    ba_alignment_opts_t opts = {.kind = BA_ALIGNMENT_SRM_EM};
    ba_alignment_t a, b;

    (void) state;
    one.n_threads = 1;
    two.n_threads = 2;
    plant(&planted, 1.0);
    assert_int_equal(ba_alignment_fit(&one, planted.x, PLANTED, &opts, &a), BA_OK);
    assert_int_equal(ba_alignment_fit(&two, planted.x, PLANTED, &opts, &b), BA_OK);
    assert_int_equal(a.n_features, 8); /* the columns of the narrowest */
    for (size_t s = 0; s < PLANTED; s++) {
        assert_memory_equal(a.weights[s], b.weights[s],
            planted_widths[s] * a.n_features * sizeof(double));
    }
    ba_alignment_free(&a);
    ba_alignment_free(&b);
    planted_free(&planted);
}

static int
refused(const ba_cdmat_t *x, size_t n, ba_alignment_kind_t kind, size_t n_features)
{
    ba_alignment_opts_t opts = {.kind = kind, .n_features = n_features};
    ba_alignment_t found;
    int status = ba_alignment_fit(NULL, x, n, &opts, &found);

    ba_alignment_free(&found);
    return status;
}

static void
test_refused(void **state)
{
    static const char *const names[] = {"anna", "bert"};
    const ba_alignment_opts_t named = {.kind = BA_ALIGNMENT_PROCRUSTES, .names = names};
    planted_t planted;
    ba_alignment_t fit;
    ba_cdmat_t x[2];

    (void) state;
    plant(&planted, 1.0);
    assert_int_equal(refused(planted.x, 1, BA_ALIGNMENT_SRM, 2), BA_SHAPE);
    assert_contains(ba_error_message(), "wanted 2 or more");
    assert_int_equal(refused(planted.x, 2, BA_ALIGNMENT_NONE, 2), BA_VALUE);
    assert_int_equal(refused(planted.x, PLANTED, BA_ALIGNMENT_SRM, 9), BA_SHAPE);
    assert_contains(ba_error_message(), "columns with variance of subject 0");
    x[0] = planted.x[1];
    x[1] = planted.x[2];
    x[0].n_cols = 20;
    assert_int_equal(refused(x, 2, BA_ALIGNMENT_SRM, 30), BA_SHAPE);
    assert_contains(ba_error_message(), "one less than its samples");
    x[1].n_rows = OLD - 1;
    assert_int_equal(refused(x, 2, BA_ALIGNMENT_SRM, 2), BA_SHAPE);
    assert_contains(ba_error_message(), "29 samples");
    /* Two equal columns and a constant one span one direction. */
    memcpy(planted.old[0] + OLD, planted.old[0], OLD * sizeof(double));
    for (size_t i = 0; i < OLD; i++) {
        planted.old[0][i + 2 * OLD] = 4.0;
    }
    x[0] = planted.x[0];
    x[0].n_cols = 3;
    x[1] = planted.x[1];
    assert_int_equal(refused(x, 2, BA_ALIGNMENT_SRM, 3), BA_SHAPE);
    assert_int_equal(refused(x, 2, BA_ALIGNMENT_SRM, 2), BA_NUMERIC);
    assert_contains(ba_error_message(), "span 1 directions");
    assert_int_equal(refused(x, 2, BA_ALIGNMENT_PROCRUSTES, 0), BA_OK);
    planted.old[1][3] = NAN;
    assert_int_equal(refused(x, 2, BA_ALIGNMENT_PROCRUSTES, 0), BA_NUMERIC);
    assert_contains(ba_error_message(), "a response of subject 1 (from 0) is not finite");
    assert_int_equal(ba_alignment_fit(NULL, x, 2, &named, &fit), BA_NUMERIC);
    assert_contains(ba_error_message(), "a response of subject bert is not finite");
    planted_free(&planted);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_procrustes),
        cmocka_unit_test(test_srm), cmocka_unit_test(test_srm_em),
        cmocka_unit_test(test_planted), cmocka_unit_test(test_monotone),
        cmocka_unit_test(test_new_subject), cmocka_unit_test(test_wide_reference),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_refused)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
