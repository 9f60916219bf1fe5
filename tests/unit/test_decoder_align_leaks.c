/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode fit of several subjects: what poisoned rows, threads and memory may change. */
#include "tests/memorylib.h"
#include "tests/unit/subjects_study.h"

#include "brainalign/error.h"
#include "model/alignment_impl.h"

#include <math.h>

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

/* ---- memory ---- */

enum { MANY = 400 };

typedef struct {
    subjects_study_t study;
    ba_decode_fit_opts_t opts;
} case_t;

static int
run_case(void *payload, size_t memory, int dry_run, size_t *planned)
{
    case_t *c = payload;
    ba_ctx_t ctx = ba_ctx_default();
    ba_decode_fit_info_t info = {0};
    int status;

    ctx.n_threads = 1;
    ctx.memory = memory;
    c->opts.dry_run = dry_run;
    status = run_subjects(&ctx, &c->study, &c->opts, &info);
    *planned = info.fit.bytes_planned;
    return status;
}

static void
write_wide(const subjects_study_t *study, size_t s, size_t n_columns)
{
    static double x[MOMENTS * MANY];
    char name[32];

    test_fill_normal(x, MOMENTS * n_columns, 50 + s);
    snprintf(name, sizeof name, "y%zu.csv", s);
    write_numbers(study->folder, name, x, n_columns);
}

/* What is planned grows with the weights of a column and its mean; of many columns making
 * the alignment takes the most before the fits, which need more here. */
static void
test_memory(void **state)
{
    static const ba_alignment_kind_t methods[] = {
        BA_ALIGNMENT_SRM, BA_ALIGNMENT_PROCRUSTES, BA_ALIGNMENT_SRM_EM};
    static const size_t columns[SUBJECTS] = {MANY, MANY, MANY};
    static case_t c;
    ba_alphas_t alphas;
    ba_alignment_plan_t plan;
    size_t bytes, few, more;

    (void) state;
    start_subjects(&c.study);
    c.opts = subjects_options(&c.study, &alphas);
    for (size_t m = 0; m < 3; m++) {
        c.opts.align = methods[m];
        c.opts.align_features = methods[m] == BA_ALIGNMENT_PROCRUSTES ? 0 : K;
        test_least_memory(run_case, &c);
    }
    assert_int_equal(run_case(&c, 1 << 24, 1, &more), BA_OK);
    write_wide(&c.study, 1, width_of[1] - 1);
    assert_int_equal(run_case(&c, 1 << 24, 1, &few), BA_OK);
    assert_int_equal(more - few, (K + 1) * sizeof(double));
    for (size_t s = 0; s < SUBJECTS; s++) {
        write_wide(&c.study, s, columns[s]);
    }
    ba_alignment_plan(columns, SUBJECTS, TO_ALIGN,
        &(ba_alignment_opts_t){.kind = BA_ALIGNMENT_SRM_EM, .n_features = K}, &plan);
    bytes = (size_t) plan.making + SUBJECTS * MANY * (size_t) TO_ALIGN * sizeof(double);
    assert_int_equal(run_case(&c, bytes - 1, 1, &few), BA_TOO_LARGE);
    assert_ptr_equal(strstr(ba_error_message(), "align: "), ba_error_message());
    assert_int_equal(run_case(&c, bytes, 1, &few), BA_TOO_LARGE);
    assert_null(strstr(ba_error_message(), "align: "));
    ba_alphas_free(&alphas);
    test_remove_folder(c.study.folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_held_out),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
