# SPDX-License-Identifier: MIT
# make lint: what a formatter does to prose and does not undo. A ruler over two lines; "*/" pushed onto a line of its
# own behind a comment that opens with text; a few letters of a string alone between two other pieces of it.
function tell(what) {
	printf "%s:%d: %s\n", FILENAME, FNR, what
	found = 1
}

FNR == 1 { previous = ""; prose = 0 }
/^[ \t]*\/\* --- / && !/\*\/$/ { tell("a ruler over two lines") }
/^[ \t]*\*\/$/ && prose { tell("*/ on a line of its own, behind a comment that begins with text") }
/^[ \t]*"/ && previous ~ /^[ \t]*"[^"]* "$/ && before ~ / "$/ {
	gsub(/[ \t]*"/, "", previous)
	if (length(previous) < 16)
		tell("a string in splinters: " previous)
}
/\/\*/ { prose = /\/\* [^-]/ && !/\*\// }
{ before = previous; previous = $0 }
END { exit found }
