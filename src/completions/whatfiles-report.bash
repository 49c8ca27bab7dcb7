# bash completion for whatfiles-report(1)

_whatfiles_report()
{
    local cur prev words cword i log=
    _init_completion -s -n = || return

    local views='summary files inputs outputs temporaries missing denied tree who diff ps'
    local formats='text jsonl perfetto make ninja html sqlite'

    case $prev in
    -o | --output | --target)
        _filedir
        return
        ;;
    --relative-to | --under)
        _filedir -d
        return
        ;;
    --only | --ignore)
        mapfile -t COMPREPLY < <(compgen -W '@system @libs @proc @tmp @git' -- "$cur")
        return
        ;;
    --process | --op)
        return
        ;;
    who | diff)
        _filedir
        return
        ;;
    ps)
        return
        ;;
    esac

    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-o --output -0 --null --only --ignore --under --process --op --failed --denied --target --absolute
            --relative-to --system-files -V --version -h --help' -- "$cur")
        return
    fi

    # the first word that is no option is the log, the second one the view
    for ((i = 1; i < cword; i++)); do
        case ${words[i]} in
        -o | --output | --target | --relative-to | --only | --ignore | --under | --process | --op) ((i++)) ;;
        -?*) ;;
        *) log=${words[i]} ;;
        esac
    done
    if [[ $log ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$views $formats" -- "$cur")
    else
        _filedir
    fi
} &&
    complete -F _whatfiles_report whatfiles-report
