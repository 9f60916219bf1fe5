# The manual pages are clean for mandoc, and hold no text that roff would take for requests.
command -v mandoc >/dev/null 2>&1 || { echo 'mandoc is not installed'; exit 77; }
"$BRAINALIGN" help --man-pages man || exit 1
mandoc -T lint -W warning man/*.1 || exit 1
mandoc -T utf8 man/brainalign-encode-fit.1 | sed 's/.\x08//g' | grep -q -- '--alphas auto|log:LO,HI,N|LIST'
