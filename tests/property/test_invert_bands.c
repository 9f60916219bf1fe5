/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inversion of encoders with several spaces and bands: refits, equal bands, parts of the
 * posterior, priors by space. */
#include "tests/property/band_study.h"

#include "decode/invert_impl.h"
#include "tests/memorylib.h"

/* A refit that leaves out one fold is the model that was stored for it, with spaces that
 * are left out, too. */
static void
test_refit(void **state)
{
    static const char *const bands[] = {
        "1,0\n0,1\n0.5,0.5\n", "0.2,0.8\n0.9,0.1\n0.4,0.6\n", NULL};
    study_t s;
    ba_decoding_t decoding;
    ba_fold_model_t stored, made;
    size_t voxels[V];
    double gammas[RUNS * 2 * V];

    (void) state;
    make_study(&s);
    for (size_t b = 0; b < 3; b++) {
        ba_decode_model_opts_t opts = {.encoder = in_folder("enc.h5"), .share = SHARE};

        fit(&s, bands[b], 1.0, "b:1");
        must(ba_decoding_open(alone(), &s.dataset, &opts, &decoding));
        for (size_t k = 0; k < RUNS; k++) {
            ba_left_out_t left_out = {.fold = {k}, .n = 1};

            for (size_t j = 0; j < V; j++) {
                voxels[j] = j;
            }
            must(ba_fold_model_read(&decoding, k, &stored));
            must(ba_fold_model_refit(&decoding, &left_out, voxels, V, &made));
            assert_all_close(made.weights, stored.weights, 2 * F * V, 1e-10);
            assert_all_close(made.offset, stored.offset, V, 1e-10);
            ba_fold_model_free(&made);
            /* Some voxels alone. */
            voxels[0] = 5;
            voxels[1] = 2;
            ba_fold_model_select(&stored, voxels, 2);
            must(ba_fold_model_refit(&decoding, &left_out, voxels, 2, &made));
            assert_all_close(made.weights, stored.weights, 2 * F * 2, 1e-10);
            ba_fold_model_free(&stored);
            ba_fold_model_free(&made);
        }
        ba_decoding_close(&decoding);
        if (bands[b]) {
            read_numbers("enc.h5", "/bands/gammas_by_fold", RUNS * 2 * V, gammas);
            assert_true(gammas[0] != gammas[1] || gammas[1] != gammas[2]);
        }
    }
    free_study(&s);
}

/* Equal bands are one penalty twice as large. */
static void
test_equal(void **state)
{
    static const char *const arrays[] = {"/mean", "/variance", "/stretches/log_evidence"};
    static const size_t sizes[] = {N * F, N * F, RUNS};
    ba_decode_invert_opts_t opts = {.combine = BA_COMBINE_JOINT};
    study_t s;
    double bands[N * F], plain[N * F];

    (void) state;
    make_study(&s);
    for (size_t pass = 0; pass < 2; pass++) {
        opts.combine = pass == 0 ? BA_COMBINE_JOINT : BA_COMBINE_BLOCK;
        fit(&s, "0.5,0.5\n", 0.5, "b:1,2");
        invert(&s, &opts, "bands.h5");
        fit(&s, NULL, 1.0, "b:1,2");
        invert(&s, &opts, "plain.h5");
        for (size_t i = 0; i < 3; i++) {
            read_numbers("bands.h5", arrays[i], sizes[i], bands);
            read_numbers("plain.h5", arrays[i], sizes[i], plain);
            assert_all_close(bands, plain, sizes[i], 1e-8);
        }
    }
    free_study(&s);
}

/* One response at a time: the part of a space is its marginal; a given covariance of each
 * space is the whole one that has zeros between them. */
static void
test_block(void **state)
{
    static const char *const only_a = "a";
    char whole[TEST_PATH_SIZE], of_a[TEST_PATH_SIZE], of_b[TEST_PATH_SIZE + 4];
    char given[TEST_PATH_SIZE + 4], means[TEST_PATH_SIZE];
    const char *spaces[] = {of_b, given};
    ba_decode_invert_opts_t opts = {
        .combine = BA_COMBINE_BLOCK, .save_delayed = 1, .prior_mean = means};
    double mean[N * F], part[N * A], delayed[N * 2 * F], some[N * 2 * A];
    FILE *all, *a, *b;
    study_t s;

    (void) state;
    make_study(&s);
    fit(&s, "0.2,0.8\n0.9,0.1\n", 1.0, "b:1,2");
    all = fopen(test_join(whole, folder, "whole.csv"), "w");
    a = fopen(test_join(of_a, folder, "a.csv"), "w");
    b = fopen(in_folder("b.csv"), "w");
    assert_true(all && a && b);
    for (size_t i = 0; i < 2 * F; i++) {
        for (size_t j = 0; j < 2 * F; j++) {
            int is_same = (i % F < A) == (j % F < A);
            double value = i == j ? 3.0 : is_same ? 0.4 : 0.0;
            FILE *own = i % F < A ? a : b;

            fprintf(all, "%g%c", value, j + 1 < 2 * F ? ',' : '\n');
            if (is_same) {
                fprintf(
                    own, "%g%c", value, j + 1 < 2 * F - (i % F < A ? B : 0) ? ',' : '\n');
            }
        }
    }
    fclose(all);
    fclose(a);
    fclose(b);
    all = fopen(test_join(means, folder, "means.csv"), "w");
    assert_non_null(all);
    for (size_t i = 0; i < 2 * F; i++) {
        fprintf(all, "%d\n", (int) i - 4);
    }
    fclose(all);
    snprintf(given, sizeof given, "a=%s", of_a);
    snprintf(of_b, sizeof of_b, "b=%s", in_folder("b.csv"));
    opts.prior_covariance = whole;
    invert(&s, &opts, "inv.h5");
    read_numbers("inv.h5", "/mean", N * F, mean);
    read_numbers("inv.h5", "/delayed/mean", N * 2 * F, delayed);
    opts.prior_covariance = NULL;
    opts.prior_spaces = spaces;
    opts.n_prior_spaces = 2;
    opts.spaces = &only_a;
    opts.n_spaces = 1;
    invert(&s, &opts, "a.h5");
    read_numbers("a.h5", "/mean", N * A, part);
    read_numbers("a.h5", "/delayed/mean", N * 2 * A, some);
    for (size_t i = 0; i < N; i++) {
        assert_all_close(part + i * A, mean + i * F, A, 1e-9);
        assert_all_close(some + i * 2 * A, delayed + i * 2 * F, A, 1e-9);
        assert_all_close(some + i * 2 * A + A, delayed + i * 2 * F + F, A, 1e-9);
    }
    free_study(&s);
}

/* Other responses in the last run: nothing that decodes it changes by a bit. */
static void
test_poison(void **state)
{
    ba_decode_invert_opts_t opts = {.combine = BA_COMBINE_JOINT};
    double scores[2][RUNS * 9], logdet[2][RUNS];
    study_t s;

    (void) state;
    opts.model.share = NAN;
    for (size_t pass = 0; pass < 2; pass++) {
        make_study(&s);
        for (size_t i = N - RUN; pass == 1 && i < N; i++) {
            for (size_t j = 0; j < V; j++) {
                s.y[i + j * N] = 100.0 * sin((double) (i * i + 7 * j));
            }
        }
        fit(&s, "1,0\n0.1,0.9\n0.4,0.6\n", 1.0, "b:1");
        invert(&s, &opts, "inv.h5");
        read_numbers("inv.h5", "/noise/share_scores", RUNS * 9, scores[pass]);
        read_numbers("inv.h5", "/noise/logdet", RUNS, logdet[pass]);
        free_study(&s);
    }
    assert_memory_equal(
        scores[0] + 9 * (RUNS - 1), scores[1] + 9 * (RUNS - 1), 9 * sizeof **scores);
    assert_memory_equal(&logdet[0][RUNS - 1], &logdet[1][RUNS - 1], sizeof **logdet);
    assert_true(logdet[0][0] != logdet[1][0]);
}

/* Groups of targets with the same gammas are fitted side by side: threads change no bit. */
static void
test_threads(void **state)
{
    ba_decode_invert_opts_t opts = {.combine = BA_COMBINE_JOINT};
    double one[N * F], three[N * F];
    ba_ctx_t ctx = ba_ctx_default();
    ba_decode_invert_info_t info;
    study_t s;

    (void) state;
    make_study(&s);
    fit(&s, "0.2,0.8\n0.9,0.1\n0.4,0.6\n", 1.0, "b:1");
    invert(&s, &opts, "inv.h5");
    read_numbers("inv.h5", "/mean", N * F, one);
    ctx.n_threads = 3;
    opts.model = (ba_decode_model_opts_t){
        .encoder = in_folder("enc.h5"), .share = SHARE, .precision = BA_DOUBLE};
    opts.output = in_folder("three.h5");
    must(ba_decode_invert(&ctx, &s.dataset, &opts, &info));
    read_numbers("three.h5", "/mean", N * F, three);
    assert_memory_equal(one, three, sizeof one);
    free_study(&s);
}

typedef struct {
    const study_t *study;
    int n_threads;
} memory_case_t;

static int
run_case(void *payload, size_t memory, int dry_run, size_t *planned)
{
    const memory_case_t *c = payload;
    ba_ctx_t ctx = ba_ctx_default();
    ba_decode_invert_info_t info = {0};
    ba_decode_invert_opts_t opts = {.combine = BA_COMBINE_BLOCK,
        .output = in_folder("memory.h5"),
        .force = 1,
        .dry_run = dry_run};
    int status;

    ctx.n_threads = c->n_threads;
    ctx.memory = memory;
    opts.model = (ba_decode_model_opts_t){
        .encoder = in_folder("enc.h5"), .share = SHARE, .precision = BA_DOUBLE};
    status = ba_decode_invert(&ctx, &c->study->dataset, &opts, &info);
    *planned = info.bytes_planned;
    return status;
}

/* Where memory is short groups are fitted one after the other: the same least memory for any
 * threads, the same bits, and more where there is more. */
static void
test_memory(void **state)
{
    memory_case_t one = {.n_threads = 1}, three = {.n_threads = 3};
    double tight[N * F], ample[N * F];
    size_t least, planned[2];
    study_t s;

    (void) state;
    make_study(&s);
    one.study = three.study = &s;
    fit(&s, "0.2,0.8\n0.9,0.1\n0.4,0.6\n", 1.0, "b:1");
    least = test_least_memory(run_case, &one);
    assert_int_equal(test_least_memory(run_case, &three), least);
    must(run_case(&three, least, 0, &planned[0]));
    read_numbers("memory.h5", "/mean", N * F, tight);
    must(run_case(&three, 1 << 24, 0, &planned[1]));
    read_numbers("memory.h5", "/mean", N * F, ample);
    assert_memory_equal(tight, ample, sizeof tight);
    assert_true(planned[1] > planned[0]);
    free_study(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refit),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_block),
        cmocka_unit_test(test_poison),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
