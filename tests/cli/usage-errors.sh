# Every wrong usage: exit status 2, nothing on stdout, one clear line on stderr.
wrong() {
    out=$("$BRAINALIGN" "$@" 2>err)
    status=$?
    [ "$status" -eq 2 ] || echo "status $status of: $*"
    [ -z "$out" ] || echo "stdout of: $*"
    [ "$(wc -l <err)" -eq 1 ] || echo "not one line: $*"
    cat err
}
wrong encod fit
wrong fit --features x.npy
wrong --versoin
wrong --version please
wrong encode
wrong encode fti
wrong encode fit --alfas auto
wrong encode fit --alphas=1 --outer_cv=runs
wrong encode fit --alph 1
wrong encode fit -features x.npy
wrong encode fit -x
wrong encode fit '--delays 1,2' x
wrong encode fit features=x.npy
wrong encode fit stray
wrong encode fit --features
wrong encode fit --features --responses y.npy
wrong encode fit --output -q
wrong encode fit --output --
wrong encode fit --force=yes
wrong encode fit --select mse --select r
wrong encode fit -o a.h5 --output b.h5
wrong encode fit --select mes
wrong encode fit --intercept maybe
wrong encode fit --seed -1
wrong encode fit --seed 1.5
wrong encode fit --seed 99999999999999999999999
wrong encode fit --tr two
wrong encode fit --tr nan
wrong encode fit --tr 0x10
wrong encode fit --memory 3X
wrong encode fit --memory 0
wrong encode fit --memory G
wrong encode fit --features x.npy --responses y.npy -o a.h5
wrong encode fit --delays 1 --features x.npy --responses y.npy
wrong encode fit --delays 1 -o a.h5
wrong encode fit --delays 1 -o a.h5 --features x.npy
wrong encode fit --delays 1 -o a.h5 --features x.npy --responses y.npy -q -v
wrong encode fit --delays 1 -o a.h5 --features x.npy --responses y.npy -j 0
wrong encode fit --delays 1 -o a.h5 --features x.npy --responses y.npy --threads 100000
wrong encode fit --delays 1 --delays 2 -o a.h5 --features x.npy --responses y.npy
wrong encode fit --delays 1 -o a.h5 --features x.npy --responses y.npy --trim 1,
wrong encode fit --delays 1 -o a.h5 --features x.npy --responses y.npy --trim 1,2,3
wrong encode fit --delays 1 -o a.h5 --features x.npy --responses y.npy --tr 0
wrong encode fit --delays 1 -o a.h5 --features x.npy --responses y.npy --cv-gap outer:3,5
wrong encode fit --delays 1 -o a.h5 --features x.npy --responses y.npy --target-range 5
wrong encode fit --delays 1 -o a.h5 --features x.npy --responses y.npy --target-range 5:5
wrong encode fit --delays 1 -o a.h5 --features x.npy --responses y.npy --save weights,wieghts
wrong encode fit --delays 1 -o a.h5 --features x.npy --responses y.npy --save weights,none
wrong datasets synth -o study --grid 4,4
wrong datasets synth -o study --n-layers 4294967296
wrong datasets info
wrong help --markdwon
wrong help encode fti
[ ! -e a.h5 ] && [ ! -e study ]
