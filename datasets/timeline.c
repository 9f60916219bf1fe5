/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "datasets/timeline.h"

#include "core/alloc.h"
#include "datasets/provenance.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

ba_prepare_opts_t
ba_prepare_opts_default(void)
{
    return (ba_prepare_opts_t){.scan = {.slice_time = (double) NAN},
        .resample = BA_PREPARE_LANCZOS,
        .window = 3,
        .cutoff_mult = 1,
        .controls = BA_CONTROL_WORD_RATE | BA_CONTROL_WORD_LENGTH | BA_CONTROL_SURPRISAL |
                    BA_CONTROL_POSITION,
        .control_resample = -1,
        .oasm_sigma = 1};
}

static int
check_opts(const ba_prepare_opts_t *opts)
{
    int has_events = opts->resample == BA_PREPARE_EVENTS ||
                     opts->control_resample == (int) BA_PREPARE_EVENTS;

    if (!(opts->window > 0) || !isfinite(opts->window)) {
        return ba_fail(BA_VALUE, "window: found %g, wanted a positive number of lobes",
            opts->window);
    }
    if (!(opts->cutoff_mult > 0) || !isfinite(opts->cutoff_mult)) {
        return ba_fail(
            BA_VALUE, "cutoff: found %g, wanted a positive multiple", opts->cutoff_mult);
    }
    if (!(opts->oasm_sigma > 0) || !isfinite(opts->oasm_sigma)) {
        return ba_fail(BA_VALUE, "OASM: sigma %g, wanted a positive number of samples",
            opts->oasm_sigma);
    }
    if (has_events && opts->hrf == BA_PREPARE_HRF_NONE) {
        return ba_fail(BA_VALUE,
            "resampling: events without a haemodynamic response, wanted one (spm or "
            "glover)");
    }
    if (opts->boxcar &&
        (opts->hrf == BA_PREPARE_HRF_NONE || opts->resample != BA_PREPARE_EVENTS)) {
        return ba_fail(BA_VALUE,
            "events: lasting ones without words as events of a haemodynamic response");
    }
    if (opts->n_activations == 0 && opts->controls == 0) {
        return ba_fail(BA_VALUE, "nothing to write: no activations and no controls");
    }
    return BA_OK;
}

static int
open_responses(ba_timeline_t *timeline)
{
    const ba_source_opts_t opts = {.mask = timeline->opts->mask, .max_rank = 3};

    return timeline->opts->responses
               ? ba_source_open(timeline->ctx, timeline->opts->responses, &opts,
                     &timeline->responses)
               : BA_OK;
}

/* Without activations a file of token words has nothing to pool. */
static int
open_tokens(ba_timeline_t *timeline)
{
    const char *spec = timeline->opts->token_words;

    return spec ? ba_tokens_read(
                      timeline->ctx, spec, timeline->words.n_words, &timeline->tokens)
                : BA_OK;
}

static int
open_all(ba_timeline_t *timeline)
{
    const ba_prepare_opts_t *opts = timeline->opts;
    ba_prepare_info_t *info = &timeline->info;
    int status;

    BA_TRY(open_responses(timeline));
    BA_TRY(ba_words_read(&opts->words, &timeline->words));
    info->n_runs = timeline->words.n_runs;
    info->n_words = timeline->words.n_words;
    info->n_missing = timeline->words.n_missing;
    BA_TRY(ba_scan_read(timeline->ctx, &opts->scan, info->n_runs, opts->responses,
        timeline->responses ? ba_source_n_rows(timeline->responses) : 0,
        &timeline->scan));
    info->n_volumes = timeline->scan.runs.n_samples;
    BA_TRY(ba_timeline_place(timeline));
    BA_TRY(open_tokens(timeline));
    BA_TRY(ba_timeline_open_spaces(timeline));
    info->controls = ba_timeline_controls(timeline);
    if (info->n_spaces == 0 && info->controls == 0) {
        BA_TRY(ba_fail(BA_FORMAT,
            "%s: nothing to write: no activations, and no column for the controls",
            opts->words.files[0]));
    }
out:
    return status;
}

static void
note_findings(const ba_timeline_t *timeline)
{
    const ba_prepare_info_t *info = &timeline->info;

    if (info->n_missing > 0) {
        ba_ctx_log(timeline->ctx, BA_LOG_INFO,
            "%zu of %zu words have no time (n/a) and are left out", info->n_missing,
            info->n_words);
    }
    if (info->n_overlapping > 0) {
        ba_ctx_log(timeline->ctx, BA_LOG_WARNING,
            "%zu of %zu words begin before the words before them end",
            info->n_overlapping, info->n_words);
    }
    if (info->n_outside > 0) {
        ba_ctx_log(timeline->ctx, BA_LOG_WARNING,
            "%zu of %zu words lie outside the volumes of their run", info->n_outside,
            info->n_words);
    }
    if (timeline->words.surprisal && timeline->words.n_no_surprisal > 0) {
        ba_ctx_log(timeline->ctx, BA_LOG_INFO,
            "%zu of %zu words have no surprisal (n/a): 0 is taken",
            timeline->words.n_no_surprisal, info->n_words);
    }
}

static size_t
count_files(const ba_timeline_t *timeline)
{
    size_t n = timeline->words.n_runs + timeline->scan.n_files + 2;

    for (size_t s = 0; s < timeline->n_spaces; s++) {
        for (size_t i = 0; ba_source_file(timeline->spaces[s].source, i); i++) {
            n++;
        }
    }
    for (size_t i = 0; timeline->responses && ba_source_file(timeline->responses, i);
         i++) {
        n++;
    }
    return n;
}

/* Every file that is read, NULL at the end; the caller frees the list. */
static int
list_files(const ba_timeline_t *timeline, const char ***out)
{
    const char *file;
    size_t n = 0;
    int status = BA_OK;

    BA_TRY_ALLOC(*out, ba_calloc(count_files(timeline), sizeof **out));
    for (size_t k = 0; k < timeline->words.n_runs; k++) {
        (*out)[n++] = timeline->words.files[k];
    }
    for (size_t k = 0; k < timeline->scan.n_files; k++) {
        (*out)[n++] = timeline->scan.files[k];
    }
    if (timeline->tokens.file) {
        (*out)[n++] = timeline->tokens.file;
    }
    for (size_t s = 0; s < timeline->n_spaces; s++) {
        for (size_t i = 0; (file = ba_source_file(timeline->spaces[s].source, i)) != NULL;
             i++) {
            (*out)[n++] = file;
        }
    }
    for (size_t i = 0;
         timeline->responses && (file = ba_source_file(timeline->responses, i)) != NULL;
         i++) {
        (*out)[n++] = file;
    }
out:
    return status;
}

static int
check_output(const char *output, const char *const *files)
{
    struct stat at, input;

    if (stat(output, &at) != 0) {
        return BA_OK;
    }
    for (; *files; files++) {
        if (stat(*files, &input) == 0 && input.st_dev == at.st_dev &&
            input.st_ino == at.st_ino) {
            return ba_fail(
                BA_VALUE, "%s: output and input at once, wanted another name", output);
        }
    }
    return BA_OK;
}

static int
write_all(ba_timeline_t *timeline, const ba_provenance_t *provenance)
{
    const ba_prepare_opts_t *opts = timeline->opts;
    const ba_dataset_t nothing = {0};
    const char **files = NULL;
    ba_bundle_t *bundle = NULL;
    int status;

    BA_TRY(list_files(timeline, &files));
    BA_TRY(check_output(opts->output, files));
    BA_TRY(ba_bundle_create(opts->output, opts->force, &bundle));
    if (opts->dry_run) {
        goto out;
    }
    BA_TRY(ba_timeline_write_features(timeline, bundle));
    BA_TRY(ba_timeline_write_controls(timeline, bundle));
    BA_TRY(ba_timeline_write_frame(timeline, bundle));
    BA_TRY(ba_provenance_write(provenance, &nothing, files, bundle));
    BA_TRY(ba_bundle_commit(bundle));
out:
    ba_bundle_free(bundle);
    ba_free(files);
    return status;
}

int
ba_prepare(const ba_ctx_t *ctx, const ba_prepare_opts_t *opts, ba_prepare_info_t *info)
{
    ba_timeline_t timeline = {.ctx = ctx, .opts = opts};
    ba_provenance_t provenance = ba_provenance_start(ctx, opts->argc, opts->argv);
    int status;

    BA_TRY(check_opts(opts));
    BA_TRY(open_all(&timeline));
    note_findings(&timeline);
    BA_TRY(write_all(&timeline, &provenance));
    if (info) {
        *info = timeline.info;
    }
out:
    ba_timeline_free_spaces(&timeline);
    ba_source_close(timeline.responses);
    ba_tokens_free(&timeline.tokens);
    ba_scan_free(&timeline.scan);
    ba_words_free(&timeline.words);
    ba_free(timeline.items);
    ba_free(timeline.first_item);
    ba_free(timeline.onset);
    ba_free(timeline.offset);
    return status;
}
