/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as CSV or TSV: read as a table and as numbers, which must agree. */
#include "tests/fuzz/standalone.h"

#include "brainalign/error.h"
#include "brainalign/source.h"
#include "brainalign/table.h"

size_t
fuzz_seed(size_t i, uint8_t bytes[FUZZ_MAX_INPUT])
{
    static const char *const seeds[] = {"a,b,c\n1,2.5,-3e4\nn/a,,nan\n",
        "\xef\xbb\xbfrun\tresponses\tfeatures\r\n1\tb\xc3\xb6ld.nii\t\"a\tb\"\r\n",
        "\"x\"\"y\",\"multi\nline\"\n1,\"2\"\n", "1\r2\r3\r\r",
        "\xf0\x9f\xa7\xa0,inf\n-0,1e999\n"};

    if (i >= sizeof seeds / sizeof seeds[0]) {
        return 0;
    }
    memcpy(bytes, seeds[i], strlen(seeds[i]));
    return strlen(seeds[i]);
}

static void
require(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "fuzz_csv: %s\n", what);
        abort();
    }
}

static void
compare(const ba_table_t *table, ba_source_t *source)
{
    size_t n_rows = ba_table_n_rows(table), n_cols = ba_table_n_cols(table);

    require(ba_source_n_rows(source) == n_rows && ba_source_n_cols(source) == n_cols,
        "table and source differ in shape");
    for (size_t i = 0; i < n_rows; i++) {
        for (size_t j = 0; j < n_cols; j++) {
            double a = 0.0, b = 0.0;

            require(ba_table_number(table, i, j, &a) == BA_OK &&
                        ba_source_read(source, 0, i, 1, j, 1, &b, 1) == BA_OK,
                "a number that is in one only");
            require(memcmp(&a, &b, sizeof a) == 0, "numbers differ");
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    const char *path = fuzz_file("x.csv", bytes, n_bytes);
    ba_table_t *table = NULL;
    ba_source_t *source = NULL;
    int as_table = ba_table_read(path, BA_TABLE_DETECT, &table);
    int as_source;

    require((as_table == BA_OK) == (table != NULL), "a status without its table");
    as_source = ba_source_open(NULL, path, NULL, &source);
    require((as_source == BA_OK) == (source != NULL), "a status without its source");
    if (source && ba_source_format(source)[0] == 'c') {
        require(table != NULL, "a source of what is no table");
        compare(table, source);
    }
    ba_source_close(source);
    ba_table_free(table);
    return 0;
}
