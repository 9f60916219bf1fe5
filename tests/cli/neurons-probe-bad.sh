# What neurons probe and neurons ablate refuse.
. "$SOURCE/tests/cli/bad.inc"
numbers 60 4 >x.csv
awk 'BEGIN { for (i = 0; i < 60; i++) print 5 "," 5 "," 5 "," 5 }' >constant.csv
awk 'BEGIN { for (i = 0; i < 60; i++) print substr("ABC", i % 3 + 1, 1) }' >tags.txt
awk 'BEGIN { for (i = 0; i < 60; i++) print "A" }' >one.txt
awk 'BEGIN { for (i = 0; i < 60; i++) print i < 40 ? substr("AB", i % 2 + 1, 1) : substr("ABC", i % 3 + 1, 1) }' >late.txt
awk 'BEGIN { for (i = 0; i < 60; i++) print (i >= 40) }' >parts.txt
printf '0\n7\n' >far.txt
printf '1\n1\n' >twice.txt
printf 'rank\tneuron\tlayer\tcomponent\tunit\tconcept\tscore\tp\tq\n1\t0\t0\tneurons\t0\tA\t1\tn/a\tn/a\n' >rank.tsv
printf 'rank\tneuron\tlayer\tcomponent\tunit\tconcept\tscore\tp\tq\n1\t9\t0\tneurons\t9\tA\t1\tn/a\tn/a\n' >strange.tsv
probe() { bad neurons probe -j 1 -q -o p.h5 --activations x.csv --parts parts.txt "$@"; }
ablate() { bad neurons ablate -j 1 -q -o a.h5 --activations x.csv --parts parts.txt --labels tags.txt "$@"; }

echo 'classes'
probe --labels one.txt
probe --labels one.txt --kind softmax
probe --labels late.txt
bad neurons probe -j 1 -q -o p.h5 --activations constant.csv --parts parts.txt --labels tags.txt

echo 'lists'
probe --labels tags.txt --keep far.txt
probe --labels tags.txt --zero twice.txt
probe --labels tags.txt --retrain missing.txt

echo 'options'
probe --labels tags.txt --l1 -1
probe --labels tags.txt --l1 0.1,0.01 --l2 1,2,3
probe --labels tags.txt --l1 x
probe --labels tags.txt --gap 0
probe --labels tags.txt --validation 1
probe --labels tags.txt --neurox --epochs 0
probe --labels tags.txt --neurox --penalty squared
probe --labels tags.txt --neurox --kind one-vs-rest
probe --labels tags.txt --neurox --l1 0.1,0.01
probe --labels tags.txt --start-weights x.csv
probe --labels tags.txt --neurox --start-weights x.csv
probe --labels tags.txt --minimal 1
probe --labels tags.txt --minimal-list fewest.tsv
probe --labels tags.txt --control shuffled
probe --labels tags.txt --control same
probe --labels tags.txt --stability 5 --l1 0
probe --labels tags.txt --memory 500
probe --labels tags.txt --table p.h5

echo 'rankings'
ablate --ranking missing.tsv
ablate --ranking rank.tsv --sizes 2
ablate --ranking rank.tsv --sizes 9
ablate --ranking strange.tsv --sizes 1
ablate --ranking rank.tsv --ranking-concept B --sizes 1
ablate --ranking rank.tsv --sizes 3,1
ablate --ranking rank.tsv --sizes 1%,2
ablate --ranking rank.tsv --sizes 1 --modes burn
