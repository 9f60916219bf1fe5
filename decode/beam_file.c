/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The result file of decoded words (docs/formats.md), and the table. */
#include "decode/beam_job.h"

#include "brainalign/table.h"
#include "core/alloc.h"

#include <math.h>
#include <string.h>

static const char *
text_of(const ba_beam_job_t *job, size_t word)
{
    return ba_texts_get(&job->words.texts, word);
}

/* ---- words ---- */

static int
write_texts(const ba_beam_job_t *job, const ba_timed_word_t *list, size_t n,
    const char *path, ba_bundle_t *bundle)
{
    int status = BA_OK;
    const char **texts = NULL;

    BA_TRY_ALLOC(texts, ba_malloc(n, sizeof *texts));
    for (size_t i = 0; i < n; i++) {
        texts[i] = text_of(job, list[i].word);
    }
    BA_TRY(ba_bundle_write_strings(bundle, path, n, texts));
out:
    ba_free(texts);
    return status;
}

/* One member of all words of a list: their passage's fold or run, or a number. */
typedef enum { FOLD, RUN, ONSET, OFFSET, LIKELIHOOD, LOG_P, POSTERIOR } member_t;

static int
write_member(const ba_beam_job_t *job, const ba_timed_word_t *list, size_t n,
    member_t member, const char *path, ba_bundle_t *bundle)
{
    int status = BA_OK;
    double *numbers = NULL;
    int64_t *integers = NULL;

    BA_TRY_ALLOC(numbers, ba_malloc(n, sizeof *numbers));
    BA_TRY_ALLOC(integers, ba_malloc(n, sizeof *integers));
    for (size_t i = 0; i < n; i++) {
        const ba_beam_passage_t *passage = &job->passages[list[i].passage];

        integers[i] = (int64_t) (member == FOLD ? passage->fold : passage->run);
        numbers[i] = member == ONSET        ? list[i].onset
                     : member == OFFSET     ? list[i].offset
                     : member == LIKELIHOOD ? list[i].likelihood
                     : member == LOG_P      ? list[i].log_p
                                            : list[i].posterior;
    }
    if (member == FOLD || member == RUN) {
        BA_TRY(ba_bundle_write(bundle, path, BA_I64, 1, &n, integers));
    } else {
        BA_TRY(ba_bundle_write(bundle, path, BA_F64, 1, &n, numbers));
    }
out:
    ba_free(numbers);
    ba_free(integers);
    return status;
}

static int
write_words(const ba_beam_job_t *job, ba_bundle_t *bundle)
{
    int status = BA_OK;
    static const struct {
        const char *decoded, *said;
        member_t member;
    } members[] = {
        {"/words/fold", "/reference/fold", FOLD},
        {"/words/run", "/reference/run", RUN},
        {"/words/onset", "/reference/onset", ONSET},
        {"/words/offset", "/reference/offset", OFFSET},
        {"/words/log_likelihood", NULL, LIKELIHOOD},
        {"/words/log_p", NULL, LOG_P},
        {"/words/posterior", NULL, POSTERIOR},
    };

    BA_TRY(write_texts(job, job->decoded, job->n_decoded, "/words/word", bundle));
    if (job->n_reference > 0) {
        BA_TRY(write_texts(
            job, job->reference, job->n_reference, "/reference/word", bundle));
    }
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        BA_TRY(write_member(job, job->decoded, job->n_decoded, members[i].member,
            members[i].decoded, bundle));
        if (members[i].said && job->n_reference > 0) {
            BA_TRY(write_member(job, job->reference, job->n_reference, members[i].member,
                members[i].said, bundle));
        }
    }
out:
    return status;
}

/* ---- passages ---- */

static int
write_passages(const ba_beam_job_t *job, ba_bundle_t *bundle)
{
    int status = BA_OK;
    static const char *const integers[] = {
        "/passages/fold", "/passages/run", "/passages/first", "/passages/n"};
    static const char *const numbers[] = {"/passages/start", "/passages/stop",
        "/passages/log_likelihood", "/passages/log_p", "/passages/score"};
    size_t n = job->n_passages;
    int64_t *integer = NULL;
    double *number = NULL;

    BA_TRY_ALLOC(integer, ba_malloc(n, sizeof *integer));
    BA_TRY_ALLOC(number, ba_malloc(n, sizeof *number));
    for (size_t k = 0; k < 4; k++) {
        for (size_t i = 0; i < n; i++) {
            const ba_beam_passage_t *p = &job->passages[i];

            integer[i] = (int64_t) (k == 0   ? p->fold
                                    : k == 1 ? p->run
                                    : k == 2 ? p->first
                                             : p->n);
        }
        BA_TRY(ba_bundle_write(bundle, integers[k], BA_I64, 1, &n, integer));
    }
    for (size_t k = 0; k < 5; k++) {
        for (size_t i = 0; i < n; i++) {
            const ba_beam_passage_t *p = &job->passages[i];

            number[i] = k == 0   ? p->start
                        : k == 1 ? p->stop
                        : k == 2 ? p->likelihood
                        : k == 3 ? p->log_p
                                 : p->score;
        }
        BA_TRY(ba_bundle_write(bundle, numbers[k], BA_F64, 1, &n, number));
    }
out:
    ba_free(integer);
    ba_free(number);
    return status;
}

/* Numbers of /vocabulary/word, -1 where a passage has fewer sequences. */
static int
write_best(const ba_beam_job_t *job, ba_bundle_t *bundle)
{
    int status = BA_OK;
    const size_t words[2] = {job->opts->n_best, job->n_decoded};
    const size_t passages[2] = {job->opts->n_best, job->n_passages};
    int64_t *word = NULL;
    double *posterior = NULL;

    BA_TRY_ALLOC(word, ba_malloc(words[0], words[1] * sizeof *word));
    BA_TRY_ALLOC(posterior, ba_malloc(passages[0], passages[1] * sizeof *posterior));
    for (size_t h = 0; h < words[0]; h++) {
        for (size_t p = 0; p < job->n_passages; p++) {
            const ba_beam_passage_t *passage = &job->passages[p];
            int is_there = h < passage->n_best;

            posterior[h * passages[1] + p] =
                is_there ? passage->posterior[h] : (double) NAN;
            for (size_t i = 0; i < passage->n; i++) {
                word[h * words[1] + passage->first + i] =
                    is_there ? (int64_t) passage->best[h * passage->n + i] : -1;
            }
        }
    }
    BA_TRY(ba_bundle_write(bundle, "/best/word", BA_I64, 2, words, word));
    BA_TRY(ba_bundle_write(bundle, "/best/posterior", BA_F64, 2, passages, posterior));
out:
    ba_free(word);
    ba_free(posterior);
    return status;
}

static int
write_vocabulary(const ba_beam_job_t *job, ba_bundle_t *bundle)
{
    int status = BA_OK;
    size_t n = job->language.n_words;
    const char **texts = NULL;

    BA_TRY_ALLOC(texts, ba_malloc(n, sizeof *texts));
    for (size_t w = 0; w < n; w++) {
        texts[w] = text_of(job, w);
    }
    BA_TRY(ba_bundle_write_strings(bundle, "/vocabulary/word", n, texts));
    BA_TRY(ba_bundle_write(
        bundle, "/vocabulary/has_vector", BA_U8, 1, &n, job->said.allowed));
out:
    ba_free(texts);
    return status;
}

/* ---- scores ---- */

static int
write_windows(const ba_beam_job_t *job, ba_bundle_t *bundle)
{
    int status = BA_OK;
    static const char *const paths[] = {
        "/windows/wer", "/windows/bleu1", "/windows/similarity"};
    static const char *const nulls[] = {"/null/wer", "/null/bleu1", "/null/similarity"};
    size_t n = job->n_windows, m = job->opts->n_nulls;
    double *numbers = NULL;
    int64_t *integers = NULL;

    BA_TRY_ALLOC(numbers, ba_malloc(n > m ? n : m, sizeof *numbers));
    BA_TRY_ALLOC(integers, ba_malloc(n, sizeof *integers));
    for (size_t w = 0; w < n; w++) {
        integers[w] = (int64_t) job->window_passage[w];
    }
    BA_TRY(ba_bundle_write(bundle, "/windows/passage", BA_I64, 1, &n, integers));
    BA_TRY(ba_bundle_write(bundle, "/windows/start", BA_F64, 1, &n, job->window_start));
    for (size_t k = 0; k < 3; k++) {
        for (size_t w = 0; w < n; w++) {
            numbers[w] = job->window_scores[w][k];
        }
        BA_TRY(ba_bundle_write(bundle, paths[k], BA_F64, 1, &n, numbers));
        for (size_t i = 0; i < m; i++) {
            numbers[i] = job->null_scores[i][k];
        }
        if (m > 0) {
            BA_TRY(ba_bundle_write(bundle, nulls[k], BA_F64, 1, &m, numbers));
        }
    }
out:
    ba_free(numbers);
    ba_free(integers);
    return status;
}

static int
write_scores(const ba_beam_job_t *job, ba_bundle_t *bundle)
{
    int status = BA_OK;
    const ba_beam_scores_t *scores = &job->info.scores;
    const struct {
        const char *name;
        double value;
    } list[] = {
        {"wer", scores->wer},
        {"bleu1", scores->bleu1},
        {"similarity", scores->similarity},
        {"p_wer", scores->p_wer},
        {"p_bleu1", scores->p_bleu1},
        {"p_similarity", scores->p_similarity},
        {"null_wer", scores->null_wer},
        {"null_bleu1", scores->null_bleu1},
        {"null_similarity", scores->null_similarity},
        {"word_accuracy", job->info.word_accuracy},
        {"rate_r", job->info.rate_r},
    };

    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        BA_TRY(ba_bundle_attr_f64(bundle, "/scores", list[i].name, 1, &list[i].value));
    }
out:
    return status;
}

static int
write_settings(const ba_beam_job_t *job, ba_bundle_t *bundle)
{
    int status = BA_OK;
    const ba_beam_opts_t *opts = job->opts;
    const struct {
        const char *name;
        size_t value;
    } integers[] = {{"width", opts->width}, {"extensions", opts->n_extensions},
        {"n_nulls", opts->n_nulls}};

    for (size_t i = 0; i < 3; i++) {
        int64_t value = (int64_t) integers[i].value;

        BA_TRY(ba_bundle_attr_i64(bundle, "/", integers[i].name, 1, &value));
    }
    BA_TRY(ba_bundle_attr_f64(bundle, "/", "nucleus", 1, &opts->nucleus));
    BA_TRY(ba_bundle_attr_f64(bundle, "/", "window_seconds", 1, &opts->window_seconds));
    BA_TRY(ba_bundle_attr_string(
        bundle, "/", "null", opts->null == BA_BEAM_NULL_SHIFT ? "shift" : "model"));
    BA_TRY(ba_bundle_attr_string(
        bundle, "/", "times", opts->predict_rate ? "predicted" : "given"));
out:
    return status;
}

int
ba_beam_write(const ba_beam_job_t *job, ba_bundle_t *bundle)
{
    int status = BA_OK;
    size_t k = job->decoding.n_folds, n = job->decoding.n_samples;

    BA_TRY(ba_bundle_attr_string(bundle, "/", "format", "brainalign-words"));
    BA_TRY(ba_decoding_write(&job->decoding, bundle));
    BA_TRY(write_settings(job, bundle));
    BA_TRY(write_words(job, bundle));
    BA_TRY(write_passages(job, bundle));
    BA_TRY(write_best(job, bundle));
    BA_TRY(write_vocabulary(job, bundle));
    BA_TRY(write_windows(job, bundle));
    BA_TRY(write_scores(job, bundle));
    BA_TRY(ba_bundle_write(
        bundle, "/search/evidence_weight", BA_F64, 1, &k, job->evidence_weight));
    BA_TRY(ba_bundle_write(bundle, "/search/lm_weight", BA_F64, 1, &k, job->lm_weight));
    if (job->opts->predict_rate) {
        BA_TRY(ba_bundle_write(bundle, "/rate/predicted", BA_F64, 1, &n, job->predicted));
        BA_TRY(ba_bundle_write(bundle, "/rate/true", BA_F64, 1, &n, job->counts));
    }
out:
    return status;
}

/* ---- table ---- */

int
ba_beam_write_table(const ba_beam_job_t *job)
{
    static const char *const columns[] = {
        "fold", "run", "onset", "offset", "word", "posterior", "log_likelihood", "log_p"};
    int status = BA_OK;
    ba_table_writer_t *table = NULL;

    BA_TRY(ba_table_create(job->opts->table, job->opts->force, &table));
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        BA_TRY(ba_table_put_text(table, columns[i]));
    }
    BA_TRY(ba_table_end_row(table));
    for (size_t i = 0; i < job->n_decoded; i++) {
        const ba_timed_word_t *word = &job->decoded[i];
        const ba_beam_passage_t *passage = &job->passages[word->passage];

        BA_TRY(ba_table_put_integer(table, (int64_t) passage->fold));
        BA_TRY(ba_table_put_text(table, job->timeline.words.run_names[passage->run]));
        BA_TRY(ba_table_put_number(table, word->onset, 9));
        BA_TRY(ba_table_put_number(table, word->offset, 9));
        BA_TRY(ba_table_put_text(table, text_of(job, word->word)));
        BA_TRY(ba_table_put_number(table, word->posterior, 6));
        BA_TRY(ba_table_put_number(table, word->likelihood, 9));
        BA_TRY(ba_table_put_number(table, word->log_p, 9));
        BA_TRY(ba_table_end_row(table));
    }
    BA_TRY(ba_table_commit(table));
out:
    ba_table_writer_free(table);
    return status;
}
