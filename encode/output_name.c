/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of outputs of which there are several. */
#include "brainalign/compare.h"

#include "core/alloc.h"

#include <string.h>

/* The last dot of n characters that begins an extension; NULL = none. A leading dot is
 * that of a hidden file. */
static const char *
last_dot(const char *base, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        if (base[i - 1] == '.') {
            return base + i - 1;
        }
    }
    return NULL;
}

int
ba_output_name(const char *file, const char *word, char **out)
{
    const char *base, *dot;
    size_t length;

    *out = NULL;
    if (!file) {
        return BA_OK;
    }
    base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
    dot = last_dot(base, strlen(base));
    if (dot && strcmp(dot, ".gz") == 0) {
        const char *before = last_dot(base, (size_t) (dot - base));

        dot = before ? before : dot;
    }
    length = dot ? (size_t) (dot - file) : strlen(file);
    *out = ba_asprintf("%.*s.%s%s", (int) length, file, word, file + length);
    return *out ? BA_OK : BA_NOMEM;
}
