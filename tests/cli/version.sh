"$BRAINALIGN" --version
