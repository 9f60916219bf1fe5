# Columns of confound tables as nuisance: chosen by name and pattern, first row filled, runs with columns of their own.
. "$SOURCE/tests/cli/bad.inc"
small_study study || exit 1
x=study/study.h5:/features/layer_1
y=study/study.h5:/responses
run=study/study.h5:/run
# confounds FILE FIRST N OUTLIERS: n rows whose first derivative is missing.
confounds() {
    awk -v first="$2" -v n="$3" -v outliers="$4" 'BEGIN {
        line = "csf\ttrans_x\ttrans_x_derivative1\trot_y"
        for (j = 0; j < outliers; j++) line = line "\tmotion_outlier0" j
        print line
        for (i = 0; i < n; i++) {
            line = sin(first + i) "\t" cos(first + i) "\t" (i ? sin(i) : "n/a") "\t" cos(2 * i)
            for (j = 0; j < outliers; j++) line = line "\t" (i == j + 3)
            print line
        }
    }' >"$1"
}
fit() { "$BRAINALIGN" encode fit -j 1 --delays 1 --cv-gap 0 --force -o e.h5 "$@" 2>&1 | grep -E 'n/a|error'; }
one() { fit --features $x --responses $y --runs $run --nuisance c.tsv "$@"; }
confounds c.tsv 0 60 1

echo 'single tables'
one --nuisance-columns 'trans_*,csf' --table a.tsv
one --nuisance-columns 'csf,trans_x,trans_x_derivative1' --table b.tsv
cmp a.tsv b.tsv && echo 'the same scores'
one --nuisance-columns 'csf' --table c2.tsv
cmp -s a.tsv c2.tsv || echo 'other scores'
one

echo 'run tables'
confounds c1.tsv 0 20 0
confounds c2.tsv 20 20 2
confounds c3.tsv 40 20 1
printf 'run\tresponses\tfeatures\tnuisance\n' >runs.tsv
for k in 1 2 3; do
    a=$(((k - 1) * 20))
    rows="[$a:$((a + 20)),]"
    printf '%s\t%s\t%s\tc%s.tsv\n' $k "$y$rows" "$x$rows" $k >>runs.tsv
done
fit --run-table runs.tsv --nuisance-columns 'trans_*,motion_outlier*' --table d.tsv
awk 'NR == 2 { exit !($2 == $2 + 0) }' d.tsv && echo 'scored'
fit --run-table runs.tsv --nuisance-columns 'csf,motion_outlier00'

echo 'wrong'
wrong() { bad_fit --features $x --responses $y --runs $run --delays 1 "$@"; }
wrong --nuisance c.tsv --nuisance-columns csv
wrong --nuisance c.tsv --nuisance-columns 'tras_*'
wrong --nuisance c.tsv --nuisance-columns 'csf,,rot_y'
wrong --nuisance-columns csf
numbers 60 2 >plain.csv
wrong --nuisance plain.csv --nuisance-columns 1
sed 's/\tc..tsv$/\tn\/a/' runs.tsv >none.tsv
bad_fit --run-table none.tsv --delays 1 --nuisance-columns csf
