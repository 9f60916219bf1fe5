/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two spaces fitted each, and regions and subjects of their targets. */
#ifndef BA_COMPARE_STUDY_H
#define BA_COMPARE_STUDY_H

#include "tests/property/encode_study.h"

#include "brainalign/compare.h"

static char paths[3][TEST_PATH_SIZE];

/* Two spaces fitted each, with predictions; the third file is the stack. */
static inline void
fit_both(ba_encode_fit_opts_t opts)
{
    ba_dataset_t *dataset = open_for_fit(2, 0);

    opts.output = in_folder("each");
    opts.force = 1;
    must(ba_encode_each(NULL, dataset, &opts, 1, NULL, NULL));
    ba_dataset_free(dataset);
    snprintf(paths[0], sizeof paths[0], "%s", in_folder("each/a.h5"));
    snprintf(paths[1], sizeof paths[1], "%s", in_folder("each/b.h5"));
    snprintf(paths[2], sizeof paths[2], "%s", in_folder("each/stacked.h5"));
}

/* Region "one" is target 4 alone, "many" are targets 10 to 19. */
static inline void
write_labels(const char *name, size_t n)
{
    char text[24 * V + 64];
    size_t length = (size_t) sprintf(text, "target\troi\tsubject\n");

    for (size_t t = 0; t < n; t++) {
        length += (size_t) sprintf(text + length, "%zu\t%s\ts%zu\n", t,
            t == 4              ? "one"
            : t >= 10 && t < 20 ? "many"
                                : "n/a",
            t % 5);
    }
    test_write_file(in_folder(name), text, length);
}

#endif
