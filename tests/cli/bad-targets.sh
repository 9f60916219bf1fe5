# Targets that cannot be scored are NaN with a status, counted, and stop nothing.
. "$SOURCE/tests/cli/bad.inc"
numbers 24 2 >x.csv
numbers 24 3 2 | awk -F, '{ print $1 ",nan,7," $2 "," (NR == 3 ? "nan" : $3) }' >y.csv
fit() { "$BRAINALIGN" encode fit --features x.csv --delays 0 -j 1 "$@" 2>said; }
fit --responses y.csv -o all.h5 --table all.tsv
echo "exit $?"
grep -E 'warning: [0-9]|of 5' said
awk -F '\t' '{ print $1, ($2 == "n/a" ? $2 : "number"), ($3 == "n/a" ? $3 : "number"), $NF }' all.tsv
fit --responses 'y.csv[,1:3]' -o none.h5 --table none.tsv
echo "exit $?"
grep -E 'of 2' said
cut -f 1,2,3,10 none.tsv
