# Subjects who heard the same stimulus: their encoders side by side are one of all their targets; the
# layer that drives is found over subjects, the other is not; what is refused.
cd "$(mktemp -d "${TMPDIR:-/tmp}/brainalign-align-XXXXXX")" || exit 1
trap 'rm -rf "$PWD"' EXIT

awk 'BEGIN {
    srand(8)
    for (i = 0; i < 160; i++) {
        for (j = 0; j < 5; j++)
            x[j] = rand() - 0.5
        shared = rand() - 0.5
        printf "%.6f,%.6f,%.6f,%.6f\n", x[0], x[1], x[2], x[3] > "lm.csv"
        printf "%.6f\n", x[4] > "rate.csv"
        row = ""
        for (s = 1; s < 4; s++) {
            one = sprintf("%.6f,%.6f", x[0] - x[1] + x[4] + shared + rand(), x[4] + rand())
            print one > ("y" s ".csv")
            row = row (s > 1 ? "," : "") one
        }
        print row > "y.csv"
    }
    print "front\nback\nfront\nback\nfront\nback" > "regions.txt"
    print "y1\ny1\ny2\ny2\ny3\ny3" > "subjects.txt"
    print "a\na\na\na\na\na" > "one.txt"
}'

fit() {
    "$BRAINALIGN" encode fit -q --features lm=lm.csv --features rate=rate.csv --responses "$1.csv" --delays "${2:-0,1}" \
        --alphas 3 --cv none --outer-cv kfold:4 --precision double -o "$1.h5" --force
}
align() {
    "$BRAINALIGN" neurons align -q --control rate --layer-size 2 --by layer "$@"
    echo "exit $?"
}
for name in y y1 y2 y3; do
    fit "$name"
done

align --encoder y1.h5 --encoder y2.h5 --encoder y3.h5 --regions regions.txt --group-moves 99 -o three.h5 --group-table three.tsv -j2
align --encoder y.h5 --subjects subjects.txt --regions regions.txt --group-moves 99 -o one.h5 --group-table one.tsv -j1
cut -f 1-5 three.tsv
head -n 1 three.tsv | cut -f 6-
awk -F '\t' 'NR == FNR { for (i = 6; i <= NF; i++) one[FNR, i] = $i; next }
    FNR > 1 { for (i = 6; i <= NF; i++) { d = $i - one[FNR, i]; if (d > 1e-7 || d < -1e-7) print "other " $2, $4, i } }
    END { print "the same subjects" }' one.tsv three.tsv
awk -F '\t' 'NR > 1 { print $2, $4, ($15 <= 0.02 ? "found" : $15 > 0.05 ? "not found" : "unclear") }' three.tsv
"$BRAINALIGN" neurons align --control rate --layer-size 2 --by layer --encoder y.h5 --subjects subjects.txt --group-moves 19 -o w.h5 --progress never 2>&1 |
    grep -c -e 'p of the moves is the test' -e '3 subjects, 19 moves'

# Refusals.
align --encoder y.h5 --group-table d.tsv -o d.h5
align --encoder y.h5 --subjects subjects.txt -o d.h5
align --encoder y.h5 --group-moves 9 -o d.h5
align --encoder y.h5 --group-moves 9 --subjects one.txt -o d.h5
align --encoder y1.h5 --encoder y2.h5 --group-moves 9 --subjects subjects.txt -o d.h5
"$BRAINALIGN" neurons align -q --encoder y1.h5 --encoder y2.h5 --group-moves 9 -o d.h5
echo "exit $?"
align --encoder y1.h5 --encoder y2.h5 --features lm=lm.csv --features rate=rate.csv --responses y1.csv -o d.h5
align --encoder y1.h5 --encoder y2.h5 --group-moves 9 --map d.nii.gz -o d.h5
align --encoder y1.h5 --encoder three.h5 -o d.h5
align --encoder y1.h5 --encoder y1.h5 --group-moves 9 -o d.h5
align --encoder y1.h5 --encoder y2.h5 --group-moves 9 --group-table y2.csv -o d.h5 --force
align --encoder y1.h5 -o y1.csv --force
align --encoder y1.h5 --responses y2.csv -o d.h5
align --encoder y1.h5 --encoder y2.h5 --group-moves 9999999 --memory 2M -o d.h5
awk '{ print "1,1" }' y1.csv >flat.csv
fit flat 2>/dev/null
align --encoder y1.h5 --encoder flat.h5 --group-moves 9 -o d.h5
printf '%s\n' --features lm=lm.csv --responses y1.csv --delays 0 --outer-cv kfold:4 >fit.args
align --fit fit.args --encoder new.h5 --encoder y2.h5 -o d.h5
ls new.h5 2>/dev/null
"$BRAINALIGN" encode group y1.h5 y2.h5 --null refit -o y2.csv --force; echo "exit $?"
fit y2 0
align --encoder y1.h5 --encoder y2.h5 -o d.h5
ls d.h5 d.tsv 2> /dev/null || echo "nothing written"
