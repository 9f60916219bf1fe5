/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options that say how a probe is made, shared by neurons probe and neurons ablate. */
#ifndef BA_CLI_PROBE_ARGS_H
#define BA_CLI_PROBE_ARGS_H

#include "cli/neuron_data.h"
#include "cli/neuron_inputs.h"

#include "brainalign/probing.h"

/* Argument structs of these commands start with this one. */
typedef struct {
    cli_neuron_data_t data;
    int kind, penalty, scale, neurox;
    const char *l1, *l2;
    double validation, gap, rate;
    uint64_t epochs, batch;
    const char *start_weights, *start_bias, *order;
    const char *table, *figure, *list; /* NULL where a command has none */
} cli_probe_args_t;

/* --kind --penalty --l1 --l2 --validation --gap; --scale. */
extern const cli_option_t cli_probe_rows[];
extern const cli_option_t cli_probe_scale_rows[];

/* --neurox --epochs --batch --rate --start-weights --start-bias --order. */
extern const cli_option_t cli_neurox_rows[];

/* What was opened for a run; starts as {0}. */
typedef struct {
    ba_activations_t *activations;
    ba_concepts_t *concepts;
    ba_token_split_t split;
    cli_inputs_t inputs;
    const char **files; /* of inputs and more, then NULL */
    double *l1, *l2;
    ba_probing_data_t data;
} cli_probing_t;

/* Fills options alone: penalties go to `probing`, which starts as {0}. */
int cli_probing_set(
    const cli_call_t *call, cli_probing_t *probing, ba_probing_opts_t *opts);

/* Opens data and fills options; `more` (NULL-terminated, holes allowed up to n_more) are
 * files that are read besides. Outputs are checked against all of them. */
int cli_probing_open(const cli_call_t *call, const char *const *more, size_t n_more,
    cli_probing_t *probing, ba_probing_opts_t *opts);
void cli_probing_close(cli_probing_t *probing);

#endif
