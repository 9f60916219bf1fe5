/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _XOPEN_SOURCE 700 /* realpath() */

#include "io/outfile.h"

#include "core/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t) 1 << 16)
#define MAX_TRIES 100

struct ba_outfile {
    char *path;      /* as given, for messages */
    char *target;    /* path without a symbolic link at its end */
    char *folder;    /* where target and temporary stand */
    char *temporary; /* NULL before it exists and after the commit */
    int force;
    int fd;
    int lock;   /* the same open file, kept until the renaming: outfile_stale.c */
    int failed; /* a write failed: never commit */
    unsigned char *buffer;
    size_t n_buffered;
};

static int
folder_of(const char *path, char **out)
{
    const char *slash = strrchr(path, '/');
    int status = BA_OK;

    if (!slash) {
        BA_TRY_ALLOC(*out, ba_strdup("."));
    } else if (slash == path) {
        BA_TRY_ALLOC(*out, ba_strdup("/"));
    } else {
        BA_TRY_ALLOC(*out, ba_asprintf("%.*s", (int) (slash - path), path));
    }
out:
    return status;
}

/* A rename would replace a symbolic link instead of the file that it names. */
static int
resolve_target(ba_outfile_t *outfile)
{
    struct stat info;
    char *real;
    int status = BA_OK;

    if (lstat(outfile->path, &info) != 0 || !S_ISLNK(info.st_mode)) {
        BA_TRY_ALLOC(outfile->target, ba_strdup(outfile->path));
        return BA_OK;
    }
    real = realpath(outfile->path, NULL);
    if (!real) {
        return ba_fail(BA_IO, "%s: cannot write: the symbolic link leads nowhere: %s",
            outfile->path, strerror(errno));
    }
    outfile->target = ba_strdup(real);
    free(real);
    status = outfile->target ? BA_OK : BA_NOMEM;
out:
    return status;
}

/* Replacing a device or a folder by a file is never what was meant. */
static int
check_target(const ba_outfile_t *outfile)
{
    struct stat info;

    if (stat(outfile->target, &info) != 0) {
        return errno != ENAMETOOLONG ? BA_OK
                                     : ba_fail(BA_IO, "%s: cannot write: %s",
                                           outfile->path, strerror(errno));
    }
    if (S_ISDIR(info.st_mode)) {
        return ba_fail(BA_IO, "%s: cannot write: it is a folder", outfile->path);
    }
    if (!S_ISREG(info.st_mode)) {
        return ba_fail(BA_IO, "%s: cannot write: not a regular file", outfile->path);
    }
    if (!outfile->force) {
        return ba_fail(BA_EXISTS, "%s: exists, --force replaces it", outfile->path);
    }
    return BA_OK;
}

static int
fail_create(const ba_outfile_t *outfile, int error)
{
    struct stat info;

    if (error == ENOENT && stat(outfile->folder, &info) != 0) {
        return ba_fail(
            BA_IO, "%s: cannot write: no folder '%s'", outfile->path, outfile->folder);
    }
    if (error == EACCES || error == EROFS || error == EPERM) {
        return ba_fail(BA_IO, "%s: cannot write: folder '%s' is not writable: %s",
            outfile->path, outfile->folder, strerror(error));
    }
    return ba_fail(BA_IO, "%s: cannot write: %s", outfile->path, strerror(error));
}

/* Makes the file and marks it as being written (outfile_stale.c); 0 or an errno. The lock
 * is a shared one, so that HDF5 may open the file for reading. Whoever removes stale files
 * may have been quicker: then it has no name any more, and EEXIST asks for another. */
static int
open_new(ba_outfile_t *outfile, const char *name)
{
    struct stat info;
    int error = EEXIST;

    outfile->fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (outfile->fd < 0) {
        return errno;
    }
    (void) flock(outfile->fd, LOCK_SH);
    if (fstat(outfile->fd, &info) == 0 && info.st_nlink > 0) {
        outfile->lock = fcntl(outfile->fd, F_DUPFD_CLOEXEC, 0);
        if (outfile->lock >= 0) {
            return 0;
        }
        error = errno;
        unlink(name);
    }
    close(outfile->fd);
    outfile->fd = -1;
    return error;
}

/* Process and counter make the name unique, O_EXCL makes sure; unlike mkstemp() this
 * honours the umask. */
static int
open_temporary(ba_outfile_t *outfile)
{
    static atomic_uint counter;
    const char *slash = strrchr(outfile->target, '/');
    const char *base = slash ? slash + 1 : outfile->target;
    int error = EEXIST;

    for (int i = 0; i < MAX_TRIES && error == EEXIST; i++) {
        char *name = ba_asprintf("%s/.%.*s.%ld-%u.tmp", outfile->folder,
            BA_OUTFILE_BASE_BYTES, base, (long) getpid(), atomic_fetch_add(&counter, 1));

        if (!name) {
            return BA_NOMEM;
        }
        error = open_new(outfile, name);
        if (error == 0) {
            outfile->temporary = name;
            return BA_OK;
        }
        ba_free(name);
    }
    return fail_create(outfile, error);
}

int
ba_outfile_create(const char *path, int force, ba_outfile_t **out)
{
    ba_outfile_t *outfile = NULL;
    int status = BA_OK;

    *out = NULL;
    if (path[0] == '\0' || path[strlen(path) - 1] == '/') {
        return ba_fail(BA_IO, "'%s': cannot write: expected the name of a file", path);
    }
    BA_TRY_ALLOC(outfile, ba_calloc(1, sizeof *outfile));
    outfile->fd = outfile->lock = -1;
    outfile->force = force;
    BA_TRY_ALLOC(outfile->path, ba_strdup(path));
    BA_TRY_ALLOC(outfile->buffer, ba_malloc(BUFFER_SIZE, 1));
    BA_TRY(resolve_target(outfile));
    BA_TRY(folder_of(outfile->target, &outfile->folder));
    BA_TRY(check_target(outfile));
    BA_TRY(open_temporary(outfile));
    *out = outfile;
    outfile = NULL;
out:
    ba_outfile_free(outfile);
    return status;
}

static int
write_all(ba_outfile_t *outfile, const unsigned char *bytes, size_t n_bytes)
{
    while (n_bytes > 0) {
        ssize_t n = write(outfile->fd, bytes, n_bytes);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            outfile->failed = 1;
            return ba_fail(BA_IO, "%s: cannot write: %s", outfile->path,
                n < 0 ? strerror(errno) : "nothing was taken");
        }
        bytes += n;
        n_bytes -= (size_t) n;
    }
    return BA_OK;
}

static int
flush(ba_outfile_t *outfile)
{
    size_t n = outfile->n_buffered;

    outfile->n_buffered = 0;
    return write_all(outfile, outfile->buffer, n);
}

int
ba_outfile_write(ba_outfile_t *outfile, const void *bytes, size_t n_bytes)
{
    int status = BA_OK;

    if (n_bytes > BUFFER_SIZE - outfile->n_buffered) {
        BA_TRY(flush(outfile));
    }
    if (n_bytes > BUFFER_SIZE) {
        return write_all(outfile, bytes, n_bytes);
    }
    memcpy(outfile->buffer + outfile->n_buffered, bytes, n_bytes);
    outfile->n_buffered += n_bytes;
out:
    return status;
}

const char *
ba_outfile_temporary(const ba_outfile_t *outfile)
{
    return outfile->temporary;
}

const char *
ba_outfile_path(const ba_outfile_t *outfile)
{
    return outfile->path;
}

/* Makes the new name itself durable. Some file systems cannot sync a folder; the file is
 * complete all the same. */
static void
sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        (void) fsync(fd);
        close(fd);
    }
}

int
ba_outfile_finish(ba_outfile_t *outfile)
{
    int fd = outfile->fd;
    int status = BA_OK;

    if (outfile->failed) {
        return ba_fail(BA_IO, "%s: cannot write: an earlier write failed", outfile->path);
    }
    if (fd < 0) {
        return BA_OK;
    }
    BA_TRY(flush(outfile));
    if (fsync(fd) != 0) {
        outfile->failed = 1;
        return ba_fail(BA_IO, "%s: cannot write: %s", outfile->path, strerror(errno));
    }
    outfile->fd = -1;
    if (close(fd) != 0) {
        outfile->failed = 1;
        return ba_fail(BA_IO, "%s: cannot write: %s", outfile->path, strerror(errno));
    }
out:
    return status;
}

int
ba_outfile_commit(ba_outfile_t *outfile)
{
    int status = BA_OK;

    BA_TRY(ba_outfile_finish(outfile));
    BA_TRY(check_target(outfile));
    if (rename(outfile->temporary, outfile->target) != 0) {
        return ba_fail(BA_IO, "%s: cannot rename the finished file: %s", outfile->path,
            strerror(errno));
    }
    ba_free(outfile->temporary);
    outfile->temporary = NULL;
    close(outfile->lock);
    outfile->lock = -1;
    sync_folder(outfile->folder);
out:
    return status;
}

void
ba_outfile_free(ba_outfile_t *outfile)
{
    if (!outfile) {
        return;
    }
    if (outfile->fd >= 0) {
        close(outfile->fd);
    }
    if (outfile->temporary) {
        unlink(outfile->temporary);
    }
    if (outfile->lock >= 0) {
        close(outfile->lock);
    }
    ba_free(outfile->temporary);
    ba_free(outfile->folder);
    ba_free(outfile->target);
    ba_free(outfile->path);
    ba_free(outfile->buffer);
    ba_free(outfile);
}
