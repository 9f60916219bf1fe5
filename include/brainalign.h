/* SPDX-License-Identifier: GPL-3.0-or-later */
/* brainalign: brain alignment of language models. The whole public API. */
#ifndef BRAINALIGN_H
#define BRAINALIGN_H

#include "brainalign/api.h"
#include "brainalign/error.h"
#include "brainalign/version.h"
#include "brainalign/ctx.h"
#include "brainalign/hash.h"
#include "brainalign/matrix.h"
#include "brainalign/image.h"
#include "brainalign/source.h"
#include "brainalign/bundle.h"
#include "brainalign/table.h"
#include "brainalign/runs.h"
#include "brainalign/design.h"
#include "brainalign/cv.h"
#include "brainalign/detrend.h"
#include "brainalign/alphas.h"
#include "brainalign/bands.h"
#include "brainalign/ridge.h"
#include "brainalign/score.h"
#include "brainalign/significance.h"
#include "brainalign/null.h"
#include "brainalign/ceiling.h"
#include "brainalign/resample.h"
#include "brainalign/dataset.h"
#include "brainalign/check.h"
#include "brainalign/synth.h"
#include "brainalign/prepare.h"
#include "brainalign/encoder.h"
#include "brainalign/fit.h"
#include "brainalign/inference.h"
#include "brainalign/encode.h"
#include "brainalign/partition.h"
#include "brainalign/compare.h"

#endif
