/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gzip layer, seen through the images that it carries. */
#include "tests/testnifti.h"

#include "core/alloc.h"
#include "io/gzip.h"
#include "io/nifti.h"

#include <fcntl.h>

static char folder[TEST_PATH_SIZE];

static int
make_folder(void **state)
{
    (void) state;
    test_make_folder(folder);
    return 0;
}

static int
remove_folder(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

/* Opens, reads n values into dst and finishes; the first failure. */
static int
read_values(const char *path, size_t n, double *dst)
{
    ba_nifti_t *nifti = NULL;
    int status;

    BA_TRY(ba_nifti_open(path, &nifti));
    BA_TRY(ba_nifti_read(nifti, 0, NULL, n, dst, 1));
    BA_TRY(ba_nifti_finish(nifti));
out:
    ba_nifti_close(nifti);
    return status;
}

static void
damaged_gzip_files(void **state)
{
    static double values[6000], got[6000];
    test_nifti_t nifti = test_nifti_default(1, 64, 20, 30, 10, 1);
    test_bytes_t plain, packed;
    unsigned char *twice;
    char path[TEST_PATH_SIZE];

    (void) state;
    test_fill_normal(values, 6000, 4);
    test_join(path, folder, "damaged.nii.gz");
    plain = test_nifti_bytes(&nifti, values, 6000);
    packed = test_gzip(plain);
    twice = calloc(2 * packed.n + 100, 1);
    assert_non_null(twice);
    memcpy(twice, packed.bytes, packed.n);
    test_write_file(path, twice, packed.n + 100);
    assert_int_equal(
        read_values(path, 6000, got), BA_OK); /* padded with zeros, as tapes do */
    for (size_t n = 0; n < packed.n; n += n + 40 < packed.n ? 37 : 1) {
        test_write_file(path, packed.bytes, n);
        assert_int_equal(read_values(path, 6000, got), BA_FORMAT);
    }
    for (size_t i = 1; i <= 8; i++) { /* checksum and length */
        packed.bytes[packed.n - i] ^= 0x10;
        test_write_file(path, packed.bytes, packed.n);
        assert_int_equal(read_values(path, 6000, got), BA_FORMAT);
        assert_contains(ba_error_message(), "damaged gzip stream: incorrect");
        packed.bytes[packed.n - i] ^= 0x10;
    }
    memset(twice + packed.n, 'x', 3);
    test_write_file(path, twice, packed.n + 3);
    assert_int_equal(read_values(path, 6000, got), BA_FORMAT);
    assert_contains(ba_error_message(), "after the gzip stream");
    memcpy(twice + packed.n, packed.bytes, packed.n);
    test_write_file(path, twice, 2 * packed.n);
    assert_int_equal(read_values(path, 6000, got), BA_FORMAT);
    assert_contains(ba_error_message(), "more data than the header says");
    free(twice);
    free(packed.bytes);
    free(plain.bytes);
}

static void
gzip_of_several_members(void **state)
{
    static double values[600], got[600];
    test_nifti_t nifti = test_nifti_default(2, 16, 20, 30, 1, 1);
    test_bytes_t plain, parts[3];
    char path[TEST_PATH_SIZE];
    FILE *file;

    (void) state;
    for (size_t i = 0; i < 600; i++) {
        values[i] = (double) i;
    }
    plain = test_nifti_bytes(&nifti, values, 600);
    parts[0] = test_gzip((test_bytes_t){plain.bytes, 100});
    parts[1] = test_gzip((test_bytes_t){plain.bytes + 100, 0});
    parts[2] = test_gzip((test_bytes_t){plain.bytes + 100, plain.n - 100});
    file = fopen(test_join(path, folder, "members.nii.gz"), "wb");
    assert_non_null(file);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(fwrite(parts[i].bytes, 1, parts[i].n, file), parts[i].n);
        free(parts[i].bytes);
    }
    fclose(file);
    assert_int_equal(read_values(path, 600, got), BA_OK);
    assert_all_close(got, values, 600, 0);
    free(plain.bytes);
}

/* What the writer packs, in pieces of any size, the reader unpacks, skipping any of it;
 * equal data give equal bytes. */
static void
round_trip(void **state)
{
    enum { N = 300000 };
    static unsigned char bytes[N], got[N], packed[2][N + 1000];
    char path[2][TEST_PATH_SIZE];
    size_t n_packed[2];
    uint64_t seed = 3;

    (void) state;
    for (size_t i = 0; i < N; i++) {
        bytes[i] = (unsigned char) (test_random(&seed) >> (i < N / 2 ? 60 : 56));
    }
    for (size_t k = 0; k < 2; k++) {
        ba_outfile_t *outfile;
        ba_gzwriter_t *writer;
        FILE *file;

        test_join(path[k], folder, k == 0 ? "a.gz" : "another.gz");
        assert_int_equal(ba_outfile_create(path[k], 0, &outfile), BA_OK);
        assert_int_equal(ba_gzwriter_create(outfile, &writer), BA_OK);
        for (size_t at = 0, n; at < N; at += n) {
            n = k == 0 ? N : 1 + test_below(&seed, 5000);
            n = n < N - at ? n : N - at;
            assert_int_equal(ba_gzwriter_write(writer, bytes + at, n), BA_OK);
        }
        assert_int_equal(ba_gzwriter_finish(writer), BA_OK);
        ba_gzwriter_free(writer);
        assert_int_equal(ba_outfile_commit(outfile), BA_OK);
        ba_outfile_free(outfile);
        file = fopen(path[k], "rb");
        assert_non_null(file);
        n_packed[k] = fread(packed[k], 1, sizeof(packed[k]), file);
        fclose(file);
    }
    assert_int_equal(n_packed[0], n_packed[1]);
    assert_memory_equal(packed[0], packed[1], n_packed[0]);
    for (size_t round = 0; round < 20; round++) {
        size_t skipped = round == 0 ? 0 : test_below(&seed, N);
        int fd = open(path[0], O_RDONLY);
        ba_gzreader_t *reader;

        assert_int_equal(ba_gzreader_open(fd, path[0], &reader), BA_OK);
        assert_int_equal(ba_gzreader_read(reader, NULL, skipped), BA_OK);
        assert_int_equal(ba_gzreader_read(reader, got, N - skipped), BA_OK);
        assert_memory_equal(got, bytes + skipped, N - skipped);
        assert_int_equal(ba_gzreader_finish(reader), BA_OK);
        assert_int_equal(ba_gzreader_read(reader, got, 1), BA_FORMAT);
        assert_contains(ba_error_message(), "1 more bytes expected");
        ba_gzreader_free(reader);
        close(fd);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_gzip_files),
        cmocka_unit_test(gzip_of_several_members),
        cmocka_unit_test(round_trip),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
