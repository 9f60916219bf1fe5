/* SPDX-License-Identifier: GPL-3.0-or-later */
/* datasets check: what would stop a fit, and what would mislead it. */
#include "cli/data.h"
#include "cli/list.h"
#include "cli/message.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/check.h"
#include "brainalign/design.h"
#include "brainalign/error.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    cli_data_t data;
    const char *delays, *outer_cv;
} check_args_t;

static const cli_option_t rows[] = {
    {.section = "How they will be fitted",
        .name = "delays",
        .kind = CLI_STRING,
        .metavar = "LIST",
        .otherwise = "not known, not checked",
        .help = "Delays in samples, such as 1,2,3,4.",
        .offset = offsetof(check_args_t, delays)},
    {.name = "outer-cv",
        .kind = CLI_STRING,
        .metavar = "SPLITS",
        .otherwise = "runs with 3 or more runs, else kfold:5",
        .help = "Outer splits, as for encode fit.",
        .offset = offsetof(check_args_t, outer_cv)},
    {0},
};

static const cli_option_t *const tables[] = {cli_feature_rows, cli_response_rows,
    cli_nuisance_rows, cli_trim_rows, cli_test_rows, rows, NULL};

static int
set_options(const cli_call_t *call, ba_check_opts_t *opts, int **delays)
{
    const check_args_t *args = call->args;
    int status;

    *opts = (ba_check_opts_t){0};
    BA_TRY(cli_trim_parse(args->data.trim, &opts->trim_first, &opts->trim_last));
    if (args->outer_cv) {
        BA_TRY(ba_cv_parse(args->outer_cv, &opts->outer_cv));
    }
    opts->outer_cv.seed = call->ctx->seed;
    if (args->delays) {
        BA_TRY(ba_delays_parse(args->delays, delays, &opts->n_delays));
        opts->delays = *delays;
    }
out:
    return status;
}

/* Errors first: they are what has to be mended. */
static void
print_findings(const ba_check_report_t *report)
{
    static const char *const words[] = {"note", "warning", "error"};

    for (int severity = BA_FINDING_ERROR; severity >= BA_FINDING_NOTE; severity--) {
        for (size_t i = 0; i < report->n_findings; i++) {
            const ba_finding_t *finding = &report->findings[i];

            if ((int) finding->severity == severity) {
                printf("%-8s %-28s %s\n", words[severity], finding->code, finding->text);
            }
        }
    }
}

static void
note_counts(const ba_check_report_t *report)
{
    size_t n_notes = report->n_findings - report->n_errors - report->n_warnings;

    cli_message_note("%zu error%s, %zu warning%s, %zu note%s", report->n_errors,
        cli_plural(report->n_errors), report->n_warnings, cli_plural(report->n_warnings),
        n_notes, cli_plural(n_notes));
}

static int
run(const cli_call_t *call)
{
    ba_check_report_t report = {0};
    ba_dataset_t *dataset = NULL;
    ba_check_opts_t opts;
    int *delays = NULL;
    int status;

    BA_TRY(set_options(call, &opts, &delays));
    BA_TRY(cli_data_open(call, CLI_RESPONSES_TO_FIT, &dataset));
    BA_TRY(ba_check_dataset(call->ctx, dataset, &opts, &report));
    print_findings(&report);
    cli_data_note(dataset);
    note_counts(&report);
    if (report.n_errors > 0) {
        status = ba_fail(BA_FORMAT,
            "data set: found %zu defect%s that would stop a fit, wanted none",
            report.n_errors, cli_plural(report.n_errors));
    }
out:
    ba_check_report_free(&report);
    ba_dataset_free(dataset);
    free(delays);
    return status;
}

static const char *const description[] = {
    "Reads everything once and prints one line per finding to stdout: severity, a "
    "fixed word for scripts, and what was found. An error would stop a fit, and makes "
    "the exit status 3; a warning would mislead one; a note is worth knowing.",
    "Looked for: values that are not finite, constant columns and targets, run "
    "lengths, runs shorter than the delays, feature rows that occur in more than one "
    "outer fold, a delay of 0 alone with a time series, more features than samples.",
    NULL,
};

static const cli_example_t examples[] = {
    {"datasets check --features feats.h5:/layer_12 --responses bold.h5:/responses --runs "
     "bold.h5:/run --delays 1,2,3,4",
        "before a fit"},
    {0},
};

const cli_command_t cli_datasets_check = {
    .group = "datasets",
    .verb = "check",
    .summary = "list what would stop or mislead a fit",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_COMPUTE | CLI_SHARE_MEMORY | CLI_SHARE_MESSAGES,
    .args_size = sizeof(check_args_t),
    .run = run,
};
