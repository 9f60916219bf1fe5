/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as an image: opened as a mask, and read as a matrix under its own mask. */
#include "tests/testnifti.h"

#include "tests/fuzz/standalone.h"

#include "brainalign/error.h"
#include "brainalign/source.h"

/* Numbers read at a time: files may say that they are large. */
enum { BLOCK = 4096 };

static void
read_source(const char *path, const char *mask)
{
    ba_source_opts_t opts = {mask, 0};
    double block[BLOCK];
    ba_source_t *source;

    if (ba_source_open(NULL, path, &opts, &source) != BA_OK) {
        return;
    }
    for (size_t row = 0; row < ba_source_n_rows(source) && row < 3; row++) {
        for (size_t col = 0; col < ba_source_n_cols(source); col += BLOCK) {
            size_t left = ba_source_n_cols(source) - col;

            if (ba_source_read(source, 0, row, 1, col, left < BLOCK ? left : BLOCK, block,
                    1) != BA_OK) {
                break;
            }
        }
    }
    ba_source_close(source);
}

/* Both versions, both byte orders, plain and gzipped, four types. */
size_t
fuzz_seed(size_t i, uint8_t bytes[FUZZ_MAX_INPUT])
{
    static const int types[4] = {2, 4, 16, 1280};
    test_nifti_t nifti = test_nifti_default(1 + (i & 1), types[i >> 3 & 3], 3, 2, 2, 2);
    double values[24];
    test_bytes_t file, packed;
    size_t n;

    if (i >= 32) {
        return 0;
    }
    for (size_t k = 0; k < 24; k++) {
        values[k] = (double) (k % 3);
    }
    nifti.big_endian = i >> 1 & 1;
    nifti.slope = i >> 3 == 1 ? 0.5 : 0;
    nifti.s_code = i >> 3 & 1;
    nifti.q_code = 1;
    file = test_nifti_bytes(&nifti, values, 24);
    packed = test_gzip(file);
    n = i & 4 ? packed.n : file.n;
    memcpy(bytes, i & 4 ? packed.bytes : file.bytes, n);
    free(packed.bytes);
    free(file.bytes);
    return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    const char *path = fuzz_file("input.nii", bytes, n_bytes);
    ba_image_t *image;

    if (ba_image_open_mask(NULL, path, &image) == BA_OK) {
        double affine[16];
        int32_t at[3];

        ba_image_affine(image, affine);
        ba_image_voxel(image, ba_image_n_voxels(image) - 1, at);
        ba_image_free(image);
    }
    read_source(path, NULL);
    read_source(path, path);
    return 0;
}
