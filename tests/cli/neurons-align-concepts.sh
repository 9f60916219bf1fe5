# Concepts in neurons align: drops are those of fits without the neurons, on any number of threads; tests find the
# concept that drives a region; what does not fit together is refused.
cd "$(mktemp -d "${TMPDIR:-/tmp}/brainalign-concepts-XXXXXX")" || exit 1
trap 'rm -rf "$PWD"' EXIT

# 24 neurons of 2 layers; the first region follows neurons 0, 3, 6, the second 13, 16, 19. Concept DRIVE
# is where the first are high, OTHER where the second are.
awk 'BEGIN {
    srand(5)
    for (i = 0; i < 150; i++) {
        line = ""; less = ""
        for (j = 0; j < 24; j++) {
            x[j] = rand() + rand() - 1
            line = line (j ? "," : "") sprintf("%.5f", x[j])
            if (j != 0 && j != 3 && j != 6)
                less = less (less != "" ? "," : "") sprintf("%.5f", x[j])
        }
        print line > "lm.csv"
        print less > "less.csv"
        printf "%.5f\n", rand() > "rate.csv"
        a = x[0] + x[3] + x[6]; b = x[13] + x[16] + x[19]
        printf "%.5f,%.5f,%.5f,%.5f\n", a + rand(), a + rand(), b + rand(), b + rand() > "y.csv"
    }
    print "front\nfront\nback\nback" > "regions.txt"
    print "form\ttag" > "tokens.tsv"
    for (i = 0; i < 400; i++) {
        type = int(80 * rand())
        line = ""
        for (j = 0; j < 24; j++) {
            v = rand()
            part = int(type / 4) % 3
            if (type % 4 == 0 && j == 3 * part) v += 2
            if (type % 4 == 1 && j == 13 + 3 * part) v += 2
            line = line (j ? "," : "") sprintf("%.5f", v)
        }
        print line > "act.csv"
        print "w" type "\t" (type % 4 == 0 ? "DRIVE" : type % 4 == 1 ? "OTHER" : type % 4 == 2 ? "NOISE" : "REST") > "tokens.tsv"
    }
}'
run() {
    "$BRAINALIGN" "$@" -q
    echo "exit $?"
}
fit() {
    run encode fit --features "lm=$1" --features rate=rate.csv --responses y.csv --delays 0,1 --alphas 3 --cv none \
        --outer-cv kfold:3 --precision double -o "$2" --table "$2.tsv"
}
fit lm.csv enc.h5
fit less.csv less.h5
rank() {
    run neurons rank --activations model=act.csv --layer-size 12 --labels tokens.tsv:tag --forms tokens.tsv:form \
        --halves 0 "$@"
}
rank --method auroc --permutations 199 --save-null null.h5 --null-top 4 -o rank.tsv
align() {
    run neurons align --encoder enc.h5 --control rate --layer-size 12 "$@"
}
align --ranking rank.tsv --label-null null.h5 --top 3 --strata layer --matched 199 --dissociation 99 \
    --naive-overlap --regions regions.txt -o a.h5 --concept-table c.tsv --dissociation-table ab.tsv -j1

# The drop of DRIVE in the front is the difference of two fits; both tests and the overlap find it there,
# and OTHER in the back, and nothing else.
awk -F '\t' 'FNR == 1 { k++; for (i = 1; i <= NF; i++) name[k, $i] = i; next }
    k < 3 && FNR < 4 { r2[k] += $name[k, "r2"] / 2 }
    k == 3 && $1 == "DRIVE" && $2 == "front" { d = $name[3, "delta_r2"] - (r2[1] - r2[2])
        print (d < 1e-7 && d > -1e-7) ? "as refitted" : "found " d }
    k == 3 && $name[3, "p"] < 0.05 { print $1, $2, "drops, labels", ($name[3, "label_p"] < 0.05 ? "too" : "not") }
    k == 3 && $name[3, "overlap_p"] < 0.05 { print $1, $2, "overlaps", $name[3, "overlap"] }' enc.h5.tsv less.h5.tsv c.tsv
head -n 1 c.tsv
head -n 1 ab.tsv
awk -F '\t' '$1 == "DRIVE" && $3 == "OTHER" { print $2, $4, ($5 > 2 ? "apart" : "not apart"), ($9 >= $7 && $9 >= $8 ? "larger p" : "p") }' ab.tsv

# Threads, neurons that are found though files list them in another order, and another name.
awk 'NR == 1 { print; next } { print | "sort -k 6,6 -k 3,3n -k 5,5nr" }' rank.tsv > sorted.tsv
"$BRAINALIGN" neurons align --encoder enc.h5 --control rate --layer-size 12 --ranking sorted.tsv --label-null null.h5 \
    --top 3 --strata layer --matched 199 --dissociation 99 --naive-overlap --regions regions.txt -o b.h5 \
    --concept-table d.tsv -j3 2>&1 | grep -v 'sets of neurons: \|folds: \|r2 as in'
cmp c.tsv d.tsv && echo same
align --ranking one=rank.tsv --concept one:DRIVE --concept NOISE --top 3 --matched 0 --strata none -o e.h5 --concept-table e.tsv
cut -f 1-3 e.tsv

# Refusals.
awk -F '\t' -v OFS='\t' '$2 == 7 { $5 = 12 } { print }' rank.tsv > unit.tsv
align --ranking unit.tsv -o f.h5
cut -f 1,2,6-9 rank.tsv > cut.tsv
align --ranking cut.tsv -o f.h5
awk -F '\t' 'NR == 1 || $4 == "model" && $3 == 0' rank.tsv > half.tsv
align --ranking half.tsv -o f.h5
align --ranking rank.tsv --top 25 -o f.h5
align --ranking rank.tsv --top 24 -o f.h5
align --ranking rank.tsv --concept NOUN -o f.h5
align --ranking rank.tsv --ranking rank.tsv -o f.h5
align --ranking a=rank.tsv --ranking b=rank.tsv -o f.h5
align --ranking rank.tsv --label-null null.h5 --top 5 -o f.h5
rank --method mean --permutations 9 --save-null mean.h5 --direction negative -o mean.tsv --force
align --ranking rank.tsv --label-null mean.h5 --top 2 -o f.h5
align --ranking x=rank.tsv --label-null null.h5 --top 2 -o f.h5
align --ranking rank.tsv --concept DRIVE --strata layer --top 24 -o f.h5
align --ranking rank.tsv --dissociation 9 -o f.h5
align --concept DRIVE -o f.h5
align --ranking rank.tsv --label-null a.h5 -o f.h5
rank --method auroc --save-null other.h5 -o other.tsv
ls f.h5 other.h5 2> /dev/null || echo "nothing written"
