# Run tables with something amiss.
. "$SOURCE/tests/cli/bad.inc"
for name in a b; do
    numbers 12 2 >x$name.csv
    numbers 12 3 2 >y$name.csv
done
numbers 12 4 >ywide.csv
numbers 12 5 >xwide.csv
numbers 11 3 >yshort.csv
mkdir tables
table() {
    # shellcheck disable=SC2059  # escapes are meant
    printf "$1" >runs.tsv
    bad_fit --run-table runs.tsv --delays 0
}
three='run\tresponses\tfeatures\n'
roles='run\trole\trepeat\tresponses\tfeatures\n1\ttrain\tn/a\tya.csv\txa.csv\n'

echo 'columns'
table 'run\tresponses\n1\tya.csv\n'
table 'run\tfeatures\n1\txa.csv\n'
table 'responses\tfeatures\nya.csv\txa.csv\n'
table 'run\tresponses\tfeature\n1\tya.csv\txa.csv\n'
table 'run\tresponses\tfeatures\tfeatures:sem\n1\tya.csv\txa.csv\txa.csv\n'
table 'run\tresponses\tfeatures:a\tfeatures:a\n1\tya.csv\txa.csv\txa.csv\n'
table 'run\tresponses\tfeatures:\n1\tya.csv\txa.csv\n'
echo 'lines'
table ''
table "$three"
table "${three}1\tya.csv\n"
table "${three}\tya.csv\txa.csv\n"
table "${three}1\tya.csv\txa.csv\n2\tn/a\txb.csv\n"
table "${three}1\tya.csv\txa.csv\n2\tyb.csv\t\n"
echo 'files'
table "${three}1\tya.csv\txa.csv\n2\tno.csv\txb.csv\n"
table "${three}1\tya.csv\txa.csv\n2\tyb.csv\tno.csv\n"
printf 'run\tresponses\tfeatures\n1\tya.csv\txa.csv\n' >tables/runs.tsv
bad_fit --run-table tables/runs.tsv --delays 0
echo 'shapes'
table "${three}1\tya.csv\txa.csv\n2\tywide.csv\txb.csv\n"
table "${three}1\tya.csv\txa.csv\n2\tyb.csv\txwide.csv\n"
table "${three}1\tya.csv\txa.csv\n2\tyshort.csv\txb.csv\n"
table "${roles}2\ttest\t1\tywide.csv\txb.csv\n"
echo 'runs'
table "${three}1\tya.csv\txa.csv\n2\tyb.csv\txb.csv\n1\tya.csv\txa.csv\n"
table 'run\trole\tresponses\tfeatures\n1\ttest\tya.csv\txa.csv\n'
table 'run\trole\tresponses\tfeatures\n1\tvalidate\tya.csv\txa.csv\n'
table "${roles}2\ttest\t1\tya.csv\txa.csv\n2\ttest\t1\tyb.csv\txa.csv\n"
table "${roles}2\ttest\t1\tya.csv\txa.csv\n2\ttest\t2\tyb.csv\txb.csv\n"
table "${roles}2\ttest\t1\tya.csv\txa.csv\n2\ttest\t2\tyb.csv\txa.csv\n3\ttest\t1\tya.csv\txb.csv\n"
echo 'both'
bad_fit --run-table runs.tsv --features xa.csv --delays 0
