/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A whole text file as UTF-8. */
#ifndef BA_IO_TEXTFILE_H
#define BA_IO_TEXTFILE_H

#include "brainalign/error.h"

/* Reads `file` into *text (the caller frees with ba_free()), NUL at the end, without a
 * byte order mark; UTF-16 with a mark is converted. Errors: BA_IO; BA_FORMAT (not valid
 * UTF-8 or UTF-16, a NUL, more than 256 MiB). */
int ba_textfile_read(const char *file, char **text) BA_MUST_USE;

#endif
