/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A script that has a cluster do what the command line asks for. */
#ifndef BA_CLI_EMIT_H
#define BA_CLI_EMIT_H

#include "cli/command.h"

#include "brainalign/encode.h"

/* BA_VALUE: an argument that no line of a script can hold. BA_EXISTS: an output is there
 * already. To be called before the work of checking. */
int cli_emit_check(const cli_call_t *call, const ba_encode_fit_opts_t *opts);

/* Prints the script of a Slurm job array to stdout: the call again for each shard, with
 * what *info plans of memory and time. */
void cli_emit_slurm(const cli_call_t *call, const ba_encode_fit_opts_t *opts,
    const ba_encode_fit_info_t *info);

#endif
