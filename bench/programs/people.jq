# SPDX-License-Identifier: MIT
# Groups people by their tags, and sums what is noted about them.
group_by(.tags) | map({k: .[0].tags, n: length, m: (map(.note | length) | add)})
