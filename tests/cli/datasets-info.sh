# What datasets info says of text, of missing values, of ranges, of a vector, of what cannot be read.
printf 'alpha,beta,gamma,delta\n1,2,n/a,-1\n3,2,,5\n0.1,2,nan,inf\n' >named.csv
"$BRAINALIGN" datasets info named.csv
"$BRAINALIGN" datasets info 'named.csv[0:2,0:1]'
printf '1\n2\n' >vector.csv
"$BRAINALIGN" datasets info vector.csv
printf '1,2\n3\n' >ragged.csv
"$BRAINALIGN" datasets info vector.csv ragged.csv
echo "exit $?"
