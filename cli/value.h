/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of one option value into its target. */
#ifndef BA_CLI_VALUE_H
#define BA_CLI_VALUE_H

#include "cli/option.h"

/* Stores `text` at `target`, which is of the type that the row's kind says. BA_VALUE with
 * "--name: found, wanted". */
int cli_value_parse(const cli_option_t *row, const char *text, void *target);

/* Content of a target that was not given. */
void cli_value_unset(const cli_option_t *row, void *target);

#endif
