/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "datasets/provenance.h"

#include "brainalign/hash.h"
#include "brainalign/source.h"
#include "brainalign/version.h"
#include "core/alloc.h"
#include "core/resource.h"

#include <string.h>

/* The distinct files behind a data set; names are borrowed. */
typedef struct {
    const char **names;
    size_t n, room;
} files_t;

ba_provenance_t
ba_provenance_start(const ba_ctx_t *ctx, int argc, const char *const *argv)
{
    ba_provenance_t provenance = {.ctx = ctx, .argc = argc, .argv = argv};

    ba_utc_now(provenance.start);
    provenance.start_seconds = ba_seconds();
    return provenance;
}

static int
add_file(files_t *files, const char *name)
{
    for (size_t i = 0; i < files->n; i++) {
        if (strcmp(files->names[i], name) == 0) {
            return BA_OK;
        }
    }
    if (files->n == files->room) {
        size_t room = files->room ? 2 * files->room : 16;
        const char **grown = ba_realloc(files->names, room, sizeof *grown);

        if (!grown) {
            return BA_NOMEM;
        }
        files->names = grown;
        files->room = room;
    }
    files->names[files->n++] = name;
    return BA_OK;
}

static int
add_source(files_t *files, const ba_source_t *source)
{
    int status = BA_OK;
    const char *name;

    for (size_t i = 0; source && (name = ba_source_file(source, i)) != NULL; i++) {
        BA_TRY(add_file(files, name));
    }
out:
    return status;
}

static int
add_part(files_t *files, const ba_dataset_part_t *part, size_t n_spaces)
{
    int status = BA_OK;

    for (size_t k = 0; part->features && k < n_spaces; k++) {
        BA_TRY(add_source(files, part->features[k]));
    }
    BA_TRY(add_source(files, part->responses));
    for (size_t k = 0; part->run_responses && part->run_responses[k]; k++) {
        BA_TRY(add_source(files, part->run_responses[k]));
    }
    BA_TRY(add_source(files, part->nuisance));
out:
    return status;
}

static int
write_files(ba_bundle_t *bundle, const files_t *files)
{
    int status = BA_OK;
    char(*hex)[33] = NULL;
    const char **hashes = NULL;
    uint64_t *sizes = NULL;

    BA_TRY_ALLOC(hex, ba_malloc(files->n, sizeof *hex));
    BA_TRY_ALLOC(hashes, ba_malloc(files->n, sizeof *hashes));
    BA_TRY_ALLOC(sizes, ba_malloc(files->n, sizeof *sizes));
    for (size_t i = 0; i < files->n; i++) {
        BA_TRY(ba_hash_file(files->names[i], hex[i], &sizes[i]));
        hashes[i] = hex[i];
    }
    BA_TRY(ba_bundle_write_strings(bundle, "/provenance/inputs", files->n, files->names));
    BA_TRY(
        ba_bundle_write_strings(bundle, "/provenance/input_xxh3_128", files->n, hashes));
    BA_TRY(
        ba_bundle_write(bundle, "/provenance/input_bytes", BA_U64, 1, &files->n, sizes));
out:
    ba_free(hex);
    ba_free(hashes);
    ba_free(sizes);
    return status;
}

static int
write_numbers(const ba_provenance_t *provenance, ba_bundle_t *bundle)
{
    int status = BA_OK;
    double seconds = ba_seconds() - provenance->start_seconds;
    int64_t seed = provenance->ctx ? (int64_t) provenance->ctx->seed : 0;
    int64_t threads = ba_ctx_threads(provenance->ctx);
    int64_t peak = (int64_t) ba_peak_bytes();

    BA_TRY(ba_bundle_attr_i64(bundle, "/provenance", "seed", 1, &seed));
    BA_TRY(ba_bundle_attr_i64(bundle, "/provenance", "threads", 1, &threads));
    BA_TRY(ba_bundle_attr_f64(bundle, "/provenance", "wall_seconds", 1, &seconds));
    BA_TRY(ba_bundle_attr_i64(bundle, "/provenance", "peak_bytes", 1, &peak));
out:
    return status;
}

int
ba_provenance_write(const ba_provenance_t *provenance, const ba_dataset_t *dataset,
    const char *const *more, ba_bundle_t *bundle)
{
    int status = BA_OK;
    files_t files = {0};

    BA_TRY(add_part(&files, &dataset->train, dataset->n_spaces));
    BA_TRY(add_part(&files, &dataset->test, dataset->n_spaces));
    for (size_t i = 0; i < dataset->n_other_files; i++) {
        BA_TRY(add_file(&files, dataset->other_files[i]));
    }
    for (; more && *more; more++) {
        BA_TRY(add_file(&files, *more));
    }
    if (files.n > 0) {
        BA_TRY(write_files(bundle, &files));
    }
    if (provenance->argc > 0) {
        BA_TRY(ba_bundle_write_strings(bundle, "/provenance/arguments",
            (size_t) provenance->argc, provenance->argv));
    }
    BA_TRY(ba_bundle_attr_string(bundle, "/provenance", "version", ba_version()));
    BA_TRY(ba_bundle_attr_string(bundle, "/provenance", "build", ba_version_build()));
    BA_TRY(ba_bundle_attr_string(
        bundle, "/provenance", "blas_core", ba_version_blas_core()));
    BA_TRY(ba_bundle_attr_string(bundle, "/provenance", "start", provenance->start));
    BA_TRY(write_numbers(provenance, bundle));
out:
    ba_free(files.names);
    return status;
}

int
ba_input_files_add(ba_input_files_t *files, const char *file)
{
    int status = BA_OK;
    char **grown;

    if (!file) {
        return BA_OK;
    }
    BA_TRY_ALLOC(grown, ba_realloc(files->names, files->n + 2, sizeof *grown));
    files->names = grown;
    grown[files->n] = grown[files->n + 1] = NULL;
    BA_TRY_ALLOC(grown[files->n], ba_strdup(file));
    files->n++;
out:
    return status;
}

int
ba_input_files_add_spec(ba_input_files_t *files, const char *spec)
{
    int status = BA_OK;
    ba_spec_t parts;

    if (!spec) {
        return BA_OK;
    }
    BA_TRY(ba_spec_parse(spec, &parts));
    status = ba_input_files_add(files, parts.file);
    ba_spec_free(&parts);
out:
    return status;
}

void
ba_input_files_free(ba_input_files_t *files)
{
    for (size_t i = 0; i < files->n; i++) {
        ba_free(files->names[i]);
    }
    ba_free(files->names);
    *files = (ba_input_files_t){0};
}
