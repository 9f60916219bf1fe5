/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From words and their activations to one row per volume: what a fit reads. */
#ifndef BRAINALIGN_PREPARE_H
#define BRAINALIGN_PREPARE_H

#include "brainalign/ctx.h"
#include "brainalign/resample.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How the words of a run become rows of its volumes. EVENTS: not at all; the words
 * themselves drive a haemodynamic response. */
typedef enum {
    BA_PREPARE_LANCZOS,
    BA_PREPARE_MEAN,
    BA_PREPARE_SUM,
    BA_PREPARE_LAST,
    BA_PREPARE_EVENTS
} ba_prepare_resample_t;

/* The moment of a word. DEFAULT: its middle for Lanczos, else its onset. */
typedef enum {
    BA_WORD_DEFAULT,
    BA_WORD_ONSET,
    BA_WORD_MIDDLE,
    BA_WORD_OFFSET
} ba_word_time_t;

/* What becomes of the tokens of one word. */
typedef enum { BA_POOL_LAST, BA_POOL_FIRST, BA_POOL_MEAN, BA_POOL_SUM } ba_pool_t;

/* What is convolved. NONE: nothing. */
typedef enum {
    BA_PREPARE_HRF_NONE,
    BA_PREPARE_HRF_SPM,
    BA_PREPARE_HRF_GLOVER
} ba_prepare_hrf_t;

/* Control features, bits of ba_prepare_opts_t.controls. */
enum {
    BA_CONTROL_WORD_RATE = 1,
    BA_CONTROL_WORD_LENGTH = 2,
    BA_CONTROL_SURPRISAL = 4,
    BA_CONTROL_POSITION = 8,
    BA_CONTROL_OASM = 16
};

/* Where words stand and what their columns are called. A column is a name of the header
 * or its number from 1. NULL = the usual names, where the table has them. */
typedef struct {
    const char *const *files; /* n_files: CSV, TSV, BIDS events or TextGrid; several are
                                 one run each */
    size_t n_files;
    const char *onset;     /* "onset" */
    const char *offset;    /* "offset"; where missing, onset + duration */
    const char *duration;  /* "duration" */
    const char *word;      /* "word", "text", "token" or "trial_type" */
    const char *run;       /* "run" or "story"; of a single file */
    const char *sentence;  /* "sentence": changes where a sentence begins */
    const char *surprisal; /* "surprisal" */
    const char *tier; /* of a TextGrid, name or number from 1: "word" or "words", else
                              the only interval tier */
    int milliseconds; /* times are in milliseconds, not in seconds */
} ba_word_opts_t;

/* When volumes were recorded. A list of one value is for every run. */
typedef struct {
    double tr;             /* seconds; 0 = from `times` */
    const size_t *volumes; /* n_volumes: volumes of each run; none = from times or
                              responses */
    size_t n_volumes;
    const char *const *times; /* n_times SPECs, one for each run: seconds at which its
                                 volumes are sampled; none = i tr + slice_time */
    size_t n_times;
    double slice_time;            /* seconds from the start of a volume to the moment
                                     that it stands for; NAN = tr / 2 */
    const double *stimulus_start; /* n_starts: seconds of the scan at which the clock of
                                     the words is 0; none = 0 */
    size_t n_starts;
} ba_scan_opts_t;

/* Everything borrowed; start with ba_prepare_opts_default(). */
typedef struct {
    ba_word_opts_t words;
    ba_scan_opts_t scan;
    const char *const *activations; /* n_activations "[NAME=]SPEC", a row per word (or
                                       token) of the tables, n/a rows included; the same
                                       name again adds rows; three dimensions are layers
                                       first */
    size_t n_activations;
    const char *token_words; /* SPEC of the word (row from 0) of each token, below 0 =
                                none, or TABLE:COLUMN; NULL = rows are words */
    ba_pool_t pool;
    const char *responses; /* SPEC that must have a row per volume; NULL = not known */
    const char *mask;      /* of image responses */
    ba_prepare_resample_t resample;
    double window, cutoff_mult; /* of Lanczos (3, 1) */
    ba_word_time_t word_time;
    ba_prepare_hrf_t hrf;
    ba_hrf_basis_t hrf_basis; /* TIME: with the derivative by time beside it, DISPERSION:
                                 with both */
    int boxcar;               /* events last as long as their words */
    unsigned controls;        /* bits of BA_CONTROL_... */
    int control_resample;     /* a ba_prepare_resample_t, -1 = as resample */
    double oasm_sigma;        /* samples (1) */
    int allow_overlap, allow_outside;
    ba_precision_t precision; /* of what is written */
    const char *output;
    int force, dry_run;
    int argc; /* arguments for the provenance, 0 = none */
    const char *const *argv;
} ba_prepare_opts_t;

/* What was found. */
typedef struct {
    size_t n_runs, n_volumes, n_words;
    size_t n_missing;     /* words without a time */
    size_t n_overlapping; /* words that begin before the word before them ends */
    size_t n_outside;     /* words outside the volumes of their run */
    size_t n_empty;       /* volumes in which no word begins */
    double first_seconds, last_seconds; /* earliest and latest word in the clock of its
                                           scan; NAN without words */
    size_t n_spaces, n_features;        /* data sets below /features, their columns */
    unsigned controls;                  /* those written */
} ba_prepare_info_t;

/* Lanczos with window 3 at cutoff 1, pooling by the last token, controls word rate,
 * length, surprisal and position, single precision. */
BA_API ba_prepare_opts_t ba_prepare_opts_default(void);

/* Writes the data set file `output` (docs/formats.md: /features/NAME, /control/NAME,
 * /run, /times, /words, /provenance). Activations are read run by run in blocks of
 * columns within the budget of ctx. A control for which the words have no column is left
 * out. Errors, beside those of reading and writing: BA_FORMAT (unknown column, nearest
 * named; word that ends before it begins; words out of order or overlapping), BA_SHAPE
 * (activations that do not have a row per word, word outside its run, runs and lists of
 * different length), BA_VALUE (tr, options), BA_NONFINITE (activation of a word that has
 * a time). `info` may be NULL. */
BA_API int ba_prepare(
    const ba_ctx_t *ctx, const ba_prepare_opts_t *opts, ba_prepare_info_t *info);

#ifdef __cplusplus
}
#endif

#endif
