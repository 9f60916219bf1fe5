/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The conventions of other tools, as settings of encode fit. */
#ifndef BA_CLI_PRESET_H
#define BA_CLI_PRESET_H

#include "cli/fit_args.h"

extern const cli_option_t cli_preset_rows[];

/* One line on stderr for each setting that is known to be risky and took effect. */
void cli_preset_note(const cli_preset_t *preset);

/* "NAME: --option=value ..." of what took effect, NULL without a preset; the caller frees
 * with free(). */
char *cli_preset_words(const cli_preset_t *preset);

/* Whether an option has its value from the preset. */
int cli_preset_set(const cli_preset_t *preset, const char *option);

#endif
