/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A partition as a file and as a table. */
#include "encode/partition_impl.h"

#include "brainalign/table.h"
#include "core/alloc.h"
#include "encode/encoder_file.h"

#include <stdio.h>
#include <string.h>

/* ---- the file ---- */

static int
write_rows(
    ba_bundle_t *bundle, const char *path, size_t n_rows, size_t n, const double *values)
{
    return ba_bundle_write(bundle, path, BA_F64, 2, (size_t[]){n_rows, n}, values);
}

/* "A+B" */
static int
name_sets(const ba_partition_t *partition, char ***names)
{
    int status = BA_OK;
    const ba_parts_t *parts = &partition->parts;

    BA_TRY_ALLOC(*names, ba_calloc(parts->n_models, sizeof **names));
    for (size_t m = 0; m < parts->n_models; m++) {
        char *name = ba_strdup("");

        for (size_t k = 0; name && k < parts->n_spaces; k++) {
            if (parts->sets[m] >> k & 1) {
                char *longer = ba_asprintf("%s%s%s", name, name[0] ? "+" : "",
                    partition->dataset->space_names[k]);

                ba_free(name);
                name = longer;
            }
        }
        BA_TRY_ALLOC((*names)[m], name);
    }
out:
    return status;
}

static void
free_names(char **names, size_t n)
{
    for (size_t m = 0; names && m < n; m++) {
        ba_free(names[m]);
    }
    ba_free(names);
}

static int
write_models(const ba_partition_t *partition, ba_bundle_t *bundle)
{
    int status = BA_OK;
    const ba_parts_t *parts = &partition->parts;
    const ba_fit_result_t *result = &partition->result;
    size_t n = parts->n_models, v = result->n_targets, n_spaces = parts->n_spaces;
    uint8_t *members = NULL;
    char **names = NULL;

    BA_TRY_ALLOC(members, ba_malloc(n, n_spaces));
    for (size_t i = 0; i < n * n_spaces; i++) {
        members[i] = (uint8_t) (parts->sets[i / n_spaces] >> (i % n_spaces) & 1);
    }
    BA_TRY(name_sets(partition, &names));
    BA_TRY(
        ba_bundle_write_strings(bundle, "/models/name", n, (const char *const *) names));
    BA_TRY(ba_bundle_write(
        bundle, "/models/spaces", BA_U8, 2, (size_t[]){n, n_spaces}, members));
    BA_TRY(ba_bundle_write_strings(bundle, "/features/space_names", n_spaces,
        (const char *const *) partition->dataset->space_names));
    BA_TRY(write_rows(bundle, "/models/r", n, v, partition->r));
    BA_TRY(write_rows(bundle, "/models/r2", n, v, partition->r2));
    BA_TRY(ba_bundle_write(bundle, "/models/r2_by_fold", BA_F64, 3,
        (size_t[]){n, result->n_outer, v}, result->model_r2_by_fold));
    if (partition->n_components > 0) {
        BA_TRY(write_rows(bundle, "/components", n, v, partition->components));
    }
out:
    ba_free(members);
    free_names(names, n);
    return status;
}

static int
write_tests(const ba_partition_t *partition, ba_bundle_t *bundle)
{
    int status = BA_OK;
    size_t n = partition->parts.n_spaces, v = partition->result.n_targets;
    char words[BA_INFERENCE_WORDS];
    double *rows = NULL, smallest;
    int64_t permutations;

    if (!partition->tests) {
        return BA_OK;
    }
    BA_TRY_ALLOC(rows, ba_malloc(n, v * sizeof *rows));
    for (size_t i = 0; i < 3; i++) {
        static const char *const paths[] = {"/parts/p", "/parts/q", "/parts/p_fwe"};

        for (size_t k = 0; k < n; k++) {
            const ba_test_t *test = &partition->tests[k];
            const double *from[] = {test->p, test->q, test->p_fwe};

            memcpy(rows + k * v, from[i], v * sizeof *rows);
        }
        BA_TRY(write_rows(bundle, paths[i], n, v, rows));
    }
    ba_inference_null_words(&partition->opts->inference.null, 0, words);
    permutations = (int64_t) partition->tests[0].info.n_permutations;
    smallest = partition->tests[0].info.smallest_p;
    BA_TRY(ba_bundle_attr_string(bundle, "/parts", "null", words));
    BA_TRY(ba_bundle_attr_i64(bundle, "/parts", "n_permutations", 1, &permutations));
    BA_TRY(ba_bundle_attr_f64(bundle, "/parts", "smallest_p", 1, &smallest));
out:
    ba_free(rows);
    return status;
}

static int
write_bundle(const ba_partition_t *partition, const ba_provenance_t *provenance,
    const ba_fit_info_t *info, ba_bundle_t *bundle)
{
    int status;
    const ba_fit_result_t *result = &partition->result;
    size_t v = result->n_targets, n = partition->parts.n_spaces;
    int64_t range[2] = {
        (int64_t) result->target_start, (int64_t) (result->target_start + v)};
    int64_t n_samples = (int64_t) result->n_samples;

    BA_TRY(ba_bundle_attr_string(bundle, "/", "format", "brainalign-partition"));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "format_version", 1, (int64_t[]){1}));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "target_range", 2, range));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "n_samples", 1, &n_samples));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "solver_reason", info->reason));
    BA_TRY(write_models(partition, bundle));
    BA_TRY(write_rows(bundle, "/parts/unique", n, v, partition->unique));
    BA_TRY(write_rows(bundle, "/parts/total", n, v, partition->total));
    BA_TRY(write_rows(bundle, "/parts/shared", n, v, partition->shared));
    BA_TRY(write_tests(partition, bundle));
    BA_TRY(ba_bundle_write(bundle, "/splits/outer", BA_I32, 1,
        (size_t[]){result->n_samples}, result->outer_fold));
    BA_TRY(ba_encoder_file_targets(bundle, partition->dataset, result->target_start, v));
    BA_TRY(ba_encoder_file_status(bundle, v, result->status));
    BA_TRY(ba_provenance_write(provenance, partition->dataset,
        (const char *const *) partition->job.id_files, bundle));
out:
    return status;
}

/* ---- the table ---- */

static int
put_name(ba_table_writer_t *table, const char *start, const char *name)
{
    int status = BA_OK;
    char *text;

    BA_TRY_ALLOC(text, ba_asprintf("%s:%s", start, name));
    BA_TRY(ba_table_put_text(table, text));
out:
    ba_free(text);
    return status;
}

static int
write_header(ba_table_writer_t *table, const ba_partition_t *partition, char **names)
{
    int status;
    static const char *const of_space[] = {"total", "unique", "shared", "p", "q"};
    size_t n = partition->tests ? 5 : 3;

    BA_TRY(ba_table_put_text(table, "target"));
    BA_TRY(ba_table_put_text(table, "name"));
    BA_TRY(ba_table_put_text(table, "r2"));
    for (size_t k = 0; k < partition->parts.n_spaces; k++) {
        for (size_t i = 0; i < n; i++) {
            BA_TRY(put_name(table, of_space[i], partition->dataset->space_names[k]));
        }
    }
    for (size_t m = 0; m < partition->n_components; m++) {
        BA_TRY(put_name(table, "component", names[m]));
    }
    BA_TRY(ba_table_put_text(table, "status"));
    BA_TRY(ba_table_end_row(table));
out:
    return status;
}

static int
write_row(ba_table_writer_t *table, const ba_partition_t *partition, size_t t)
{
    int status = BA_OK;
    static const char *const words[] = {
#define STATUS_NAME(name, value, text) text,
        BA_TARGET_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
    };
    const ba_parts_t *parts = &partition->parts;
    size_t v = partition->result.n_targets, target = partition->result.target_start + t;
    char buffer[64];
    const char *label = ba_dataset_target_label(partition->dataset, target, buffer);

    BA_TRY(ba_table_put_integer(table, (int64_t) target));
    BA_TRY(ba_table_put_text(table, label ? label : "n/a"));
    BA_TRY(ba_table_put_number(table, partition->r2[(parts->n_models - 1) * v + t], 7));
    for (size_t k = 0; k < parts->n_spaces; k++) {
        BA_TRY(ba_table_put_number(table, partition->total[k * v + t], 7));
        BA_TRY(ba_table_put_number(table, partition->unique[k * v + t], 7));
        BA_TRY(ba_table_put_number(table, partition->shared[k * v + t], 7));
        if (partition->tests) {
            BA_TRY(ba_table_put_number(table, partition->tests[k].p[t], 7));
            BA_TRY(ba_table_put_number(table, partition->tests[k].q[t], 7));
        }
    }
    for (size_t m = 0; m < partition->n_components; m++) {
        BA_TRY(ba_table_put_number(table, partition->components[m * v + t], 7));
    }
    BA_TRY(ba_table_put_text(table, words[partition->result.status[t]]));
    BA_TRY(ba_table_end_row(table));
out:
    return status;
}

static int
write_table(const ba_partition_t *partition, ba_table_writer_t **out)
{
    int status = BA_OK;
    char **names = NULL;

    if (!partition->opts->table) {
        return BA_OK;
    }
    BA_TRY(ba_table_create(partition->opts->table, partition->opts->force, out));
    BA_TRY(name_sets(partition, &names));
    BA_TRY(write_header(*out, partition, names));
    for (size_t t = 0; t < partition->result.n_targets; t++) {
        BA_TRY(write_row(*out, partition, t));
    }
    BA_TRY(ba_table_finish(*out));
out:
    free_names(names, partition->parts.n_models);
    return status;
}

int
ba_partition_write(const ba_partition_t *partition, const ba_provenance_t *provenance,
    const ba_fit_info_t *info)
{
    int status;
    ba_bundle_t *bundle = NULL;
    ba_table_writer_t *table = NULL;

    BA_TRY(ba_bundle_create(partition->opts->output, partition->opts->force, &bundle));
    BA_TRY(write_bundle(partition, provenance, info, bundle));
    BA_TRY(write_table(partition, &table));
    BA_TRY(ba_bundle_commit(bundle));
    if (table) {
        BA_TRY(ba_table_commit(table));
    }
out:
    ba_table_writer_free(table);
    ba_bundle_free(bundle);
    return status;
}
