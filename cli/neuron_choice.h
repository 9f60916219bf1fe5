/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which neurons a command looks at. */
#ifndef BA_CLI_NEURON_CHOICE_H
#define BA_CLI_NEURON_CHOICE_H

#include "brainalign/activations.h"

/* "3,19,200:210" (half-open ranges) or a file as neurons select writes it, in the numbers
 * that tables call neurons by; *places are theirs among the neurons opened, ascending, for
 * the caller to free(). NULL gives NULL and 0: all. BA_VALUE names a neuron that is not
 * there. */
int cli_neuron_choice(const char *option, const char *text,
    const ba_neuron_table_t *neurons, size_t **places, size_t *n);

#endif
