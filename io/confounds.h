/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Selected columns of confound tables (fMRIPrep's, BIDS derivatives). */
#ifndef BA_IO_CONFOUNDS_H
#define BA_IO_CONFOUNDS_H

#include "brainalign/source.h"

/* Opens `n` tables, one for each run, and makes sources of the columns that `patterns`
 * names, all with the same columns: names and shell patterns separated by commas, in the
 * order of the patterns and then of the tables. A name must be in every table, a pattern
 * must match in at least one; a column that a table lacks is 0 there (regressors of
 * single volumes differ between runs). Missing values in the first row, where fMRIPrep's
 * derivatives and displacements have none, become 0, which a line to the log says; others
 * stay NaN. out: n sources, the caller closes them. Errors: those of ba_source_open();
 * BA_MISSING (no such column: nearest named; a pattern that matches nothing); BA_FORMAT
 * (a file without column names); BA_VALUE (an empty pattern). */
int ba_confounds_open(const ba_ctx_t *ctx, const char *const *specs, size_t n,
    const char *patterns, ba_source_t **out);

#endif
