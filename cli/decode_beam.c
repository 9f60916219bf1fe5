/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode beam: the words that held-out responses tell of. */
#include "cli/decode_model.h"
#include "cli/list.h"
#include "cli/message.h"
#include "cli/outputs.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/beam.h"
#include "brainalign/error.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    cli_decode_t decode;
    const char *vectors, *lm, *lm_weight, *table;
    cli_list_t words, times;
    const char *onset, *offset, *duration, *word, *run;
    int time_unit, allow_overlap, allow_outside, lowercase, strip;
    double tr, slice_time, window, cutoff, score_window, nucleus;
    const char *stimulus_start;
    int resample, word_time, rate, null;
    uint64_t rate_delays, width, extensions, n_best, n_nulls;
} beam_args_t;

static const cli_option_t word_rows[] = {
    {.section = "Words",
        .name = "vectors",
        .kind = CLI_STRING,
        .required = 1,
        .metavar = "FILE",
        .help =
            "A word and its numbers a line (GloVe, word2vec text): the features of the "
            "encoder are these, put on volumes.",
        .offset = offsetof(beam_args_t, vectors)},
    {.name = "lm",
        .kind = CLI_STRING,
        .required = 1,
        .metavar = "FILE.arpa",
        .help = "The language model (decode lm): only its words with a vector are said.",
        .offset = offsetof(beam_args_t, lm)},
    {.name = "words",
        .kind = CLI_STRINGS,
        .required = 1,
        .metavar = "FILE",
        .help =
            "When words were said, and which: tables as for datasets prepare, a run of "
            "the data each. The words themselves are for weights and scores.",
        .offset = offsetof(beam_args_t, words)},
    {.name = "onset-column",
        .kind = CLI_STRING,
        .metavar = "NAME|N",
        .otherwise = "onset or start",
        .help = "Column of the onsets.",
        .offset = offsetof(beam_args_t, onset)},
    {.name = "offset-column",
        .kind = CLI_STRING,
        .metavar = "NAME|N",
        .otherwise = "offset or end, else onset + duration",
        .help = "Column of the ends.",
        .offset = offsetof(beam_args_t, offset)},
    {.name = "duration-column",
        .kind = CLI_STRING,
        .metavar = "NAME|N",
        .otherwise = "duration",
        .help = "Column of the durations.",
        .offset = offsetof(beam_args_t, duration)},
    {.name = "word-column",
        .kind = CLI_STRING,
        .metavar = "NAME|N",
        .otherwise = "word, text, token or trial_type",
        .help = "Column of the words.",
        .offset = offsetof(beam_args_t, word)},
    {.name = "run-column",
        .kind = CLI_STRING,
        .metavar = "NAME|N",
        .otherwise = "run or story, else one run",
        .help = "Column that tells the runs of a single file apart.",
        .offset = offsetof(beam_args_t, run)},
    {.name = "time-unit",
        .kind = CLI_CHOICE,
        .metavar = "s|ms",
        .value = "s",
        .help = "Unit of the times of words.",
        .offset = offsetof(beam_args_t, time_unit)},
    {.name = "lowercase",
        .kind = CLI_FLAG,
        .help = "Put the words of the tables in lower case.",
        .offset = offsetof(beam_args_t, lowercase)},
    {.name = "strip-punctuation",
        .kind = CLI_FLAG,
        .help = "Take ASCII punctuation off their ends.",
        .offset = offsetof(beam_args_t, strip)},
    {.name = "allow-overlap",
        .kind = CLI_FLAG,
        .help = "Let words begin before the words before them end.",
        .offset = offsetof(beam_args_t, allow_overlap)},
    {.name = "allow-outside",
        .kind = CLI_FLAG,
        .help = "Let words lie outside the volumes of their run.",
        .offset = offsetof(beam_args_t, allow_outside)},
    {0},
};

static const cli_option_t time_rows[] = {
    {.section = "From words to volumes, as the features were made",
        .name = "tr",
        .kind = CLI_REAL,
        .metavar = "SECONDS",
        .otherwise = "from --times",
        .help = "Time from one volume to the next.",
        .offset = offsetof(beam_args_t, tr)},
    {.name = "times",
        .kind = CLI_STRINGS,
        .metavar = "SPEC",
        .otherwise = "multiples of --tr and --slice-time",
        .help = "Moments that the volumes of each run stand for.",
        .offset = offsetof(beam_args_t, times)},
    {.name = "slice-time",
        .kind = CLI_REAL,
        .metavar = "SECONDS",
        .otherwise = "half of --tr",
        .help = "From the start of a volume to the moment that it stands for.",
        .offset = offsetof(beam_args_t, slice_time)},
    {.name = "stimulus-start",
        .kind = CLI_STRING,
        .metavar = "SECONDS[,...]",
        .value = "0",
        .help =
            "Second of the scan at which the clock of the words is 0; one for all runs, "
            "or one each.",
        .offset = offsetof(beam_args_t, stimulus_start)},
    {.name = "resample",
        .kind = CLI_CHOICE,
        .metavar = "lanczos|mean|sum",
        .value = "lanczos",
        .help = "How words become volumes.",
        .offset = offsetof(beam_args_t, resample)},
    {.name = "lanczos-window",
        .kind = CLI_REAL,
        .metavar = "LOBES",
        .otherwise = "3",
        .help = "Lobes of the Lanczos filter.",
        .offset = offsetof(beam_args_t, window)},
    {.name = "lanczos-cutoff",
        .kind = CLI_REAL,
        .metavar = "FACTOR",
        .otherwise = "1",
        .help = "Its cutoff, in units of the sampling rate.",
        .offset = offsetof(beam_args_t, cutoff)},
    {.name = "word-time",
        .kind = CLI_CHOICE,
        .metavar = "onset|middle|offset",
        .otherwise = "middle for lanczos, else onset",
        .help = "The moment of a word.",
        .offset = offsetof(beam_args_t, word_time)},
    {.name = "rate",
        .kind = CLI_CHOICE,
        .metavar = "given|predicted",
        .value = "given",
        .help =
            "Times of the words that are decoded: those of the tables; or as many words "
            "in each volume as the responses tell by ridge regression on the training "
            "folds, evenly.",
        .offset = offsetof(beam_args_t, rate)},
    {.name = "rate-delays",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .otherwise = "4",
        .help = "Responses 1 to N samples later tell of a volume's words.",
        .offset = offsetof(beam_args_t, rate_delays)},
    {0},
};

static const cli_option_t search_rows[] = {
    {.section = "Search",
        .name = "width",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "200",
        .help = "Sequences that are kept after each word.",
        .offset = offsetof(beam_args_t, width)},
    {.name = "extensions",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "10",
        .help = "Words that each is continued by, at most.",
        .offset = offsetof(beam_args_t, extensions)},
    {.name = "nucleus",
        .kind = CLI_REAL,
        .metavar = "SHARE",
        .value = "0.9",
        .help = "They are the likeliest with so much of the probability.",
        .offset = offsetof(beam_args_t, nucleus)},
    {.name = "lm-weight",
        .kind = CLI_STRING,
        .metavar = "tuned|X",
        .value = "tuned",
        .help = "Weight of log p of the language model beside the log likelihood; tuned: "
                "weights of both that make the words said on the training folds most "
                "probable.",
        .offset = offsetof(beam_args_t, lm_weight)},
    {.name = "n-best",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "10",
        .help = "Sequences that are written for each passage.",
        .offset = offsetof(beam_args_t, n_best)},
    {.section = "Scores",
        .name = "window",
        .kind = CLI_REAL,
        .metavar = "SECONDS",
        .value = "20",
        .help = "Length of the windows that words are scored in; they do not overlap.",
        .offset = offsetof(beam_args_t, score_window)},
    {.name = "nulls",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "0",
        .help = "Transcripts by chance that the scores are compared with.",
        .offset = offsetof(beam_args_t, n_nulls)},
    {.name = "null",
        .kind = CLI_CHOICE,
        .metavar = "shift|model",
        .otherwise = "shift",
        .help = "The same search on responses of other times, each passage's moved in a "
                "circle; or draws from the language model's "
                "candidates.",
        .offset = offsetof(beam_args_t, null)},
    CLI_OUTPUT_ROW("Output", "The result file (HDF5): /words/word, /best, /scores."),
    {.name = "table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "The decoded words as a table as well.",
        .offset = offsetof(beam_args_t, table)},
    {0},
};

static const cli_option_t *const tables[] = {
    cli_decode_data_rows, word_rows, time_rows, search_rows, cli_decode_noise_rows, NULL};

static int
set_lm_weight(const char *text, double *out)
{
    char *end;

    *out = NAN;
    if (strcmp(text, "tuned") == 0) {
        return BA_OK;
    }
    *out = strtod(text, &end);
    if (end == text || *end || !(*out >= 0.0) || !isfinite(*out)) {
        return ba_fail(
            BA_VALUE, "--lm-weight: found '%s', wanted tuned or a number from 0", text);
    }
    return BA_OK;
}

static int
check_counts(const beam_args_t *args)
{
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {{"width", args->width}, {"extensions", args->extensions},
        {"n-best", args->n_best},
        {"rate-delays", args->rate_delays == CLI_NOT_GIVEN ? 1 : args->rate_delays}};

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (counts[i].value == 0 || counts[i].value > 1000000) {
            return ba_fail(BA_VALUE, "--%s: found %llu, wanted 1 to 1000000",
                counts[i].name, (unsigned long long) counts[i].value);
        }
    }
    return BA_OK;
}

/* Options that would do nothing. */
static int
check_use(const beam_args_t *args)
{
    if (args->rate_delays != CLI_NOT_GIVEN && args->rate != 1) {
        return ba_fail(BA_VALUE, "--rate-delays: found without --rate predicted");
    }
    if (args->null >= 0 && args->n_nulls == 0) {
        return ba_fail(BA_VALUE, "--null: found without --nulls");
    }
    if (args->resample != BA_PREPARE_LANCZOS &&
        (!isnan(args->window) || !isnan(args->cutoff))) {
        return ba_fail(BA_VALUE, "--lanczos-%s: found without --resample lanczos",
            isnan(args->window) ? "cutoff" : "window");
    }
    return BA_OK;
}

static void
set_words(const beam_args_t *args, ba_beam_opts_t *opts)
{
    opts->words = (ba_word_opts_t){.files = args->words.items,
        .n_files = args->words.n,
        .onset = args->onset,
        .offset = args->offset,
        .duration = args->duration,
        .word = args->word,
        .run = args->run,
        .milliseconds = args->time_unit == 1};
    opts->text =
        (ba_text_opts_t){.lowercase = args->lowercase, .strip_punctuation = args->strip};
    opts->allow_overlap = args->allow_overlap;
    opts->allow_outside = args->allow_outside;
    opts->scan.tr = isnan(args->tr) ? 0.0 : args->tr;
    opts->scan.slice_time = args->slice_time;
    opts->scan.times = args->times.items;
    opts->scan.n_times = args->times.n;
}

/* starts: for the caller to free. */
static int
set_options(const cli_call_t *call, ba_beam_opts_t *opts, double **starts)
{
    const beam_args_t *args = call->args;
    int status;

    *opts = ba_beam_opts_default();
    opts->vectors = args->vectors;
    opts->arpa = args->lm;
    set_words(args, opts);
    opts->resample = (ba_prepare_resample_t) args->resample;
    opts->lanczos_window = isnan(args->window) ? opts->lanczos_window : args->window;
    opts->cutoff_mult = isnan(args->cutoff) ? opts->cutoff_mult : args->cutoff;
    opts->word_time = (ba_word_time_t) (args->word_time + 1);
    opts->predict_rate = args->rate == 1;
    opts->rate_delays = args->rate_delays == CLI_NOT_GIVEN ? opts->rate_delays
                                                           : (size_t) args->rate_delays;
    opts->width = (size_t) args->width;
    opts->n_extensions = (size_t) args->extensions;
    opts->nucleus = args->nucleus;
    opts->n_best = (size_t) args->n_best;
    opts->n_nulls = (size_t) args->n_nulls;
    opts->null = args->null < 0 ? opts->null : (ba_beam_null_t) args->null;
    opts->window_seconds = args->score_window;
    opts->output = call->common->output;
    opts->table = args->table;
    opts->force = call->common->force;
    opts->dry_run = call->common->dry_run;
    opts->argc = call->argc;
    opts->argv = call->argv;
    BA_TRY(check_counts(args));
    BA_TRY(check_use(args));
    BA_TRY(set_lm_weight(args->lm_weight, &opts->lm_weight));
    if (isnan(args->tr) && args->times.n == 0) {
        BA_TRY(ba_fail(BA_VALUE, "--tr: not found, wanted it or --times"));
    }
    BA_TRY(cli_reals_parse(
        "stimulus-start", args->stimulus_start, starts, &opts->scan.n_starts));
    opts->scan.stimulus_start = *starts;
    BA_TRY(cli_decode_options(call, &opts->model));
out:
    return status;
}

static void
report_score(const char *name, double score, double null, double p)
{
    if (isnan(p)) {
        cli_message_note("%s %.4f", name, score);
    } else {
        cli_message_note("%s %.4f, by chance %.4f, p %.4g", name, score, null, p);
    }
}

static void
report(const ba_beam_opts_t *opts, const ba_beam_info_t *info)
{
    const ba_beam_scores_t *scores = &info->scores;

    cli_message_note("%zu words of %zu fold%s by %zu voxels, out of %zu candidates",
        info->n_words, info->n_folds, cli_plural(info->n_folds), info->n_voxels,
        info->n_candidates);
    if (isnan(opts->lm_weight)) {
        cli_message_note(
            "weights by training folds: evidence %.3g to %.3g, language %.3g "
            "to %.3g%s",
            info->least_evidence_weight, info->largest_evidence_weight,
            info->least_lm_weight, info->largest_lm_weight,
            info->largest_evidence_weight > 0.0
                ? ""
                : ": the responses say nothing of the words");
    }
    if (opts->predict_rate) {
        cli_message_note("words a volume: r %.4f of predicted and said", info->rate_r);
    }
    if (info->n_reference > 0) {
        report_score("word error rate", scores->wer, scores->null_wer, scores->p_wer);
        report_score("BLEU-1", scores->bleu1, scores->null_bleu1, scores->p_bleu1);
        report_score("similarity", scores->similarity, scores->null_similarity,
            scores->p_similarity);
        cli_message_note("means over %zu windows of %g s%s", info->n_windows,
            opts->window_seconds,
            opts->model.in_sample ? "; in sample: the model was fitted on these rows"
                                  : "");
    }
    cli_message_note("wrote %s", opts->output);
}

static int
run(const cli_call_t *call)
{
    const beam_args_t *args = call->args;
    ba_beam_opts_t opts;
    ba_beam_info_t info;
    ba_dataset_t *dataset = NULL;
    double *starts = NULL;
    int status;

    BA_TRY(set_options(call, &opts, &starts));
    BA_TRY(cli_decode_data_open(call, &dataset));
    BA_TRY(cli_outputs_check(&(cli_outputs_t){opts.output, opts.table, NULL},
        &args->decode.data, dataset, args->decode.encoder));
    BA_TRY(ba_decode_beam(call->ctx, dataset, &opts, &info));
    cli_data_note(dataset);
    if (opts.dry_run) {
        cli_message_note("%zu fold%s, %zu voxels, %zu candidates", info.n_folds,
            cli_plural(info.n_folds), info.n_voxels, info.n_candidates);
        cli_decode_dry_note(info.bytes_planned);
    } else {
        report(&opts, &info);
    }
out:
    ba_dataset_free(dataset);
    free(starts);
    return status;
}

static const char *const description[] = {
    "Decodes the words that were said from held-out responses, by a fitted encoder whose "
    "features are word vectors put on volumes (datasets prepare) and a language model. "
    "Word by word the model proposes continuations of the sequences kept so far, and the "
    "best by weighted log likelihood of all responses and log probability stay.",
    "Rows are decoded by the weights of the fold that held them out, with noise, weights "
    "and word rate from the other folds. Words outside of the decoded fold, and words to "
    "come, count as unknown: the mean vector of the language model.",
    "Scores are word error rate (lower is better), BLEU-1 and the similarity of vectors "
    "in "
    "windows: for each word said the largest cosine to a decoded one, rare words "
    "weighing "
    "more. p is (1 + nulls as good or better) / (1 + nulls).",
    NULL,
};

static const cli_example_t examples[] = {
    {"decode beam --encoder enc.h5 --vectors glove.txt --lm lm.arpa --words words.csv "
     "--tr 2 "
     "--nulls 99 -o words.h5 --table words.tsv",
        "words at known times, compared with responses of other times"},
    {"decode beam --encoder enc.h5 --vectors glove.txt --lm lm.arpa --words words.csv "
     "--tr 2 "
     "--rate predicted -o words.h5",
        "as many words as the responses tell"},
    {0},
};

const cli_command_t cli_decode_beam = {
    .group = "decode",
    .verb = "beam",
    .summary = "decode words by a fitted encoder and a language model",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_ALL,
    .args_size = sizeof(beam_args_t),
    .run = run,
};
