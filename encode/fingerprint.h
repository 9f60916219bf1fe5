/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Telling rows that a model was fitted on from new ones. */
#ifndef BA_ENCODE_FINGERPRINT_H
#define BA_ENCODE_FINGERPRINT_H

#include "brainalign/error.h"

/* Counts the fingerprints that stand exactly once among `rows` and exactly once among
 * `known`: rows that repeat (silence, padding) tell nothing. BA_NOMEM. Cost n log n. */
int ba_fingerprint_count(const uint64_t *rows, size_t n, const uint64_t *known,
    size_t n_known, size_t *n_found) BA_MUST_USE;

#endif
