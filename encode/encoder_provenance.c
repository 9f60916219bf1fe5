/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "encode/encoder_provenance.h"

#include "brainalign/encoder.h"
#include "core/alloc.h"

#include <string.h>

/* Of all shards. */
typedef struct {
    char start[32], core[64];
    double seconds;
    int64_t peak;
    int has_other_core;
} account_t;

static int
get_text(const ba_bundle_t *bundle, const char *name, char *out, size_t size)
{
    char *text = NULL;
    int status = ba_bundle_get_string(bundle, "/provenance", name, &text);

    if (status == BA_OK) {
        strncpy(out, text, size - 1);
        out[size - 1] = '\0';
    }
    ba_free(text);
    return status;
}

static int
add_shard(const char *file, account_t *account)
{
    int status;
    ba_bundle_t *bundle = NULL;
    char start[32], core[64];
    double seconds;
    int64_t peak;

    BA_TRY(ba_bundle_open(file, BA_ENCODER_FORMAT, &bundle));
    BA_TRY(get_text(bundle, "start", start, sizeof start));
    BA_TRY(get_text(bundle, "blas_core", core, sizeof core));
    BA_TRY(ba_bundle_get_f64(bundle, "/provenance", "wall_seconds", 1, &seconds, NULL));
    BA_TRY(ba_bundle_get_i64(bundle, "/provenance", "peak_bytes", 1, &peak, NULL));
    /* "2026-01-31T12:00:00Z": the order of texts is that of times. */
    if (!account->start[0] || strcmp(start, account->start) < 0) {
        memcpy(account->start, start, sizeof start);
    }
    if (!account->core[0]) {
        memcpy(account->core, core, sizeof core);
    }
    account->has_other_core |= strcmp(core, account->core) != 0;
    account->seconds += seconds;
    account->peak = peak > account->peak ? peak : account->peak;
out:
    ba_bundle_free(bundle);
    return status;
}

static int
write_files(const ba_part_t *parts, size_t n, ba_bundle_t *out)
{
    int status = BA_OK;
    const char **files = NULL;
    int64_t *ranges = NULL;

    BA_TRY_ALLOC(files, ba_malloc(n, sizeof *files));
    BA_TRY_ALLOC(ranges, ba_malloc(n, 2 * sizeof *ranges));
    for (size_t i = 0; i < n; i++) {
        files[i] = parts[i].file;
        ranges[2 * i] = (int64_t) parts[i].start;
        ranges[2 * i + 1] = (int64_t) parts[i].stop;
    }
    BA_TRY(ba_bundle_write_strings(out, "/provenance/merged_from", n, files));
    BA_TRY(ba_bundle_write(
        out, "/provenance/merged_ranges", BA_I64, 2, (size_t[]){n, 2}, ranges));
out:
    ba_free(files);
    ba_free(ranges);
    return status;
}

/* Inputs, arguments, version, fingerprint and the rest of the first shard; joining joined
 * files starts their lists of files anew. */
static int
copy_first(const ba_bundle_t *first, const ba_bundle_content_t *content, ba_bundle_t *out)
{
    int status = BA_OK;
    static const char folder[] = "/provenance/", ours[] = "/provenance/merge";

    for (size_t i = 0; i < content->n_arrays; i++) {
        const char *path = content->arrays[i].path;

        if (strncmp(path, folder, sizeof folder - 1) == 0 &&
            strncmp(path, ours, sizeof ours - 1) != 0) {
            BA_TRY(ba_bundle_copy_array(first, &content->arrays[i], out));
        }
    }
    for (size_t i = 0; i < content->n_attrs; i++) {
        if (strcmp(content->attrs[i].object, "/provenance") == 0) {
            BA_TRY(ba_bundle_copy_attr(&content->attrs[i], out));
        }
    }
out:
    return status;
}

int
ba_merged_provenance(const ba_ctx_t *ctx, const ba_part_t *parts, size_t n_parts,
    const ba_encoder_merge_opts_t *opts, const ba_bundle_t *first,
    const ba_bundle_content_t *content, ba_bundle_t *out)
{
    int status = BA_OK;
    account_t account = {0};

    for (size_t i = 0; i < n_parts; i++) {
        BA_TRY(add_shard(parts[i].file, &account));
    }
    BA_TRY(copy_first(first, content, out));
    BA_TRY(ba_bundle_attr_string(out, "/provenance", "start", account.start));
    BA_TRY(ba_bundle_attr_f64(out, "/provenance", "wall_seconds", 1, &account.seconds));
    BA_TRY(ba_bundle_attr_i64(out, "/provenance", "peak_bytes", 1, &account.peak));
    BA_TRY(write_files(parts, n_parts, out));
    if (opts->argc > 0) {
        BA_TRY(ba_bundle_write_strings(
            out, "/provenance/merge_arguments", (size_t) opts->argc, opts->argv));
    }
    if (account.has_other_core) {
        ba_ctx_log(ctx, BA_LOG_WARNING,
            "the shards were fitted by different BLAS cores: a fit in one piece could "
            "differ from them in the last bits");
    }
out:
    return status;
}
