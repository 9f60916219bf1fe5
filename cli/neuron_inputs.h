/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files behind the options of the neurons commands, for provenance. */
#ifndef BA_CLI_NEURON_INPUTS_H
#define BA_CLI_NEURON_INPUTS_H

#include "cli/neuron_data.h"

/* Names of files, each once; owned. Starts as {0}. */
typedef struct {
    char **names; /* n, then NULL; NULL for none */
    size_t n;
} cli_inputs_t;

/* The files of the activations and those that the options on concepts and parts name;
 * what is no file (a folder of word lists) is left out. */
int cli_neuron_inputs(const cli_neuron_data_t *data, const ba_activations_t *activations,
    cli_inputs_t *inputs);

/* The file of one more argument, [NAME=]FILE[:COLUMN] or [NAME=]SPEC; NULL = none. */
int cli_neuron_input(const char *argument, cli_inputs_t *inputs);
void cli_inputs_free(cli_inputs_t *inputs);

#endif
