# Contributions of neurons to an encoder: the same as from fits without them, on any number of
# threads; what it takes and what it refuses.
cd "$(mktemp -d "${TMPDIR:-/tmp}/brainalign-align-XXXXXX")" || exit 1
trap 'rm -rf "$PWD"' EXIT

awk 'BEGIN {
    srand(3)
    for (i = 0; i < 90; i++) {
        for (j = 0; j < 5; j++)
            x[j] = rand() - 0.5
        printf "%.6f,%.6f,%.6f,%.6f\n", x[0], x[1], x[2], x[3] > "lm.csv"
        printf "%.6f\n", x[4] > "rate.csv"
        printf "%.6f,%.6f\n", x[1] + 2 * last + rand(), x[4] + rand() > "y.csv"
        printf "%.6f,%.6f,%.6f\n", x[0], x[1], x[3] > "without.csv"
        last = x[2]
    }
    print "front\nback" > "regions.txt"
    print "front" > "short.txt"
}'

fit() {
    "$BRAINALIGN" encode fit -q --features "lm=$1" --features rate=rate.csv --responses y.csv --delays 0,1 \
        --alphas 3 --cv none --outer-cv kfold:3 --precision double -o "$2" --table "$2.tsv"
}
align() {
    "$BRAINALIGN" neurons align -q "$@"
    echo "exit $?"
}
fit lm.csv enc.h5
fit without.csv less.h5

align --encoder enc.h5 --control rate --layer-size 2 --regions regions.txt -o a.h5 --table n.tsv --brain-ranking b.tsv -j1
head -n 1 n.tsv
cut -f 1-4 n.tsv | tail -n +2
head -n 2 b.tsv | cut -f 2-6


# The same encoder fitted on the spot.
printf '%s\n' --features lm=lm.csv --features rate=rate.csv --responses y.csv --delays 0,1 --alphas 3 --cv none \
    --outer-cv kfold:3 --precision double -q >fit.args
align --fit fit.args --encoder spot.h5 --control rate --layer-size 2 --regions regions.txt -o spot_a.h5 --table spot.tsv
cmp n.tsv spot.tsv && echo 'as in two steps'
align --fit fit.args --encoder spot.h5 -o spot_b.h5
align --fit none.args --encoder new.h5 -o spot_b.h5

# Neuron 2 drives the first target: its contribution is the difference of two fits.
awk -F '\t' 'FILENAME != file { file = FILENAME; k++; for (i = 1; i <= NF; i++) name[k, $i] = i; line = 0; next }
    { line++ }
    k < 3 && line == 1 { r2[k] = $name[k, "r2"] }
    k == 3 && $1 == 2 { d = $name[k, "front"] - (r2[1] - r2[2]); print (d < 1e-7 && d > -1e-7) ? "as refitted" : "found " d }' \
    enc.h5.tsv less.h5.tsv n.tsv

# Threads, and the data named again instead of found.
align --encoder enc.h5 --features lm=lm.csv --features rate=rate.csv --responses y.csv --control rate --layer-size 2 \
    --regions regions.txt -o c.h5 --table c.tsv --save-folds -j3
cmp n.tsv c.tsv && echo same
"$BRAINALIGN" neurons select --ranking b.tsv --concept front --n-neurons 1 -o list.tsv -q; echo "exit $?"
tail -n 1 list.tsv | cut -f 1

# The same ranking out of the file, and others.
rank() {
    "$BRAINALIGN" neurons rank -q --method brain "$@"
    echo "exit $?"
}
rank --align a.h5 -o r.tsv
cmp b.tsv r.tsv && echo same
rank --align a.h5 --by alone_r --top 1 -o alone.tsv
cut -f 2,6 alone.tsv
"$BRAINALIGN" neurons compare -q --ranking a=b.tsv --ranking b=r.tsv --top 2 -o compare.h5; echo "exit $?"
rank --align a.h5 --against b.tsv --region front --figure r.svg -o against.tsv
grep -c 'rho 1.000' r.svg
rank --align a.h5 --figure r2.svg -o none.tsv
rank --align a.h5 --against b.tsv --region side --figure r2.svg -o none.tsv
rank -o none.tsv
rank --align enc.h5 -o none.tsv
rank --align a.h5 -o none.h5
rank --align a.h5 --activations lm.csv -o none.tsv
rank --align a.h5 -o a.h5

# Refusals.
align --encoder enc.h5 --control rate -o a.h5
align --encoder enc.h5 --control nope -o d.h5
align --encoder enc.h5 --control rate --layer-size 3 -o d.h5
align --encoder enc.h5 --control lm --control rate -o d.h5
align --encoder enc.h5 --regions short.txt -o d.h5
align --encoder enc.h5 --features lm=lm.csv --features rate=rate.csv --responses lm.csv -o d.h5
sed '5s/^0/1/;5s/^-0/0/' y.csv > other.csv
align --encoder enc.h5 --features lm=lm.csv --features rate=rate.csv --responses other.csv -o d.h5
sed '5s/^0/1/;5s/^-0/0/' lm.csv > moved.csv
align --encoder enc.h5 --features lm=moved.csv --features rate=rate.csv --responses y.csv -o d.h5 2> moved.txt
cut -c 1-120 moved.txt
align --encoder a.h5 -o d.h5
align --encoder none.h5 -o d.h5
align -o d.h5
"$BRAINALIGN" encode fit -q --features lm=lm.csv --responses y.csv --delays 0 --alphas 3 --cv none --outer-cv none -o bare.h5
align --encoder bare.h5 -o d.h5
align --encoder enc.h5 --dry-run -o d.h5
align --encoder enc.h5 --memory 1K -o d.h5
ls d.h5 2> /dev/null || echo "nothing written"
