// Programs of the boot that write a network file again and leave no head in it: units, what they run, rc.local, init scripts, and
// @reboot lines of cron. Only text is read. A plan that edits such a file is blocked, as with a head (regenerated.ts).
import type { RegeneratedFile } from './facts.ts';
import { cleanText, linesOf, type Observed } from './observed.ts';

/**
 * Lines of a script or unit that write below these folders: the last word of cp, mv, install, ln and rsync, what stands behind
 * `>`, `tee`, `-o` and `of=`, the files of `sed -i`, and open(…, 'w'). Names that hold a path are followed within a file.
 */
const writesIn = String.raw`
function is_path(token) { return token ~ /^\/etc\/(network|netplan|systemd\/network|NetworkManager)(\/|$)/ }
function found(token) {
  sub(/[$*?{[].*/, "", token)
  if (is_path(token) && count++ < 8) printf "%s\t%s\t%d\t%s\n", FILENAME, token, FNR, substr(text, 1, 120)
}
function value(token,   name, rest) {
  if (token !~ /^[$][{]?[A-Za-z_]/) return token
  name = token; sub(/^[$][{]?/, "", name); rest = name; sub(/[^A-Za-z0-9_].*/, "", name)
  rest = substr(rest, length(name) + 1); sub(/^[}]/, "", rest)
  return (name in held) ? held[name] rest : token
}
function done(   at) {
  if (command ~ /^(cp|mv|install|ln|rsync)$/) { for (at = 1; at < words; at++) if (word[at] ~ /^(-t|--target-directory=?)$/) found(word[at + 1]); if (words > 1) found(word[words]) }
  else if (command == "tee") for (at = 1; at <= words; at++) found(word[at])
  else if (command ~ /^(sed|perl)$/ && in_place) for (at = 1; at <= words; at++) found(word[at])
  else if (command ~ /^(curl|wget)$/) for (at = 1; at < words; at++) if (word[at] ~ /^-(o|O|-output|-output-document)$/) found(word[at + 1])
  else if (command == "dd") for (at = 1; at <= words; at++) if (word[at] ~ /^of=/) found(substr(word[at], 4))
  command = ""; words = 0; in_place = 0
}
FNR == 1 { count = 0; for (each in held) delete held[each] }
FNR > 2000 || /^[ \t]*[#;]/ { next }
{
  text = $0; gsub(/^[ \t]+/, "", text)
  line = $0
  if (match(line, /(open|Path)[(]["\047][^"\047]+["\047]([)][.]write_|, *["\047][wa])/)) { each = substr(line, RSTART, RLENGTH); sub(/^[A-Za-z]+[(]["\047]/, "", each); sub(/["\047].*/, "", each); found(each) }
  gsub(/["\047]/, "", line)
  gsub(/[0-9]?>+[|]?/, " > ", line); gsub(/[;&|()]/, " & ", line)
  total = split(line, all, /[ \t]+/); after = 0; command = ""; words = 0; in_place = 0
  for (at = 1; at <= total; at++) {
    one = all[at]
    if (one == "") continue
    if (after) { found(value(one)); after = 0; continue }
    if (one == ">") { after = 1; continue }
    if (one ~ /^([;&|(){}]|do|then|else|if|!)$/) { done(); continue }
    if (command == "") {
      sub(/^Exec[A-Za-z]*=[-@:+!|]*/, "", one)
      if (one ~ /^(Environment=)?[A-Za-z_][A-Za-z0-9_]*=/) { each = one; sub(/^Environment=/, "", each); name = each; sub(/=.*/, "", name); held[name] = substr(each, length(name) + 2); continue }
      if (one ~ /^(sudo|env|exec|export|local|readonly|command|nice|-[a-z-]*|([^ ]*\/)?(ba|da|z)?sh|@reboot|root)$/) continue
      command = one; sub(/.*\//, "", command); continue
    }
    if (one ~ /^(-[a-zA-Z]*i|--in-place)/) in_place = 1
    word[++words] = value(one)
  }
  done()
}`;

/** Part of the look at a node: at most 400 programs, of 64 KiB each, and 64 lines. */
export const rewritersScript = `
boot_programs() {
  for folder in /etc/systemd/system /lib/systemd/system; do
    set -- "$folder"/*.wants/*.timer
    for timer; do timer=\${timer##*/}; [ "$timer" = '*.timer' ] || printf '%s\\n' "/etc/systemd/system/\${timer%.timer}.service" "/lib/systemd/system/\${timer%.timer}.service"; done
    printf '%s\\n' "$folder"/*.wants/*.service "$folder"/*.requires/*.service
  done | grep -vE '/(systemd-[^/]*|networking|NetworkManager[^/]*|meshd|meshdeck-[^/]*|cloud-[^/]*)[.]service$' |
    tr '\\n' '\\0' | xargs -0 -r grep -sHE '^[[:space:]]*(Exec[A-Za-z]*|Environment)=' | head -n 400 |
    awk '{ at = index($0, ":"); file = substr($0, 1, at - 1); name = file; sub(/.*\\//, "", name); print name "\\t" file
      n = split(substr($0, at + 1), words, /[ \\t"\\047;=]+/); for (i = 1; i <= n; i++) { sub(/^[-@:+!|]+/, "", words[i]); if (words[i] ~ /^\\//) print name "\\t" words[i] } }'
  [ ! -x /etc/rc.local ] || printf 'rc.local\\t/etc/rc.local\\n'
  for path in /etc/rcS.d/S* /etc/rc[235].d/S*; do name=\${path##*/S??}; [ ! -f "$path" ] || [ "$name" = networking ] || printf '%s\\t%s\\n' "$name" "$path"; done
  grep -sHE '^@reboot' /etc/crontab /etc/cron.d/* /var/spool/cron/crontabs/* | head -n 32 |
    awk '{ at = index($0, ":"); print "cron\\t" substr($0, 1, at - 1); n = split(substr($0, at + 1), words, /[ \\t"\\047;]+/); for (i = 1; i <= n; i++) if (words[i] ~ /^\\//) print "cron\\t" words[i] }'
}
boot_programs=$(boot_programs 2>/dev/null | sort -u | head -n 400)
printf 'rewriters '
printf '%s\\n' "$boot_programs" | cut -f 2 | sort -u | tr '\\n' '\\0' |
  xargs -0 -r timeout -k 1 5 grep -lIsE -D skip '/etc/(network|netplan|systemd/network|NetworkManager)' | head -n 32 | while IFS= read -r file; do
    [ "$(stat -Lc %s "$file")" -le 65536 ] || continue
    name=$(printf '%s\\n' "$boot_programs" | awk -F '\\t' -v file="$file" '$2 == file { print $1; exit }')
    # A unit whose conditions kept it from running in this boot does so in the next.
    case $name in *.service)
      met=$(t systemctl show -p ConditionResult -p ConditionTimestampMonotonic "$name" | sort | tr '\\n' ' ')
      case $met in 'ConditionResult=no ConditionTimestampMonotonic=0 ') ;; 'ConditionResult=no '*) continue ;; esac
      ;;
    esac
    awk '${writesIn}' "$file" | sed "s|^|$name\\t|"
  done | head -n 64 | encode
echo
`;

export function readRewriters(observed: Observed): RegeneratedFile[] {
  const found = new Map<string, RegeneratedFile>();
  for (const line of linesOf(observed.text('rewriters')).slice(0, 64)) {
    const [name = '', file = '', path = '', number = '', text = ''] = line.split('\t');
    if (!/^[\w@.:-]{1,80}$/.test(name) || !/^\/[\x20-\x7e]{1,200}$/.test(path) || !/^\/[\x20-\x7e]{1,200}$/.test(file))
      continue;
    const place = `${file}:${/^\d{1,5}$/.test(number) ? number : '?'}: ${cleanText(text).slice(0, 80)}`;
    const off = name.endsWith('.service') ? `systemctl disable ${name}` : `take that line out of ${file}`;
    const key = `${name} ${path}`;
    if (!found.has(key))
      found.set(key, {
        path,
        program: `${name} (${place})`,
        isAtBoot: true,
        mend: `${off}, or have it write what the plan shows for ${path}`,
      });
  }
  return [...found.values()];
}
