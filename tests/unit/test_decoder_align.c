/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode fit of several subjects: the whole order of operations by hand, orders and splits
 * of the table. */
#include "tests/unit/subjects_study.h"

#include "brainalign/alignment.h"
#include "brainalign/error.h"
#include "brainalign/ridge.h"

#include <math.h>

/* The runs of moments t. */
static size_t
run_at(size_t t)
{
    size_t r = 0;

    while (t >= onset_of[r + 1]) {
        r++;
    }
    return r;
}

/* Takes regressors 1, t and nuisance out of a run of a column, and z-scores it. */
static void
prepare_run(const double *nuisance, size_t n, double *y)
{
    double basis[3][16], square;

    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < n; i++) {
            basis[k][i] = k == 0 ? 1.0 : k == 1 ? (double) i : nuisance[i];
        }
        for (size_t l = 0; l < k; l++) {
            double dot = 0.0;

            for (size_t i = 0; i < n; i++) {
                dot += basis[k][i] * basis[l][i];
            }
            for (size_t i = 0; i < n; i++) {
                basis[k][i] -= dot * basis[l][i];
            }
        }
        square = 0.0;
        for (size_t i = 0; i < n; i++) {
            square += basis[k][i] * basis[k][i];
        }
        for (size_t i = 0; i < n; i++) {
            basis[k][i] /= sqrt(square);
        }
    }
    for (size_t k = 0; k < 3; k++) {
        double dot = 0.0;

        for (size_t i = 0; i < n; i++) {
            dot += basis[k][i] * y[i];
        }
        for (size_t i = 0; i < n; i++) {
            y[i] -= dot * basis[k][i];
        }
    }
    square = 0.0;
    for (size_t i = 0; i < n; i++) {
        square += y[i] * y[i] / (double) n;
    }
    for (size_t i = 0; i < n; i++) {
        y[i] /= sqrt(square);
    }
}

/* Prepared responses of a subject, column-major. */
static void
prepare(const subjects_study_t *study, size_t s, double *to)
{
    for (size_t j = 0; j < width_of[s]; j++) {
        double *column = to + j * MOMENTS;

        for (size_t t = 0; t < MOMENTS; t++) {
            column[t] = study->y[s][t * width_of[s] + j];
        }
        for (size_t r = 0; r < RUNS; r++) {
            prepare_run(
                study->nuisance[s] + onset_of[r], length_of[r], column + onset_of[r]);
        }
    }
}

/* Runs c, d, e of all subjects in the common space, z-scored in each run: ALL x K. */
static void
align_by_hand(const subjects_study_t *study, ba_alignment_kind_t kind, double *common)
{
    double y[SUBJECTS][MOMENTS * WIDEST], x[SUBJECTS][TO_ALIGN * WIDEST];
    ba_cdmat_t given[SUBJECTS];
    ba_alignment_opts_t opts = {.kind = kind, .n_features = K};
    ba_alignment_t fit;

    for (size_t s = 0; s < SUBJECTS; s++) {
        prepare(study, s, y[s]);
        for (size_t j = 0; j < width_of[s]; j++) {
            /* Run b, then run a. */
            memcpy(x[s] + j * TO_ALIGN, y[s] + j * MOMENTS + 12, 10 * sizeof(double));
            memcpy(x[s] + j * TO_ALIGN + 10, y[s] + j * MOMENTS, 12 * sizeof(double));
        }
        given[s] = (ba_cdmat_t){x[s], TO_ALIGN, width_of[s], TO_ALIGN};
    }
    assert_int_equal(ba_alignment_fit(NULL, given, SUBJECTS, &opts, &fit), BA_OK);
    for (size_t s = 0; s < SUBJECTS; s++) {
        for (size_t k = 0; k < K; k++) {
            double *column = common + s * OF_SUBJECT + k * ALL;

            for (size_t i = 0; i < OF_SUBJECT; i++) {
                column[i] = 0.0;
                for (size_t j = 0; j < width_of[s]; j++) {
                    column[i] += (y[s][TO_ALIGN + i + j * MOMENTS] - fit.mean[s][j]) *
                                 fit.weights[s][j + k * width_of[s]];
                }
            }
            for (size_t r = 2; r < RUNS; r++) {
                double *run = column + onset_of[r] - TO_ALIGN, mean = 0.0, square = 0.0;

                for (size_t i = 0; i < length_of[r]; i++) {
                    mean += run[i] / (double) length_of[r];
                }
                for (size_t i = 0; i < length_of[r]; i++) {
                    run[i] -= mean;
                    square += run[i] * run[i] / (double) length_of[r];
                }
                for (size_t i = 0; i < length_of[r]; i++) {
                    run[i] /= sqrt(square);
                }
            }
        }
    }
    ba_alignment_free(&fit);
}

static int
is_last(size_t i)
{
    size_t t = i % OF_SUBJECT + TO_ALIGN;

    return t + 1 == onset_of[run_at(t) + 1];
}

static void
z_score(double *column, size_t n, double *mean, double *scale)
{
    *mean = *scale = 0.0;
    for (size_t i = 0; i < n; i++) {
        *mean += column[i] / (double) n;
    }
    for (size_t i = 0; i < n; i++) {
        *scale += (column[i] - *mean) * (column[i] - *mean) / (double) n;
    }
    *scale = sqrt(*scale);
    for (size_t i = 0; i < n; i++) {
        column[i] = (column[i] - *mean) / *scale;
    }
}

/* Predictions of run r of subject s by ridge on other runs of other subjects: sample i
 * from the responses of the next. */
static void
predict(const subjects_study_t *study, const double *common, size_t s, size_t r,
    double *predicted)
{
    double x[ALL * K], y[ALL * D], weights[K * D], mean[K + D], scale[K + D];
    double alpha = 3.0;
    size_t rows[ALL], n = 0;
    ba_ridge_opts_t opts = {.intercept = BA_INTERCEPT_NO};

    for (size_t i = 0; i < ALL; i++) {
        if (!is_last(i) && i / OF_SUBJECT != s &&
            run_at(i % OF_SUBJECT + TO_ALIGN) != r) {
            rows[n++] = i;
        }
    }
    for (size_t c = 0; c < K + D; c++) {
        double *column = c < K ? x + c * n : y + (c - K) * n;

        for (size_t i = 0; i < n; i++) {
            column[i] = c < K ? common[rows[i] + 1 + c * ALL]
                              : study->x[(rows[i] % OF_SUBJECT + TO_ALIGN) * D + c - K];
        }
        z_score(column, n, mean + c, scale + c);
    }
    assert_int_equal(
        ba_ridge_solve(NULL, (ba_cdmat_t){x, n, K, n}, (ba_cdmat_t){y, n, D, n}, &alpha,
            1, &opts, (ba_dmat_t){weights, K, D, K}, NULL),
        BA_OK);
    for (size_t t = onset_of[r]; t + 1 < onset_of[r + 1]; t++) {
        size_t i = s * OF_SUBJECT + t - TO_ALIGN;

        for (size_t j = 0; j < D; j++) {
            double sum = 0.0;

            for (size_t c = 0; c < K; c++) {
                sum +=
                    (common[i + 1 + c * ALL] - mean[c]) / scale[c] * weights[c + j * K];
            }
            predicted[i * D + j] = mean[K + j] + scale[K + j] * sum;
        }
    }
}

/* Mean over runs of the correlation within a run of a subject. */
static double
mean_r(const subjects_study_t *study, const double *predicted, size_t s, size_t j)
{
    double sum = 0.0;

    for (size_t r = 2; r < RUNS; r++) {
        double x[16], y[16], mean, scale, r_of_run = 0.0;
        size_t n = length_of[r] - 1;

        for (size_t i = 0; i < n; i++) {
            size_t t = onset_of[r] + i;

            x[i] = predicted[(s * OF_SUBJECT + t - TO_ALIGN) * D + j];
            y[i] = study->x[t * D + j];
        }
        z_score(x, n, &mean, &scale);
        z_score(y, n, &mean, &scale);
        for (size_t i = 0; i < n; i++) {
            r_of_run += x[i] * y[i] / (double) n;
        }
        sum += r_of_run / 3.0;
    }
    return sum;
}

/* Both orders of the table, two methods: every prediction, and scores by subject. */
static void
test_by_hand(void **state)
{
    subjects_study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts;
    ba_decode_fit_info_t info;
    double common[ALL * K], wanted[ALL * D], *predictions, *scores, *subject;

    (void) state;
    start_subjects(&study);
    opts = subjects_options(&study, &alphas);
    for (int em = 0; em < 2; em++) {
        opts.align = em ? BA_ALIGNMENT_SRM_EM : BA_ALIGNMENT_SRM;
        assert_int_equal(run_subjects(NULL, &study, &opts, &info), BA_OK);
        assert_int_equal(info.n_samples, ALL);
        assert_int_equal(info.n_outer, 9);
        assert_int_equal(info.n_subjects, SUBJECTS);
        assert_int_equal(info.n_aligned, TO_ALIGN);
        assert_int_equal(info.n_common, K);
        for (size_t i = 0; i < ALL * D; i++) {
            wanted[i] = NAN;
        }
        align_by_hand(&study, opts.align, common);
        for (size_t s = 0; s < SUBJECTS; s++) {
            for (size_t r = 2; r < RUNS; r++) {
                predict(&study, common, s, r, wanted);
            }
        }
        predictions = found_in(&study, "/predictions", ALL * D);
        assert_all_close(predictions, wanted, ALL * D, 1e-9);
        scores = found_in(&study, "/scores/r_by_subject", SUBJECTS * D);
        for (size_t at = 0; at < SUBJECTS * D; at++) {
            assert_close(scores[at], mean_r(&study, wanted, at / D, at % D), 1e-9);
        }
        assert_true(info.mean_r > 0.6);
        free(scores);
        free(predictions);
    }
    subject = found_in(&study, "/splits/subject", ALL);
    for (size_t i = 0; i < ALL; i++) {
        assert_close(subject[i], (double) (i / OF_SUBJECT), 0);
    }
    free(subject);
    ba_alphas_free(&alphas);
    test_remove_folder(study.folder);
}

/* Inner folds cut stimuli, never between subjects. */
static void
test_inner(void **state)
{
    subjects_study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts;
    double *fold, *moment, of_moment[MOMENTS];

    (void) state;
    start_subjects(&study);
    opts = subjects_options(&study, &alphas);
    opts.fit.cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 4};
    assert_int_equal(run_subjects(NULL, &study, &opts, NULL), BA_OK);
    fold = found_in(&study, "/splits/inner", ALL);
    moment = found_in(&study, "/splits/moment", ALL);
    for (size_t i = 0; i < OF_SUBJECT; i++) {
        assert_close(moment[i], (double) i, 0);
        of_moment[i] = fold[i];
    }
    assert_close(of_moment[0], 0, 0);
    assert_close(of_moment[OF_SUBJECT - 2], 3, 0);
    for (size_t i = OF_SUBJECT; i < ALL; i++) {
        assert_close(fold[i], of_moment[(size_t) moment[i]], 0);
    }
    free(fold);
    free(moment);
    ba_alphas_free(&alphas);
    test_remove_folder(study.folder);
}

/* The table run by run: the same predictions, elsewhere. */
static void
test_order(void **state)
{
    subjects_study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts;
    double *before, *after;

    (void) state;
    start_subjects(&study);
    opts = subjects_options(&study, &alphas);
    assert_int_equal(run_subjects(NULL, &study, &opts, NULL), BA_OK);
    before = found_in(&study, "/predictions", ALL * D);
    write_table(&study, 1);
    assert_int_equal(run_subjects(NULL, &study, &opts, NULL), BA_OK);
    after = found_in(&study, "/predictions", ALL * D);
    for (size_t s = 0; s < SUBJECTS; s++) {
        for (size_t r = 2; r < RUNS; r++) {
            size_t first = s * OF_SUBJECT + onset_of[r] - TO_ALIGN;
            size_t other = SUBJECTS * (onset_of[r] - TO_ALIGN) + s * length_of[r];

            assert_all_close(
                after + other * D, before + first * D, length_of[r] * D, 1e-11);
        }
    }
    free(before);
    free(after);
    ba_alphas_free(&alphas);
    test_remove_folder(study.folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_inner), cmocka_unit_test(test_order)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
