/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/neuron_inputs.h"
#include "cli/memory.h"

#include "brainalign/error.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int
is_file(const char *name)
{
    struct stat found;

    return stat(name, &found) == 0 && S_ISREG(found.st_mode);
}

static void
add(cli_inputs_t *inputs, const char *name)
{
    for (size_t i = 0; i < inputs->n; i++) {
        if (strcmp(inputs->names[i], name) == 0) {
            return;
        }
    }
    if (is_file(name)) {
        inputs->names = cli_realloc(inputs->names, inputs->n + 2, sizeof *inputs->names);
        inputs->names[inputs->n] = cli_calloc(strlen(name) + 1, 1);
        memcpy(inputs->names[inputs->n++], name, strlen(name));
        inputs->names[inputs->n] = NULL;
    }
}

int
cli_neuron_input(const char *argument, cli_inputs_t *inputs)
{
    const char *equals, *text = argument;
    ba_spec_t spec;
    int status = BA_OK;

    if (!argument) {
        return BA_OK;
    }
    equals = strchr(argument, '=');
    if (equals && !is_file(argument)) {
        text = equals + 1;
    }
    if (is_file(text)) {
        add(inputs, text);
        return BA_OK;
    }
    BA_TRY(ba_spec_parse(text, &spec));
    add(inputs, spec.file);
    ba_spec_free(&spec);
out:
    return status;
}

int
cli_neuron_inputs(const cli_neuron_data_t *data, const ba_activations_t *activations,
    cli_inputs_t *inputs)
{
    const char *const single[] = {data->neurons, data->subwords, data->wordnet,
        data->forms, data->lemmas, data->sentences, data->parts, data->closed_words};
    const cli_list_t *lists[] = {&data->labels, &data->word_lists};
    const char *name;
    int status = BA_OK;

    for (size_t i = 0; (name = ba_source_file(activations->source, i)) != NULL; i++) {
        add(inputs, name);
    }
    for (size_t i = 0; i < sizeof single / sizeof *single; i++) {
        BA_TRY(cli_neuron_input(single[i], inputs));
    }
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
        for (size_t i = 0; i < lists[k]->n; i++) {
            BA_TRY(cli_neuron_input(lists[k]->items[i], inputs));
        }
    }
out:
    return status;
}

void
cli_inputs_free(cli_inputs_t *inputs)
{
    for (size_t i = 0; i < inputs->n; i++) {
        free(inputs->names[i]);
    }
    free(inputs->names);
    *inputs = (cli_inputs_t){0};
}
