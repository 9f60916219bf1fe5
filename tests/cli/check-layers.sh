# tools/check-layers finds each kind of violation, in a small tree and planted in a copy of this one.
check=$SOURCE/tools/check-layers
mkdir -p small/core small/linalg small/io small/model small/fit small/encode small/decode small/cli \
    small/include/brainalign small/utils
(
    cd small || exit 1
    for header in error source ridge fit; do
        echo '#include <stddef.h>' >"include/brainalign/$header.h"
    done
    printf '#include "brainalign/%s.h"\n' error source ridge fit >include/brainalign.h
    echo '#include "brainalign/error.h"' >core/alloc.h
    printf '# include "alloc.h"\n#include <xxhash.h>\n' >core/alloc.c
    printf '#include "core/alloc.h"\n#include <cblas.h>\n' >linalg/blas.h
    printf '#include "brainalign/source.h"\n#include "core/alloc.h"\n#include <hdf5.h>\n' >io/hdf5_util.c
    echo '#include <zlib.h>' >io/gzip.c
    : >io/npy.h
    printf '#include "linalg/blas.h"\n#include <gsl/gsl_cdf.h>\n' >model/basis.h
    printf '#include "model/basis.h"\n#include <omp.h>\n#include <brainalign/ridge.h>\n' >fit/run.h
    printf '#include "fit/run.h"\n' >encode/fit.c
    : >decode/invert.h
    : >utils/tools.h
    printf '#include "brainalign.h"\n#include "cli/list.h"\n#include "brainalign/fit.h"\n' >cli/main.c
    : >cli/list.h
)
sh "$check" small || exit 1

# planted FILE INCLUDED: what is said about one line more in a file of the small tree.
planted() {
    cp "small/$1" saved
    echo "#include $2" >>"small/$1"
    sh "$check" small && echo "$1: $2 went unseen"
    mv saved "small/$1"
}
planted core/alloc.c '"linalg/blas.h"'
planted linalg/blas.h '"brainalign/source.h"'
planted io/gzip.c '"model/basis.h"'
planted io/gzip.c '"../model/basis.h"'
planted io/gzip.c '<brainalign/ridge.h>'
planted model/basis.h '"io/npy.h"'
planted encode/fit.c '"decode/invert.h"'
planted fit/run.h '"brainalign.h"'
planted cli/main.c '"core/alloc.h"'
planted cli/main.c '<hdf5.h>'
planted core/alloc.h '"utils/tools.h"'
planted core/alloc.h HEADER
planted model/basis.h '<cblas.h>'
planted io/gzip.c '<hdf5.h>'
planted io/gzip.c '<gsl/gsl_rng.h>'
planted io/npy.h '<zlib.h>'
planted fit/run.h '<fftw3.h>'
planted include/brainalign/error.h '"core/alloc.h"'
planted include/brainalign/error.h '"brainalign/source.h"'
planted include/brainalign/error.h '<hdf5.h>'
: >small/include/brainalign/nowhere.h
sh "$check" small && echo 'a public header without a layer went unseen'

mkdir copy
(cd "$SOURCE" && for folder in core linalg io model datasets fit encode cli include; do
    cp -R "$folder" "$OLDPWD/copy/" || exit 1
done) || exit 1
echo '#include "io/source_impl.h"' >>copy/model/ridge.c
sh "$check" copy | sed 's/:[0-9]*:/:/' | grep '^model/ridge.c'
