# fish completion for whatfiles-report(1)

set -l views summary files inputs outputs temporaries missing denied tree who ps text jsonl

complete -c whatfiles-report -n 'test (count (commandline -opc)) -ge 2' -a "$views"
complete -c whatfiles-report -s o -l output -r -d 'write to FILE'
complete -c whatfiles-report -s 0 -l null -d 'lists: bare names, each ended by a NUL'
complete -c whatfiles-report -s V -l version -d 'print the version and exit'
complete -c whatfiles-report -s h -l help -d 'print a summary and exit'
