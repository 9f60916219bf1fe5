/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ranklib.h"

#include "brainalign/significance.h"
#include "core/alloc.h"
#include "neurons/rank_impl.h"

enum { SCORES = RANK_CONCEPTS * RANK_NEURONS };

static char logged[1024];

static void
take_log(ba_log_level_t level, const char *line, void *payload)
{
    (void) payload;
    if (level == BA_LOG_WARNING) {
        snprintf(logged, sizeof logged, "%s", line);
    }
}

static void
refused(
    const rank_study_t *study, const ba_rank_opts_t *opts, int status, const char *words)
{
    ba_ranking_t *ranking = NULL;
    ba_rank_report_t *report = NULL;

    assert_int_equal(
        ba_neurons_rank(NULL, &study->data, opts, &ranking, &report), status);
    assert_contains(ba_error_message(), words);
    assert_null(ranking);
    assert_null(report);
    assert_int_equal(ba_neurons_rank_check(NULL, &study->data, opts), status);
    assert_contains(ba_error_message(), words);
}

static void
test_options(void **state)
{
    static const double bad[] = {0.5, 1};
    rank_study_t *study = rank_study(1, 1);
    ba_rank_opts_t opts = rank_plain("aurok");

    (void) state;
    refused(study, &opts, BA_VALUE, "method 'aurok': unknown, nearest is 'auroc'");
    opts = rank_plain("mi");
    opts.direction = BA_RANK_EITHER;
    refused(study, &opts, BA_VALUE, "method mi: has no direction");
    opts = rank_plain("mean");
    opts.token_p = 1;
    refused(study, &opts, BA_VALUE, "method mean: has no p for single tokens");
    opts = rank_plain("gaussian");
    opts.n_permutations = 3;
    refused(study, &opts, BA_VALUE, "method gaussian: cannot be tested");
    opts = rank_plain("iou");
    opts.quantiles = bad;
    opts.n_quantiles = 2;
    refused(study, &opts, BA_VALUE, "quantile: found 1, wanted");
    opts = rank_plain("mi");
    opts.n_bins = 1;
    refused(study, &opts, BA_VALUE, "wanted at least 1, 2, 1");
    opts = rank_plain("ap");
    opts.null_top = 3;
    refused(study, &opts, BA_VALUE, "null_top: kept of permutations");
    opts = rank_plain("ap");
    opts.mass = 0;
    refused(study, &opts, BA_VALUE, "mass: found 0");
    rank_study_free(study);
}

static void
test_labels(void **state)
{
    rank_study_t *study = rank_study(1, 1);
    ba_rank_opts_t opts = rank_plain("ap");
    uint32_t *type = study->concepts.type;

    (void) state;
    opts.n_permutations = 5;
    study->concepts.type = NULL;
    refused(study, &opts, BA_SHAPE, "permutations: the word of each token is not known");
    study->concepts.type = type;
    study->concepts.n_tokens--;
    refused(study, &opts, BA_SHAPE, "labels: 239 tokens, activations: 240");
    study->concepts.n_tokens++;
    for (size_t i = 0; i < RANK_TOKENS; i++) {
        study->concept[i] = 2;
    }
    refused(study, &opts, BA_SHAPE, "labels: one class ('c2') in all 160 tokens");
    for (size_t i = 0; i <= RANK_TOKENS; i++) {
        study->first[i] = 0;
    }
    refused(study, &opts, BA_SHAPE, "none of the 160 tokens to fit on carries a concept");
    study->split.n_train = 0;
    refused(study, &opts, BA_SHAPE, "labels: 0 tokens to fit on");
    rank_study_free(study);
}

/* A concept without a token: warned of, its scores missing, counted, last. */
static void
test_absent_concept(void **state)
{
    rank_study_t *study = rank_study(2, 0);
    ba_rank_opts_t opts = rank_plain("ap");
    ba_ctx_t ctx = ba_ctx_default();
    ba_ranking_t *ranking;
    ba_rank_report_t *report;

    (void) state;
    for (size_t e = 0; e < study->first[RANK_TOKENS]; e++) {
        study->concept[e] = study->concept[e] == 1 ? 0 : study->concept[e];
    }
    ctx.log = take_log;
    opts.n_permutations = 9;
    opts.n_halves = 2;
    assert_int_equal(ba_neurons_rank(&ctx, &study->data, &opts, &ranking, &report), 0);
    assert_contains(logged, "2 concepts without a token to fit on ('c3' and others)");
    for (size_t j = 0; j < RANK_NEURONS; j++) {
        assert_true(isnan(ranking->score[RANK_NEURONS + j]));
        assert_true(isnan(ranking->p[RANK_NEURONS + j]));
        assert_true(isnan(ranking->q[RANK_NEURONS + j]));
        assert_true(isnan(report->p_fwe[RANK_NEURONS + j]));
    }
    assert_int_equal(report->n_undefined[1], RANK_NEURONS);
    assert_int_equal(report->n_undefined[0], 0);
    assert_true(isnan(report->halves[1]));
    ba_ranking_free(ranking);
    ba_rank_report_free(report);
    rank_study_free(study);
}

static void
test_not_finite(void **state)
{
    rank_study_t *study = rank_study(3, 0);
    ba_rank_opts_t opts = rank_plain("ap");
    ba_ranking_t *ranking = NULL;

    (void) state;
    study->x[7 + 4 * RANK_TOKENS] = (double) NAN;
    assert_int_equal(
        ba_neurons_rank(NULL, &study->data, &opts, &ranking, NULL), BA_NONFINITE);
    assert_contains(ba_error_message(), "token 7, neuron 4");
    assert_null(ranking);
    rank_study_free(study);
}

/* Average precision is compared above chance, since that goes with the number of tokens.
 */
static double
statistic(const rank_study_t *study, const char *method, size_t c, double score)
{
    double n = 0;

    for (size_t i = 0; i < study->split.n_train; i++) {
        n += rank_has(study, study->train[i], c);
    }
    n /= (double) study->split.n_train;
    return strcmp(method, "ap") == 0 ? (score - n) / (1 - n) : score;
}

enum { N_PERMUTED = 37, NULL_TOP = 4 };

/* The best neurons of every permutation: those of a ranking by its labels. orders:
 * N_PERMUTED x SCORES. */
static void
check_null_order(const ba_rank_report_t *report, const uint32_t *orders)
{
    assert_int_equal(report->null_top, NULL_TOP);
    for (size_t i = 0; i < RANK_CONCEPTS * N_PERMUTED * NULL_TOP; i++) {
        size_t c = i / (N_PERMUTED * NULL_TOP), b = i / NULL_TOP % N_PERMUTED;

        if (report->null_order[i] != UINT32_MAX) {
            assert_int_equal(report->null_order[i],
                orders[b * SCORES + c * RANK_NEURONS + i % NULL_TOP]);
        } else {
            assert_int_equal(report->n_undefined[c], RANK_NEURONS);
        }
    }
}

/* p, q and family-wise p from the scores of the permuted labels, one after the other. */
static void
check_permutations(const char *method)
{
    enum { N = N_PERMUTED };
    rank_study_t *study = rank_study(4, 0), *permuted = rank_study(4, 0);
    ba_rank_opts_t opts = rank_plain(method), plain = opts;
    static double null[N][SCORES];
    static uint32_t orders[N * SCORES];
    ba_ctx_t ctx = ba_ctx_default();
    rank_labels_t labels;
    rank_types_t types;
    rank_labelling_t made;
    size_t scratch[3 * RANK_TOKENS];
    ba_ranking_t *ranking;
    ba_rank_report_t *report;

    ctx.seed = 17;
    opts.n_permutations = N;
    assert_int_equal(ba_rank_labels_new(&study->data, &labels), 0);
    assert_int_equal(
        ba_rank_types_new(&labels, study->type, opts.min_stratum, &types), 0);
    assert_int_equal(ba_rank_labelling_new(&labels, &made), 0);
    for (size_t b = 0; b < N; b++) {
        size_t n = 0;

        assert_int_equal(ba_rank_permute(&labels, &types, 17, b, scratch, &made), 0);
        for (size_t i = 0; i < RANK_TOKENS; i++) {
            uint32_t set = made.set[i];

            permuted->first[i] = n;
            for (uint32_t e = set == RANK_LEFT_OUT ? 0 : labels.sets.first[set];
                 set != RANK_LEFT_OUT && e < labels.sets.first[set + 1]; e++) {
                permuted->concept[n++] = labels.sets.concept[e];
            }
        }
        permuted->first[RANK_TOKENS] = n;
        ranking = rank_must(permuted, &plain, NULL);
        for (size_t i = 0; i < SCORES; i++) {
            null[b][i] = statistic(permuted, method, i / RANK_NEURONS, ranking->score[i]);
        }
        memcpy(orders + b * SCORES, ranking->order, SCORES * sizeof *orders);
        ba_ranking_free(ranking);
    }
    opts.null_top = NULL_TOP;
    assert_int_equal(ba_neurons_rank(&ctx, &study->data, &opts, &ranking, &report), 0);
    check_null_order(report, orders);
    for (size_t i = 0; i < SCORES; i++) {
        size_t c = i / RANK_NEURONS, own = 0, family = 0;
        double score = statistic(study, method, c, ranking->score[i]);

        for (size_t b = 0; b < N; b++) {
            double largest = -1e300;

            for (size_t j = 0; j < RANK_NEURONS; j++) {
                largest = fmax(largest, null[b][c * RANK_NEURONS + j]);
            }
            own += null[b][i] >= score;
            family += largest >= score;
        }
        if (study->concepts.n_concepts > 3 && c == 3) {
            assert_true(isnan(ranking->p[i])); /* no token carries it */
            continue;
        }
        assert_close(ranking->p[i], (1 + (double) own) / (1 + N), 1e-15);
        assert_close(report->p_fwe[i], (1 + (double) family) / (1 + N), 1e-15);
    }
    assert_int_equal(report->n_permutations, N);
    assert_int_equal(report->n_types, types.n_types);
    assert_int_equal(report->n_strata, types.n_strata);
    ba_rank_labelling_free(&made);
    ba_rank_types_free(&types);
    ba_rank_labels_free(&labels);
    ba_ranking_free(ranking);
    ba_rank_report_free(report);
    rank_study_free(study);
    rank_study_free(permuted);
}

static void
test_permutations(void **state)
{
    (void) state;
    check_permutations("auroc");
    check_permutations("ap");
    check_permutations("mean");
}

/* p of single tokens: in the ranking with a warning, or beside that of permutations. */
static void
test_token_p(void **state)
{
    rank_study_t *study = rank_study(6, 0);
    ba_rank_opts_t opts = rank_plain("welch");
    ba_ctx_t ctx = ba_ctx_default();
    ba_ranking_t *ranking;
    ba_rank_report_t *report;

    (void) state;
    ctx.log = take_log;
    logged[0] = '\0';
    opts.token_p = 1;
    assert_int_equal(ba_neurons_rank(&ctx, &study->data, &opts, &ranking, &report), 0);
    assert_contains(logged, "takes tokens of one word for independent");
    assert_memory_equal(ranking->p, report->token_p, SCORES * sizeof(double));
    ba_ranking_free(ranking);
    ba_rank_report_free(report);
    opts.n_permutations = 4;
    ranking = rank_must(study, &opts, &report);
    for (size_t i = 0; i < SCORES; i++) {
        assert_true(isnan(ranking->p[i]) || fmod(5 * ranking->p[i] + 1e-9, 1) < 1e-6);
    }
    assert_non_null(report->token_p);
    ba_ranking_free(ranking);
    ba_rank_report_free(report);
    rank_study_free(study);
}

/* The same scores in both halves where the labels decide them: correlation near 1; none
 * asked for, none reported; sentences, then tokens where words are not known. */
static void
test_halves(void **state)
{
    rank_study_t *study = rank_study(8, 0);
    ba_rank_opts_t opts = rank_plain("mean");
    ba_rank_report_t *report;

    (void) state;
    ba_ranking_free(rank_must(study, &opts, &report));
    assert_null(report->halves);
    ba_rank_report_free(report);
    for (size_t j = 0; j < RANK_NEURONS; j++) {
        for (size_t i = 0; i < RANK_TOKENS; i++) {
            study->x[i + j * RANK_TOKENS] = rank_has(study, i, 0) * (double) (j % 4) +
                                            rank_has(study, i, 1) * (double) j;
        }
    }
    opts.n_halves = 3;
    for (int known = 2; known >= 0; known--) {
        study->concepts.type = known == 2 ? study->type : NULL;
        study->concepts.sentence = known >= 1 ? study->sentence : NULL;
        ba_ranking_free(rank_must(study, &opts, &report));
        assert_true(report->halves[1] > 0.95 && report->halves[1] <= 1 + 1e-12);
        assert_int_equal(report->halves_by_tokens, known == 0);
        ba_rank_report_free(report);
    }
    rank_study_free(study);
}

static void
test_memory(void **state)
{
    rank_study_t *study = rank_study(9, 1);
    ba_rank_opts_t opts = rank_plain("ap");
    ba_ctx_t ctx = ba_ctx_default();
    ba_ranking_t *ranking = NULL;

    (void) state;
    ctx.memory = 1000;
    assert_int_equal(
        ba_neurons_rank(&ctx, &study->data, &opts, &ranking, NULL), BA_TOO_LARGE);
    assert_contains(ba_error_message(), "ranking 11 neurons on 240 tokens: needs");
    opts.method = "gaussian";
    assert_int_equal(
        ba_neurons_rank(&ctx, &study->data, &opts, &ranking, NULL), BA_TOO_LARGE);
    assert_contains(ba_error_message(), "method gaussian: needs");
    rank_study_free(study);
}

/* Every allocation fails in turn: BA_NOMEM and no leak (asan). */
static void
test_failing_allocations(void **state)
{
    static const char *const methods[] = {"expert", "gaussian", "mi"};
    rank_study_t *study = rank_study(10, 1);

    (void) state;
    for (size_t k = 0; k < 3; k++) {
        ba_rank_opts_t opts = rank_plain(methods[k]);
        ba_ctx_t ctx = ba_ctx_default();
        int status = BA_NOMEM;

        ctx.n_threads = 1;
        opts.n_picks = 2;
        opts.n_halves = 1;
        opts.token_p = k == 0;
        opts.sorted_scores = 1;
        opts.n_neighbours = 2;
        opts.n_permutations = k == 1 ? 0 : 2;
        opts.null_top = opts.n_permutations;
        for (size_t n = 1; status != BA_OK; n++) {
            ba_ranking_t *ranking = NULL;
            ba_rank_report_t *report = NULL;

            ba_alloc_fail_at(n);
            status = ba_neurons_rank(&ctx, &study->data, &opts, &ranking, &report);
            ba_alloc_fail_at(0);
            assert_true(status == BA_OK || status == BA_NOMEM);
            ba_ranking_free(ranking);
            ba_rank_report_free(report);
            assert_true(n < 500);
        }
    }
    rank_study_free(study);
}

static void
test_methods(void **state)
{
    size_t n = 0;

    (void) state;
    for (; ba_rank_method_name(n); n++) {
        assert_non_null(ba_rank_method_words(n));
    }
    assert_true(n >= 12);
    assert_null(ba_rank_method_words(n));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_absent_concept),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_permutations),
        cmocka_unit_test(test_token_p),
        cmocka_unit_test(test_halves),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_methods),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
