/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The report on a result file. */
#include "cli/info.h"
#include "cli/memory.h"
#include "cli/summary.h"

#include "brainalign/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Arrays of result files in the order of the report; those that a file lacks are left
 * out. */
static const char *const arrays[] = {"/scores/r", "/scores/r2", "/scores/n_folds",
    "/scores/r_by_fold", "/scores/r2_by_fold", "/scores/r_by_subject",
    "/scores/r2_by_subject", "/scores/p", "/scores/q", "/scores/p_fwe",
    "/scores/null_maxima", "/scores/ceiling", "/scores/r_normalized",
    "/scores/r_one_repeat", "/scores/control_r", "/scores/control_r2",
    "/scores/increment_r2", "/scores/p_increment", "/scores/q_increment",
    "/scores/p_fwe_increment", "/scores/null_increment_maxima", "/alphas",
    "/alphas_by_fold", "/best_alphas", "/best_alphas_by_fold", "/cv_scores",
    "/cv_scores_by_fold", "/weights", "/intercept", "/fold_weights",
    "/scaling/feature_mean", "/scaling/feature_scale", "/scaling/response_mean",
    "/scaling/response_scale", "/predictions", "/scaled/predictions", "/classes/accuracy",
    "/classes/accuracy_by_subject", "/classes/confusion", "/selected", "/status",
    "/splits/outer", "/splits/inner", "/splits/subject", "/alignment/n_columns",
    "/alignment/explained", "/features/word_rate", "/responses", "/run", "/times",
    "/test/responses", "/words/onset", "/words/token", "/words/time", "/words/concept",
    "/targets/roi", "/targets/layer", "/expected_r", "/signal_share", "/hrf"};

void
cli_info_key(const char *key)
{
    printf("  %-22s ", key);
}

static int
print_array(const ba_bundle_t *bundle, const char *path)
{
    size_t dims[BA_MAX_RANK];
    int rank, status;

    if (!ba_bundle_has(bundle, path)) {
        return BA_OK;
    }
    BA_TRY(ba_bundle_shape(bundle, path, &rank, dims));
    cli_info_key(path);
    for (int i = 0; i < rank; i++) {
        printf("%s%zu", i > 0 ? " x " : "", dims[i]);
    }
    puts(rank == 0 ? "one value" : "");
out:
    return status;
}

/* Layers are numbered from 1 without a gap. */
static int
print_layers(const ba_bundle_t *bundle)
{
    char path[48];
    int status = BA_OK;

    for (size_t layer = 1;; layer++) {
        snprintf(path, sizeof(path), "/features/layer_%zu", layer);
        if (!ba_bundle_has(bundle, path)) {
            break;
        }
        BA_TRY(print_array(bundle, path));
    }
out:
    return status;
}

/* The features and controls of a data set file. */
static int
print_spaces(const ba_bundle_t *bundle)
{
    char **paths = NULL;
    size_t n = 0;
    int status = BA_OK;

    BA_TRY(ba_bundle_read_strings(bundle, "/spaces", &n, &paths));
    for (size_t i = 0; i < n; i++) {
        BA_TRY(print_array(bundle, paths[i]));
    }
out:
    free(paths);
    return status;
}

static void
print_string(const ba_bundle_t *bundle, const char *object, const char *name)
{
    char *text;

    if (ba_bundle_get_string(bundle, object, name, &text) == BA_OK) {
        cli_info_key(name);
        puts(text);
        free(text);
    }
}

static void
print_integer(const ba_bundle_t *bundle, const char *object, const char *name)
{
    int64_t value;

    if (ba_bundle_get_i64(bundle, object, name, 1, &value, NULL) == BA_OK) {
        cli_info_key(name);
        printf("%" PRId64 "\n", value);
    }
}

/* Command line, quoted where the shell would split it. */
static int
print_arguments(const ba_bundle_t *bundle)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-_./:,=+@%";
    char **arguments = NULL;
    size_t n;
    int status = BA_OK;

    if (!ba_bundle_has(bundle, "/provenance/arguments")) {
        return BA_OK;
    }
    BA_TRY(ba_bundle_read_strings(bundle, "/provenance/arguments", &n, &arguments));
    cli_info_key("command");
    for (size_t i = 0; i < n; i++) {
        int quoted = *arguments[i] == '\0' || arguments[i][strspn(arguments[i], plain)];

        printf("%s%s%s%s", i > 0 ? " " : "", quoted ? "'" : "", arguments[i],
            quoted ? "'" : "");
    }
    putchar('\n');
out:
    free(arguments);
    return status;
}

static int
print_inputs(const ba_bundle_t *bundle)
{
    char **names = NULL, **hashes = NULL, text[32];
    uint64_t *sizes = NULL;
    size_t n, n_hashes;
    int status = BA_OK;

    if (!ba_bundle_has(bundle, "/provenance/inputs")) {
        return BA_OK;
    }
    BA_TRY(ba_bundle_read_strings(bundle, "/provenance/inputs", &n, &names));
    BA_TRY(
        ba_bundle_read_strings(bundle, "/provenance/input_xxh3_128", &n_hashes, &hashes));
    sizes = cli_calloc(n, sizeof(*sizes));
    BA_TRY(ba_bundle_read(bundle, "/provenance/input_bytes", BA_U64, NULL, NULL, sizes));
    for (size_t i = 0; i < n && i < n_hashes; i++) {
        cli_info_key(i == 0 ? "inputs" : "");
        printf("%s (%s, XXH3-128 %s)\n", names[i],
            cli_bytes_text((double) sizes[i], text), hashes[i]);
    }
out:
    free(names);
    free(hashes);
    free(sizes);
    return status;
}

static int
print_provenance(const ba_bundle_t *bundle)
{
    static const char object[] = "/provenance";
    int status;

    BA_TRY(print_arguments(bundle));
    BA_TRY(print_inputs(bundle));
    print_string(bundle, object, "start");
    print_string(bundle, object, "version");
    print_string(bundle, object, "build");
    print_string(bundle, object, "blas_core");
    print_string(bundle, object, "preset");
    print_integer(bundle, object, "seed");
    print_integer(bundle, object, "threads");
out:
    return status;
}

int
cli_info_bundle(const char *name, const ba_bundle_t *bundle)
{
    int status = BA_OK;

    printf("%s\n", name);
    print_string(bundle, "/", "format");
    print_integer(bundle, "/", "format_version");
    print_string(bundle, "/", "solver");
    print_string(bundle, "/", "precision");
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
        BA_TRY(print_array(bundle, arrays[i]));
    }
    BA_TRY(
        ba_bundle_has(bundle, "/spaces") ? print_spaces(bundle) : print_layers(bundle));
    BA_TRY(print_provenance(bundle));
out:
    return status;
}
