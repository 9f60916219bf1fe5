/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a file of labels: CoNLL-U, CoNLL-2000, a table, one label a line. What is
 * read has as many words as labels, and sentences that count up. */
#include "tests/fuzz/standalone.h"

#include "datasets/label_file.h"

static const char *const SEEDS[] = {
    "# sent_id = "
    "1\n1-2\tdu\t_\t_\t_\t_\t_\t_\t_\t_\n1\tde\tde\tADP\t_\tA=1|B=2\t0\troot\t_"
    "\t_\n2\tle\tle\tDET\t_\t_\t1\tdet\t_\t_\n2.1\tx\t_\t_\t_\t_\t_\t_\t_\t_\n\n"
    "1\t.\t.\tPUNCT\t_\t_\t0\troot\t_\t_\n",
    "# global.columns = ID FORM UPOS A B C D E F G\n1\ta\tX\t_\t_\t_\t_\t_\t_\t_\n",
    "-DOCSTART- -X- O\n\nHe PRP B-NP\nran VBD B-VP\n\n. . O\n",
    "form\tupos\na\tX\n\"b\"\tY\n",
    "NOUN\nVERB\n\n_\r\nX\n",
};

size_t
fuzz_seed(size_t i, uint8_t bytes[FUZZ_MAX_INPUT])
{
    size_t n = 0;

    if (i < sizeof SEEDS / sizeof SEEDS[0]) {
        n = strlen(SEEDS[i]);
        memcpy(bytes, SEEDS[i], n);
    }
    return n;
}

static void
check(const ba_label_column_t *column, size_t n_bytes)
{
    if (column->cells.n == 0 || column->cells.n > n_bytes ||
        (column->forms.n > 0 && column->forms.n != column->cells.n)) {
        abort();
    }
    for (size_t t = 0; t < column->cells.n; t++) {
        if (strlen(ba_texts_get(&column->cells, t)) > n_bytes ||
            (column->sentence && t > 0 &&
                column->sentence[t] - column->sentence[t - 1] > 1)) {
            abort();
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static const char *const columns[] = {"", ":upos", ":2", ":chunk"};
    const char *path = fuzz_file("x.txt", bytes, n_bytes);
    char spec[400];

    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        ba_label_column_t column;

        snprintf(spec, sizeof spec, "%s%s", path, columns[i]);
        if (ba_label_column_read(NULL, spec, &column) == 0) {
            check(&column, n_bytes);
        }
        ba_label_column_free(&column);
    }
    return 0;
}
