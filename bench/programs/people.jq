# SPDX-License-Identifier: MIT
group_by(.tags) | map({k: .[0].tags, n: length, m: (map(.note | length) | add)})
