/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a TextGrid: what is read has entries with numbers and labels. */
#include "tests/fuzz/standalone.h"

#include "io/textgrid.h"

#include <math.h>
#include <stdlib.h>

static const char *const SEEDS[] = {
    "\"ooTextFile\"\n\"TextGrid\"\n0\n2.5\n<exists>"
    "\n2\n\"IntervalTier\"\n\"words\"\n0\n2.5\n"
    "2\n0\n1\n\"a "
    "\"\"b\"\"\"\n1\n2.5\n\"\"\n\"TextTier\"\n\"c\"\n0\n2.5\n1\n0.5\n\"x\"\n",
    "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\nxmin = 0\nxmax = 1\ntiers? "
    "<exists>\nsize = 1\nitem []:\nitem [1]:\nclass = \"IntervalTier\"\nname = "
    "\"w\"\nxmin = 0\nxmax = 1\nintervals: size = 1\nintervals [1]:\nxmin = 0\nxmax = "
    "1\ntext = \"\xc3\xa9\" ! end\n",
};

size_t
fuzz_seed(size_t i, uint8_t bytes[FUZZ_MAX_INPUT])
{
    size_t n_seeds = sizeof SEEDS / sizeof SEEDS[0], n = 0;

    if (i < n_seeds) {
        n = strlen(SEEDS[i]);
        memcpy(bytes, SEEDS[i], n);
    } else if (i == n_seeds) { /* the first one in UTF-16 */
        bytes[n++] = 0xff;
        bytes[n++] = 0xfe;
        for (const char *c = SEEDS[0]; *c; c++) {
            bytes[n++] = (uint8_t) *c;
            bytes[n++] = 0;
        }
    }
    return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    const char *path = fuzz_file("x.TextGrid", bytes, n_bytes);
    ba_textgrid_t grid;

    (void) ba_textgrid_is(path);
    if (ba_textgrid_read(path, &grid) == 0) {
        for (size_t k = 0; k < grid.n_tiers; k++) {
            for (size_t i = 0; i < grid.tiers[k].n; i++) {
                if (!isfinite(grid.tiers[k].start[i]) ||
                    !isfinite(grid.tiers[k].stop[i]) ||
                    strlen(grid.tiers[k].labels[i]) > n_bytes * 2) {
                    abort();
                }
            }
        }
    }
    ba_textgrid_free(&grid);
    return 0;
}
