/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Responses of several subjects in one space. A subject is read twice in blocks of columns,
 * first for its alignment samples, then, when the alignment is known, for all others, which
 * are projected as they come: of whole responses only the alignment samples are in memory. */
#include "decode/decoder_reading.h"
#include "decode/decoder_study.h"

#include "core/alloc.h"
#include "model/alignment_impl.h"

#include "brainalign/hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One subject. */
typedef struct {
    size_t n_columns, n_runs, *runs; /* recorded runs, alignment runs first as given */
    size_t n_aligning;               /* samples of these */
    ba_reading_t reading;
    unsigned char *is_used; /* n_columns */
    double *block;          /* samples that do not align x BA_READING_COLUMNS */
} subject_t;

static void
subject_free(subject_t *subject)
{
    ba_free(subject->runs);
    ba_reading_free(&subject->reading);
    ba_free(subject->is_used);
    ba_free(subject->block);
    *subject = (subject_t){0};
}

/* Alignment runs in the order given, the same for all subjects, then the others. */
static void
list_runs(const ba_study_t *study, size_t s, subject_t *out)
{
    for (size_t k = 0; k < study->n_aligning; k++) {
        for (size_t r = 0; r < study->n_runs; r++) {
            if (study->subject_of[r] == s &&
                study->stimulus_of[r] == study->aligning[k]) {
                out->runs[out->n_runs++] = r;
            }
        }
    }
    for (size_t r = 0; r < study->n_runs; r++) {
        if (study->subject_of[r] == s && !study->is_aligning[r]) {
            out->runs[out->n_runs++] = r;
        }
    }
}

static int
check_columns(const ba_dataset_part_t *part, const subject_t *subject, const char *name)
{
    for (size_t k = 1; k < subject->n_runs; k++) {
        const ba_source_t *source = part->run_responses[subject->runs[k]];

        if (ba_source_n_cols(source) != subject->n_columns) {
            return ba_fail(BA_SHAPE,
                "%s: %zu columns, but %s of the same subject '%s' has %zu",
                ba_source_name(source), ba_source_n_cols(source),
                ba_source_name(part->run_responses[subject->runs[0]]), name,
                subject->n_columns);
        }
    }
    return BA_OK;
}

static int
subject_start(const ba_dataset_part_t *part, const ba_decode_fit_opts_t *opts,
    const ba_study_t *study, size_t s, subject_t *out)
{
    int status = BA_OK;
    const ba_runs_t *runs;

    *out = (subject_t){0};
    BA_TRY_ALLOC(out->runs, ba_malloc(study->n_runs, sizeof *out->runs));
    list_runs(study, s, out);
    out->n_columns = ba_source_n_cols(part->run_responses[out->runs[0]]);
    BA_TRY(check_columns(part, out, study->subjects[s]));
    BA_TRY(ba_reading_start(part, out->runs, out->n_runs, opts, &out->reading));
    runs = out->reading.runs;
    out->n_aligning = runs->onset[study->n_aligning];
    BA_TRY_ALLOC(out->is_used, ba_malloc(out->n_columns, 1));
    BA_TRY_ALLOC(out->block, ba_malloc(runs->n_samples - out->n_aligning + 1,
                                 BA_READING_COLUMNS * sizeof *out->block));
out:
    return status;
}

/* ---- samples that stand in two runs ---- */

typedef struct {
    uint64_t hash;
    size_t sample;
} hashed_t;

static int
compare_hashes(const void *a, const void *b)
{
    const hashed_t *x = a, *y = b;

    return x->hash != y->hash ? (x->hash > y->hash) - (x->hash < y->hash)
                              : (x->sample > y->sample) - (x->sample < y->sample);
}

/* Alignment samples must be recorded nowhere else. Samples of zeros alone, as a scanner
 * without signal leaves them, are all the same and say nothing. */
static int
check_apart(const ba_dataset_part_t *part, const subject_t *subject, const uint64_t *hash)
{
    int status = BA_OK;
    const ba_runs_t *runs = subject->reading.runs;
    uint64_t zero = 0;
    hashed_t *aligning = NULL;

    for (size_t j = 0; j < subject->n_columns; j++) {
        zero = ba_hash_number(zero, 0.0);
    }
    BA_TRY_ALLOC(aligning, ba_malloc(subject->n_aligning, sizeof *aligning));
    for (size_t i = 0; i < subject->n_aligning; i++) {
        aligning[i] = (hashed_t){hash[i], i};
    }
    qsort(aligning, subject->n_aligning, sizeof *aligning, compare_hashes);
    for (size_t i = subject->n_aligning; i < runs->n_samples; i++) {
        size_t low = 0, high = subject->n_aligning;

        while (low < high) {
            size_t middle = (low + high) / 2;

            if (aligning[middle].hash < hash[i]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if (hash[i] != zero && low < subject->n_aligning &&
            aligning[low].hash == hash[i]) {
            size_t other = aligning[low].sample;
            size_t a = ba_runs_of(runs, other), b = ba_runs_of(runs, i);

            BA_TRY(ba_fail(BA_SHAPE,
                "align-runs: sample %zu of run '%s' is sample %zu of run '%s' (from 0), "
                "wanted alignment runs that serve nothing else",
                other - runs->onset[a], part->run_names[subject->runs[a]],
                i - runs->onset[b], part->run_names[subject->runs[b]]));
        }
    }
out:
    ba_free(aligning);
    return status;
}

/* ---- alignment samples ---- */

static int
read_aligning(const ba_ctx_t *ctx, const ba_dataset_part_t *part, subject_t *subject,
    double *to, size_t *n_unusable)
{
    int status = BA_OK;
    size_t n = subject->n_aligning, all = subject->reading.runs->n_samples;
    size_t n_used = 0;
    uint64_t *hash = NULL;

    BA_TRY_ALLOC(hash, ba_calloc(all, sizeof *hash));
    for (size_t first = 0; first < subject->n_columns; first += BA_READING_COLUMNS) {
        size_t left = subject->n_columns - first;
        size_t m = left < BA_READING_COLUMNS ? left : BA_READING_COLUMNS;

        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(ba_reading_columns(
            &subject->reading, first, m, subject->is_used + first, hash));
        for (size_t j = 0; j < m; j++) {
            memcpy(
                to + (first + j) * n, subject->reading.buffer + j * all, n * sizeof *to);
            n_used += subject->is_used[first + j];
        }
    }
    *n_unusable += subject->n_columns - n_used;
    if (n_used == 0) {
        BA_TRY(ba_fail(BA_NONFINITE,
            "%s: every column of the subject holds a value that is not finite, wanted "
            "responses",
            ba_source_name(part->run_responses[subject->runs[0]])));
    }
    BA_TRY(check_apart(part, subject, hash));
out:
    ba_free(hash);
    return status;
}

/* What the plan of an alignment is made of. */
typedef struct {
    size_t *n_columns, n_subjects, n_aligning;
    double longest; /* samples of a subject at most, */
    double rest;    /* and of those that do not align */
} sizes_t;

static int
find_sizes(const ba_dataset_part_t *part, const ba_study_t *study, sizes_t *out)
{
    int status = BA_OK;

    *out = (sizes_t){.n_subjects = study->n_subjects};
    BA_TRY_ALLOC(out->n_columns, ba_calloc(study->n_subjects, sizeof *out->n_columns));
    for (size_t s = 0; s < study->n_subjects; s++) {
        size_t n = 0;

        out->n_aligning = 0;
        for (size_t r = 0; r < study->n_runs; r++) {
            size_t length = part->runs.onset[r + 1] - part->runs.onset[r];

            if (study->subject_of[r] == s) {
                out->n_columns[s] = ba_source_n_cols(part->run_responses[r]);
                out->n_aligning += study->is_aligning[r] ? length : 0;
                n += length;
            }
        }
        out->longest = fmax(out->longest, (double) n);
        out->rest = fmax(out->rest, (double) (n - out->n_aligning));
    }
out:
    return status;
}

/* The alignment samples and what is made of them, then weights, what is projected and a
 * subject in blocks of columns. */
static int
plan_memory(const ba_ctx_t *ctx, const ba_dataset_part_t *part,
    const ba_alignment_opts_t *opts, const ba_study_t *study, ba_common_t *out)
{
    int status;
    sizes_t sizes;
    ba_alignment_plan_t plan;
    double samples = 0.0, projecting, allowed = (double) ba_ctx_memory(ctx);

    BA_TRY(find_sizes(part, study, &sizes));
    ba_alignment_plan(sizes.n_columns, sizes.n_subjects, sizes.n_aligning, opts, &plan);
    for (size_t s = 0; s < sizes.n_subjects; s++) {
        samples += (double) sizes.n_columns[s] * (double) sizes.n_aligning;
    }
    projecting = (double) part->n_samples * (double) plan.n_features +
                 sizes.rest * (double) plan.n_directions +
                 BA_READING_COLUMNS * (sizes.longest + sizes.rest);
    out->made = plan.made;
    out->making = fmax(
        sizeof(double) * samples + plan.making, plan.made + sizeof(double) * projecting);
    if (out->making > allowed) {
        BA_TRY(ba_fail(BA_TOO_LARGE,
            "align: %.2g MiB of alignment samples, weights and aligned responses in "
            "memory, allowed are %.2g MiB",
            out->making / 1048576, allowed / 1048576));
    }
out:
    ba_free(sizes.n_columns);
    return status;
}

static int
fit_alignment(const ba_ctx_t *ctx, const ba_dataset_part_t *part,
    const ba_decode_fit_opts_t *opts, const ba_alignment_opts_t *own,
    const ba_study_t *study, ba_common_t *out)
{
    int status = BA_OK;
    size_t n_subjects = study->n_subjects;
    ba_cdmat_t *x = NULL;
    double **values = NULL;
    subject_t subject = {0};

    BA_TRY_ALLOC(x, ba_calloc(n_subjects, sizeof *x));
    BA_TRY_ALLOC(values, ba_calloc(n_subjects, sizeof *values));
    for (size_t s = 0; s < n_subjects; s++) {
        BA_TRY(subject_start(part, opts, study, s, &subject));
        BA_TRY_ALLOC(values[s],
            ba_malloc(subject.n_aligning, subject.n_columns * sizeof **values));
        BA_TRY(read_aligning(ctx, part, &subject, values[s], &out->n_unusable));
        x[s] = (ba_cdmat_t){
            values[s], subject.n_aligning, subject.n_columns, subject.n_aligning};
        subject_free(&subject);
    }
    BA_TRY(ba_alignment_fit(ctx, x, n_subjects, own, &out->fit));
out:
    subject_free(&subject);
    for (size_t s = 0; values && s < n_subjects; s++) {
        ba_free(values[s]);
    }
    ba_free(values);
    ba_free(x);
    return status;
}

/* ---- all other samples ---- */

/* Rows of the common space from coordinates (samples that do not align x directions). */
static int
place_rows(const ba_ctx_t *ctx, const ba_dataset_part_t *part, subject_t *subject,
    ba_dmat_t coordinates, ba_common_t *out)
{
    int status = BA_OK;
    const ba_runs_t *runs = subject->reading.runs;
    size_t n = coordinates.n_rows, n_features = out->fit.n_features, *row = NULL;

    BA_TRY_ALLOC(row, ba_malloc(n, sizeof *row));
    for (size_t i = 0; i < n; i++) {
        size_t at = i + subject->n_aligning, k = ba_runs_of(runs, at);

        row[i] = part->runs.onset[subject->runs[k]] + at - runs->onset[k];
    }
    for (size_t first = 0; first < n_features; first += BA_READING_COLUMNS) {
        size_t left = n_features - first;
        size_t m = left < BA_READING_COLUMNS ? left : BA_READING_COLUMNS;

        ba_alignment_columns(
            ctx, &out->fit, coordinates, first, (ba_dmat_t){subject->block, n, m, n});
        for (size_t j = 0; j < m; j++) {
            for (size_t i = 0; i < n; i++) {
                out->values[row[i] + (first + j) * part->n_samples] =
                    subject->block[i + j * n];
            }
        }
    }
out:
    ba_free(row);
    return status;
}

static int
project_subject(const ba_ctx_t *ctx, const ba_dataset_part_t *part, subject_t *subject,
    size_t s, ba_common_t *out)
{
    int status = BA_OK;
    size_t all = subject->reading.runs->n_samples, n_rest = all - subject->n_aligning;
    size_t d = out->fit.n_directions;
    double *coordinates = NULL;

    BA_TRY_ALLOC(coordinates, ba_calloc(n_rest + 1, d * sizeof *coordinates));
    for (size_t first = 0; first < subject->n_columns; first += BA_READING_COLUMNS) {
        size_t left = subject->n_columns - first;
        size_t m = left < BA_READING_COLUMNS ? left : BA_READING_COLUMNS;

        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(ba_reading_columns(
            &subject->reading, first, m, subject->is_used + first, NULL));
        for (size_t j = 0; j < m; j++) {
            memcpy(subject->block + j * n_rest,
                subject->reading.buffer + j * all + subject->n_aligning,
                n_rest * sizeof *subject->block);
        }
        ba_alignment_add(ctx, &out->fit, s, first,
            (ba_dmat_t){subject->block, n_rest, m, n_rest},
            (ba_dmat_t){coordinates, n_rest, d, n_rest});
    }
    BA_TRY(
        place_rows(ctx, part, subject, (ba_dmat_t){coordinates, n_rest, d, n_rest}, out));
out:
    ba_free(coordinates);
    return status;
}

int
ba_common_make(const ba_ctx_t *ctx, const ba_dataset_part_t *part,
    const ba_decode_fit_opts_t *opts, const ba_study_t *study, ba_common_t *out)
{
    int status;
    size_t n = 0;
    ba_alignment_opts_t own = {.kind = opts->align,
        .n_features = opts->align_features,
        .names = study->subjects};
    subject_t subject = {0};

    *out = (ba_common_t){0};
    BA_TRY(plan_memory(ctx, part, &own, study, out));
    BA_TRY(fit_alignment(ctx, part, opts, &own, study, out));
    BA_TRY(ba_multiply(part->n_samples, out->fit.n_features, &n));
    BA_TRY_ALLOC(out->values, ba_calloc(n, sizeof *out->values));
    for (size_t s = 0; s < study->n_subjects; s++) {
        BA_TRY(subject_start(part, opts, study, s, &subject));
        BA_TRY(project_subject(ctx, part, &subject, s, out));
        subject_free(&subject);
    }
    BA_TRY(ba_source_from_memory(out->values, part->n_samples, out->fit.n_features,
        part->n_samples, "aligned responses", &out->source));
out:
    subject_free(&subject);
    return status;
}

size_t
ba_common_bytes(const ba_common_t *common)
{
    size_t n = common->source ? ba_source_n_rows(common->source) : 0;

    return (size_t) common->made + n * common->fit.n_features * sizeof *common->values;
}

void
ba_common_drop_values(ba_common_t *common)
{
    ba_source_close(common->source);
    ba_free(common->values);
    common->source = NULL;
    common->values = NULL;
}

void
ba_common_free(ba_common_t *common)
{
    ba_common_drop_values(common);
    ba_alignment_free(&common->fit);
    *common = (ba_common_t){0};
}
