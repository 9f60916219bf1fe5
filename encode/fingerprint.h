/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Telling rows that a model was fitted on from new ones. */
#ifndef BA_ENCODE_FINGERPRINT_H
#define BA_ENCODE_FINGERPRINT_H

#include "brainalign/error.h"

/* Counts the fingerprints that stand exactly once among `rows` and exactly once among
 * `known`: rows that repeat (silence, padding) tell nothing. BA_NOMEM. Cost n log n. */
int ba_fingerprint_count(const uint64_t *rows, size_t n, const uint64_t *known,
    size_t n_known, size_t *n_found) BA_MUST_USE;

/* Share of feature rows that may coincide before they count as known: low-dimensional
 * features repeat by chance. */
#define BA_COINCIDENCES 0.05

/* Counts rows whose fingerprint stands in more than one fold, by exactly two rows
 * (padding repeats more often). Rows in no fold (-1) are left out. BA_NOMEM. */
int ba_fingerprint_duplicates(
    const uint64_t *rows, const int32_t *fold, size_t n, size_t *n_found) BA_MUST_USE;

#endif
