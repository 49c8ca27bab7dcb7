# fish completion for whatfiles(1)

set -l classes read write name meta probe list exec dir socket audit process all

complete -c whatfiles -x -a '(__fish_complete_subcommand)'
complete -c whatfiles -s o -l output -r -d 'write the log to FILE'
complete -c whatfiles -s f -l format -x -a 'text jsonl perfetto' -d 'format of every output'
complete -c whatfiles -s s -l stdout -d 'write the log to standard output'
complete -c whatfiles -s e -l events -x -a "(__fish_append , $classes)" -d 'trace only these classes'
complete -c whatfiles -l audit -d 'also tell received descriptors and shared maps'
complete -c whatfiles -s A -l all -d 'write every call'
complete -c whatfiles -s F -l failed -d 'text: also show look-ups that found nothing'
complete -c whatfiles -l engine -x -a 'auto fast strict' -d 'how calls are seen'
complete -c whatfiles -l resolve -d 'tell also which file each name led to'
complete -c whatfiles -l io-uring -x -a 'deny allow' -d 'what becomes of io_uring_setup'
complete -c whatfiles -l ring-size -x -d 'memory between tracer and log, in MiB'
complete -c whatfiles -s d -l debug -d 'tell what whatfiles does'
complete -c whatfiles -l print-filter -d 'print the seccomp filter and exit'
complete -c whatfiles -l list-syscalls -d 'print the traced syscalls and exit'
complete -c whatfiles -s a -l about -d 'print what whatfiles is and exit'
complete -c whatfiles -s V -l version -d 'print the version and exit'
complete -c whatfiles -s h -l help -d 'print a summary and exit'
