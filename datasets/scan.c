/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "datasets/scan.h"

#include "core/alloc.h"
#include "brainalign/source.h"

#include <math.h>

static int
check_list(const char *what, size_t n, size_t n_runs)
{
    if (n > 1 && n != n_runs) {
        return ba_fail(BA_SHAPE, "%s: %zu values, but the words have %zu run%s", what, n,
            n_runs, n_runs == 1 ? "" : "s");
    }
    return BA_OK;
}

static int
check_opts(const ba_scan_opts_t *opts, size_t n_runs)
{
    int status;

    if (!(opts->tr >= 0) || !isfinite(opts->tr) ||
        (opts->tr == 0 && opts->n_times == 0)) {
        return ba_fail(
            BA_VALUE, "tr: found %g, wanted a positive number of seconds", opts->tr);
    }
    if (isinf(opts->slice_time)) {
        return ba_fail(
            BA_VALUE, "slice time: found %g, wanted a finite number", opts->slice_time);
    }
    BA_TRY(check_list("volumes", opts->n_volumes, n_runs));
    BA_TRY(check_list("stimulus start", opts->n_starts, n_runs));
    if (opts->n_times > 0 && opts->n_times != n_runs) {
        BA_TRY(ba_fail(BA_SHAPE, "times: %zu files, but the words have %zu run%s",
            opts->n_times, n_runs, n_runs == 1 ? "" : "s"));
    }
    for (size_t k = 0; k < opts->n_starts; k++) {
        if (!isfinite(opts->stimulus_start[k])) {
            BA_TRY(ba_fail(BA_VALUE, "stimulus start: found %g, wanted finite seconds",
                opts->stimulus_start[k]));
        }
    }
out:
    return status;
}

/* Volumes of a run as listed; 0 = not listed. */
static size_t
listed(const ba_scan_opts_t *opts, size_t k)
{
    return opts->n_volumes == 0 ? 0 : opts->volumes[opts->n_volumes == 1 ? 0 : k];
}

static int
open_times(
    const ba_ctx_t *ctx, const ba_scan_opts_t *opts, size_t n_runs, ba_source_t **sources)
{
    int status = BA_OK;

    for (size_t k = 0; k < n_runs && opts->n_times > 0; k++) {
        BA_TRY(ba_source_open(ctx, opts->times[k], NULL, &sources[k]));
        if (ba_source_n_cols(sources[k]) != 1) {
            BA_TRY(
                ba_fail(BA_SHAPE, "%s: %zu columns, wanted one, the time of each volume",
                    opts->times[k], ba_source_n_cols(sources[k])));
        }
        if (listed(opts, k) > 0 && listed(opts, k) != ba_source_n_rows(sources[k])) {
            BA_TRY(ba_fail(BA_SHAPE, "%s: %zu times, but run %zu has %zu volumes",
                opts->times[k], ba_source_n_rows(sources[k]), k + 1, listed(opts, k)));
        }
    }
out:
    return status;
}

static int
count_volumes(const ba_scan_opts_t *opts, size_t n_runs, ba_source_t *const *sources,
    const char *responses, size_t n_responses, ba_runs_t *runs)
{
    size_t *onsets, n = 0;
    int status = BA_OK;

    BA_TRY_ALLOC(onsets, ba_malloc(n_runs, sizeof *onsets));
    for (size_t k = 0; k < n_runs; k++) {
        size_t length = sources[k] ? ba_source_n_rows(sources[k]) : listed(opts, k);

        if (length == 0 && n_runs == 1) {
            length = n_responses;
        }
        if (length == 0) {
            BA_TRY(ba_fail(BA_VALUE,
                "volumes: none for run %zu, wanted how many each run has (or the times "
                "of its volumes)",
                k + 1));
        }
        onsets[k] = n;
        if (__builtin_add_overflow(n, length, &n)) {
            BA_TRY(ba_fail(BA_TOO_LARGE, "volumes: more than can be counted"));
        }
    }
    if (n_responses > 0 && n != n_responses) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: %zu samples, but the runs have %zu volumes",
            responses, n_responses, n));
    }
    BA_TRY(ba_runs_from_onsets(onsets, n_runs, n, runs));
out:
    ba_free(onsets);
    return status;
}

static int
read_times(ba_source_t *source, size_t n, double *times)
{
    int status;

    BA_TRY(ba_source_read(source, 0, 0, n, 0, 1, times, n));
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(times[i]) || (i > 0 && !(times[i] > times[i - 1]))) {
            BA_TRY(ba_fail(isfinite(times[i]) ? BA_SHAPE : BA_NONFINITE,
                "%s: row %zu (from 0) is %g s%s, wanted finite times that ascend",
                ba_source_name(source), i, times[i],
                isfinite(times[i]) ? ", not after the one before" : ""));
        }
    }
out:
    return status;
}

/* The mean step of all runs with two volumes or more. */
static int
tr_of_times(ba_scan_t *scan)
{
    double seconds = 0, steps = 0;

    for (size_t k = 0; k < scan->runs.n_runs; k++) {
        size_t first = scan->runs.onset[k], last = scan->runs.onset[k + 1] - 1;

        seconds += scan->times[last] - scan->times[first];
        steps += (double) (last - first);
    }
    if (steps == 0) {
        return ba_fail(
            BA_VALUE, "tr: not given, and no run has two volumes to tell it by");
    }
    scan->tr = seconds / steps;
    return BA_OK;
}

/* A volume begins its slice time before its moment and ends where the next one begins. */
static void
set_edges(ba_scan_t *scan, double slice_time)
{
    for (size_t k = 0; k < scan->runs.n_runs; k++) {
        size_t first = scan->runs.onset[k], stop = scan->runs.onset[k + 1];
        double *edges = scan->edges + k;

        for (size_t i = first; i < stop; i++) {
            edges[i] = scan->times[i] - slice_time;
        }
        edges[stop] = edges[stop - 1] + scan->tr;
    }
}

/* Regular volumes: edges are multiples of tr, free of the slice time's rounding. */
static void
set_regular(ba_scan_t *scan, double slice_time)
{
    for (size_t k = 0; k < scan->runs.n_runs; k++) {
        size_t first = scan->runs.onset[k], stop = scan->runs.onset[k + 1];

        for (size_t i = first; i < stop; i++) {
            scan->edges[i + k] = (double) (i - first) * scan->tr;
            scan->times[i] = scan->edges[i + k] + slice_time;
        }
        scan->edges[stop + k] = (double) (stop - first) * scan->tr;
    }
}

static int
set_times(const ba_scan_opts_t *opts, ba_source_t **sources, ba_scan_t *scan)
{
    size_t n_runs = scan->runs.n_runs;
    int status = BA_OK;

    scan->tr = opts->tr;
    for (size_t k = 0; k < n_runs && sources[k]; k++) {
        size_t first = scan->runs.onset[k];

        BA_TRY(
            read_times(sources[k], scan->runs.onset[k + 1] - first, scan->times + first));
    }
    if (scan->tr == 0) {
        BA_TRY(tr_of_times(scan));
    }
    (sources[0] ? set_edges : set_regular)(
        scan, isnan(opts->slice_time) ? scan->tr / 2 : opts->slice_time);
    for (size_t k = 0; k < n_runs; k++) {
        scan->starts[k] =
            opts->n_starts == 0 ? 0 : opts->stimulus_start[opts->n_starts == 1 ? 0 : k];
    }
out:
    return status;
}

static int
note_files(ba_source_t *const *sources, ba_scan_t *scan)
{
    size_t n_runs = scan->runs.n_runs;
    int status = BA_OK;

    BA_TRY_ALLOC(scan->files, ba_calloc(n_runs, sizeof *scan->files));
    for (size_t k = 0; k < n_runs && sources[k]; k++) {
        BA_TRY_ALLOC(scan->files[k], ba_strdup(ba_source_file(sources[k], 0)));
        scan->n_files++;
    }
out:
    return status;
}

int
ba_scan_read(const ba_ctx_t *ctx, const ba_scan_opts_t *opts, size_t n_runs,
    const char *responses, size_t n_responses, ba_scan_t *out)
{
    ba_source_t **sources = NULL;
    size_t n;
    int status;

    *out = (ba_scan_t){0};
    BA_TRY(check_opts(opts, n_runs));
    BA_TRY_ALLOC(sources, ba_calloc(n_runs, sizeof *sources));
    BA_TRY(open_times(ctx, opts, n_runs, sources));
    BA_TRY(count_volumes(opts, n_runs, sources, responses, n_responses, &out->runs));
    n = out->runs.n_samples;
    BA_TRY_ALLOC(out->times, ba_malloc(n, sizeof *out->times));
    BA_TRY_ALLOC(out->edges, ba_malloc(n + n_runs, sizeof *out->edges));
    BA_TRY_ALLOC(out->starts, ba_malloc(n_runs, sizeof *out->starts));
    BA_TRY(set_times(opts, sources, out));
    BA_TRY(note_files(sources, out));
out:
    for (size_t k = 0; sources && k < n_runs; k++) {
        ba_source_close(sources[k]);
    }
    ba_free(sources);
    if (status != BA_OK) {
        ba_scan_free(out);
    }
    return status;
}

void
ba_scan_free(ba_scan_t *scan)
{
    for (size_t k = 0; k < scan->n_files; k++) {
        ba_free(scan->files[k]);
    }
    ba_free(scan->files);
    ba_free(scan->times);
    ba_free(scan->edges);
    ba_free(scan->starts);
    ba_runs_free(&scan->runs);
    *scan = (ba_scan_t){0};
}
