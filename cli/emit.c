/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/emit.h"
#include "cli/summary.h"
#include "cli/text.h"

#include "brainalign/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is asked for beyond the plan: of memory for the program itself and what the plan
 * cannot know, of time because the rate of the machine is a guess and files are read. */
static const double memory_factor = 1.1, memory_more = 256.0, memory_step = 256.0;
static const double time_factor = 4.0, time_more = 900.0;

/* Options that the script gives itself, or that have no place in it. */
static const struct {
    const char *name;
    char letter;
    int takes_value;
} own_options[] = {
    {"emit", 0, 1},
    {"shards", 0, 1},
    {"resume", 0, 0},
    {"output", 'o', 1},
    {"table", 0, 1},
    {"map", 0, 1},
    {"threads", 'j', 1},
    {"memory", 0, 1},
};

/* A word as the shell reads it back: as it is, or in single quotes. */
static void
add_quoted(cli_text_t *text, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789@%_+=:,./-";

    if (word[0] && strspn(word, plain) == strlen(word)) {
        cli_text_add(text, word);
        return;
    }
    cli_text_add(text, "'");
    for (; *word; word++) {
        if (*word == '\'') {
            cli_text_add(text, "'\\''");
        } else {
            cli_text_addf(text, "%c", *word);
        }
    }
    cli_text_add(text, "'");
}

/* How many arguments from here on belong to a long option of the script's own; 0 = none. */
static int
own_length(const char *argument, int has_next)
{
    for (size_t i = 0; i < sizeof own_options / sizeof *own_options; i++) {
        const char *name = own_options[i].name;
        size_t length = strlen(name);

        if (strncmp(argument, "--", 2) == 0 && strncmp(argument + 2, name, length) == 0) {
            if (argument[2 + length] == '=') {
                return 1;
            }
            if (argument[2 + length] == '\0') {
                return 1 + (own_options[i].takes_value && has_next);
            }
        }
    }
    return 0;
}

/* Letters of a short option that stay: those before the first of the script's own, which
 * takes the rest or the next argument. */
static size_t
kept_letters(const char *argument)
{
    char own[sizeof own_options / sizeof *own_options + 1] = "";
    size_t n = 0;

    for (size_t i = 0; i < sizeof own_options / sizeof *own_options; i++) {
        if (own_options[i].letter) {
            own[n++] = own_options[i].letter;
        }
    }
    return strcspn(argument + 1, own);
}

/* Non-zero when the argument is a long option whose value is the next one. */
static int
takes_next(const cli_call_t *call, const char *argument)
{
    cli_rows_t rows = cli_command_rows(call->command);

    for (size_t i = 0; i < rows.n; i++) {
        const cli_option_t *row = rows.row[i];

        if (row->kind != CLI_FLAG && row->name && strncmp(argument, "--", 2) == 0 &&
            strcmp(argument + 2, row->name) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Adds what stays of the argument at `i`; returns the number of arguments dealt with. */
static int
add_argument(cli_text_t *text, const cli_call_t *call, int i)
{
    const char *argument = call->argv[i];
    int has_next = i + 1 < call->argc, length = own_length(argument, has_next);

    if (length > 0 || strcmp(argument, "--") == 0) {
        return length > 0 ? length : 1;
    }
    if (argument[0] == '-' && argument[1] != '-') {
        size_t n = kept_letters(argument);

        if (n > 0) {
            cli_text_addf(text, " %.*s", (int) n + 1, argument);
        }
        return 1 + (argument[n + 1] && !argument[n + 2] && has_next);
    }
    length = 1 + (has_next && takes_next(call, argument));
    for (int k = 0; k < length; k++) {
        cli_text_add(text, " ");
        add_quoted(text, call->argv[i + k]);
    }
    return length;
}

/* "brainalign encode fit" and the arguments but for the script's own, quoted. */
static void
add_command(cli_text_t *text, const cli_call_t *call)
{
    cli_text_addf(text, "brainalign %s %s", call->command->group, call->command->verb);
    for (int i = 3; i < call->argc;) {
        i += add_argument(text, call, i);
    }
}

int
cli_emit_check(const cli_call_t *call, const ba_encode_fit_opts_t *opts)
{
    const char *files[] = {opts->output, opts->table, opts->map};

    if (opts->fit.shared_alpha || opts->fit.bands.shared ||
        opts->fit.bands.n_rounds > 0) {
        return ba_fail(BA_VALUE,
            "--emit: found %s as well, which shards cannot choose for one another",
            opts->fit.shared_alpha   ? "--shared-alpha"
            : opts->fit.bands.shared ? "--shared-bands"
                                     : "--band-refine");
    }
    for (int i = 1; i < call->argc; i++) {
        if (strpbrk(call->argv[i], "\n\r")) {
            return ba_fail(BA_VALUE, "--emit: found a line break in '%s', wanted none",
                call->argv[i]);
        }
    }
    for (size_t i = 0; i < 3; i++) {
        if (files[i] && !opts->force && !opts->resume && access(files[i], F_OK) == 0) {
            return ba_fail(BA_EXISTS, "%s: exists, --force replaces it", files[i]);
        }
    }
    return BA_OK;
}

/* Joining: from the files alone, or where a map is wanted by the fit itself, which finds
 * all shards finished. */
static void
add_joining(cli_text_t *text, const cli_call_t *call, const ba_encode_fit_opts_t *opts,
    size_t n_shards)
{
    if (opts->map) {
        add_command(text, call);
        cli_text_addf(text, " --shards %zu --resume", n_shards);
    } else {
        cli_text_add(text, "brainalign report merge ");
        add_quoted(text, opts->output);
        cli_text_addf(
            text, ".shards/*-of-%zu.h5%s", n_shards, opts->force ? " --force" : "");
    }
    cli_text_add(text, " -o ");
    add_quoted(text, opts->output);
    if (opts->table) {
        cli_text_add(text, " --table ");
        add_quoted(text, opts->table);
    }
    if (opts->map) {
        cli_text_add(text, " --map ");
        add_quoted(text, opts->map);
    } else {
        cli_text_add(text, " && rm -r ");
        add_quoted(text, opts->output);
        cli_text_add(text, ".shards");
    }
}

static void
print_needs(const ba_encode_fit_opts_t *opts, const ba_encode_fit_info_t *info,
    int n_threads, size_t n_shards)
{
    double mib = (double) info->fit.bytes_planned / 1048576;
    double flops = n_shards > 1 ? info->flops_shard : info->fit.flops_planned;
    double seconds = cli_plan_seconds(opts, flops, n_threads);
    double minutes = ceil((time_factor * seconds + time_more) / 60);
    char text[32];

    mib = ceil((memory_factor * mib + memory_more) / memory_step) * memory_step;
    puts("#SBATCH --job-name=brainalign");
    printf("#SBATCH --array=1-%zu\n", n_shards);
    printf("#SBATCH --cpus-per-task=%d\n", n_threads);
    printf("#SBATCH --mem=%.0fM\n", mib);
    printf("#SBATCH --time=%.0f:%02.0f:00\n", floor(minutes / 60), fmod(minutes, 60));
    printf("# The time is %g times the estimate of %s and a quarter of an hour for "
           "reading.\n",
        time_factor, cli_seconds_text(seconds, text));
}

/* A shard that is done already ends at once, so the script may be submitted again. */
static void
print_task(const cli_call_t *call, const ba_encode_fit_opts_t *opts, int n_threads,
    size_t n_shards)
{
    cli_text_t folder = {0}, command = {0};

    add_quoted(&folder, opts->output);
    cli_text_add(&folder, ".shards");
    add_command(&command, call);
    printf("set -eu\nmkdir -p %s\n", folder.data);
    printf("exec %s \\\n    --shard \"$SLURM_ARRAY_TASK_ID/%zu\" --resume -j %d "
           "--memory %zu \\\n    -o %s/\"$SLURM_ARRAY_TASK_ID\"-of-%zu.h5\n",
        command.data, n_shards, n_threads, ba_ctx_memory(call->ctx), folder.data,
        n_shards);
    cli_text_free(&folder);
    cli_text_free(&command);
}

void
cli_emit_slurm(const cli_call_t *call, const ba_encode_fit_opts_t *opts,
    const ba_encode_fit_info_t *info)
{
    size_t n_shards = info->n_shards > 0 ? info->n_shards : 1;
    int n_threads = ba_ctx_threads(call->ctx);
    cli_text_t join = {0}, quoted = {0};

    add_joining(&join, call, opts, n_shards);
    add_quoted(&quoted, join.data);
    puts("#!/bin/sh");
    print_needs(opts, info, n_threads, n_shards);
    puts("#\n# When all tasks are done, join the shards:");
    printf("#   %s\n", join.data);
    puts("# or submit that too, with the number that sbatch gave to this array:");
    printf("#   sbatch --dependency=afterok:NUMBER --wrap=%s\n", quoted.data);
    print_task(call, opts, n_threads, n_shards);
    cli_text_free(&join);
    cli_text_free(&quoted);
}
