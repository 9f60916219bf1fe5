# For each type of BLAS kernel the same bytes with any number of threads; between types scores agree to float32.
"$BRAINALIGN" datasets synth -o study --n-layers 1 --n-runs 3 --run-length 120 --grid 12,12,6 -q || exit 1
fit() {
    output=$1
    shift
    "$BRAINALIGN" encode fit --features study/study.h5:/features/layer_1 --responses study/study.h5:/responses --runs study/study.h5:/run \
        --delays 1,2,3 --alphas log:0,4,5 --save none --table "$output.tsv" -o "$output.h5" -q "$@"
}
# The kernels that this machine would take, whatever the environment says; then an older type that it can run too.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
grep -q ' avx2 ' /proc/cpuinfo || { echo 'no AVX2 here'; exit 77; }
for core in '' Haswell; do
    [ -n "$core" ] && export OPENBLAS_CORETYPE=$core
    for form in primal dual; do
        fit "$form-1$core" -j 1 --solver $form
        fit "$form-3$core" -j 3 --memory 20M --solver $form
        cmp "$form-1$core.tsv" "$form-3$core.tsv" && echo "$form ${core:-own}: the same"
    done
done
for form in primal dual; do
    paste "$form-1.tsv" "$form-1Haswell.tsv" | awk -v form=$form '
        NR == 1 { half = NF / 2; for (i = 1; i <= half; i++) at[$i] = i; next }
        $at["r"] != "n/a" { d = $at["r"] - $(half + at["r"]); d = d < 0 ? -d : d; worst = d > worst ? d : worst; n++ }
        END { print form ": " (n > 100 && worst < 1e-4 ? "agree" : "differ by " worst " over " n) }'
done
