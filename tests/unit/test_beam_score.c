/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "core/alloc.h"
#include "decode/beam_job.h"

enum { N = 6, NULLS = 4 };

/* Two passages, of 10 and 4 s, in windows of 5 s: three windows, the second without a
 * word said. Words 0 .. 3 have vectors at right angles and weights 1, 1, 1, 3. */
typedef struct {
    ba_beam_opts_t opts;
    ba_beam_job_t job;
    ba_beam_passage_t passages[2];
    ba_timed_word_t decoded[N], reference[4];
    size_t null[NULLS][N], *nulls[NULLS];
    double unit[16], weight[4];
    unsigned char has[4];
} case_t;

static ba_timed_word_t
word_at(size_t passage, size_t word, double onset)
{
    return (ba_timed_word_t){
        .passage = passage, .word = word, .onset = onset, .offset = onset + 1.0};
}

static void
make(case_t *c)
{
    static const double onset[N] = {0.0, 1.0, 4.4, 6.0, 100.0, 102.0};
    static const size_t decoded[N] = {0, 1, 3, 2, 3, 0};

    memset(c, 0, sizeof *c);
    c->opts = ba_beam_opts_default();
    c->opts.window_seconds = 5.0;
    c->opts.n_nulls = NULLS;
    for (size_t i = 0; i < N; i++) {
        c->decoded[i] = word_at(i >= 4, decoded[i], onset[i]);
    }
    c->reference[0] = word_at(0, 0, 0.0);
    c->reference[1] = word_at(0, 2, 1.0);
    c->reference[2] = word_at(1, 3, 100.0);
    c->reference[3] = word_at(1, 3, 101.0);
    c->passages[0] = (ba_beam_passage_t){
        .first = 0, .n = 4, .first_said = 0, .n_said = 2, .start = 0.0, .stop = 10.0};
    c->passages[1] = (ba_beam_passage_t){
        .first = 4, .n = 2, .first_said = 2, .n_said = 2, .start = 100.0, .stop = 104.0};
    for (size_t w = 0; w < 4; w++) {
        c->unit[5 * w] = 1.0;
        c->weight[w] = w == 3 ? 3.0 : 1.0;
        c->has[w] = 1;
    }
    /* The first null is what was decoded, the others say only word 1. */
    for (size_t k = 0; k < NULLS; k++) {
        c->nulls[k] = c->null[k];
        for (size_t i = 0; i < N; i++) {
            c->null[k][i] = k == 0 ? decoded[i] : 1;
        }
    }
    c->job = (ba_beam_job_t){.opts = &c->opts,
        .passages = c->passages,
        .n_passages = 2,
        .decoded = c->decoded,
        .n_decoded = N,
        .reference = c->reference,
        .n_reference = 4,
        .nulls = c->nulls,
        .space = {4, 4, c->unit, c->weight, c->has}};
}

static void
free_scores(ba_beam_job_t *job)
{
    ba_free(job->window_start);
    ba_free(job->window_passage);
    ba_free(job->window_scores);
    ba_free(job->null_scores);
}

/* First window: said 0 2, decoded 0 1 3 (the middle of 4.4 .. 5.4 is 4.9): distance 2,
 * one of three words right, similarity (1 + 0) / 2. Third: said 3 3, decoded 3 0:
 * distance 1, one of two, similarity 1. */
static void
test_scores_windows(void **state)
{
    static case_t c;
    const ba_beam_scores_t *scores = &c.job.info.scores;

    (void) state;
    make(&c);
    assert_int_equal(ba_beam_score(&c.job), 0);
    assert_int_equal(c.job.n_windows, 3);
    assert_close(c.job.window_start[1], 5.0, 0.0);
    assert_int_equal(c.job.window_passage[2], 1);
    assert_close(c.job.window_scores[0][0], 1.0, 1e-15);
    assert_close(c.job.window_scores[0][1], 1.0 / 3.0, 1e-15);
    assert_close(c.job.window_scores[0][2], 0.5, 1e-15);
    assert_true(isnan(c.job.window_scores[1][0]) && isnan(c.job.window_scores[1][2]));
    assert_close(c.job.window_scores[2][0], 0.5, 1e-15);
    assert_close(c.job.window_scores[2][1], 0.5, 1e-15);
    assert_close(c.job.window_scores[2][2], 1.0, 1e-15);
    assert_close(scores->wer, 0.75, 1e-15);
    assert_close(scores->bleu1, 5.0 / 12.0, 1e-15);
    assert_close(scores->similarity, 0.75, 1e-15);
    free_scores(&c.job);
}

/* A null that is as good counts: (1 + 1) / (1 + 4). Nulls of word 1 alone: distances 3
 * of 2 words and 2 of 2, nothing right, similarity 0. */
static void
test_ties_count_against_the_score(void **state)
{
    static case_t c;
    const ba_beam_scores_t *scores = &c.job.info.scores;

    (void) state;
    make(&c);
    assert_int_equal(ba_beam_score(&c.job), 0);
    assert_close(scores->p_wer, 0.4, 1e-15);
    assert_close(scores->p_bleu1, 0.4, 1e-15);
    assert_close(scores->p_similarity, 0.4, 1e-15);
    assert_close(scores->null_wer, (0.75 + 3 * 0.5 * (1.5 + 1.0)) / 4.0, 1e-15);
    assert_close(scores->null_bleu1, 5.0 / 12.0 / 4.0, 1e-15);
    free_scores(&c.job);
    c.opts.n_nulls = 0;
    assert_int_equal(ba_beam_score(&c.job), 0);
    assert_true(isnan(scores->p_wer) && isnan(scores->null_wer));
    free_scores(&c.job);
}

static void
test_without_words_said(void **state)
{
    static case_t c;

    (void) state;
    make(&c);
    c.job.n_reference = c.passages[0].n_said = c.passages[1].n_said = 0;
    assert_int_equal(ba_beam_score(&c.job), 0);
    assert_true(isnan(c.job.info.scores.wer) && isnan(c.job.info.scores.p_wer));
    free_scores(&c.job);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores_windows),
        cmocka_unit_test(test_ties_count_against_the_score),
        cmocka_unit_test(test_without_words_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
