/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables and images of a synthetic study. */
#include "datasets/synth_impl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "brainalign/table.h"
#include "core/alloc.h"
#include "io/nifti_write.h"

static const double VOXEL_MM = 3;

int
ba_synth_check_folder(const char *folder)
{
    static const char *const files[] = {"study.h5", "truth.h5", "runs.tsv", "words.tsv",
        "neurons.tsv", "mask.nii.gz", "rois.nii.gz"};

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char *path = ba_asprintf("%s/%s", folder, files[i]);
        int exists;

        if (!path) {
            return BA_NOMEM;
        }
        exists = access(path, F_OK) == 0;
        ba_free(path);
        if (exists) {
            return ba_fail(BA_EXISTS, "%s: a study stands there (%s)", folder, files[i]);
        }
    }
    return BA_OK;
}

static int
create_table(const char *folder, const char *name, int force, ba_table_writer_t **out)
{
    char *path = ba_asprintf("%s/%s", folder, name);
    int status;

    if (!path) {
        return BA_NOMEM;
    }
    status = ba_table_create(path, force, out);
    ba_free(path);
    return status;
}

static int
put_row(ba_table_writer_t *table, size_t n, const char *const *cells)
{
    int status = BA_OK;

    for (size_t i = 0; i < n; i++) {
        BA_TRY(ba_table_put_text(table, cells[i]));
    }
    BA_TRY(ba_table_end_row(table));
out:
    return status;
}

static const char *
concept_name(const synth_study_t *study, int32_t concept)
{
    return concept < 0 ? "n/a" : study->language.concept_names[concept];
}

static int
write_words(const synth_study_t *study, const char *folder, int force)
{
    static const char *const header[] = {"run", "onset", "duration", "word", "concept"};
    const synth_language_t *language = &study->language;
    ba_table_writer_t *table = NULL;
    int status;

    BA_TRY(create_table(folder, "words.tsv", force, &table));
    BA_TRY(put_row(table, 5, header));
    for (size_t i = 0; i < language->n_words; i++) {
        const synth_word_t *word = &language->words[i];

        BA_TRY(ba_table_put_integer(table, (int64_t) word->run + 1));
        BA_TRY(ba_table_put_number(table, word->onset, 9));
        BA_TRY(ba_table_put_number(table, word->duration, 9));
        BA_TRY(ba_table_put_text(table, language->tokens[word->word]));
        BA_TRY(ba_table_put_text(
            table, concept_name(study, language->concepts[word->word])));
        BA_TRY(ba_table_end_row(table));
    }
    BA_TRY(ba_table_commit(table));
out:
    ba_table_writer_free(table);
    return status;
}

static int
write_neurons(const synth_study_t *study, const char *folder, int force)
{
    static const char *const header[] = {
        "neuron", "layer", "component", "unit", "concept"};
    size_t size = study->opts.layer_size;
    ba_table_writer_t *table = NULL;
    int status;

    BA_TRY(create_table(folder, "neurons.tsv", force, &table));
    BA_TRY(put_row(table, 5, header));
    for (size_t i = 0; i < study->opts.n_layers * size; i++) {
        BA_TRY(ba_table_put_integer(table, (int64_t) i));
        BA_TRY(ba_table_put_integer(table, (int64_t) (i / size) + 1));
        BA_TRY(ba_table_put_text(table, "hidden"));
        BA_TRY(ba_table_put_integer(table, (int64_t) (i % size)));
        BA_TRY(ba_table_put_text(table, concept_name(study, study->planted[i])));
        BA_TRY(ba_table_end_row(table));
    }
    BA_TRY(ba_table_commit(table));
out:
    ba_table_writer_free(table);
    return status;
}

/* File of recording k, from the study's folder: training runs, then repeats of the test
 * run. NULL = BA_NOMEM. */
static char *
bold_name(const synth_study_t *study, size_t k)
{
    size_t n = study->opts.n_runs;

    if (k < n) {
        return ba_asprintf("bold/run-%02zu_bold.nii.gz", k + 1);
    }
    return ba_asprintf("bold/run-%02zu_repeat-%02zu_bold.nii.gz", n + 1, k - n + 1);
}

static int
put_formatted(ba_table_writer_t *table, char *text)
{
    int status = text ? ba_table_put_text(table, text) : BA_NOMEM;

    ba_free(text);
    return status;
}

/* Features of recording k: rows of study.h5. */
static int
put_features(
    const synth_study_t *study, size_t k, const char *space, ba_table_writer_t *table)
{
    size_t n = study->opts.run_length;

    if (k >= study->opts.n_runs) {
        return put_formatted(table, ba_asprintf("study.h5:/test/features/%s", space));
    }
    return put_formatted(
        table, ba_asprintf("study.h5:/features/%s[%zu:%zu,]", space, k * n, (k + 1) * n));
}

static int
write_recording(const synth_study_t *study, size_t k, ba_table_writer_t *table)
{
    size_t n_runs = study->opts.n_runs, n_layers = study->opts.n_layers;
    int is_test = k >= n_runs, status;

    BA_TRY(ba_table_put_integer(table, (int64_t) (is_test ? n_runs : k) + 1));
    BA_TRY(ba_table_put_text(table, is_test ? "test" : "train"));
    if (is_test) {
        BA_TRY(ba_table_put_integer(table, (int64_t) (k - n_runs) + 1));
    } else {
        BA_TRY(ba_table_put_text(table, "n/a"));
    }
    BA_TRY(put_formatted(table, bold_name(study, k)));
    for (size_t layer = 0; layer <= n_layers; layer++) {
        char name[32];

        snprintf(name, sizeof name, "layer_%zu", layer + 1);
        BA_TRY(put_features(study, k, layer < n_layers ? name : "word_rate", table));
    }
    BA_TRY(ba_table_end_row(table));
out:
    return status;
}

static int
write_runs(const synth_study_t *study, const char *folder, int force)
{
    static const char *const header[] = {"run", "role", "repeat", "responses"};
    ba_table_writer_t *table = NULL;
    int status;

    BA_TRY(create_table(folder, "runs.tsv", force, &table));
    for (size_t i = 0; i < 4; i++) {
        BA_TRY(ba_table_put_text(table, header[i]));
    }
    for (size_t layer = 1; layer <= study->opts.n_layers; layer++) {
        BA_TRY(put_formatted(table, ba_asprintf("features:layer_%zu", layer)));
    }
    BA_TRY(ba_table_put_text(table, "features:word_rate"));
    BA_TRY(ba_table_end_row(table));
    for (size_t k = 0; k < study->opts.n_runs + study->opts.n_test_repeats; k++) {
        BA_TRY(write_recording(study, k, table));
    }
    BA_TRY(ba_table_commit(table));
out:
    ba_table_writer_free(table);
    return status;
}

int
ba_synth_write_tables(const synth_study_t *study, const char *folder, int force)
{
    int status;

    BA_TRY(write_words(study, folder, force));
    BA_TRY(write_neurons(study, folder, force));
    BA_TRY(write_runs(study, folder, force));
out:
    return status;
}

/* What an image shows: recordings, or numbers that belong to the voxels. */
typedef struct {
    const synth_study_t *study;
    const float *rows;  /* n_volumes x n_voxels of a recording, else NULL */
    const int32_t *roi; /* regions, else NULL: then 1 everywhere */
} picture_t;

static int
paint(void *payload, size_t t, float *values)
{
    const picture_t *picture = payload;
    const synth_brain_t *brain = &picture->study->brain;
    const ba_synth_opts_t *opts = &picture->study->opts;

    memset(values, 0, opts->n_x * opts->n_y * opts->n_z * sizeof *values);
    for (size_t v = 0; v < brain->n_voxels; v++) {
        float value = 1;

        if (picture->rows) {
            value = picture->rows[t * brain->n_voxels + v];
        } else if (picture->roi) {
            value = (float) (picture->roi[v] + 1);
        }
        values[brain->grid[v]] = value;
    }
    return ba_ctx_check(picture->study->ctx);
}

static int
write_image(picture_t *picture, const char *folder, const char *name, int force)
{
    const ba_synth_opts_t *opts = &picture->study->opts;
    ba_nifti_series_t series = {.shape = {opts->n_x, opts->n_y, opts->n_z},
        .n_volumes = picture->rows ? opts->run_length : 1,
        .type = picture->rows ? BA_NIFTI_F32 : BA_NIFTI_I16,
        .tr = opts->tr,
        .description = "brainalign synthetic study"};
    char *path = ba_asprintf("%s/%s", folder, name);
    int status;

    if (!path) {
        return BA_NOMEM;
    }
    for (size_t i = 0; i < 3; i++) {
        series.affine[5 * i] = VOXEL_MM;
        series.affine[4 * i + 3] = -0.5 * VOXEL_MM * ((double) series.shape[i] - 1);
    }
    status = ba_nifti_write_series(&series, paint, picture, path, force);
    ba_free(path);
    return status;
}

int
ba_synth_write_images(const synth_study_t *study, const char *folder, int force)
{
    const synth_brain_t *brain = &study->brain;
    size_t n = study->opts.n_runs + study->opts.n_test_repeats;
    picture_t picture = {.study = study};
    char *name = NULL;
    int status;

    BA_TRY(write_image(&picture, folder, "mask.nii.gz", force));
    picture.roi = brain->roi;
    BA_TRY(write_image(&picture, folder, "rois.nii.gz", force));
    for (size_t k = 0; k < n; k++) {
        ba_ctx_progress(study->ctx, "images", (double) k, (double) n);
        BA_TRY_ALLOC(name, bold_name(study, k));
        picture.rows = brain->responses + k * study->opts.run_length * brain->n_voxels;
        BA_TRY(write_image(&picture, folder, name, force));
        ba_free(name);
        name = NULL;
    }
    ba_ctx_progress(study->ctx, "images", (double) n, (double) n);
out:
    ba_free(name);
    return status;
}
