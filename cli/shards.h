/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options of encode fit that divide its work. */
#ifndef BA_CLI_SHARDS_H
#define BA_CLI_SHARDS_H

#include "cli/data.h"

#include "brainalign/encode.h"

/* The argument struct of such a command starts with this one. */
typedef struct {
    cli_data_t data;
    const char *target_range, *shard;
    uint64_t n_shards;
    int resume, emit; /* emit: CLI_EMIT_..., -1 = not asked for */
} cli_shards_t;

enum { CLI_EMIT_SLURM = 0 };

/* --target-range --shard --shards --resume --emit. */
extern const cli_option_t cli_shard_rows[];

/* Takes them over. BA_VALUE where they contradict one another. */
int cli_shards_set(const cli_shards_t *shards, ba_encode_fit_opts_t *opts);

#endif
