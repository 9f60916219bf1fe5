# datasets info on real recordings: HDF5, images with a mask, a file that holds many data sets.
data=$BRAINALIGN_DATA/data
[ -d "$data" ] || { echo "no data folder $data"; exit 77; }
cd "$data" || exit 1
"$BRAINALIGN" datasets info narratives_black/narratives_black.h5:/responses
"$BRAINALIGN" datasets info haxby_nifti/run01_bold_25mm.nii.gz --mask haxby_nifti/mask25mm_brain.nii.gz
"$BRAINALIGN" datasets info narratives_black/narratives_black.h5 2>&1 | grep -o '/features/glove (538 x 300)'
"$BRAINALIGN" datasets info narratives_black/narratives_black.h5:/respones
echo "exit $?"
