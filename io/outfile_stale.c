/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a killed process leaves behind: temporary files that nobody is writing any more.
 * A writer holds a shared lock (flock) on its file from the making to the renaming, and
 * the system drops the lock when the process ends, however it does; so whoever can lock
 * the file for itself may remove it. On network file systems that pass locks on, the same
 * holds for processes of other machines. */
#include "io/outfile.h"

#include "core/alloc.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Moves back over digits that end before `end`; NULL where there are none. */
static const char *
before_digits(const char *start, const char *end)
{
    const char *at = end;

    while (at > start && isdigit((unsigned char) at[-1])) {
        at--;
    }
    return at < end ? at : NULL;
}

/* Whether a name in the folder is .BASE.PID-N.tmp; base "" = any. */
static int
is_temporary(const char *name, const char *base)
{
    size_t length = strlen(name), wanted = strlen(base);
    const char *at;

    if (name[0] != '.' || length < 4 || strcmp(name + length - 4, ".tmp") != 0) {
        return 0;
    }
    at = before_digits(name, name + length - 4);
    if (!at || at == name || *--at != '-') {
        return 0;
    }
    at = before_digits(name, at);
    if (!at || at < name + 3 || *--at != '.') {
        return 0;
    }
    wanted = wanted < BA_OUTFILE_BASE_BYTES ? wanted : BA_OUTFILE_BASE_BYTES;
    length = (size_t) (at - name) - 1;
    return wanted == 0 || (length == wanted && strncmp(name + 1, base, wanted) == 0);
}

static void
remove_if_stale(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0) {
        return;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        unlinkat(folder, name, 0);
    }
    close(fd);
}

int
ba_outfile_remove_stale(const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    char *folder;
    const struct dirent *entry;
    DIR *entries;
    int status = BA_OK;

    BA_TRY_ALLOC(folder,
        slash ? ba_asprintf("%.*s/", (int) (slash - path), path) : ba_strdup("."));
    entries = opendir(folder);
    /* A folder that cannot be listed holds back nothing that can still be done. */
    while (entries && (entry = readdir(entries)) != NULL) {
        if (is_temporary(entry->d_name, base)) {
            remove_if_stale(dirfd(entries), entry->d_name);
        }
    }
    if (entries) {
        closedir(entries);
    }
out:
    ba_free(folder);
    return status;
}
