# fish completion for whatfiles-report(1)

set -l views summary files inputs outputs temporaries missing denied tree who diff ps text jsonl perfetto make ninja html sqlite

complete -c whatfiles-report -n 'test (count (commandline -opc)) -ge 2' -a "$views"
complete -c whatfiles-report -s o -l output -r -d 'write to FILE'
complete -c whatfiles-report -s 0 -l null -d 'lists: bare names, each ended by a NUL'
complete -c whatfiles-report -l only -x -a '@system @libs @proc @tmp @git' -d 'only names that match'
complete -c whatfiles-report -l ignore -x -a '@system @libs @proc @tmp @git' -d 'no names that match'
complete -c whatfiles-report -l under -r -d 'only what is below a directory'
complete -c whatfiles-report -l process -x -d 'only programs that match'
complete -c whatfiles-report -l op -x -d 'only these operations'
complete -c whatfiles-report -l denied -d 'only what was denied'
complete -c whatfiles-report -l failed -d 'only what failed'
complete -c whatfiles-report -l target -r -d 'dependency files: what the rule makes'
complete -c whatfiles-report -l absolute -d 'dependency files: absolute names'
complete -c whatfiles-report -l relative-to -r -d 'dependency files: where names start'
complete -c whatfiles-report -l system-files -d 'dependency files: system files too'
complete -c whatfiles-report -s V -l version -d 'print the version and exit'
complete -c whatfiles-report -s h -l help -d 'print a summary and exit'
