/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Principal components through files: what a fit stores predicts and scores later, and
 * says by itself what its folds predicted. */
#include "tests/property/encode_study.h"

static const char *const both[] = {"a=3", "2"};

static ba_encode_fit_opts_t
pca_settings(const char *name)
{
    ba_encode_fit_opts_t opts = fit_settings(name);

    opts.force = 1;
    opts.pca = both;
    opts.n_pca = 2;
    return opts;
}

static void
test_prediction_and_scores_survive_the_file(void **state)
{
    (void) state;
    for (size_t i = 0; i < 4; i++) {
        ba_encode_fit_opts_t opts = pca_settings("enc.h5");
        ba_encode_apply_opts_t apply = apply_settings("enc.h5", "pred.h5");
        ba_dataset_t *dataset;
        double *before, *after, *r, *r_after;

        opts.n_pca = 1 + i % 2; /* the second space as it is, or 2 of it */
        opts.fit.scale_features = i / 2 % 2 ? BA_SCALE_CENTER : BA_SCALE_ZSCORE;
        apply.force = 1;
        fit_to_file(2, 1, &opts);
        dataset = open_for_use(2, 1, "yt.npy");
        must(ba_encode_predict(NULL, dataset, &apply));
        before = read_array("enc.h5", "/predictions", N_TEST * V);
        after = read_array("pred.h5", "/predictions", N_TEST * V);
        assert_all_close(before, after, N_TEST * V, 40e-12);
        apply.output = in_folder("score.h5");
        must(ba_encode_score(NULL, dataset, &apply, NULL));
        r = read_array("enc.h5", "/scores/r", V);
        r_after = read_array("score.h5", "/scores/r", V);
        assert_all_close(r, r_after, V, 1e-12);
        ba_dataset_free(dataset);
        free(before);
        free(after);
        free(r);
        free(r_after);
    }
}

/* Held-out rows of outer folds from what is stored by fold, for one space and delay 0. */
static void
test_formula_of_the_folds(void **state)
{
    enum { K = 3, FOLDS = 4 };
    ba_encode_fit_opts_t opts = pca_settings("enc.h5");
    ba_source_t *source = NULL;
    double *found, *weights, *mean, *scale, *y_mean, *y_scale, *b, *outer;
    double *components, *centre, *explained, x[N * P], score[K];

    (void) state;
    opts.n_pca = 1;
    opts.delays = "0";
    opts.fit.want_fold_weights = 1;
    opts.fit.outer_cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = FOLDS};
    fit_to_file(1, 0, &opts);
    found = read_array("enc.h5", "/predictions", N * V);
    weights = read_array("enc.h5", "/fold_weights", FOLDS * K * V);
    components = read_array("enc.h5", "/pca/a/components_by_fold", FOLDS * K * P);
    centre = read_array("enc.h5", "/pca/a/mean_by_fold", FOLDS * P);
    explained = read_array("enc.h5", "/pca/a/explained_variance_by_fold", FOLDS * K);
    mean = read_array("enc.h5", "/scaling/feature_mean_by_fold", FOLDS * K);
    scale = read_array("enc.h5", "/scaling/feature_scale_by_fold", FOLDS * K);
    y_mean = read_array("enc.h5", "/scaling/response_mean_by_fold", FOLDS * V);
    y_scale = read_array("enc.h5", "/scaling/response_scale_by_fold", FOLDS * V);
    b = read_array("enc.h5", "/intercept_by_fold", FOLDS * V);
    outer = read_array("enc.h5", "/splits/outer", N);
    must(ba_source_open(NULL, in_folder("x.npy"), NULL, &source));
    must(ba_source_read(source, 0, 0, N, 0, P, x, N));
    for (size_t t = 0; t < N; t++) {
        size_t f = (size_t) outer[t];

        for (size_t k = 0; k < K; k++) {
            score[k] = -mean[f * K + k];
            for (size_t j = 0; j < P; j++) {
                score[k] +=
                    (x[t + j * N] - centre[f * P + j]) * components[(f * K + k) * P + j];
            }
            score[k] /= scale[f * K + k];
        }
        for (size_t v = 0; v < V; v += 3) {
            double sum = b[f * V + v];

            for (size_t k = 0; k < K; k++) {
                sum += score[k] * weights[(f * K + k) * V + v];
            }
            assert_close(
                found[t * V + v], sum * y_scale[f * V + v] + y_mean[f * V + v], 40e-12);
        }
    }
    for (size_t i = 0; i < FOLDS * K; i++) {
        assert_true(explained[i] > 0.1 && explained[i] < 0.5);
        assert_true(i % K == 0 || explained[i] < explained[i - 1]);
    }
    ba_source_close(source);
    free(found);
    free(weights);
    free(components);
    free(centre);
    free(explained);
    free(mean);
    free(scale);
    free(y_mean);
    free(y_scale);
    free(b);
    free(outer);
}

/* The smallest budget that a fit names is enough, and changes no bit. */
static void
test_small_memory(void **state)
{
    ba_encode_fit_opts_t opts = pca_settings("enc.h5");
    ba_dataset_t *dataset = open_for_fit(2, 1);
    ba_ctx_t ctx = ba_ctx_default();
    double *whole, *small;
    int status;

    (void) state;
    must(ba_encode_fit(NULL, dataset, &opts, NULL));
    opts.output = in_folder("small.h5");
    ctx.n_threads = 1;
    ctx.memory = 65536;
    do {
        ctx.memory += 16384;
        status = ba_encode_fit(&ctx, dataset, &opts, NULL);
    } while (status == BA_TOO_LARGE);
    must(status);
    whole = read_array("enc.h5", "/predictions", N_TEST * V);
    small = read_array("small.h5", "/predictions", N_TEST * V);
    assert_memory_equal(whole, small, N_TEST * V * sizeof *whole);
    ba_dataset_free(dataset);
    free(whole);
    free(small);
}

/* Another number of components is other work, which --resume does not take for done. */
static void
test_resume_knows_components(void **state)
{
    static const char *const four[] = {"a=4", "2"};
    ba_encode_fit_opts_t opts = pca_settings("enc.h5");
    ba_dataset_t *dataset = open_for_fit(2, 1);
    ba_encode_fit_info_t info = {0};

    (void) state;
    must(ba_encode_fit(NULL, dataset, &opts, NULL));
    opts.force = 0;
    opts.resume = 1;
    must(ba_encode_fit(NULL, dataset, &opts, &info));
    assert_true(info.was_complete);
    opts.pca = four;
    assert_int_equal(ba_encode_fit(NULL, dataset, &opts, &info), BA_SHAPE);
    assert_contains(ba_error_message(), "other preparation");
    ba_dataset_free(dataset);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prediction_and_scores_survive_the_file),
        cmocka_unit_test(test_formula_of_the_folds),
        cmocka_unit_test(test_small_memory),
        cmocka_unit_test(test_resume_knows_components),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
