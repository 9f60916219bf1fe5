/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/nearest.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/error.h"

#include <stdio.h>
#include <string.h>

const cli_group_t cli_groups[] = {
    {"encode", "Encoding: how well do features predict each voxel?"},
    {"neurons", "Neurons: which of them carry which concept?"},
    {"decode", "Decoding: what do responses say of the stimulus?"},
    {"decode", "Decoding: from responses back to features and stimuli"},
    {"datasets", "Data: look at them, check them, prepare them, make synthetic ones"},
    {"report", "Results: join the shards of a fit"},
    {"demo", "A synthetic study with known truth through every stage"},
    {"help", "Help"},
    {NULL, NULL},
};

const cli_command_t *const cli_commands[] = {
    &cli_encode_fit,
    &cli_encode_predict,
    &cli_encode_score,
    &cli_encode_partition,
    &cli_encode_compare,
    &cli_encode_group,
    &cli_neurons_concepts,
    &cli_neurons_rank,
    &cli_neurons_select,
    &cli_neurons_probe,
    &cli_neurons_ablate,
    &cli_neurons_explain,
    &cli_neurons_cosy,
    &cli_neurons_compare,
    &cli_neurons_cluster,
    &cli_decode_fit,
    &cli_neurons_align,
    &cli_decode_score,
    &cli_decode_invert,
    &cli_decode_identify,
    &cli_decode_lm,
    &cli_decode_beam,
    &cli_datasets_info,
    &cli_datasets_check,
    &cli_datasets_prepare,
    &cli_datasets_synth,
    &cli_report_merge,
    &cli_demo,
    &cli_help,
    NULL,
};

cli_rows_t
cli_command_rows(const cli_command_t *command)
{
    cli_rows_t rows = {0};

    for (size_t i = 0; command->tables[i]; i++) {
        cli_rows_add(&rows, command->tables[i]);
    }
    cli_common_rows(&rows, command->share);
    return rows;
}

void
cli_command_name(const cli_command_t *command, char name[CLI_COMMAND_NAME])
{
    snprintf(name, CLI_COMMAND_NAME, "%s%s%s", command->group, command->verb ? " " : "",
        command->verb ? command->verb : "");
}

/* A verb typed without its group is answered with the whole command. */
static int
fail_group(const char *word)
{
    cli_nearest_t nearest = {0};

    for (size_t i = 0; cli_commands[i]; i++) {
        const char *verb = cli_commands[i]->verb;

        if (verb && strcmp(verb, word) == 0) {
            return ba_fail(BA_VALUE, "unknown group '%s': nearest is '%s %s'", word,
                cli_commands[i]->group, verb);
        }
    }
    for (const cli_group_t *group = cli_groups; group->name; group++) {
        cli_nearest_offer(&nearest, word, group->name);
    }
    return ba_fail(BA_VALUE, "unknown group '%s': nearest is '%s'", word, nearest.word);
}

int
cli_find_group(const char *word, const cli_group_t **group)
{
    for (*group = cli_groups; (*group)->name; (*group)++) {
        if (strcmp((*group)->name, word) == 0) {
            return BA_OK;
        }
    }
    if (word[0] == '-') {
        cli_nearest_t nearest = {0};

        cli_nearest_offer(&nearest, word, "--help");
        cli_nearest_offer(&nearest, word, "--version");
        return ba_fail(BA_VALUE,
            "unknown option '%s': nearest is '%s' (other options follow GROUP VERB)",
            word, nearest.word);
    }
    return fail_group(word);
}

static int
fail_verb(const cli_group_t *group, const char *word)
{
    cli_nearest_t nearest = {0};
    cli_text_t all = {0};
    int status;

    for (size_t i = 0; cli_commands[i]; i++) {
        if (strcmp(cli_commands[i]->group, group->name) == 0 && cli_commands[i]->verb) {
            cli_nearest_offer(&nearest, word ? word : "", cli_commands[i]->verb);
            cli_text_addf(
                &all, "%s%s", all.length > 0 ? ", " : "", cli_commands[i]->verb);
        }
    }
    if (word) {
        status =
            ba_fail(BA_VALUE, "unknown verb '%s': nearest is '%s'", word, nearest.word);
    } else {
        status = ba_fail(BA_VALUE, "no verb: wanted one of %s", cli_text_get(&all));
    }
    cli_text_free(&all);
    return status;
}

const cli_command_t *
cli_group_command(const cli_group_t *group)
{
    for (size_t i = 0; cli_commands[i]; i++) {
        if (!cli_commands[i]->verb && strcmp(cli_commands[i]->group, group->name) == 0) {
            return cli_commands[i];
        }
    }
    return NULL;
}

int
cli_find_verb(const cli_group_t *group, const char *word, const cli_command_t **command)
{
    *command = cli_group_command(group);
    for (size_t i = 0; cli_commands[i] && word && !*command; i++) {
        if (strcmp(cli_commands[i]->group, group->name) == 0 &&
            strcmp(cli_commands[i]->verb, word) == 0) {
            *command = cli_commands[i];
        }
    }
    return *command ? BA_OK : fail_verb(group, word);
}
