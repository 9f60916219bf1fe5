/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode lm: an n-gram model from texts, and how well one predicts a text. */
#include "cli/list.h"
#include "cli/message.h"
#include "cli/outputs.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/error.h"
#include "brainalign/ngram_file.h"
#include "brainalign/table.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    cli_common_t common;
    cli_list_t texts, words;
    const char *arpa, *vocabulary, *prune, *score, *table;
    const char *word_column, *sentence_column;
    uint64_t order, min_count;
    int lowercase, strip;
} lm_args_t;

static const cli_option_t rows[] = {
    {.section = "Text",
        .name = "text",
        .kind = CLI_STRINGS,
        .metavar = "FILE",
        .help = "Text to train on, one sentence a line, words between blanks. May be "
                "repeated.",
        .offset = offsetof(lm_args_t, texts)},
    {.name = "words",
        .kind = CLI_STRINGS,
        .metavar = "TABLE",
        .help = "The same as a table of words with times (datasets prepare reads it): a "
                "sentence for each value of its column of sentences, else for each run.",
        .offset = offsetof(lm_args_t, words)},
    {.name = "word-column",
        .kind = CLI_STRING,
        .metavar = "NAME",
        .otherwise = "word, text, token or trial_type",
        .help = "Column of the words.",
        .offset = offsetof(lm_args_t, word_column)},
    {.name = "sentence-column",
        .kind = CLI_STRING,
        .metavar = "NAME",
        .otherwise = "sentence",
        .help = "Column that changes where a sentence begins.",
        .offset = offsetof(lm_args_t, sentence_column)},
    {.name = "lowercase",
        .kind = CLI_FLAG,
        .help = "Put all words in lower case, those of --vocabulary and --score too.",
        .offset = offsetof(lm_args_t, lowercase)},
    {.name = "strip-punctuation",
        .kind = CLI_FLAG,
        .help = "Take ASCII punctuation off both ends of words; what is left empty goes.",
        .offset = offsetof(lm_args_t, strip)},
    {.section = "Model",
        .name = "order",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .otherwise = "3",
        .help = "Longest n-grams, 1 to 8.",
        .offset = offsetof(lm_args_t, order)},
    {.name = "vocabulary",
        .kind = CLI_STRING,
        .metavar = "FILE",
        .otherwise = "the words of the text",
        .help = "Words that the model knows, one a line; all others are <unk>.",
        .offset = offsetof(lm_args_t, vocabulary)},
    {.name = "min-count",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .otherwise = "1",
        .help = "Without --vocabulary: words with fewer occurrences are <unk>.",
        .offset = offsetof(lm_args_t, min_count)},
    {.name = "prune",
        .kind = CLI_STRING,
        .metavar = "LIST",
        .otherwise = "nothing is left out",
        .help = "0,0,1 leaves out n-grams of order 3 and above with 1 occurrence: a "
                "number for each order, the last for all above.",
        .offset = offsetof(lm_args_t, prune)},
    {.name = "arpa",
        .kind = CLI_STRING,
        .metavar = "FILE",
        .help = "Read this model instead of training one.",
        .offset = offsetof(lm_args_t, arpa)},
    {.section = "Score",
        .name = "score",
        .kind = CLI_STRING,
        .metavar = "FILE",
        .help = "Text, one sentence a line, whose perplexity is reported.",
        .offset = offsetof(lm_args_t, score)},
    {.name = "table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Its sentences as a table, the whole text in the first line.",
        .offset = offsetof(lm_args_t, table)},
    {.section = "Output",
        .name = "output",
        .letter = 'o',
        .kind = CLI_STRING,
        .metavar = "FILE",
        .otherwise = "none with --score",
        .help = "The model in ARPA format.",
        .offset = offsetof(cli_common_t, output)},
    {0},
};

static const cli_option_t *const tables[] = {rows, NULL};

/* Options that would do nothing. */
static int
check_use(const lm_args_t *args)
{
    const char *training = args->order != CLI_NOT_GIVEN       ? "order"
                           : args->vocabulary                 ? "vocabulary"
                           : args->min_count != CLI_NOT_GIVEN ? "min-count"
                           : args->prune                      ? "prune"
                                                              : NULL;

    if (args->arpa && training) {
        return ba_fail(
            BA_VALUE, "--%s: found with --arpa, whose model is read as it is", training);
    }
    if (args->arpa && !args->score && (args->lowercase || args->strip)) {
        return ba_fail(BA_VALUE, "--%s: found without a text",
            args->lowercase ? "lowercase" : "strip-punctuation");
    }
    if (args->vocabulary && args->min_count != CLI_NOT_GIVEN) {
        return ba_fail(BA_VALUE, "--min-count: found with --vocabulary, wanted one of "
                                 "them");
    }
    if (args->words.n == 0 && (args->word_column || args->sentence_column)) {
        return ba_fail(BA_VALUE, "--%s: found without --words",
            args->word_column ? "word-column" : "sentence-column");
    }
    return BA_OK;
}

static int
check_args(const lm_args_t *args)
{
    size_t n = args->texts.n + args->words.n;

    if (args->arpa && n > 0) {
        return ba_fail(BA_VALUE,
            "--arpa: found with --text or --words, wanted a model to "
            "read or text to train on");
    }
    if (!args->arpa && n == 0) {
        return ba_fail(
            BA_VALUE, "--text: found none, wanted text to train on, or --arpa");
    }
    if (!args->common.output && !args->score) {
        return ba_fail(BA_VALUE, "--output: found neither it nor --score, wanted a file "
                                 "for the model or a text to score");
    }
    if (args->table && !args->score) {
        return ba_fail(BA_VALUE, "--table: found without --score");
    }
    return check_use(args);
}

static int
check_outputs(const lm_args_t *args)
{
    const char *const others[] = {args->arpa, args->vocabulary, args->score};
    size_t n = 0,
           n_inputs = args->texts.n + args->words.n + sizeof others / sizeof *others;
    const char **inputs = calloc(n_inputs, sizeof *inputs);
    cli_outputs_t outputs = {args->common.output, args->table, NULL};
    int status = BA_OK;

    if (!inputs) {
        return ba_fail(BA_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < args->texts.n; i++) {
        inputs[n++] = args->texts.items[i];
    }
    for (size_t i = 0; i < args->words.n; i++) {
        inputs[n++] = args->words.items[i];
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (others[i]) {
            inputs[n++] = others[i];
        }
    }
    BA_TRY(cli_outputs_check_files(&outputs, inputs, n));
    /* Before the training, not after it. */
    for (size_t i = 0; i < 2; i++) {
        const char *file = i == 0 ? outputs.output : outputs.table;

        if (file && !args->common.force && access(file, F_OK) == 0) {
            BA_TRY(ba_fail(BA_EXISTS, "%s: exists, --force replaces it", file));
        }
    }
    if (args->score && access(args->score, R_OK) != 0) {
        BA_TRY(ba_fail(BA_IO, "%s: cannot open: %s", args->score, strerror(errno)));
    }
out:
    free(inputs);
    return status;
}

static int
read_corpus(const lm_args_t *args, const ba_text_opts_t *how, ba_corpus_t **out)
{
    int status = BA_OK;

    BA_TRY(ba_corpus_new(out));
    for (size_t i = 0; i < args->texts.n; i++) {
        BA_TRY(ba_corpus_read_text(*out, args->texts.items[i], how));
    }
    if (args->words.n > 0) {
        ba_word_opts_t words = {.files = args->words.items,
            .n_files = args->words.n,
            .word = args->word_column,
            .sentence = args->sentence_column};

        BA_TRY(ba_corpus_read_words(*out, &words, how));
    }
out:
    return status;
}

static void
report_training(const ba_corpus_t *corpus, const ba_ngram_info_t *info)
{
    size_t n = ba_corpus_n_sentences(corpus);

    cli_message_note("%zu words in %zu sentence%s, %zu of them unknown",
        ba_corpus_n_words(corpus), n, cli_plural(n), info->n_unknown);
    for (size_t k = 0; k < info->order; k++) {
        const double *d = info->discount[k];

        cli_message_note("order %zu: %zu n-grams, %zu kept, discounts %.4f %.4f %.4f%s",
            k + 1, info->n_counted[k], info->n_kept[k], d[0], d[1], d[2],
            info->is_fallback[k] ? " (too few counts for its own)" : "");
    }
}

static int
train(const cli_call_t *call, const ba_text_opts_t *how, ba_ngram_t **out)
{
    const lm_args_t *args = call->args;
    int status = BA_OK;
    ba_corpus_t *corpus = NULL;
    ba_ngram_opts_t opts = ba_ngram_opts_default();
    ba_ngram_info_t info;
    double *prune = NULL;
    size_t *counts = NULL, n_vocabulary = 0;
    char **vocabulary = NULL;

    if (args->order != CLI_NOT_GIVEN) {
        opts.order = (size_t) args->order;
    }
    if (args->min_count != CLI_NOT_GIVEN) {
        opts.min_count = (size_t) args->min_count;
    }
    if (args->prune) {
        BA_TRY(cli_reals_parse("prune", args->prune, &prune, &opts.n_prune));
        counts = calloc(opts.n_prune, sizeof *counts);
        if (!counts) {
            BA_TRY(ba_fail(BA_NOMEM, "out of memory"));
        }
        for (size_t i = 0; i < opts.n_prune; i++) {
            if (!(prune[i] >= 0.0 && prune[i] < 1e15) || prune[i] != floor(prune[i])) {
                BA_TRY(ba_fail(BA_VALUE, "--prune: found %g, wanted whole numbers from 0",
                    prune[i]));
            }
            counts[i] = (size_t) prune[i];
        }
        opts.prune = counts;
    }
    if (args->vocabulary) {
        BA_TRY(ba_word_list_read(args->vocabulary, how, &n_vocabulary, &vocabulary));
        opts.vocabulary = (const char *const *) vocabulary;
        opts.n_vocabulary = n_vocabulary;
    }
    BA_TRY(read_corpus(args, how, &corpus));
    BA_TRY(ba_ngram_train(call->ctx, corpus, &opts, out, &info));
    report_training(corpus, &info);
out:
    ba_corpus_free(corpus);
    free(prune);
    free(counts);
    free(vocabulary);
    return status;
}

static int
put_score(ba_table_writer_t *table, const char *name, int64_t number,
    const ba_text_score_t *score)
{
    int status = BA_OK;

    BA_TRY(name ? ba_table_put_text(table, name) : ba_table_put_integer(table, number));
    BA_TRY(ba_table_put_integer(table, (int64_t) score->n_words));
    BA_TRY(ba_table_put_integer(table, (int64_t) score->n_unknown));
    BA_TRY(ba_table_put_number(table, score->log_p / log(10.0), 9));
    BA_TRY(ba_table_put_number(table, score->perplexity, 9));
    BA_TRY(ba_table_put_number(table, score->perplexity_known, 9));
    BA_TRY(ba_table_end_row(table));
out:
    return status;
}

static int
write_table(const lm_args_t *args, size_t n, const ba_text_score_t *total,
    const ba_text_score_t *sentences)
{
    static const char *const columns[] = {
        "sentence", "n_words", "n_unknown", "log10_p", "perplexity", "perplexity_known"};
    int status = BA_OK;
    ba_table_writer_t *table = NULL;

    BA_TRY(ba_table_create(args->table, args->common.force, &table));
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        BA_TRY(ba_table_put_text(table, columns[i]));
    }
    BA_TRY(ba_table_end_row(table));
    BA_TRY(put_score(table, "all", 0, total));
    for (size_t i = 0; i < n; i++) {
        BA_TRY(put_score(table, NULL, (int64_t) i + 1, &sentences[i]));
    }
    BA_TRY(ba_table_commit(table));
out:
    ba_table_writer_free(table);
    return status;
}

static int
score_text(const lm_args_t *args, const ba_text_opts_t *how, const ba_ngram_t *ngram)
{
    int status = BA_OK;
    ba_corpus_t *corpus = NULL;
    ba_text_score_t total, *sentences = NULL;
    size_t n;

    BA_TRY(ba_corpus_new(&corpus));
    BA_TRY(ba_corpus_read_text(corpus, args->score, how));
    n = ba_corpus_n_sentences(corpus);
    if (n == 0) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: found no words, wanted text", args->score));
    }
    sentences = calloc(n, sizeof *sentences);
    if (!sentences) {
        BA_TRY(ba_fail(BA_NOMEM, "out of memory"));
    }
    BA_TRY(ba_ngram_score(ngram, corpus, &total, sentences));
    if (args->table && !args->common.dry_run) {
        BA_TRY(write_table(args, n, &total, sentences));
    }
    cli_message_note("%s: %zu words in %zu sentence%s, %zu unknown, by a model of order "
                     "%zu with %zu words",
        args->score, total.n_words, n, cli_plural(n), total.n_unknown,
        ba_ngram_order(ngram), ba_ngram_n_words(ngram));
    cli_message_note("perplexity %.4f, of known words %.4f; log10 p %.4f",
        total.perplexity, total.perplexity_known, total.log_p / log(10.0));
out:
    free(sentences);
    ba_corpus_free(corpus);
    return status;
}

static int
run(const cli_call_t *call)
{
    const lm_args_t *args = call->args;
    ba_text_opts_t how = {.lowercase = args->lowercase, .strip_punctuation = args->strip};
    ba_ngram_t *ngram = NULL;
    int status;

    BA_TRY(check_args(args));
    BA_TRY(check_outputs(args));
    if (args->arpa) {
        BA_TRY(ba_ngram_read(args->arpa, &ngram));
    } else {
        BA_TRY(train(call, &how, &ngram));
    }
    if (args->common.output && !args->common.dry_run) {
        BA_TRY(ba_ngram_write(ngram, args->common.output, args->common.force));
        cli_message_note("wrote %s", args->common.output);
    } else if (args->common.dry_run) {
        cli_message_note("nothing written: this was a dry run");
    }
    if (args->score) {
        BA_TRY(score_text(args, &how, ngram));
    }
out:
    ba_ngram_free(ngram);
    return status;
}

static const char *const description[] = {
    "Trains an n-gram language model with interpolated modified Kneser-Ney smoothing and "
    "writes it in ARPA format, or reads one of any tool; with --score the perplexity of "
    "a text by it.",
    "Sentences begin with <s> and end with </s>, which are set here. The perplexity "
    "counts "
    "words and ends of sentences; that of known words leaves unknown words out of "
    "numerator and denominator.",
    NULL,
};

static const cli_example_t examples[] = {
    {"decode lm --text stories.txt --lowercase --strip-punctuation --order 3 -o lm.arpa",
        "trains on a file of one sentence a line"},
    {"decode lm --arpa lm.arpa --score other.txt --lowercase --table scores.tsv",
        "perplexity of another text, sentence by sentence"},
    {0},
};

const cli_command_t cli_decode_lm = {
    .group = "decode",
    .verb = "lm",
    .summary = "train an n-gram language model, or score a text by one",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_OUTPUT | CLI_SHARE_MESSAGES,
    .args_size = sizeof(lm_args_t),
    .run = run,
};
