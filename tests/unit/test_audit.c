/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The audit of clean pipelines, and of pipelines that leak in the ways that are common. */
#include "tests/testlib.h"

#include "fit/audit.h"

#include "brainalign/error.h"
#include "core/alloc.h"
#include "model/disturb.h"

enum { SAMPLES = 60, FEATURES = 400, TARGETS = 6, KEPT = 10, FOLDS = 4 };

typedef enum { CLEAN, CHOOSES_ON_ALL_ROWS, SCALES_ON_ALL_ROWS, ALPHA_OF_TEST } leak_t;

typedef struct {
    leak_t leak;
    double *x, *own_x, *y, *own_y; /* in use; as they came */
    double *chosen_x;              /* KEPT columns, or all of them scaled */
    int32_t chosen[FOLDS * KEPT];
    double score[FOLDS * FEATURES];
    ba_runs_t runs;
    ba_space_t space;
    ba_design_t *design;
    ba_source_t *targets;
    ba_fit_data_t data;
    ba_fit_opts_t opts;
} pipeline_t;

static const int no_delay[] = {0};

static void
pipeline_make(pipeline_t *p, leak_t leak)
{
    *p = (pipeline_t){.leak = leak};
    p->x = ba_malloc(SAMPLES, FEATURES * sizeof(double));
    p->own_x = ba_malloc(SAMPLES, FEATURES * sizeof(double));
    p->chosen_x = ba_malloc(SAMPLES, FEATURES * sizeof(double));
    p->y = ba_malloc(SAMPLES, TARGETS * sizeof(double));
    p->own_y = ba_malloc(SAMPLES, TARGETS * sizeof(double));
    test_fill_normal(p->own_x, SAMPLES * FEATURES, 11);
    test_fill_normal(p->own_y, SAMPLES * TARGETS, 12);
    for (size_t i = 0; i < SAMPLES; i++) {
        p->own_y[i] += p->own_x[i] + p->own_x[i + SAMPLES];
    }
    memcpy(p->x, p->own_x, SAMPLES * FEATURES * sizeof(double));
    memcpy(p->y, p->own_y, SAMPLES * TARGETS * sizeof(double));
    assert_int_equal(ba_runs_one(SAMPLES, &p->runs), BA_OK);
    p->space = (ba_space_t){.name = "x",
        .full = leak == CLEAN || leak == ALPHA_OF_TEST ? p->x : p->chosen_x,
        .n_features = leak == CHOOSES_ON_ALL_ROWS ? KEPT : FEATURES,
        .delays = no_delay,
        .n_delays = 1};
    assert_int_equal(
        ba_design_new(&p->space, 1, &p->runs, BA_DELAY_WITHIN_RUNS, &p->design), BA_OK);
    assert_int_equal(
        ba_source_from_memory(p->y, SAMPLES, TARGETS, SAMPLES, "y", &p->targets), BA_OK);
    p->data =
        (ba_fit_data_t){.design = p->design, .runs = &p->runs, .targets = p->targets};
    p->opts = ba_fit_opts_default();
    p->opts.cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 3};
    p->opts.outer_cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = FOLDS};
    p->opts.gap_outer = 1;
    assert_int_equal(ba_alphas_parse("log:0,4,5", &p->opts.alphas), BA_OK);
}

static void
pipeline_free(pipeline_t *p)
{
    ba_alphas_free(&p->opts.alphas);
    ba_source_close(p->targets);
    ba_design_free(p->design);
    ba_runs_free(&p->runs);
    ba_free(p->x);
    ba_free(p->own_x);
    ba_free(p->chosen_x);
    ba_free(p->y);
    ba_free(p->own_y);
}

static int
poison(void *payload, const unsigned char *held, size_t probe)
{
    pipeline_t *p = payload;

    memcpy(p->x, p->own_x, SAMPLES * FEATURES * sizeof(double));
    memcpy(p->y, p->own_y, SAMPLES * TARGETS * sizeof(double));
    for (size_t i = 0; held && i < SAMPLES; i++) {
        for (size_t j = 0; held[i] && i != probe && j < FEATURES; j++) {
            p->x[i + j * SAMPLES] = ba_disturb_value(i, j, p->x[i + j * SAMPLES]);
        }
        for (size_t j = 0; held[i] && j < TARGETS; j++) {
            p->y[i + j * SAMPLES] = ba_disturb_value(i, j, p->y[i + j * SAMPLES]);
        }
    }
    return BA_OK;
}

static int
exchange(void *payload, const size_t *order)
{
    pipeline_t *p = payload;

    for (size_t at = 0; at < SAMPLES * TARGETS; at++) {
        size_t i = at % SAMPLES;

        p->y[at] = p->own_y[at - i + (order ? order[i] : i)];
    }
    return BA_OK;
}

/* Sum of |r| with the targets, over all rows: the leak. */
static double
relation(const pipeline_t *p, size_t j)
{
    double sum = 0.0;

    for (size_t t = 0; t < TARGETS; t++) {
        double product = 0.0;

        for (size_t i = 0; i < SAMPLES; i++) {
            product += p->x[i + j * SAMPLES] * p->y[i + t * SAMPLES];
        }
        sum += fabs(product);
    }
    return sum;
}

static void
choose(pipeline_t *p)
{
    double score[FEATURES];

    for (size_t j = 0; j < FEATURES; j++) {
        score[j] = relation(p, j);
        for (size_t fold = 0; fold < FOLDS; fold++) {
            p->score[fold * FEATURES + j] = score[j];
        }
    }
    for (size_t k = 0; k < KEPT; k++) {
        size_t best = 0;

        for (size_t j = 1; j < FEATURES; j++) {
            best = score[j] > score[best] ? j : best;
        }
        score[best] = -1.0;
        for (size_t fold = 0; fold < FOLDS; fold++) {
            p->chosen[fold * KEPT + k] = (int32_t) best;
        }
        memcpy(
            p->chosen_x + k * SAMPLES, p->x + best * SAMPLES, SAMPLES * sizeof(double));
    }
}

static void
scale(pipeline_t *p)
{
    for (size_t j = 0; j < FEATURES; j++) {
        double square = 0.0;

        for (size_t i = 0; i < SAMPLES; i++) {
            square += p->x[i + j * SAMPLES] * p->x[i + j * SAMPLES];
        }
        for (size_t i = 0; i < SAMPLES; i++) {
            p->chosen_x[i + j * SAMPLES] = p->x[i + j * SAMPLES] / sqrt(square);
        }
    }
}

static int
fit(void *payload, const ba_ctx_t *ctx, const ba_fit_opts_t *opts,
    const ba_fit_sink_t *sink, ba_fit_result_t *result, ba_audit_choice_t *choice)
{
    pipeline_t *p = payload;
    ba_fit_opts_t own = *opts;
    double alpha;

    *choice = (ba_audit_choice_t){.columns = p->chosen,
        .scores = p->score,
        .n = p->leak == CHOOSES_ON_ALL_ROWS ? KEPT : 0,
        .n_scores = FEATURES};
    if (p->leak == CHOOSES_ON_ALL_ROWS) {
        choose(p);
    } else if (p->leak == SCALES_ON_ALL_ROWS) {
        scale(p);
    } else if (p->leak == ALPHA_OF_TEST) {
        alpha = p->y[0] > 0 ? 10.0 + p->y[0] : 1000.0;
        own.alphas = (ba_alphas_t){.values = &alpha, .n = 1};
    }
    return ba_fit_run(ctx, &p->data, &own, sink, result, NULL);
}

static ba_audit_t
audit(leak_t leak)
{
    pipeline_t p;
    ba_audit_t found;
    ba_auditee_t auditee = {.payload = &p,
        .data = &p.data,
        .opts = &p.opts,
        .poison = poison,
        .exchange = exchange,
        .fit = fit};

    pipeline_make(&p, leak);
    assert_int_equal(ba_audit(NULL, &auditee, &found), BA_OK);
    pipeline_free(&p);
    return found;
}

static void
test_clean(void **state)
{
    ba_audit_t found = audit(CLEAN);

    (void) state;
    assert_int_equal(found.n_folds, FOLDS);
    /* 60 held-out rows and one on either side of inner folds, two at the ends. */
    assert_int_equal(found.n_poisoned, SAMPLES + 2 * FOLDS - 2);
    assert_true(found.n_numbers > FOLDS * (2 * FEATURES + 5 * TARGETS));
    assert_int_equal(found.n_changed, 0);
    assert_null(found.changed);
    assert_true(found.null_mean < found.null_limit && found.null_sd > 0);
    assert_true(found.is_clean);
    assert_int_equal(ba_audit_judge(&found), BA_OK);
}

/* Columns chosen by the rows that are held out: seen twice, by bits and by scores of noise
 * far above chance. */
static void
test_choice_leaks(void **state)
{
    ba_audit_t found = audit(CHOOSES_ON_ALL_ROWS);

    (void) state;
    assert_true(found.n_changed > 0);
    assert_true(found.null_mean > 0.1 && found.null_mean > 2 * found.null_limit);
    assert_false(found.is_clean);
    assert_int_equal(ba_audit_judge(&found), BA_NUMERIC);
    assert_non_null(
        strstr(ba_error_message(), "outer fold 0: scores that columns are chosen by"));
    found.n_changed = 0;
    assert_int_equal(ba_audit_judge(&found), BA_NUMERIC);
    assert_non_null(strstr(ba_error_message(), "exchanged at random"));
}

static void
test_scaling_leaks(void **state)
{
    ba_audit_t found = audit(SCALES_ON_ALL_ROWS);

    (void) state;
    assert_true(found.n_changed > 0);
    assert_int_equal(found.changed_fold, 0);
    assert_string_equal(found.changed, "means of predictors");
    assert_false(found.is_clean);
}

/* Only the fold of sample 0, and the grid of it. */
static void
test_alpha_leaks(void **state)
{
    ba_audit_t found = audit(ALPHA_OF_TEST);

    (void) state;
    assert_true(found.n_changed > 0);
    assert_string_equal(found.changed, "the grid of alphas");
    assert_int_equal(found.changed_fold, 0);
    assert_false(found.is_clean);
}

static void
test_needs_folds(void **state)
{
    pipeline_t p;
    ba_audit_t found;
    ba_auditee_t auditee = {.payload = &p, .data = &p.data, .opts = &p.opts, .fit = fit};

    (void) state;
    pipeline_make(&p, CLEAN);
    p.opts.outer_cv.kind = BA_CV_NONE;
    assert_int_equal(ba_audit(NULL, &auditee, &found), BA_VALUE);
    pipeline_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_clean),
        cmocka_unit_test(test_choice_leaks), cmocka_unit_test(test_scaling_leaks),
        cmocka_unit_test(test_alpha_leaks), cmocka_unit_test(test_needs_folds)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
