# Files that are not there, or not what their names say.
. "$SOURCE/tests/cli/bad.inc"
numbers 24 2 >x.csv
numbers 24 3 2 >y.csv
small_study study || exit 1
feature() { bad_fit --features "$1" --responses y.csv --delays 0; }
response() { bad_fit --features x.csv --responses "$1" --delays 0; }
with() { bad_fit --features x.csv --responses y.csv --delays 0 "$@"; }

echo 'missing files'
feature no.csv
response no.csv
response no/where.h5:/y
feature study
feature ''
feature sem=no.npy
with --runs no.csv
with --nuisance no.csv
with --mask no.nii
with --cv rows:no.csv
with --test-features no.csv --test-responses y.csv
with --test-features x.csv --test-responses no.csv
bad_fit --run-table no.tsv --delays 0
bad encode predict --encoder no.h5 --features x.csv -o p.h5
bad encode score --encoder no.h5 --features x.csv --responses y.csv -o p.h5
bad datasets check --features no.csv --responses y.csv
bad datasets info no.csv

echo 'missing data sets'
feature study/study.h5:/features/layer_9
feature study/study.h5
feature study/study.h5:/features
feature x.csv:/x

echo 'text'
printf '1,2\n3\n' >ragged.csv
printf '1,2\n3,x\n' >word.csv
printf 'loud,pitch\n1,2\n3,four\n' >named.csv
printf '1,0x10\n' >hex.csv
: >empty.csv
printf 'loud,pitch\n' >header.csv
printf '"1,2\n3,4\n' >quote.csv
printf '1,\0002\n3,4\n' >nul.csv
printf 'loud,pitch\n1,\377\n' >latin.csv
printf '1,2\n\n3,4\n' >blank.csv
for name in ragged word named hex empty header quote nul latin blank; do
    feature $name.csv
done
response word.csv

echo 'NPY'
npy() { printf '\223NUMPY\001\000\166\000%-117s\n' "$1"; }
array() { printf "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }" "$1" "$2"; }
npy "$(array '<f8' '24, 2')" >cut.npy
npy "$(array '|O' '24, 2')" >object.npy
npy "$(array '<U8' '24, 2')" >text.npy
npy "$(array '<c16' '24, 2')" >complex.npy
npy "$(array '<f8' '0, 2')" >nothing.npy
npy "$(array '<f8' '24, 99999999999999999999')" >huge.npy
npy "$(array '<f8' '4294967296, 4294967296')" >product.npy
npy "{'descr': '<f8', 'fortran_order': Maybe, 'shape': (24, 2), }" >maybe.npy
printf '\223NUMPY\011\000\166\000' >version.npy
printf '\223NUM' >short.npy
printf '\223NUMPY\001\000\377\377{' >header.npy
printf 'hello' >hello.npy
for name in cut object text complex nothing huge product maybe version short header hello; do
    feature $name.npy
done

echo 'HDF5'
printf 'hello' >hello.h5
: >empty.h5
head -c 3000 study/study.h5 >cut.h5
feature hello.h5:/x
feature empty.h5:/x
feature cut.h5:/x | sed 's/: eof.*/: .../'
bad encode predict --encoder x.csv --features x.csv -o p.h5
bad encode predict --encoder study/study.h5 --features x.csv -o p.h5

echo 'images'
bold=study/bold/run-01_bold.nii.gz
gzip -dc study/mask.nii.gz >mask.nii
gzip -dc $bold >bold.nii
# patched FILE OFFSET BYTES: the mask with other bytes.
patched() {
    cp mask.nii "$1"
    # shellcheck disable=SC2059  # escapes are meant
    printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
head -c 5000 bold.nii >cut.nii
head -c 5000 bold.nii | gzip -c >short.nii.gz
head -c 3000 $bold >cut.nii.gz
cp $bold damaged.nii.gz
printf '\1\2\3\4' | dd of=damaged.nii.gz bs=1 seek=$(($(wc -c <$bold) - 8)) conv=notrunc 2>/dev/null
printf 'hello' >hello.nii
head -c 340 mask.nii >header.nii
patched magic.nii 0 'zzzz'
patched dim.nii 40 '\011\000'
patched type.nii 70 '\040\000'
for name in cut.nii short.nii.gz cut.nii.gz damaged.nii.gz hello.nii header.nii magic.nii dim.nii type.nii; do
    response $name
done
