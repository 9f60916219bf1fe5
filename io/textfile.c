/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/textfile.h"

#include "core/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_BYTES ((size_t) 256 << 20)

static int
read_bytes(int fd, const char *file, unsigned char *bytes, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t got = read(fd, bytes + done, n - done);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return ba_fail(BA_IO, "%s: cannot read: %s", file, strerror(errno));
        }
        if (got == 0) {
            return ba_fail(BA_IO, "%s: cannot read: it became shorter", file);
        }
        done += (size_t) got;
    }
    return BA_OK;
}

static int
read_file(const char *file, unsigned char **bytes, size_t *n)
{
    struct stat info;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int status = BA_OK;

    *bytes = NULL;
    if (fd < 0) {
        return ba_fail(BA_IO, "%s: cannot open: %s", file, strerror(errno));
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        BA_TRY(ba_fail(BA_IO, "%s: cannot open: not a regular file", file));
    }
    if ((size_t) info.st_size > MAX_BYTES) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: %lld bytes, wanted at most %zu MiB of text", file,
            (long long) info.st_size, MAX_BYTES >> 20));
    }
    *n = (size_t) info.st_size;
    BA_TRY_ALLOC(*bytes, ba_malloc(*n + 1, 1));
    BA_TRY(read_bytes(fd, file, *bytes, *n));
    (*bytes)[*n] = 0;
out:
    close(fd);
    if (status != BA_OK) {
        ba_free(*bytes);
        *bytes = NULL;
    }
    return status;
}

/* Bytes of the UTF-8 sequence at `c`, 0 when it is none (Unicode, table 3-7). */
static size_t
sequence_length(const unsigned char *c, size_t n)
{
    size_t length = c[0] < 0x80 ? 1 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;

    if ((c[0] >= 0x80 && c[0] < 0xc2) || c[0] > 0xf4 || length > n) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((c[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) ||
        (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f)) {
        return 0;
    }
    return length;
}

static int
check_utf8(const char *file, const unsigned char *bytes, size_t n)
{
    size_t line = 1;

    for (size_t i = 0; i < n;) {
        size_t length = sequence_length(bytes + i, n - i);

        if (length == 0 || bytes[i] == 0) {
            return ba_fail(BA_FORMAT,
                "%s: line %zu: byte 0x%02x is not valid UTF-8 (save the file as UTF-8)",
                file, line, bytes[i]);
        }
        line += bytes[i] == '\n';
        i += length;
    }
    return BA_OK;
}

static size_t
put_utf8(char *dst, unsigned long point)
{
    if (point < 0x80) {
        dst[0] = (char) point;
        return 1;
    }
    if (point < 0x800) {
        dst[0] = (char) (0xc0 | point >> 6);
        dst[1] = (char) (0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        dst[0] = (char) (0xe0 | point >> 12);
        dst[1] = (char) (0x80 | (point >> 6 & 0x3f));
        dst[2] = (char) (0x80 | (point & 0x3f));
        return 3;
    }
    dst[0] = (char) (0xf0 | point >> 18);
    dst[1] = (char) (0x80 | (point >> 12 & 0x3f));
    dst[2] = (char) (0x80 | (point >> 6 & 0x3f));
    dst[3] = (char) (0x80 | (point & 0x3f));
    return 4;
}

static unsigned long
unit_at(const unsigned char *bytes, size_t i, int is_big)
{
    return is_big ? (unsigned long) bytes[i] << 8 | bytes[i + 1]
                  : (unsigned long) bytes[i + 1] << 8 | bytes[i];
}

/* `bytes` without the mark. */
static int
from_utf16(
    const char *file, const unsigned char *bytes, size_t n, int is_big, char **text)
{
    size_t length = 0;
    int status = BA_OK;

    BA_TRY_ALLOC(*text, ba_malloc(2 * n + 1, 1));
    for (size_t i = 0; i + 1 < n; i += 2) {
        unsigned long point = unit_at(bytes, i, is_big), low;

        if (point >= 0xd800 && point < 0xdc00 && i + 3 < n) {
            low = unit_at(bytes, i + 2, is_big);
            if (low >= 0xdc00 && low < 0xe000) {
                point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
                i += 2;
            }
        }
        if (point == 0 || (point >= 0xd800 && point < 0xe000)) {
            BA_TRY(ba_fail(BA_FORMAT, "%s: unit 0x%04lx at byte %zu is not valid UTF-16",
                file, point, i + 2));
        }
        length += put_utf8(*text + length, point);
    }
    (*text)[length] = '\0';
    if (n % 2 != 0) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: an odd number of bytes, wanted UTF-16", file));
    }
out:
    if (status != BA_OK) {
        ba_free(*text);
        *text = NULL;
    }
    return status;
}

int
ba_textfile_read(const char *file, char **text)
{
    unsigned char *bytes = NULL;
    size_t n = 0, skip = 0;
    int status;

    *text = NULL;
    BA_TRY(read_file(file, &bytes, &n));
    if (n >= 2 &&
        (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0)) {
        BA_TRY(from_utf16(file, bytes + 2, n - 2, bytes[0] == 0xfe, text));
        goto out;
    }
    if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
        skip = 3;
    }
    BA_TRY(check_utf8(file, bytes + skip, n - skip));
    memmove(bytes, bytes + skip, n + 1 - skip);
    *text = (char *) bytes;
    bytes = NULL;
out:
    ba_free(bytes);
    return status;
}
