/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/summary.h"
#include "cli/info.h"
#include "cli/message.h"
#include "cli/significance.h"
#include "cli/text.h"

#include <math.h>
#include <stdio.h>

/* Dense products of one core, for the time estimate of a plan: what current laptops
 * reach, not a promise. */
static const double single_flops_per_core = 60e9;
static const double double_flops_per_core = 30e9;

/* Code, libraries and their own buffers, beside what the library plans. */
static const double program_bytes = 22.0 * 1048576;

const char *
cli_bytes_text(double bytes, char text[32])
{
    static const char *const units[] = {"bytes", "KB", "MB", "GB", "TB"};
    size_t unit = 0;

    while (bytes >= 1024 && unit < 4) {
        bytes /= 1024;
        unit++;
    }
    snprintf(text, 32, "%.*f %s", bytes < 10 && unit > 0 ? 1 : 0, bytes, units[unit]);
    return text;
}

const char *
cli_seconds_text(double seconds, char text[32])
{
    if (seconds < 60) {
        snprintf(text, 32, "%.*f s", seconds < 10 ? 1 : 0, seconds);
    } else if (seconds < 3600) {
        snprintf(text, 32, "%.0f min", ceil(seconds / 60));
    } else {
        snprintf(text, 32, "%.1f h", seconds / 3600);
    }
    return text;
}

double
cli_plan_seconds(const ba_encode_fit_opts_t *opts, double flops, int n_threads)
{
    double rate =
        opts->fit.precision == BA_DOUBLE ? double_flops_per_core : single_flops_per_core;

    return flops / (rate * n_threads);
}

void
cli_plan_print(const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts,
    const ba_encode_fit_info_t *info, int n_threads)
{
    char text[32];

    cli_info_key("samples");
    printf("%zu in %zu run%s, %zu used\n", info->n_samples, dataset->train.runs.n_runs,
        cli_plural(dataset->train.runs.n_runs), info->n_used);
    cli_info_key("columns");
    printf("%zu, features times delays\n", info->n_columns);
    cli_info_key("targets");
    printf("%zu\n", info->n_targets);
    if (info->n_shards > 1) {
        cli_info_key("shards");
        printf("%zu, one after the other\n", info->n_shards);
    }
    cli_info_key("splits");
    if (dataset->test.n_samples > 0) {
        printf("a test set of %zu samples", dataset->test.n_samples);
    } else {
        printf("%zu outer folds", info->n_outer);
    }
    printf(
        ", up to %zu inner; gap %zu inner, %zu outer; fits train on %zu to %zu samples\n",
        info->fit.n_inner, info->fit.gap_inner, info->fit.gap_outer,
        info->fit.train_least, info->fit.train_most);
    cli_significance_plan(&opts->inference, &info->inference);
    cli_info_key("solver");
    puts(info->fit.reason);
    cli_info_key("memory");
    printf("%s at the peak\n",
        cli_bytes_text((double) info->fit.bytes_planned + program_bytes, text));
    cli_info_key("work");
    printf("%.2g floating-point operations, about %s on %d threads, reading aside\n",
        info->fit.flops_planned,
        cli_seconds_text(
            cli_plan_seconds(opts, info->fit.flops_planned, n_threads), text),
        n_threads);
    cli_info_key("written");
    puts("nothing: this was a dry run");
}

static void
note_scores(const ba_dataset_t *dataset, const ba_encode_fit_info_t *info)
{
    char buffer[64];
    const char *label;

    if (info->n_outer == 0 || info->n_scored == 0) {
        return;
    }
    label = ba_dataset_target_label(dataset, info->max_r_target, buffer);
    cli_message_note("r: mean %.4f, largest %.4f at target %zu%s%s%s; r2: mean %.4f",
        info->mean_r, info->max_r, info->max_r_target, label ? " (" : "",
        label ? label : "", label ? ")" : "", info->mean_r2);
}

static const char *
scored_by(const ba_dataset_t *dataset, const ba_encode_fit_info_t *info, char text[48])
{
    if (info->n_outer == 0) {
        return "no scores";
    }
    if (dataset->test.n_samples > 0) {
        return "a fixed test set";
    }
    snprintf(text, 48, "%zu outer folds", info->n_outer);
    return text;
}

void
cli_summary_note(const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts,
    const ba_encode_fit_info_t *info)
{
    char seconds[32], bytes[32], text[48];

    cli_message_note("%zu samples (%zu used), %zu columns, %zu targets, %s",
        info->n_samples, info->n_used, info->n_columns, info->n_targets,
        scored_by(dataset, info, text));
    cli_message_note(
        "gap of %zu samples inside, %zu outside; fits train on %zu to %zu samples",
        info->fit.gap_inner, info->fit.gap_outer, info->fit.train_least,
        info->fit.train_most);
    cli_message_note("%s", info->fit.reason);
    note_scores(dataset, info);
    cli_significance_note(&info->inference);
    cli_message_note("wrote %s in %s, at most %s of memory", opts->output,
        cli_seconds_text(info->seconds, seconds),
        cli_bytes_text((double) info->peak_bytes, bytes));
}
