# Sets of neurons, Shapley values and minimal sets in neurons align: the same as fits without the
# columns; what is refused.
cd "$(mktemp -d "${TMPDIR:-/tmp}/brainalign-align-XXXXXX")" || exit 1
trap 'rm -rf "$PWD"' EXIT

awk 'BEGIN {
    srand(5)
    for (i = 0; i < 120; i++) {
        for (j = 0; j < 7; j++)
            x[j] = rand() - 0.5
        printf "%.6f,%.6f,%.6f,%.6f,%.6f,%.6f\n", x[0], x[1], x[2], x[3], x[4], x[5] > "lm.csv"
        printf "%.6f\n", x[6] > "rate.csv"
        printf "%.6f,%.6f,%.6f\n", x[1] + 2 * x[2] + rand(), x[6] + x[4] + rand(), x[2] + rand() > "y.csv"
        printf "%.6f,%.6f,%.6f,%.6f\n", x[0], x[3], x[4], x[5] > "without.csv"
    }
    print "front\nback\nfront" > "regions.txt"
    print "neuron\n1\n2" > "drivers.tsv"
    print "0\n3" > "others.txt"
    print "2\n4" > "both.txt"
    print "11" > "far.txt"
    printf "" > "empty.txt"
}'

fit() {
    "$BRAINALIGN" encode fit -q --features "lm=$1" --features rate=rate.csv --responses y.csv --delays 0,1 \
        --alphas 3 --cv none --outer-cv kfold:4 --precision double -o "$2" --table "$2.tsv"
}
align() {
    "$BRAINALIGN" neurons align -q --encoder enc.h5 --control rate "$@"
    echo "exit $?"
}
fit lm.csv enc.h5
fit without.csv less.h5

align --layer-size 3 --set drivers=drivers.tsv --set others.txt --regions regions.txt --shapley -o a.h5 --set-table s.tsv
cut -f 1-3 s.tsv
awk -F '\t' 'FILENAME != file { file = FILENAME; k++; for (i = 1; i <= NF; i++) name[k, $i] = i; line = 0; next }
    { line++ }
    k < 3 { r2[k] += $name[k, "r2"] / 3 }
    k == 3 && line == 1 { d = $name[k, "delta_r2"] - (r2[1] - r2[2]); print (d < 1e-7 && d > -1e-7) ? "as refitted" : "found " d }' \
    enc.h5.tsv less.h5.tsv s.tsv

# Layers and components; the whole set leaves the control alone.
align --layer-size 3 --by layer --set drivers=drivers.tsv -o b.h5 --set-table b.tsv
cut -f 1-3 b.tsv
align --by component -o c.h5 --set-table c.tsv
cut -f 1-3 c.tsv

# Minimal sets: the driver of each region is what stays longest.
align --regions regions.txt --elimination e.tsv --tolerance 0.3 -o e.h5
head -n 1 e.tsv
awk -F '\t' '$7 == "yes" { print $1, $2 }' e.tsv
"$BRAINALIGN" neurons rank -q --method brain --align e.h5 --by elimination --top 1 -o last.tsv; echo "exit $?"
cut -f 2,6 last.tsv

# Maps of what sets add, in the grid of the responses, and a picture.
"$BRAINALIGN" datasets synth -q -o study --n-layers 2 --layer-size 4 --n-concepts 1 --neurons-per-concept 1 --n-runs 3 --run-length 40 \
    --n-test-repeats 1 --grid 6,6,3
"$BRAINALIGN" encode fit -q --features lm1=study/study.h5:/features/layer_1 --features lm2=study/study.h5:/features/layer_2 --responses study/study.h5:/responses --runs study/study.h5:/run \
    --mask study/mask.nii.gz --delays 1,2,3 --alphas 100 --cv none -o image.h5
map() {
    "$BRAINALIGN" neurons align -q --encoder image.h5 --by component --map map.nii.gz "$@"
    echo "exit $?"
}
map -o m.h5 --figure m.svg
ls map*
"$BRAINALIGN" datasets info -q map-lm1.nii.gz > info.txt; echo "exit $?"
grep -c '<svg' m.svg
map -o n.h5
align --by component --map map.nii.gz -o d.h5

# Refusals.
align --set both=both.txt --set drivers=drivers.tsv --shapley -o d.h5
align --shapley -o d.h5
align --set far.txt -o d.h5
align --set empty.txt -o d.h5
align --set none.txt -o d.h5
align --set-table d.tsv -o d.h5
align --set others.txt --set-table others.txt -o d.h5
align --elimination d.tsv --tolerance 1 -o d.h5
align --elimination e.tsv -o d.h5
"$BRAINALIGN" neurons rank -q --method brain --align a.h5 --by elimination -o d.tsv; echo "exit $?"
"$BRAINALIGN" encode fit -q --features lm=lm.csv --features rate=rate.csv --responses y.csv --delays 0 --alphas 3 --cv none --outer-cv kfold:2 -o two.h5
"$BRAINALIGN" neurons align -q --encoder two.h5 --elimination d.tsv -o d.h5; echo "exit $?"
"$BRAINALIGN" neurons align -q --encoder two.h5 --table two.tsv -o two-align.h5; echo "exit $?"
cut -f 1,6,7,8 two.tsv | sed -n 2p
ls d.h5 d.tsv 2> /dev/null || echo "nothing written"
