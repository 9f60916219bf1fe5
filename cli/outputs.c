/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/outputs.h"

#include "brainalign/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_OUTPUTS = 3 };

static const char *const options[MOST_OUTPUTS] = {"--output", "--table", "--map"};

static const char *
base_of(const char *file)
{
    const char *slash = strrchr(file, '/');

    return slash ? slash + 1 : file;
}

/* The folder that a file stands in, for the caller to free; NULL = no memory. */
static char *
folder_of(const char *file)
{
    size_t length = (size_t) (base_of(file) - file);

    /* The slash of the root stays, and so does a lone "./". */
    return length == 0 ? strdup(".") : strndup(file, length > 1 ? length - 1 : 1);
}

static int
is_same_inode(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether two names lead to one file. Files that are still to be made are the same where
 * folder and name are. */
static int
is_same_file(const char *a, const char *b)
{
    struct stat at_a, at_b;
    int has_a = stat(a, &at_a) == 0, has_b = stat(b, &at_b) == 0, same = 0;
    char *folder_a, *folder_b;

    if (has_a || has_b) {
        return has_a && has_b && is_same_inode(&at_a, &at_b);
    }
    if (strcmp(base_of(a), base_of(b)) != 0) {
        return 0;
    }
    folder_a = folder_of(a);
    folder_b = folder_of(b);
    if (folder_a && folder_b && stat(folder_a, &at_a) == 0 &&
        stat(folder_b, &at_b) == 0) {
        same = is_same_inode(&at_a, &at_b);
    }
    free(folder_a);
    free(folder_b);
    return same;
}

/* The library says the same when it makes the file, which for tables and maps is after
 * hours of work. */
static int
check_place(const char *file)
{
    char *folder;
    struct stat at;
    int status = BA_OK;

    if (stat(file, &at) == 0 && !S_ISREG(at.st_mode)) {
        return ba_fail(BA_IO, "%s: cannot write: %s", file,
            S_ISDIR(at.st_mode) ? "it is a folder" : "not a regular file");
    }
    folder = folder_of(file);
    if (!folder) {
        return ba_fail(BA_NOMEM, "memory: no room for the folder of %s", file);
    }
    if (stat(folder, &at) != 0) {
        status = ba_fail(BA_IO, "%s: cannot write: no folder '%s'", file, folder);
    } else if (S_ISDIR(at.st_mode) && access(folder, W_OK | X_OK) != 0) {
        status = ba_fail(BA_IO, "%s: cannot write: folder '%s' is not writable: %s", file,
            folder, strerror(errno));
    }
    free(folder);
    return status;
}

static int
check_input(const char *output, const char *input)
{
    if (input && is_same_file(output, input)) {
        return ba_fail(
            BA_VALUE, "%s: output and input at once, wanted another name", output);
    }
    return BA_OK;
}

/* The file of a SPEC; what cannot be taken apart names none. */
static int
check_spec(const char *output, const char *text)
{
    ba_spec_t spec;
    int status;

    if (!text || ba_spec_parse(text, &spec) != BA_OK) {
        return BA_OK;
    }
    status = check_input(output, spec.file);
    ba_spec_free(&spec);
    return status;
}

static int
check_source(const char *output, const ba_source_t *source)
{
    const char *file;
    int status = BA_OK;

    for (size_t i = 0; source && (file = ba_source_file(source, i)) != NULL; i++) {
        BA_TRY(check_input(output, file));
    }
out:
    return status;
}

static int
check_part(const char *output, const ba_dataset_part_t *part, size_t n_spaces)
{
    int status = BA_OK;

    for (size_t i = 0; part->features && i < n_spaces; i++) {
        BA_TRY(check_source(output, part->features[i]));
    }
    BA_TRY(check_source(output, part->responses));
    for (size_t k = 0; part->run_responses && part->run_responses[k]; k++) {
        BA_TRY(check_source(output, part->run_responses[k]));
    }
    BA_TRY(check_source(output, part->nuisance));
out:
    return status;
}

/* Output number i of `files` against those before it. */
static int
check_others(const char *const files[MOST_OUTPUTS], size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (files[k] && is_same_file(files[i], files[k])) {
            return ba_fail(BA_VALUE, "%s: found '%s', the file of %s, wanted another",
                options[i], files[i], options[k]);
        }
    }
    return BA_OK;
}

int
cli_outputs_check(const cli_outputs_t *outputs, const cli_data_t *data,
    const ba_dataset_t *dataset, const char *encoder)
{
    const char *files[MOST_OUTPUTS] = {outputs->output, outputs->table, outputs->map};
    int status = BA_OK;

    for (size_t i = 0; i < MOST_OUTPUTS; i++) {
        if (!files[i]) {
            continue;
        }
        BA_TRY(check_others(files, i));
        BA_TRY(check_part(files[i], &dataset->train, dataset->n_spaces));
        BA_TRY(check_part(files[i], &dataset->test, dataset->n_spaces));
        BA_TRY(check_input(files[i], data->mask));
        BA_TRY(check_input(files[i], data->run_table));
        BA_TRY(check_input(files[i], encoder));
        BA_TRY(check_spec(files[i], data->runs));
        BA_TRY(check_spec(files[i], data->test_runs));
        BA_TRY(check_place(files[i]));
    }
out:
    return status;
}

int
cli_outputs_check_files(
    const cli_outputs_t *outputs, const char *const *inputs, size_t n_inputs)
{
    const char *files[MOST_OUTPUTS] = {outputs->output, outputs->table, outputs->map};
    int status = BA_OK;

    for (size_t i = 0; i < MOST_OUTPUTS; i++) {
        if (!files[i]) {
            continue;
        }
        BA_TRY(check_others(files, i));
        for (size_t k = 0; k < n_inputs; k++) {
            BA_TRY(check_input(files[i], inputs[k]));
        }
        BA_TRY(check_place(files[i]));
    }
out:
    return status;
}

/* The file of an input that may have a name in front. */
static int
check_named(const char *output, const char *input)
{
    const char *equals = input ? strchr(input, '=') : NULL;
    int status;

    BA_TRY(check_input(output, input));
    BA_TRY(check_spec(output, input));
    if (equals) {
        BA_TRY(check_input(output, equals + 1));
        BA_TRY(check_spec(output, equals + 1));
    }
out:
    return status;
}

int
cli_outputs_check_list(const cli_output_t *outputs, size_t n_outputs,
    const char *const *inputs, size_t n_inputs)
{
    int status = BA_OK;

    for (size_t i = 0; i < n_outputs; i++) {
        const char *file = outputs[i].file;

        for (size_t k = 0; file && k < i; k++) {
            if (outputs[k].file && is_same_file(file, outputs[k].file)) {
                return ba_fail(BA_VALUE, "%s: found '%s', the file of %s, wanted another",
                    outputs[i].option, file, outputs[k].option);
            }
        }
        for (size_t k = 0; file && k < n_inputs; k++) {
            BA_TRY(check_named(file, inputs[k]));
        }
        if (file) {
            BA_TRY(check_place(file));
        }
    }
out:
    return status;
}

int
cli_outputs_check_data(
    const cli_output_t *outputs, size_t n_outputs, const ba_dataset_t *dataset)
{
    int status = BA_OK;

    for (size_t i = 0; i < n_outputs; i++) {
        if (outputs[i].file) {
            BA_TRY(check_part(outputs[i].file, &dataset->train, dataset->n_spaces));
            BA_TRY(check_part(outputs[i].file, &dataset->test, dataset->n_spaces));
        }
        for (size_t k = 0; outputs[i].file && k < dataset->n_other_files; k++) {
            BA_TRY(check_input(outputs[i].file, dataset->other_files[k]));
        }
    }
out:
    return status;
}
