/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"

#include <stdlib.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

int
main(int argc, char **argv)
{
#ifdef __GLIBC__
    /* Large blocks are mapped one by one and go back when they are freed. Left alone, the
     * limit would rise with the blocks, and --memory could not be kept. */
    mallopt(M_MMAP_THRESHOLD, 8 << 20);
#endif
    return cli_run(argc, argv);
}
