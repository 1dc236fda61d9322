# Reads an lcov export: totals, and each line and branch that was not reached. A branch is named by
# its line's text, so that explanations outlive edits elsewhere in the file.
BEGIN {
  while ((getline line < explained) > 0) if (line !~ /^#/ && line != "") reason[line] = 1
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
    if (branch[key]) { hit++; continue }
    entry = shown[key]
    sub(/:[0-9]+$/, "", entry)
    entry = entry ": " source[where[key]]
    known = 0
    for (line in reason) if (index(line, entry " | ") == 1) known = 1
    printf "%s branch %s: %s\n", known ? "explained" : "UNEXPLAINED", shown[key], source[where[key]]
    unexplained += !known
  }
  for (line in missed_line) printf "line not reached: %s\n", line
  if (lines == 0 || count == 0) { print "nothing was measured"; exit 2 }
  printf "lines %d/%d = %.2f%%, branches %d/%d = %.2f%%, unexplained branches %d\n", lines_hit, lines, 100 * lines_hit / lines, hit, count, 100 * hit / count, unexplained
  if (json != "") printf "{\"lines\": %d, \"lines_reached\": %d, \"branches\": %d, \"branches_reached\": %d, \"unexplained\": %d}\n", lines, lines_hit, count, hit, unexplained > json
  exit !(lines_hit == lines && hit >= 0.98 * count && unexplained == 0)
}
