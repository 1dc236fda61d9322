# Reads an lcov export: totals, and each line and branch that was not reached. A branch is named by
# its line's text, so that explanations outlive edits elsewhere in the file; each explanation stands
# for one branch. Defaulted comparisons are left out: clang 14 gives them no counters of their own,
# so that the other side of each reads 0 whatever was compared (props.contract compares every part).
BEGIN {
  while ((getline line < explained) > 0) {
    at = index(line, " | ")
    if (line !~ /^#/ && at != 0) reasons[substr(line, 1, at - 1)]++
  }
}
/^SF:/ {
  file = substr($0, 4)
  sub("^" root, "", file)
  number = 0
  while ((getline line < (root file)) > 0) { gsub(/^ +| +$/, "", line); source[file, ++number] = line }
}
/^DA:/ { split(substr($0, 4), part, ","); lines++; if (part[2] > 0) lines_hit++; else missed_line[file ":" part[1]] = 1 }
/^BRDA:/ {
  split(substr($0, 6), part, ",")
  key = file ":" part[1] ":" part[2] ":" part[3]
  if (!(key in branch)) { order[++count] = key; branch[key] = 0; where[key] = file SUBSEP part[1]; shown[key] = file ":" part[1] }
  if (part[4] != "-" && part[4] > 0) branch[key] = 1
}
END {
  for (i = 1; i <= count; i++) {
    key = order[i]
    if (source[where[key]] ~ /operator(==|<=>).*= default;$/) { left_out++; continue }
    total++
    if (branch[key]) { hit++; continue }
    entry = shown[key]
    sub(/:[0-9]+$/, "", entry)
    entry = entry ": " source[where[key]]
    known = reasons[entry]-- > 0
    printf "%s branch %s: %s\n", known ? "explained" : "UNEXPLAINED", shown[key], source[where[key]]
    unexplained += !known
  }
  for (entry in reasons) if (reasons[entry] > 0) { stale++; printf "explained and yet reached, strike it: %s\n", entry }
  for (line in missed_line) printf "line not reached: %s\n", line
  if (lines == 0 || total == 0) { print "nothing was measured"; exit 2 }
  printf "left out: %d branches of defaulted comparisons\n", left_out
  printf "lines %d/%d = %.2f%%, branches %d/%d = %.2f%%, unexplained branches %d\n", lines_hit, lines, 100 * lines_hit / lines, hit, total, 100 * hit / total, unexplained
  if (json != "") printf "{\"lines\": %d, \"lines_reached\": %d, \"branches\": %d, \"branches_reached\": %d, \"unexplained\": %d}\n", lines, lines_hit, total, hit, unexplained > json
  exit !(lines_hit == lines && hit >= 0.98 * total && unexplained == 0 && stale == 0)
}
