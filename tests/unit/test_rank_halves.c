/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ranklib.h"

#include "core/alloc.h"
#include "neurons/rank_impl.h"

enum { N_HALVES = 3 };

/* A job as ba_neurons_rank() makes it, as far as halves look at it. */
static rank_job_t
open_job(const rank_study_t *study, const ba_rank_opts_t *opts)
{
    rank_job_t job = {.data = &study->data, .opts = opts};
    char **names = study->concepts.names;

    assert_int_equal(ba_rank_method_find(opts->method, &job.method), BA_OK);
    assert_int_equal(ba_rank_labels_new(&study->data, &job.labels), BA_OK);
    job.n_out = RANK_CONCEPTS;
    assert_int_equal(
        ba_ranking_create(opts->method, job.n_out, (const char *const *) names,
            &study->data.activations->neurons, &job.ranking),
        BA_OK);
    job.report = ba_calloc(1, sizeof *job.report);
    assert_non_null(job.report);
    job.report->halves = ba_calloc(job.n_out, sizeof *job.report->halves);
    assert_non_null(job.report->halves);
    return job;
}

static void
close_job(rank_job_t *job)
{
    ba_ranking_free(job->ranking);
    ba_rank_report_free(job->report);
    ba_rank_labels_free(&job->labels);
}

/* Of a method that ranks neuron by neuron both ways are open: labellings of one pass, and
 * rankings of the halves by themselves. */
static void
test_both_ways(void **state)
{
    rank_study_t *study = rank_study(3, 1);
    ba_rank_opts_t opts = rank_plain("auroc");
    ba_ranking_t *ranking;
    ba_rank_report_t *report;
    rank_job_t job;

    (void) state;
    opts.n_halves = N_HALVES;
    assert_int_equal(ba_neurons_rank(NULL, &study->data, &opts, &ranking, &report), 0);
    job = open_job(study, &opts);
    assert_int_equal(ba_rank_halves_of_all(&job), BA_OK);
    for (size_t r = 0; r < RANK_CONCEPTS; r++) {
        assert_true(isfinite(report->halves[r]));
        assert_close(job.report->halves[r], report->halves[r], 1e-12);
    }
    close_job(&job);
    ba_ranking_free(ranking);
    ba_rank_report_free(report);
    rank_study_free(study);
}

/* Methods that see all neurons at once report a correlation, the same on any threads. */
static void
test_methods_of_all(void **state)
{
    static const char *const methods[] = {"lca", "gaussian"};
    rank_study_t *study = rank_study(3, 1);

    (void) state;
    for (size_t m = 0; m < 2; m++) {
        double found[2] = {0, 0};

        for (int threads = 1; threads <= 2; threads++) {
            ba_rank_opts_t opts = rank_plain(methods[m]);
            ba_ctx_t ctx = ba_ctx_default();
            ba_ranking_t *ranking;
            ba_rank_report_t *report;

            ctx.n_threads = threads;
            opts.n_halves = 2;
            opts.n_picks = 4;
            assert_int_equal(
                ba_neurons_rank(&ctx, &study->data, &opts, &ranking, &report), 0);
            found[threads - 1] = report->halves[ranking->n_concepts - 1];
            ba_ranking_free(ranking);
            ba_rank_report_free(report);
        }
        assert_true(found[0] >= -1 && found[0] <= 1);
        assert_true(found[0] == found[1]);
    }
    rank_study_free(study);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_methods_of_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
