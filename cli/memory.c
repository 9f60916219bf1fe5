/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/memory.h"
#include "cli/exit.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void
die(void)
{
    fputs("brainalign: error: out of memory\n", stderr);
    exit(CLI_FAILED);
}

void *
cli_calloc(size_t n, size_t size)
{
    void *block = calloc(n > 0 ? n : 1, size > 0 ? size : 1);

    if (!block) {
        die();
    }
    return block;
}

void *
cli_realloc(void *block, size_t n, size_t size)
{
    void *larger = NULL;

    if (size > 0 && n <= SIZE_MAX / size) {
        larger = realloc(block, n * size);
    }
    if (!larger) {
        die();
    }
    return larger;
}
