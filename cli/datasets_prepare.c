/* SPDX-License-Identifier: GPL-3.0-or-later */
/* datasets prepare: from words and their activations to one row per volume. */
#include "cli/data.h"
#include "cli/info.h"
#include "cli/list.h"
#include "cli/message.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/error.h"
#include "brainalign/prepare.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    cli_common_t common;
    cli_list_t words;
    const char *onset, *offset, *duration, *word, *run, *sentence, *surprisal, *tier;
    int time_unit, allow_overlap, allow_outside;
    cli_list_t activations;
    const char *token_words;
    int pool;
    double tr, slice_time;
    const char *volumes, *stimulus_start;
    cli_list_t times;
    const char *responses, *mask;
    int resample, word_time, hrf, hrf_basis, event;
    double window, cutoff;
    const char *controls;
    int control_resample;
    double oasm_sigma;
} prepare_args_t;

/* Words of the choices, in the order of the library's constants. */
static const char units[] = "s|ms";
static const char pools[] = "last|first|mean|sum";
static const char resamples[] = "lanczos|mean|sum|last|events";
static const char word_times[] = "onset|middle|offset";
static const char hrfs[] = "none|spm|glover";
static const char bases[] = "canonical|time|dispersion";
static const char events[] = "impulse|boxcar";
static const char controls[] = "word-rate|word-length|surprisal|position|oasm|none";
enum { CONTROLS_NONE = 32 };

static const cli_option_t word_rows[] = {
    {.section = "Words",
        .name = "words",
        .kind = CLI_STRINGS,
        .required = 1,
        .metavar = "FILE",
        .help = "Words with their times: CSV, TSV, BIDS events or a Praat TextGrid. "
                "Several files are one run each, in order.",
        .offset = offsetof(prepare_args_t, words)},
    {.name = "onset-column",
        .kind = CLI_STRING,
        .metavar = "NAME|N",
        .otherwise = "onset or start",
        .help = "Column of the onsets. Columns are named, or numbered from 1.",
        .offset = offsetof(prepare_args_t, onset)},
    {.name = "offset-column",
        .kind = CLI_STRING,
        .metavar = "NAME|N",
        .otherwise = "offset or end, else onset + duration",
        .help = "Column of the ends.",
        .offset = offsetof(prepare_args_t, offset)},
    {.name = "duration-column",
        .kind = CLI_STRING,
        .metavar = "NAME|N",
        .otherwise = "duration",
        .help = "Column of the durations.",
        .offset = offsetof(prepare_args_t, duration)},
    {.name = "word-column",
        .kind = CLI_STRING,
        .metavar = "NAME|N",
        .otherwise = "word, text, token or trial_type",
        .help = "Column of the words themselves.",
        .offset = offsetof(prepare_args_t, word)},
    {.name = "run-column",
        .kind = CLI_STRING,
        .metavar = "NAME|N",
        .otherwise = "run or story, else one run",
        .help = "Column that tells the runs of a single file apart.",
        .offset = offsetof(prepare_args_t, run)},
    {.name = "sentence-column",
        .kind = CLI_STRING,
        .metavar = "NAME|N",
        .otherwise = "sentence",
        .help = "Column that changes where a sentence begins.",
        .offset = offsetof(prepare_args_t, sentence)},
    {.name = "surprisal-column",
        .kind = CLI_STRING,
        .metavar = "NAME|N",
        .otherwise = "surprisal",
        .help = "Column of the words' surprisal.",
        .offset = offsetof(prepare_args_t, surprisal)},
    {.name = "tier",
        .kind = CLI_STRING,
        .metavar = "NAME|N",
        .otherwise = "words or word, else the only one of intervals",
        .help = "Tier of a TextGrid.",
        .offset = offsetof(prepare_args_t, tier)},
    {.name = "time-unit",
        .kind = CLI_CHOICE,
        .metavar = units,
        .value = "s",
        .help = "Unit of the times of words.",
        .offset = offsetof(prepare_args_t, time_unit)},
    {.name = "allow-overlap",
        .kind = CLI_FLAG,
        .help = "Let words begin before the words before them end.",
        .offset = offsetof(prepare_args_t, allow_overlap)},
    {.name = "allow-outside",
        .kind = CLI_FLAG,
        .help = "Let words lie outside the volumes of their run. They still count where "
                "the window or the response of a volume reaches them.",
        .offset = offsetof(prepare_args_t, allow_outside)},
    {0},
};

static const cli_option_t activation_rows[] = {
    {.section = "Activations",
        .name = "activations",
        .kind = CLI_STRINGS,
        .metavar = "[NAME=]SPEC",
        .otherwise = "controls only",
        .help =
            "A row per word (or token) of all words in order, those without a time "
            "too. The same name again adds rows, such as one file for each run. Three "
            "dimensions are layers first.",
        .offset = offsetof(prepare_args_t, activations)},
    {.name = "token-words",
        .kind = CLI_STRING,
        .metavar = "SPEC|TABLE:COLUMN",
        .otherwise = "rows are words",
        .help = "The word of each token, counted from 0 over all words; negative or n/a "
                "for tokens of none.",
        .offset = offsetof(prepare_args_t, token_words)},
    {.name = "pool",
        .kind = CLI_CHOICE,
        .metavar = pools,
        .value = "last",
        .help = "What becomes of the tokens of a word.",
        .offset = offsetof(prepare_args_t, pool)},
    {0},
};

static const cli_option_t scan_rows[] = {
    {.section = "Scan",
        .name = "tr",
        .kind = CLI_REAL,
        .metavar = "SECONDS",
        .otherwise = "the mean step of --times",
        .help = "Sampling interval.",
        .offset = offsetof(prepare_args_t, tr)},
    {.name = "volumes",
        .kind = CLI_STRING,
        .metavar = "N[,N...]",
        .otherwise = "as --times or --responses have them",
        .help = "Volumes of every run, or of each.",
        .offset = offsetof(prepare_args_t, volumes)},
    {.name = "times",
        .kind = CLI_STRINGS,
        .metavar = "SPEC",
        .otherwise = "multiples of --tr and --slice-time",
        .help = "Seconds at which the volumes of a run are sampled; once for each run.",
        .offset = offsetof(prepare_args_t, times)},
    {.name = "slice-time",
        .kind = CLI_REAL,
        .metavar = "SECONDS",
        .otherwise = "half of --tr",
        .help = "From the start of a volume to the moment that it stands for; what slice "
                "timing correction aimed at (StartTime of fMRIPrep).",
        .offset = offsetof(prepare_args_t, slice_time)},
    {.name = "stimulus-start",
        .kind = CLI_STRING,
        .metavar = "SECONDS[,...]",
        .otherwise = "0",
        .help =
            "When the clock of the words began, in seconds from the first volume, for "
            "every run or each; negative where volumes were dropped.",
        .offset = offsetof(prepare_args_t, stimulus_start)},
    {.name = "responses",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .help = "Responses that the rows are for: their number is checked.",
        .offset = offsetof(prepare_args_t, responses)},
    {.name = "mask",
        .kind = CLI_STRING,
        .metavar = "FILE",
        .help = "Mask of --responses that are images.",
        .offset = offsetof(prepare_args_t, mask)},
    {0},
};

static const cli_option_t resample_rows[] = {
    {.section = "Resampling",
        .name = "resample",
        .kind = CLI_CHOICE,
        .metavar = resamples,
        .otherwise = "lanczos, with --hrf events",
        .help = "From words to volumes: Lanczos filter; mean, sum or last of the words "
                "that begin in a volume, 0 where none does; or nothing, words as events "
                "of --hrf.",
        .offset = offsetof(prepare_args_t, resample)},
    {.name = "window",
        .kind = CLI_REAL,
        .metavar = "LOBES",
        .value = "3",
        .help = "Lobes of the Lanczos filter.",
        .offset = offsetof(prepare_args_t, window)},
    {.name = "cutoff",
        .kind = CLI_REAL,
        .metavar = "FACTOR",
        .value = "1",
        .help = "Cutoff of the Lanczos filter in units of the volumes' rate.",
        .offset = offsetof(prepare_args_t, cutoff)},
    {.name = "word-time",
        .kind = CLI_CHOICE,
        .metavar = word_times,
        .otherwise = "middle for lanczos, else onset",
        .help = "The moment of a word.",
        .offset = offsetof(prepare_args_t, word_time)},
    {.name = "hrf",
        .kind = CLI_CHOICE,
        .metavar = hrfs,
        .value = "none",
        .help =
            "Haemodynamic response instead of delays: to the words as events or, with "
            "another --resample, to the resampled series.",
        .offset = offsetof(prepare_args_t, hrf)},
    {.name = "hrf-basis",
        .kind = CLI_CHOICE,
        .metavar = bases,
        .value = "canonical",
        .help = "The response alone, with its derivative by time, or with those by time "
                "and dispersion: blocks of columns side by side.",
        .offset = offsetof(prepare_args_t, hrf_basis)},
    {.name = "event",
        .kind = CLI_CHOICE,
        .metavar = events,
        .value = "impulse",
        .help = "Words as events: at a moment, or as long as they last.",
        .offset = offsetof(prepare_args_t, event)},
    {0},
};

static const cli_option_t control_rows[] = {
    {.section = "Controls",
        .name = "controls",
        .kind = CLI_STRING,
        .metavar = "LIST",
        .value = "word-rate,word-length,surprisal,position",
        .help =
            "Control features, separated by commas: those, and oasm (smoothed "
            "identity, n_volumes columns), or none. What the words have no column for "
            "is left out.",
        .offset = offsetof(prepare_args_t, controls)},
    {.name = "control-resample",
        .kind = CLI_CHOICE,
        .metavar = resamples,
        .otherwise = "as --resample",
        .help =
            "From words to volumes for the controls. Word rate takes sum for mean and "
            "last.",
        .offset = offsetof(prepare_args_t, control_resample)},
    {.name = "oasm-sigma",
        .kind = CLI_REAL,
        .metavar = "SAMPLES",
        .value = "1",
        .help = "Standard deviation of the smoothing of oasm.",
        .offset = offsetof(prepare_args_t, oasm_sigma)},
    {0},
};

static const cli_option_t result_rows[] = {
    CLI_OUTPUT_ROW("Output",
        "The data set (HDF5): /features/NAME and /control/NAME, n_volumes rows each, "
        "/run, /times, /words, provenance."),
    {0},
};

static const cli_option_t *const tables[] = {word_rows, activation_rows, scan_rows,
    resample_rows, control_rows, result_rows, NULL};

static void
set_words(const prepare_args_t *args, ba_word_opts_t *opts)
{
    *opts = (ba_word_opts_t){.files = args->words.items,
        .n_files = args->words.n,
        .onset = args->onset,
        .offset = args->offset,
        .duration = args->duration,
        .word = args->word,
        .run = args->run,
        .sentence = args->sentence,
        .surprisal = args->surprisal,
        .tier = args->tier,
        .milliseconds = args->time_unit};
}

/* The lists are the caller's to free, on failure too. */
static int
set_scan(
    const prepare_args_t *args, size_t **volumes, double **starts, ba_scan_opts_t *opts)
{
    int status = BA_OK;

    opts->times = args->times.items;
    opts->n_times = args->times.n;
    opts->slice_time = args->slice_time;
    if (args->times.n == 0 && isnan(args->tr)) {
        BA_TRY(ba_fail(BA_VALUE, "--tr: not given, wanted SECONDS (or --times)"));
    }
    BA_TRY(cli_tr_check(args->tr, &opts->tr));
    if (args->volumes) {
        BA_TRY(cli_counts_parse("volumes", args->volumes, volumes, &opts->n_volumes));
    }
    if (args->stimulus_start) {
        BA_TRY(cli_reals_parse(
            "stimulus-start", args->stimulus_start, starts, &opts->n_starts));
    }
    opts->volumes = *volumes;
    opts->stimulus_start = *starts;
out:
    return status;
}

static int
set_controls(const prepare_args_t *args, ba_prepare_opts_t *opts)
{
    int status;

    BA_TRY(cli_words_parse("controls", controls, args->controls, &opts->controls));
    if ((opts->controls & CONTROLS_NONE) && opts->controls != CONTROLS_NONE) {
        return ba_fail(
            BA_VALUE, "--controls: found '%s', wanted none alone", args->controls);
    }
    opts->controls &= ~(unsigned) CONTROLS_NONE;
    opts->control_resample = args->control_resample;
    opts->oasm_sigma = args->oasm_sigma;
out:
    return status;
}

static void
set_resampling(const prepare_args_t *args, ba_prepare_opts_t *opts)
{
    ba_prepare_resample_t usual =
        args->hrf == BA_PREPARE_HRF_NONE ? BA_PREPARE_LANCZOS : BA_PREPARE_EVENTS;

    opts->resample = args->resample < 0 ? usual : (ba_prepare_resample_t) args->resample;
    opts->window = args->window;
    opts->cutoff_mult = args->cutoff;
    opts->word_time = (ba_word_time_t) (args->word_time + 1);
    opts->hrf = (ba_prepare_hrf_t) args->hrf;
    opts->hrf_basis = (ba_hrf_basis_t) args->hrf_basis;
    opts->boxcar = args->event;
}

static int
set_options(
    const cli_call_t *call, size_t **volumes, double **starts, ba_prepare_opts_t *opts)
{
    const prepare_args_t *args = call->args;
    int status;

    *opts = ba_prepare_opts_default();
    opts->activations = args->activations.items;
    opts->n_activations = args->activations.n;
    opts->token_words = args->token_words;
    opts->pool = (ba_pool_t) args->pool;
    opts->responses = args->responses;
    opts->mask = args->mask;
    opts->allow_overlap = args->allow_overlap;
    opts->allow_outside = args->allow_outside;
    opts->precision = (ba_precision_t) args->common.precision;
    opts->output = call->common->output;
    opts->force = call->common->force;
    opts->dry_run = call->common->dry_run;
    opts->argc = call->argc;
    opts->argv = call->argv;
    set_words(args, &opts->words);
    set_resampling(args, opts);
    BA_TRY(set_controls(args, opts));
    BA_TRY(set_scan(args, volumes, starts, &opts->scan));
out:
    return status;
}

static void
note(const ba_prepare_info_t *info)
{
    cli_message_note("%zu words in %zu run%s, %zu volumes; words from %.6g to %.6g s of "
                     "the scan, none begins in %zu volume%s",
        info->n_words, info->n_runs, cli_plural(info->n_runs), info->n_volumes,
        info->first_seconds, info->last_seconds, info->n_empty,
        cli_plural(info->n_empty));
}

static void
print_plan(const ba_prepare_info_t *info)
{
    cli_info_key("runs");
    printf("%zu, %zu volumes\n", info->n_runs, info->n_volumes);
    cli_info_key("words");
    printf("%zu, %zu without a time\n", info->n_words, info->n_missing);
    cli_info_key("features");
    printf("%zu data set%s, %zu columns\n", info->n_spaces, cli_plural(info->n_spaces),
        info->n_features);
    cli_info_key("written");
    puts("nothing: this was a dry run");
}

static int
run(const cli_call_t *call)
{
    ba_prepare_opts_t opts;
    ba_prepare_info_t info;
    size_t *volumes = NULL;
    double *starts = NULL;
    int status;

    BA_TRY(set_options(call, &volumes, &starts, &opts));
    BA_TRY(ba_prepare(call->ctx, &opts, &info));
    note(&info);
    if (opts.dry_run) {
        print_plan(&info);
    } else {
        cli_message_note("wrote %s", opts.output);
    }
out:
    free(volumes);
    free(starts);
    return status;
}

static const char *const description[] = {
    "Brings features of words to the volumes of a scan: reads when the words were said "
    "and what a model made of them, one row per word or token, and writes one row per "
    "volume, with the control features that the timing alone gives. encode fit reads the "
    "result.",
    "Times of words are in a clock of their own (the audio file's); --stimulus-start "
    "says "
    "when it began in the scan. Volume i of a run begins at i --tr and stands for the "
    "moment --slice-time later, for which the Lanczos filter and the haemodynamic "
    "response are sampled.",
    "Rows of n/a have no time and are left out, but have activations like all others. "
    "Words out of order, overlapping by more than a millisecond, or outside the scan are "
    "errors.",
    NULL,
};

static const cli_example_t examples[] = {
    {"datasets prepare --words words.csv --activations layer_6=act.h5:/layer_6 --tr 1.5 "
     "--volumes 538 -o prep.h5",
        "Lanczos, one run"},
    {"datasets prepare --words wheretheressmoke.TextGrid --words legacy.TextGrid "
     "--activations lm=smoke.npy --activations lm=legacy.npy --token-words "
     "tokens.tsv:word --tr 2.0045 --volumes 301,418 --stimulus-start 10 -o prep.h5",
        "two stories, tokens pooled by the last one"},
    {"encode fit --features lm=prep.h5:/features/lm --features "
     "rate=prep.h5:/control/word_rate --responses bold.h5:/responses --runs prep.h5:/run "
     "--delays 1,2,3,4 -o enc.h5",
        "and a model of them"},
    {0},
};

const cli_command_t cli_datasets_prepare = {
    .group = "datasets",
    .verb = "prepare",
    .summary = "bring words and their activations to the volumes of a scan",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_ALL,
    .args_size = sizeof(prepare_args_t),
    .run = run,
};
