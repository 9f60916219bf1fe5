/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file that appears under its name only when complete: written beside the target,
 * synced, renamed. */
#ifndef BA_IO_OUTFILE_H
#define BA_IO_OUTFILE_H

#include "brainalign/error.h"

typedef struct ba_outfile ba_outfile_t;

/* Bytes of a file's name that its temporary name .NAME.PID-N.tmp begins with. */
enum { BA_OUTFILE_BASE_BYTES = 200 };

/* Makes a temporary file in the folder of `path`. Errors: BA_EXISTS without `force`;
 * BA_IO (folder missing or not writable: the message says which; `path` is something else
 * than a plain file). */
int ba_outfile_create(const char *path, int force, ba_outfile_t **out) BA_MUST_USE;

/* Adds bytes. Buffered; a failed write (disk full) is reported by this call or by the
 * commit. */
int ba_outfile_write(
    ba_outfile_t *outfile, const void *bytes, size_t n_bytes) BA_MUST_USE;

/* Name of the temporary file, for libraries that open it themselves (they may truncate
 * it); such a library must have closed it before the commit. Borrowed. */
const char *ba_outfile_temporary(const ba_outfile_t *outfile);

/* Name that the file will have. Borrowed. */
const char *ba_outfile_path(const ba_outfile_t *outfile);

/* Flushes, syncs and closes: what can run out of room. Nothing can be written afterwards.
 * BA_IO on any failure since the start. */
int ba_outfile_finish(ba_outfile_t *outfile) BA_MUST_USE;

/* Finishes and renames. BA_IO on any failure since the start, BA_EXISTS when the
 * target appeared meanwhile (without `force`). */
int ba_outfile_commit(ba_outfile_t *outfile) BA_MUST_USE;

/* Removes the temporary file unless it was committed. NULL is fine. */
void ba_outfile_free(ba_outfile_t *outfile);

/* Removes what killed processes left of writing `path` (of every file in a folder, where
 * `path` ends with a slash): temporary names whose lock nobody holds. Where the file
 * system has no locks nothing is removed. Cost: one reading of the folder. */
int ba_outfile_remove_stale(const char *path) BA_MUST_USE;

#endif
