/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/gzip.h"

#define ZLIB_CONST

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "core/alloc.h"

enum { BUFFER_BYTES = 1 << 16 };

/* zlib: 15 = largest window, 16 more = gzip wrapping with its checksum. */
enum { GZIP_WINDOW_BITS = 15 + 16 };

struct ba_gzreader {
    const char *name;
    int fd;
    int at_eof; /* nothing more to read from the descriptor */
    int ended;  /* the last member is complete */
    int n_members;
    z_stream stream;
    unsigned char input[BUFFER_BYTES];
    unsigned char skipped[BUFFER_BYTES];
};

struct ba_gzwriter {
    ba_outfile_t *outfile;
    z_stream stream;
    unsigned char output[BUFFER_BYTES];
};

static void *
allocate(void *unused, uInt n, uInt size)
{
    (void) unused;
    return ba_malloc(n, size);
}

static void
release(void *unused, void *block)
{
    (void) unused;
    ba_free(block);
}

int
ba_gzreader_open(int fd, const char *name, ba_gzreader_t **out)
{
    ba_gzreader_t *reader = ba_calloc(1, sizeof(*reader));

    *out = NULL;
    if (!reader) {
        return BA_NOMEM;
    }
    reader->name = name;
    reader->fd = fd;
    reader->stream.zalloc = allocate;
    reader->stream.zfree = release;
    if (inflateInit2(&reader->stream, GZIP_WINDOW_BITS) != Z_OK) {
        ba_free(reader);
        return ba_fail(BA_NOMEM, "%s: no memory to decompress", name);
    }
    if (lseek(fd, 0, SEEK_SET) != 0) {
        ba_gzreader_free(reader);
        return ba_fail(BA_IO, "%s: cannot seek: %s", name, strerror(errno));
    }
    *out = reader;
    return BA_OK;
}

/* Makes at least one input byte available unless the file is at its end. */
static int
refill(ba_gzreader_t *reader)
{
    ssize_t got;

    if (reader->stream.avail_in > 0 || reader->at_eof) {
        return BA_OK;
    }
    do {
        got = read(reader->fd, reader->input, sizeof(reader->input));
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return ba_fail(BA_IO, "%s: cannot read: %s", reader->name, strerror(errno));
    }
    reader->at_eof = got == 0;
    reader->stream.next_in = reader->input;
    reader->stream.avail_in = (uInt) got;
    return BA_OK;
}

/* After a complete member: the file ends, perhaps padded with zeros as gzip itself
 * allows, or another member begins. */
static int
next_member(ba_gzreader_t *reader)
{
    z_stream *stream = &reader->stream;
    int status;

    reader->n_members++;
    do {
        while (stream->avail_in > 0 && *stream->next_in == 0) {
            stream->next_in++;
            stream->avail_in--;
        }
        status = refill(reader);
        if (status != BA_OK) {
            return status;
        }
    } while (stream->avail_in > 0 && *stream->next_in == 0);
    if (stream->avail_in == 0) {
        reader->ended = 1;
    } else {
        inflateReset(stream);
    }
    return BA_OK;
}

static int
fail_damaged(const ba_gzreader_t *reader)
{
    const char *cause = reader->stream.msg ? reader->stream.msg : "no zlib message";

    if (reader->n_members > 0 && reader->stream.total_out == 0) {
        return ba_fail(BA_FORMAT, "%s: bytes after the gzip stream that are none (%s)",
            reader->name, cause);
    }
    return ba_fail(BA_FORMAT, "%s: damaged gzip stream: %s", reader->name, cause);
}

/* Decompresses up to n bytes; fewer only because a member or the input buffer ended. */
static int
inflate_some(ba_gzreader_t *reader, unsigned char *dst, size_t n, size_t *got)
{
    z_stream *stream = &reader->stream;
    uInt room = n < BUFFER_BYTES ? (uInt) n : BUFFER_BYTES;
    int status = refill(reader), code;

    *got = 0;
    if (status != BA_OK) {
        return status;
    }
    stream->next_out = dst;
    stream->avail_out = room;
    code = inflate(stream, Z_NO_FLUSH);
    *got = room - stream->avail_out;
    if (code == Z_STREAM_END) {
        return next_member(reader);
    }
    if (code == Z_BUF_ERROR && reader->at_eof) {
        return ba_fail(
            BA_FORMAT, "%s: truncated: the gzip stream has no end", reader->name);
    }
    if (code == Z_MEM_ERROR) {
        return ba_fail(BA_NOMEM, "%s: no memory to decompress", reader->name);
    }
    return code == Z_OK || code == Z_BUF_ERROR ? BA_OK : fail_damaged(reader);
}

int
ba_gzreader_read(ba_gzreader_t *reader, void *dst, size_t n_bytes)
{
    unsigned char *to = dst;
    size_t got;
    int status;

    while (n_bytes > 0) {
        size_t n = to || n_bytes < BUFFER_BYTES ? n_bytes : BUFFER_BYTES;

        if (reader->ended) {
            return ba_fail(BA_FORMAT, "%s: truncated: %zu more bytes expected",
                reader->name, n_bytes);
        }
        status = inflate_some(reader, to ? to : reader->skipped, n, &got);
        if (status != BA_OK) {
            return status;
        }
        to = to ? to + got : NULL;
        n_bytes -= got;
    }
    return BA_OK;
}

int
ba_gzreader_finish(ba_gzreader_t *reader)
{
    size_t got;
    int status;

    while (!reader->ended) {
        status = inflate_some(reader, reader->skipped, 1, &got);
        if (status != BA_OK) {
            return status;
        }
        if (got > 0) {
            return ba_fail(BA_FORMAT, "%s: more data than the header says", reader->name);
        }
    }
    return BA_OK;
}

void
ba_gzreader_free(ba_gzreader_t *reader)
{
    if (reader) {
        inflateEnd(&reader->stream);
        ba_free(reader);
    }
}

int
ba_gzwriter_create(ba_outfile_t *outfile, ba_gzwriter_t **out)
{
    ba_gzwriter_t *writer = ba_calloc(1, sizeof(*writer));

    *out = NULL;
    if (!writer) {
        return BA_NOMEM;
    }
    writer->outfile = outfile;
    writer->stream.zalloc = allocate;
    writer->stream.zfree = release;
    if (deflateInit2(&writer->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS,
            8, Z_DEFAULT_STRATEGY) != Z_OK) {
        ba_free(writer);
        return ba_fail(BA_NOMEM, "%s: no memory to compress", ba_outfile_path(outfile));
    }
    *out = writer;
    return BA_OK;
}

/* Runs deflate() until it wants no more output room. */
static int
deflate_all(ba_gzwriter_t *writer, int flush)
{
    z_stream *stream = &writer->stream;
    int status;

    do {
        stream->next_out = writer->output;
        stream->avail_out = sizeof(writer->output);
        deflate(stream, flush);
        status = ba_outfile_write(
            writer->outfile, writer->output, sizeof(writer->output) - stream->avail_out);
        if (status != BA_OK) {
            return status;
        }
    } while (stream->avail_out == 0);
    return BA_OK;
}

int
ba_gzwriter_write(ba_gzwriter_t *writer, const void *bytes, size_t n_bytes)
{
    const unsigned char *from = bytes;
    int status;

    while (n_bytes > 0) {
        size_t n = n_bytes < BUFFER_BYTES ? n_bytes : BUFFER_BYTES;

        writer->stream.next_in = from;
        writer->stream.avail_in = (uInt) n;
        status = deflate_all(writer, Z_NO_FLUSH);
        if (status != BA_OK) {
            return status;
        }
        from += n;
        n_bytes -= n;
    }
    return BA_OK;
}

int
ba_gzwriter_finish(ba_gzwriter_t *writer)
{
    return deflate_all(writer, Z_FINISH);
}

void
ba_gzwriter_free(ba_gzwriter_t *writer)
{
    if (writer) {
        deflateEnd(&writer->stream);
        ba_free(writer);
    }
}
