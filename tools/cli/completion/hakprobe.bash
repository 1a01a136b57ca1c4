# SPDX-License-Identifier: MIT
# bash completion for hakprobe(8)

_hakprobe_pids() { # processes that map libhakmem, of those we may look at
	local maps
	for maps in /proc/[0-9]*/maps; do
		grep -qs libhakmem "$maps" && maps=${maps#/proc/} && echo "${maps%/maps}"
	done
}

_hakprobe() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} i
	COMPREPLY=()
	[[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD - 2]}
	[[ $word == = ]] && word=
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -c || ${COMP_WORDS[i]} == --command ]]; then
			# From here on the words are the program's.
			if ((i == COMP_CWORD - 1)); then
				mapfile -t COMPREPLY < <(compgen -c -- "$word")
			else
				mapfile -t COMPREPLY < <(compgen -f -- "$word")
			fi
			return
		fi
	done
	case $before in
	-p | --pid) mapfile -t COMPREPLY < <(compgen -W "$(_hakprobe_pids)" -- "$word") ;;
	--flame) mapfile -t COMPREPLY < <(compgen -W "alloc live temporary cpu" -- "$word") ;;
	--unwind) mapfile -t COMPREPLY < <(compgen -W "auto dwarf fp" -- "$word") ;;
	--route) mapfile -t COMPREPLY < <(compgen -W "magazine previous depot span large aligned sampled checked libc" -- "$word") ;;
	--view) mapfile -t COMPREPLY < <(compgen -W "class thread caller function" -- "$word") ;;
	--sort) mapfile -t COMPREPLY < <(compgen -W "malloc free bytes cold refill name" -- "$word") ;;
	-o | --output | --library) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	-d | --duration | --hz | --ceiling | --class | --older | --within) ;;
	*)
		if [[ $word == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "-p --pid -c --command --library -d --duration --json --lines \
				--view --sort --class --route --flame --older --within --unwind -o --output --latency --ceiling --hz --no-read --verbose \
				--help --usage --version" -- "$word")
		elif ((COMP_CWORD == 1)); then
			mapfile -t COMPREPLY < <(compgen -W "doctor diff report" -- "$word")
		fi
		;;
	esac
}
complete -F _hakprobe hakprobe
