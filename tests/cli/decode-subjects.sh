# decode fit of several subjects: alignment, splits, what is written, and what is refused in one line.
. "$SOURCE/tests/cli/bad.inc"
# Three subjects with 4, 6 and 5 columns, who hear what is shared through mixtures of their own.
numbers 66 2 1 >x.csv
for s in 1 2 3; do
    numbers 66 6 $((10 * s)) | paste -d, x.csv - | awk -F, -v OFS=, -v s=$s '{
        n = s == 1 ? 4 : s == 2 ? 6 : 5
        for (j = 1; j <= n; j++)
            printf "%.6f%s", $1 * sin(s * j) + $2 * cos(2 * s * j + s) + $(2 + j) / 2, j < n ? "," : "\n"
    }' >y$s.csv
done
rows() { # SUBJECT FILE: film 20, one 16, two 15, three 15
    printf 'film\t%s\t%s[0:20,]\tx.csv[0:20,]\none\t%s\t%s[20:36,]\tx.csv[20:36,]\n' "$1" "$2" "$1" "$2"
    printf 'two\t%s\t%s[36:51,]\tx.csv[36:51,]\nthree\t%s\t%s[51:66,]\tx.csv[51:66,]\n' "$1" "$2" "$1" "$2"
}
table() { printf 'run\tsubject\tresponses\tfeatures\n' && cat; }
{ rows anna y1.csv && rows bert y2.csv && rows carl y3.csv; } | table >runs.tsv
fit() { "$BRAINALIGN" decode fit -j 1 --run-table runs.tsv --response-delays 0 --alphas 1,10 --align-runs film "$@"; }
said() { grep -e aligned -e 'r: mean' -e warning; }

for method in procrustes srm srm-em; do
    echo "$method"
    fit --align $method --outer-cv crossed -o $method.h5 2>&1 | said
    "$BRAINALIGN" datasets info $method.h5 | awk '/subject|alignment|predictions|r_by_fold/ && !/command/ { print $1, $2, $3, $4 }'
done
echo 'a subject, a stimulus'
fit --align srm --align-features 2 --outer-cv subjects --save weights -o out.h5 2>&1 | said
fit --align srm --align-features 2 --outer-cv runs --force -o out.h5 2>&1 | said
fit --align srm --align-features 2 --cv kfold:3 --dry-run -o none.h5 | grep -v memory
echo 'another order of the table'
sed 1d runs.tsv | sort | table >sorted.tsv
"$BRAINALIGN" decode fit -j 1 --run-table sorted.tsv --response-delays 0 --alphas 1,10 --align-runs film --align srm --outer-cv crossed -o sorted.h5 2>&1 | said
echo 'an alignment run without features'
sed '/^film/s/[^	]*$/n\/a/' sorted.tsv >silent.tsv
"$BRAINALIGN" decode fit -j 1 --run-table silent.tsv --response-delays 0 --alphas 1,10 --align-runs film --align srm --outer-cv crossed -o silent.h5 2>&1 | said
echo 'categories'
awk 'BEGIN { for (s = 0; s < 3; s++) for (i = 0; i < 66; i++) print int(i / 3) % 2 ? "tool" : "face" }' >labels.txt
cut -f 1-3 runs.tsv >bare.tsv
"$BRAINALIGN" decode fit -j 1 --run-table bare.tsv --labels labels.txt --response-delays 0 --alphas 1 --align procrustes --align-runs film --outer-cv subjects -q -o class.h5
"$BRAINALIGN" datasets info class.h5 | awk '/classes/ { print $1, $2, $3, $4 }'
echo 'no method'
{ rows anna y1.csv && rows bert y1.csv; } | table >same.tsv
"$BRAINALIGN" decode fit -j 1 --run-table same.tsv --response-delays 0 --alphas 1 --align-runs film --outer-cv runs -o plain.h5 2>&1 | said
"$BRAINALIGN" decode fit -j 1 --run-table same.tsv --response-delays 0 --alphas 1 --outer-cv runs -o all.h5 2>&1 | grep -c '4 outer folds'

echo 'refused'
bad_fit() { bad decode fit -j 1 --run-table runs.tsv --response-delays 0 -o bad.h5 "$@"; }
bad_fit --align srm
bad_fit --align srm --align-runs clip
bad_fit --align srm --align-runs film,film
bad_fit --align srm --align-runs film,one,two,three
bad_fit --align srm --align-runs film --align-features 0
bad_fit --align srm --align-runs film --align-features 5
bad_fit --align srm --align-runs film --align-features 20
bad_fit --align procrustes --align-runs film --align-features 2
bad_fit --align hyper --align-runs film
bad_fit --align srm --align-runs film --n-voxels 2 --voxel-score searchlight
bad_fit --align srm --align-runs film --rois y1.csv --voxel-score roi
bad_fit --align srm --align-runs film --align-features 2 --n-voxels 3
bad_fit --align-runs film
bad_fit --align srm --align-runs film --cv subjects
bad_fit --align srm --align-runs film --cv bootstrap:3,5,1
bad_fit --align srm --align-runs film --memory 100
bad decode fit -j 1 --responses y1.csv --features x.csv --response-delays 0 --align srm --align-runs film -o bad.h5
bad decode fit -j 1 --responses y1.csv --features x.csv --response-delays 0 --align-runs film -o bad.h5
bad decode fit -j 1 --responses y1.csv --features x.csv --response-delays 0 --outer-cv crossed -o bad.h5
awk 'BEGIN { for (s = 0; s < 3; s++) for (i = 0; i < 66; i++) print s == 1 && i == 21 ? -1 : 66 * s + i }' >blocks.csv
bad_fit --align-runs film --align srm --blocks blocks.csv
bad decode fit -j 1 --run-table runs.tsv --response-delays 0 --align srm --align-runs film --blocks blocks.csv -o blocks.csv --force
awk 'NR <= 20 { print "1,1,1,1"; next } { print }' y1.csv >flat.csv
{ rows anna flat.csv && rows bert y2.csv; } | table >bad.tsv
bad decode fit -j 1 --run-table bad.tsv --response-delays 0 --align procrustes --align-runs film -o bad.h5
awk -F, -v OFS=, '{ $2 = 3; print }' y1.csv >dead.csv
{ rows anna dead.csv && rows bert y2.csv; } | table >dead.tsv
"$BRAINALIGN" decode fit -j 1 -q --run-table dead.tsv --response-delays 0 --align procrustes --align-runs film --save weights -o dead.h5 &&
    "$BRAINALIGN" datasets info dead.h5:/alignment/subject_1/weights[,1:2] | grep -e min -e max -e range
bad_table() { bad decode fit -j 1 --run-table bad.tsv --response-delays 0 --align srm --align-runs film -o bad.h5 "$@"; }
rows anna y1.csv | table >bad.tsv
bad_table
cut -f 1,3,4 bad.tsv >bad.new && mv bad.new bad.tsv
bad_table
{ rows anna y1.csv && rows bert y2.csv | sed 1d; } | table >bad.tsv
bad_table
{ rows anna y1.csv && rows bert y2.csv | sed '1s/0:20/0:19/g'; } | table >bad.tsv
bad_table
{ rows anna y1.csv && rows bert y2.csv | sed '3s/36:51/10:25/g'; } | table >bad.tsv
bad_table
{ rows anna y1.csv && rows bert y2.csv | sed '3s/y2/y3/'; } | table >bad.tsv
bad_table
sed 's/[^,]*$/nan/' y2.csv | sed 's/[^,]*,/nan,/g' >nan.csv
{ rows anna y1.csv && rows bert nan.csv; } | table >bad.tsv
bad_table
awk -F, -v OFS=, '{ print $1, $1, $1 }' y1.csv >flat.csv
{ rows anna y1.csv && rows bert flat.csv; } | table >bad.tsv
bad_table --align-features 2
sed '2,$s/[^	]*$/n\/a/' runs.tsv >bad.tsv
bad_table
sed '/^one/s/[^	]*$/n\/a/' runs.tsv >bad.tsv
bad_table
awk 'BEGIN { for (i = 0; i < 132; i++) print i % 3 }' >ids.csv
{ rows anna y1.csv && rows bert y2.csv; } | table >bad.tsv
"$BRAINALIGN" decode fit -j 1 -q --run-table bad.tsv --response-delays 0 --align srm --align-runs film --outer-cv rows:ids.csv -o rows.h5 && echo 'ids that go with the moments'
sed '100s/.*/7/' ids.csv >other.csv
bad_table --outer-cv rows:other.csv
