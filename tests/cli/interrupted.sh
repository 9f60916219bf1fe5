# The first SIGINT or SIGTERM stops a command between two blocks, with one line and status 130.
printf '\223NUMPY\001\000\166\000%-117s\n' \
    "{'descr': '<f8', 'fortran_order': True, 'shape': (100000, 100000), }" >x.npy
dd if=/dev/zero of=x.npy bs=1 count=1 seek=80000000127 2>/dev/null || { echo 'no sparse files here'; exit 77; }
for signal in INT TERM; do
    "$BRAINALIGN" datasets info x.npy >stdout &
    running=$!
    sleep 1
    kill -$signal $running
    wait $running
    echo "$signal: $?, $(wc -c <stdout) bytes on stdout"
done

"$BRAINALIGN" datasets synth -q -o study || exit 1
mkdir out
for signal in INT TERM; do
    "$BRAINALIGN" encode fit --features study/study.h5:/features/layer_1 --responses study/study.h5:/responses \
        --runs study/study.h5:/run --delays 1,2,3,4 --alphas log:-3,6,300 --precision double \
        -o out/enc.h5 --progress never &
    running=$!
    sleep 1
    kill -$signal $running
    wait $running
    echo "encode fit, $signal: $?, $(find out -type f | wc -l) files"
done
