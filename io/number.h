/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers as text, in the C locale whatever the process has set. */
#ifndef BA_IO_NUMBER_H
#define BA_IO_NUMBER_H

#include <stddef.h>

/* Non-zero when all of `text` is a decimal number, infinite, or missing; *value is NaN
 * when missing (empty, `n/a`, `nan`, any case). Spaces around it are fine. */
int ba_number_parse(const char *text, double *value);

/* Prints the shortest form with `digits` (1 to 17) significant digits, `n/a` for NaN, as
 * snprintf() does. */
int ba_number_print(double value, int digits, char *text, size_t size);

#endif
