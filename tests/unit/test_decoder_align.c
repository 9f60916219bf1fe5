/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode fit of several subjects: the whole order of operations by hand, what poisoned rows
 * may change. */
#include "tests/unit/subjects_study.h"

#include "brainalign/alignment.h"
#include "brainalign/error.h"
#include "brainalign/ridge.h"

#include <math.h>

/* Samples that are decoded: runs c, d and e of each subject. */
enum {
    TO_ALIGN = 22,
    OF_SUBJECT = MOMENTS - TO_ALIGN,
    ALL = SUBJECTS * OF_SUBJECT,
    K = 3
};

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

/* Numbers of another world in run r of a subject. */
static void
poison(subjects_study_t *study, size_t s, size_t r)
{
    for (size_t t = onset_of[r]; t < onset_of[r + 1]; t++) {
        for (size_t j = 0; j < width_of[s]; j++) {
            study->y[s][t * width_of[s] + j] =
                1e6 * (double) ((t * t * 7 + j * 5) % 11) - (double) (t * j);
        }
    }
}

/* What is compared: arrays of one fold, and of the alignment. */
static const char *const fold_paths[] = {"/fold_weights",
    "/scaling/response_mean_by_fold", "/scaling/response_scale_by_fold",
    "/scaling/feature_mean_by_fold", "/best_alphas_by_fold"};

enum { N_FOLD_PATHS = 5 };

static const char *const align_paths[] = {"/alignment/shared", "/alignment/explained",
    "/alignment/objective", "/alignment/subject_0/weights",
    "/alignment/subject_1/weights", "/alignment/subject_2/weights",
    "/alignment/subject_1/mean"};

enum { N_ALIGN_PATHS = 7 };

/* Reads an array whatever its size. */
static double *
read_all(const subjects_study_t *study, const char *path, size_t *n)
{
    ba_bundle_t *bundle;
    size_t dims[BA_MAX_RANK];
    int rank;

    assert_int_equal(ba_bundle_open(study->result, "brainalign-decoder", &bundle), BA_OK);
    assert_int_equal(ba_bundle_shape(bundle, path, &rank, dims), BA_OK);
    *n = 1;
    for (int i = 0; i < rank; i++) {
        *n *= dims[i];
    }
    ba_bundle_free(bundle);
    return found_in(study, path, *n);
}

typedef struct {
    double *fold[N_FOLD_PATHS], *align[N_ALIGN_PATHS];
    size_t n_fold[N_FOLD_PATHS], n_align[N_ALIGN_PATHS];
} state_t;

static void
keep(const subjects_study_t *study, state_t *state)
{
    for (size_t k = 0; k < N_FOLD_PATHS; k++) {
        state->fold[k] = read_all(study, fold_paths[k], &state->n_fold[k]);
    }
    for (size_t k = 0; k < N_ALIGN_PATHS; k++) {
        state->align[k] = read_all(study, align_paths[k], &state->n_align[k]);
    }
}

static void
state_free(state_t *state)
{
    for (size_t k = 0; k < N_FOLD_PATHS; k++) {
        free(state->fold[k]);
    }
    for (size_t k = 0; k < N_ALIGN_PATHS; k++) {
        free(state->align[k]);
    }
}

/* Same bits in fold k of n_folds, and in the alignment; others changed. */
static void
compare(const state_t *a, const state_t *b, size_t fold, size_t n_folds)
{
    int n_same = 0;

    for (size_t k = 0; k < N_ALIGN_PATHS; k++) {
        assert_int_equal(a->n_align[k], b->n_align[k]);
        assert_memory_equal(a->align[k], b->align[k], a->n_align[k] * sizeof(double));
    }
    for (size_t k = 0; k < N_FOLD_PATHS; k++) {
        size_t n = a->n_fold[k] / n_folds;

        assert_memory_equal(
            a->fold[k] + fold * n, b->fold[k] + fold * n, n * sizeof(double));
    }
    for (size_t f = 0; f < n_folds; f++) {
        size_t n = a->n_fold[0] / n_folds;

        n_same += memcmp(a->fold[0] + f * n, b->fold[0] + f * n, n * sizeof(double)) == 0;
    }
    assert_true((size_t) n_same < n_folds);
}

/* Whatever an outer fold does not train on changes no bit of its model, and no bit of the
 * alignment: one run of one subject and all that is near it, a subject, a stimulus. Alpha
 * is chosen inside. */
static void
test_held_out(void **state)
{
    static const ba_cv_kind_t kinds[] = {BA_CV_CROSSED, BA_CV_SUBJECTS, BA_CV_RUNS};
    static const size_t n_folds[] = {9, 3, 3}, folds[] = {4, 1, 1};
    static const ba_alignment_kind_t methods[] = {
        BA_ALIGNMENT_SRM, BA_ALIGNMENT_PROCRUSTES, BA_ALIGNMENT_SRM_EM};

    (void) state;
    for (size_t c = 0; c < 3; c++) {
        subjects_study_t study;
        ba_alphas_t alphas;
        ba_decode_fit_opts_t opts;
        state_t before, after;

        start_subjects(&study);
        opts = subjects_options(&study, &alphas);
        opts.fit.alphas = (ba_alphas_t){0};
        opts.fit.outer_cv.kind = kinds[c];
        opts.align = methods[c];
        opts.align_features = methods[c] == BA_ALIGNMENT_PROCRUSTES ? 0 : K;
        opts.fit.cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 3};
        assert_int_equal(run_subjects(NULL, &study, &opts, NULL), BA_OK);
        keep(&study, &before);
        for (size_t s = 0; s < SUBJECTS; s++) {
            for (size_t r = 2; r < RUNS; r++) {
                if ((kinds[c] != BA_CV_RUNS && s == 1) ||
                    (kinds[c] != BA_CV_SUBJECTS && r == 3)) {
                    poison(&study, s, r);
                }
            }
        }
        write_study(&study);
        assert_int_equal(run_subjects(NULL, &study, &opts, NULL), BA_OK);
        keep(&study, &after);
        compare(&before, &after, folds[c], n_folds[c]);
        state_free(&before);
        state_free(&after);
        ba_alphas_free(&alphas);
        test_remove_folder(study.folder);
    }
}

/* Threads change no bit; a column that is not finite is left out; labels and blocks. */
static void
test_threads(void **state)
{
    subjects_study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts;
    ba_decode_fit_info_t info;
    ba_ctx_t one = ba_ctx_default(), two = ba_ctx_default();
    double *a, *b;

    (void) state;
    start_subjects(&study);
    study.y[1][40 * 6 + 2] = NAN;
    write_study(&study);
    opts = subjects_options(&study, &alphas);
    one.n_threads = 1;
    two.n_threads = 2;
    assert_int_equal(run_subjects(&one, &study, &opts, &info), BA_OK);
    assert_int_equal(info.n_unusable, 1);
    a = found_in(&study, "/predictions", ALL * D);
    assert_int_equal(run_subjects(&two, &study, &opts, &info), BA_OK);
    b = found_in(&study, "/predictions", ALL * D);
    assert_memory_equal(a, b, ALL * D * sizeof *a);
    free(a);
    free(b);
    a = found_in(&study, "/alignment/subject_1/weights", 6 * K);
    for (size_t k = 0; k < K; k++) {
        assert_close(a[2 * K + k], 0.0, 1e-14);
    }
    free(a);
    opts.audit = 1;
    assert_int_equal(run_subjects(&two, &study, &opts, &info), BA_OK);
    assert_true(info.audit.is_clean);
    one.memory = 1000;
    assert_int_equal(run_subjects(&one, &study, &opts, &info), BA_TOO_LARGE);
    ba_alphas_free(&alphas);
    test_remove_folder(study.folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_inner), cmocka_unit_test(test_order),
        cmocka_unit_test(test_held_out), cmocka_unit_test(test_threads)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
