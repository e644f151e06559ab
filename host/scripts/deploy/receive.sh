# shellcheck shell=dash
set -eu
umask 022
folder=$1/$2/$3 name=$4 mode=$5 unpacker=$6 expected=$7 bytes=$8
mkdir -p "$folder"
# What a broken copy left behind.
rm -f "$folder/.$name".*
packed=$folder/.$name.$$.zst plain=$folder/.$name.$$.new
trap 'rm -f "$packed" "$plain"' EXIT
trap 'exit 1' HUP INT PIPE TERM
cat >"$packed"
sum=$(sha256sum <"$packed")
if [ "${sum%% *}" != "$expected" ]; then
  echo "the copy of $name is damaged: its SHA-256 is ${sum%% *}, not $expected" >&2
  exit 1
fi
case $unpacker in
  zstd) zstd -dcq <"$packed" >"$plain" ;;
  apt) /usr/lib/apt/apt-helper cat-file "$packed" >"$plain" ;;
  *) gzip -dc <"$packed" >"$plain" ;;
esac
size=$(stat -c %s "$plain")
if [ "$size" != "$bytes" ]; then
  echo "$name unpacked to $size bytes instead of $bytes" >&2
  exit 1
fi
chmod "$mode" "$plain"
mv -f "$plain" "$folder/$name"
