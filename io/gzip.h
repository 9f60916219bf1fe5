/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Streams of gzip files: the only place that names zlib. */
#ifndef BA_IO_GZIP_H
#define BA_IO_GZIP_H

#include "io/outfile.h"

typedef struct ba_gzreader ba_gzreader_t;

/* Starts at the beginning of an open gzip file. The descriptor and `name` (for messages)
 * stay the caller's and must outlive the reader. */
int ba_gzreader_open(int fd, const char *name, ba_gzreader_t **out) BA_MUST_USE;

/* Reads exactly n bytes (NULL dst = skips them). Errors: BA_FORMAT (the stream ends
 * early, is damaged, has a wrong checksum), BA_IO. */
int ba_gzreader_read(ba_gzreader_t *reader, void *dst, size_t n_bytes) BA_MUST_USE;

/* Goes to the end of the stream, where zlib compares checksum and length. BA_FORMAT when
 * there are more data, or bytes other than zeros after the last gzip member. */
int ba_gzreader_finish(ba_gzreader_t *reader) BA_MUST_USE;

void ba_gzreader_free(ba_gzreader_t *reader);

typedef struct ba_gzwriter ba_gzwriter_t;

/* Compresses into `outfile`, which stays the caller's. The bytes depend on nothing but
 * the data: no time, no file name. */
int ba_gzwriter_create(ba_outfile_t *outfile, ba_gzwriter_t **out) BA_MUST_USE;
int ba_gzwriter_write(
    ba_gzwriter_t *writer, const void *bytes, size_t n_bytes) BA_MUST_USE;

/* Writes what is left and the checksum. */
int ba_gzwriter_finish(ba_gzwriter_t *writer) BA_MUST_USE;

void ba_gzwriter_free(ba_gzwriter_t *writer);

#endif
