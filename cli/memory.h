/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Allocation for the program's own small things: it ends the program where memory is out,
 * since nothing can be told or undone with less than a few kilobytes left. Release with
 * free(). */
#ifndef BA_CLI_MEMORY_H
#define BA_CLI_MEMORY_H

#include <stddef.h>

/* n * size zeroed bytes, never NULL. */
void *cli_calloc(size_t n, size_t size);

/* As realloc(), never NULL; n * size is checked. */
void *cli_realloc(void *block, size_t n, size_t size);

#endif
