/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a command is going to write, looked at before the work starts. */
#ifndef BA_CLI_OUTPUTS_H
#define BA_CLI_OUTPUTS_H

#include "cli/data.h"

/* Files that a command writes; NULL where one was not asked for. */
typedef struct {
    const char *output, *table, *map;
} cli_outputs_t;

/* Refuses outputs that would replace one another or an input (a file of `dataset`, what
 * the options of `data` name, or `encoder`, which may be NULL) with BA_VALUE, and those
 * that are no file or whose folder is missing or not writable with BA_IO. Whether an
 * output exists is left to the library. */
int cli_outputs_check(const cli_outputs_t *outputs, const cli_data_t *data,
    const ba_dataset_t *dataset, const char *encoder);

/* The same where the inputs are files of their own. */
int cli_outputs_check_files(
    const cli_outputs_t *outputs, const char *const *inputs, size_t n_inputs);

/* One output and the option that names it, "--words"; a file of NULL was not asked for. */
typedef struct {
    const char *option, *file;
} cli_output_t;

/* The same for any outputs; inputs are SPECs or files, with [NAME=] in front or without. */
int cli_outputs_check_list(const cli_output_t *outputs, size_t n_outputs,
    const char *const *inputs, size_t n_inputs);

/* Refuses outputs that are files behind a data set. */
int cli_outputs_check_data(
    const cli_output_t *outputs, size_t n_outputs, const ba_dataset_t *dataset);

#endif
