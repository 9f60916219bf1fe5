/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "neurons/neuron_output.h"
#include "core/alloc.h"

#include <string.h>

int
ba_table_put_names(ba_table_writer_t *table, const char *const *names, size_t n)
{
    int status = BA_OK;

    for (size_t i = 0; i < n; i++) {
        BA_TRY(ba_table_put_text(table, names[i]));
    }
    BA_TRY(ba_table_end_row(table));
out:
    return status;
}

int
ba_neuron_put_header(ba_table_writer_t *table)
{
    static const char *const names[] = {"neuron", "layer", "component", "unit"};
    int status = BA_OK;

    for (size_t i = 0; i < 4; i++) {
        BA_TRY(ba_table_put_text(table, names[i]));
    }
out:
    return status;
}

int
ba_neuron_put(ba_table_writer_t *table, const ba_neuron_table_t *neurons, size_t i)
{
    int status;

    BA_TRY(ba_table_put_integer(table, (int64_t) ba_neuron_number(neurons, i)));
    BA_TRY(ba_table_put_integer(table, (int64_t) neurons->layer[i]));
    BA_TRY(ba_table_put_text(table, neurons->component_names[neurons->component[i]]));
    BA_TRY(ba_table_put_integer(table, (int64_t) neurons->unit[i]));
out:
    return status;
}

static int
write_path(ba_bundle_t *bundle, const char *group, const char *name, size_t n,
    const int64_t *values)
{
    char *path = ba_asprintf("%s/%s", group, name);
    int status;

    if (!path) {
        return BA_NOMEM;
    }
    status = ba_bundle_write(bundle, path, BA_I64, 1, &n, values);
    ba_free(path);
    return status;
}

int
ba_neuron_write(ba_bundle_t *bundle, const char *group, const ba_neuron_table_t *neurons,
    const size_t *only, size_t n)
{
    int64_t *values = NULL;
    const char **names = NULL;
    char *path = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(values, ba_malloc(3 * n, sizeof *values));
    BA_TRY_ALLOC(names, ba_malloc(n, sizeof *names));
    for (size_t k = 0; k < n; k++) {
        size_t i = only ? only[k] : k;

        values[k] = (int64_t) ba_neuron_number(neurons, i);
        values[n + k] = (int64_t) neurons->layer[i];
        values[2 * n + k] = (int64_t) neurons->unit[i];
        names[k] = neurons->component_names[neurons->component[i]];
    }
    BA_TRY(write_path(bundle, group, "neuron", n, values));
    BA_TRY(write_path(bundle, group, "layer", n, values + n));
    BA_TRY(write_path(bundle, group, "unit", n, values + 2 * n));
    BA_TRY_ALLOC(path, ba_asprintf("%s/component", group));
    BA_TRY(ba_bundle_write_strings(bundle, path, n, names));
out:
    ba_free(path);
    ba_free(values);
    ba_free(names);
    return status;
}

int
ba_neuron_write_format(ba_bundle_t *bundle, const char *format)
{
    int64_t version = 1;
    int status;

    BA_TRY(ba_bundle_attr_string(bundle, "/", "format", format));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "format_version", 1, &version));
out:
    return status;
}

static void
add_file(const char **files, size_t *n, const char *name)
{
    for (size_t i = 0; i < *n; i++) {
        if (strcmp(files[i], name) == 0) {
            return;
        }
    }
    files[(*n)++] = name;
}

int
ba_neuron_write_provenance(ba_bundle_t *bundle, const ba_provenance_t *provenance,
    ba_source_t *const *sources, size_t n_sources, const char *const *more)
{
    ba_dataset_t none = {0};
    const char **files = NULL;
    size_t n = 0;
    int status = BA_OK;

    for (size_t i = 0; more && more[i]; i++) {
        n++;
    }
    for (size_t s = 0; s < n_sources; s++) {
        for (size_t i = 0; ba_source_file(sources[s], i); i++) {
            n++;
        }
    }
    BA_TRY_ALLOC(files, ba_calloc(n + 1, sizeof *files));
    n = 0;
    for (size_t s = 0; s < n_sources; s++) {
        for (size_t i = 0; ba_source_file(sources[s], i); i++) {
            add_file(files, &n, ba_source_file(sources[s], i));
        }
    }
    for (; more && *more; more++) {
        add_file(files, &n, *more);
    }
    BA_TRY(ba_provenance_write(provenance, &none, files, bundle));
out:
    ba_free(files);
    return status;
}
