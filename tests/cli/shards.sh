# Shards of a fit: joined they are the fit in one piece, in tables and maps as in the result file; what does not belong
# together is refused; the script for a cluster does what it says, here under a scheduler made of a loop.
study=study/study.h5
"$BRAINALIGN" datasets synth --n-runs 3 --run-length 40 --grid 14,14,9 --n-layers 2 --layer-size 8 \
    --n-concepts 2 --n-test-repeats 2 -q -o study || exit 1
fit() {
    "$BRAINALIGN" encode fit --features $study:/features/layer_1 --responses $study:/responses --runs $study:/run \
        --mask study/mask.nii.gz --delays 1,2 -qj2 "$@"
}
# says COMMAND: what it says, and its exit status.
says() {
    "$@" 2>&1
    echo "exit $?"
}
# same A B WHAT: two files.
same() {
    cmp "$1" "$2" && echo "$3: the same"
}
same_image() {
    gzip -dc "$1" >a.nii && gzip -dc "$2" >b.nii && same a.nii b.nii "$3"
}

fit -o whole.h5 --table whole.tsv --map whole.nii.gz

echo 'parts, and report merge'
for k in 3 1 2; do
    fit --shard $k/3 -o part-$k.h5
done
"$BRAINALIGN" report merge part-*.h5 -o merged.h5 --table merged.tsv -q
same whole.tsv merged.tsv table
"$BRAINALIGN" report merge part-*.h5 -o dry.h5 --dry-run
[ -e dry.h5 ] && echo 'the dry run wrote'
fit --target-range 0:500 -o low.h5
fit --target-range 500: -o high.h5
"$BRAINALIGN" report merge high.h5 low.h5 -o ranges.h5 --table ranges.tsv -q
same whole.tsv ranges.tsv 'table of two ranges'

echo 'one call'
fit --shards 4 -o four.h5 --table four.tsv --map four.nii.gz
same whole.tsv four.tsv table
same_image whole.nii.gz four.nii.gz map
[ -e four.h5.shards ] && echo 'the folder stays'

echo 'refused to merge'
says "$BRAINALIGN" report merge part-1.h5 part-3.h5 -o no.h5
says "$BRAINALIGN" report merge part-1.h5 part-2.h5 part-3.h5 low.h5 -o no.h5
fit --shard 2/3 --select r -o other.h5
says "$BRAINALIGN" report merge part-1.h5 other.h5 part-3.h5 -o no.h5
says "$BRAINALIGN" report merge part-1.h5 whole.tsv -o no.h5
says "$BRAINALIGN" report merge part-*.h5 -o merged.h5
says "$BRAINALIGN" report merge part-*.h5 -o part-1.h5 --force
says "$BRAINALIGN" report merge part-*.h5 -o no.h5 --table no.h5
says "$BRAINALIGN" report merge -o no.h5

echo 'refused to fit'
says fit --shards 5 -o no.h5
says fit --shards 0 -o no.h5
says fit --shard 4/3 -o no.h5
says fit --shard 0/3 -o no.h5
says fit --shard 3 -o no.h5
says fit --shard 1/2 --shards 2 -o no.h5
says fit --shard 1/2 --target-range 0:256 -o no.h5
says fit --shards 2 --target-range 0:256 -o no.h5
says fit --shards 2 --shared-alpha -o no.h5
says fit --shard 1/2 --shared-alpha -o no.h5
says fit --shard 1/2 --emit slurm -o no.h5
says fit --emit slurm --dry-run -o no.h5
says fit --emit slurm --shared-alpha -o no.h5
says fit --emit slurm -o whole.h5
mkdir no.h5.shards
says fit --shards 2 -o no.h5
rmdir no.h5.shards

echo 'a script'
mkdir bin
ln -s "$BRAINALIGN" bin/brainalign
PATH=$PWD/bin:$PATH
fit --emit slurm --shards 3 -o "it's far.h5" --table far.tsv --force --nuisance 'study/study.h5:/run' \
    --memory=300M >array.sh
sed -n '/^#SBATCH/p; /^#  /p; /^set/,$p' array.sh
[ -e "it's far.h5.shards" ] && echo 'the script was run'
for task in 2 3 1 2; do
    SLURM_ARRAY_TASK_ID=$task sh array.sh || echo "task $task failed"
done
sed -n 's/^#   \(brainalign report\)/\1/p' array.sh >join.sh
sh join.sh 2>/dev/null || echo 'joining failed'
fit -o near.h5 --table near.tsv --nuisance 'study/study.h5:/run'
same near.tsv far.tsv table
fit --emit slurm --shards 2 -o map.h5 --map map.nii.gz | sed -n 's/^#   brain/brain/p'
"$BRAINALIGN" encode fit --features $study:/features/layer_1 --responses $study:/responses --delays '1
,2' --emit slurm -o no.h5
ls
