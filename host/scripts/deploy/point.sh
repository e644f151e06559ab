# shellcheck shell=dash
point() {
  rm -f "$tree/.$2.new"
  ln -s "program/$1" "$tree/.$2.new"
  mv -Tf "$tree/.$2.new" "$tree/$2"
}
prune() {
  keep="$(readlink "$tree/current") $(readlink "$tree/previous" 2>/dev/null || :)"
  runtimes=
  for link in $keep; do runtimes="$runtimes $(readlink "$tree/$link/runtime" 2>/dev/null || :)"; done
  for folder in "$tree"/program/*; do
    case " $keep " in *" program/${folder##*/} "*) ;; *) rm -rf "$folder" ;; esac
  done
  for folder in "$tree"/runtime/*; do
    [ -d "$folder" ] || continue
    case " $runtimes " in *" ../../runtime/${folder##*/} "*) ;; *) rm -rf "$folder" ;; esac
  done
}
