/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/shards.h"
#include "cli/list.h"

#include "brainalign/error.h"

#include <stddef.h>
#include <string.h>

const cli_option_t cli_shard_rows[] = {
    {.section = "Shards",
        .name = "target-range",
        .kind = CLI_STRING,
        .metavar = "A:B",
        .otherwise = "all",
        .help = "Fit only targets A to B - 1, counted from 0: a shard of the whole, "
                "the same to the last bit. report merge joins shards.",
        .offset = offsetof(cli_shards_t, target_range)},
    {.name = "shard",
        .kind = CLI_STRING,
        .metavar = "K/N",
        .help = "Fit only the K-th of N parts of the targets, counted from 1: whole "
                "tiles of 256 targets, in equal parts as far as that goes.",
        .offset = offsetof(cli_shards_t, shard)},
    {.name = "shards",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .help = "Fit N shards one after the other, each kept in the folder OUT.shards "
                "once it is finished, then join them and remove the folder.",
        .offset = offsetof(cli_shards_t, n_shards)},
    {.name = "resume",
        .kind = CLI_FLAG,
        .help = "Go on where the same fit was stopped: finished shards, and a finished "
                "output, are not done again. Without --shards or a part of the targets "
                "the number of shards is chosen so that they cost at most about 10 % "
                "more.",
        .offset = offsetof(cli_shards_t, resume)},
    {.name = "emit",
        .kind = CLI_CHOICE,
        .metavar = "slurm",
        .help = "Check everything, print a job-array script that fits the shards, and "
                "stop: brainalign encode fit ... --emit slurm | sbatch.",
        .offset = offsetof(cli_shards_t, emit)},
    {0},
};

static int
parse_shard(const char *text, size_t *shard, size_t *n_shards)
{
    uint64_t numbers[2] = {0, 0};
    const char *at = text;

    for (size_t i = 0; i < 2; i++) {
        const char *start = at;

        for (; *at >= '0' && *at <= '9' && numbers[i] < UINT32_MAX; at++) {
            numbers[i] = 10 * numbers[i] + (uint64_t) (*at - '0');
        }
        if (at == start || *at != (i == 0 ? '/' : '\0')) {
            numbers[0] = 0;
            break;
        }
        at++;
    }
    if (numbers[0] == 0 || numbers[0] > numbers[1]) {
        return ba_fail(
            BA_VALUE, "--shard: found '%s', wanted K/N with K from 1 to N", text);
    }
    *shard = (size_t) numbers[0];
    *n_shards = (size_t) numbers[1];
    return BA_OK;
}

/* At most one way to say which targets. */
static int
check_one(const cli_shards_t *shards)
{
    const char *given = shards->target_range ? "--target-range" : NULL;

    if (shards->shard) {
        if (given) {
            return ba_fail(
                BA_VALUE, "--shard: found %s as well, wanted one of them", given);
        }
        given = "--shard";
    }
    if (given && shards->n_shards != CLI_NOT_GIVEN) {
        return ba_fail(BA_VALUE, "--shards: found %s as well, wanted one of them", given);
    }
    if (given && shards->emit >= 0) {
        return ba_fail(BA_VALUE, "--emit: found %s as well, wanted all targets", given);
    }
    if (shards->emit >= 0 && shards->data.common.dry_run) {
        return ba_fail(BA_VALUE, "--emit: found --dry-run as well, wanted one of them");
    }
    return BA_OK;
}

int
cli_shards_set(const cli_shards_t *shards, ba_encode_fit_opts_t *opts)
{
    int status;

    BA_TRY(check_one(shards));
    opts->resume = shards->resume;
    if (shards->target_range) {
        BA_TRY(cli_range_parse(
            shards->target_range, &opts->fit.target_start, &opts->fit.target_stop));
    }
    if (shards->shard) {
        BA_TRY(parse_shard(shards->shard, &opts->shard, &opts->n_shards));
    }
    if (shards->n_shards == 0) {
        return ba_fail(BA_VALUE, "--shards: found 0, wanted at least 1");
    }
    if (shards->n_shards != CLI_NOT_GIVEN) {
        opts->n_shards = (size_t) shards->n_shards;
    }
out:
    return status;
}
