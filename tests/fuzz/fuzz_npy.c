/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as an NPY file: opened, and read as far as it claims to have numbers. */
#include "tests/fuzz/standalone.h"

#include "brainalign/source.h"

size_t
fuzz_seed(size_t i, uint8_t bytes[FUZZ_MAX_INPUT])
{
    static const struct {
        int version;
        const char *dictionary;
        size_t n_numbers;
    } seeds[] = {{1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 5), }", 60},
        {2, "{'descr': '>i8', 'fortran_order': True, 'shape': (2, 3, 4), }", 192},
        {3, "{'descr': '<f2', 'fortran_order': False, 'shape': (7,), }", 14},
        {1, "{'descr': '|b1', 'fortran_order': True, 'shape': (4L, 1L)}", 4},
        {1, "{'descr': [('a', '<f4'), ('b', '|O')], 'fortran_order': False, 'shape': ()}",
            8}};
    size_t prefix, length;

    if (i >= sizeof seeds / sizeof seeds[0]) {
        return 0;
    }
    prefix = seeds[i].version == 1 ? 10 : 12;
    length = strlen(seeds[i].dictionary);
    memcpy(bytes, "\x93NUMPY\0\0\0\0\0\0", 12);
    bytes[6] = (uint8_t) seeds[i].version;
    bytes[8] = (uint8_t) length;
    memcpy(bytes + prefix, seeds[i].dictionary, length);
    for (size_t k = 0; k < seeds[i].n_numbers; k++) {
        bytes[prefix + length + k] = (uint8_t) (k * 37);
    }
    return prefix + length + seeds[i].n_numbers;
}

/* All of it where it is small, else its corners. */
static void
read_source(ba_source_t *source)
{
    size_t n_slabs = ba_source_n_slabs(source);
    size_t n_rows = ba_source_n_rows(source), n_cols = ba_source_n_cols(source);
    double block[4096], corner;

    (void) ba_source_read(source, n_slabs - 1, n_rows - 1, 1, n_cols - 1, 1, &corner, 1);
    (void) ba_source_read(source, 0, 0, 1, 0, 1, &corner, 1);
    if (n_rows <= 4096 && n_cols <= 4096 && n_rows * n_cols <= 4096) {
        (void) ba_source_read(source, n_slabs - 1, 0, n_rows, 0, n_cols, block, n_rows);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    const char *path = fuzz_file("x.npy", bytes, n_bytes);

    for (int max_rank = 1; max_rank <= 3; max_rank++) {
        ba_source_opts_t opts = {.max_rank = max_rank};
        ba_source_t *source;

        if (n_bytes > 0 && bytes[0] == 0x93 &&
            ba_source_open(NULL, path, &opts, &source) == 0) {
            read_source(source);
            ba_source_close(source);
        }
    }
    return 0;
}
