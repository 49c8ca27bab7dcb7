# bash completion for whatfiles(1)

_whatfiles()
{
    local cur prev words cword i
    _init_completion -s -n = || return

    local classes='read write name meta probe list exec dir socket audit process all'

    # behind the first word that is no option the command's own completion goes on
    for ((i = 1; i < cword; i++)); do
        case ${words[i]} in
        -o | --output | -f | --format | -e | --events | --engine | --io-uring | --ring-size | \
            --target | --relative-to | -p | --pid | --for | --detach-after | --until-exec | --only | --ignore | --under | --detach | --process | --op | \
            --timeout | --grace | --on-exit | --on-log-error)
            ((i++))
            ;;
        --)
            _command_offset $((i + 1))
            return
            ;;
        -*) ;;
        *)
            _command_offset "$i"
            return
            ;;
        esac
    done

    case $prev in
    -o | --output | --target)
        _filedir
        return
        ;;
    --relative-to)
        _filedir -d
        return
        ;;
    -f | --format)
        mapfile -t COMPREPLY < <(compgen -W 'text jsonl perfetto make ninja html sqlite' -- "$cur")
        return
        ;;
    -e | --events)
        local done=${cur%"${cur##*,}"}
        mapfile -t COMPREPLY < <(compgen -P "$done" -W "$classes" -- "${cur##*,}")
        compopt -o nospace
        return
        ;;
    --engine)
        mapfile -t COMPREPLY < <(compgen -W 'auto fast strict' -- "$cur")
        return
        ;;
    --under)
        _filedir -d
        return
        ;;
    --only | --ignore)
        mapfile -t COMPREPLY < <(compgen -W '@system @libs @proc @tmp @git' -- "$cur")
        return
        ;;
    --detach | --process | --op)
        return
        ;;
    --io-uring)
        mapfile -t COMPREPLY < <(compgen -W 'deny allow' -- "$cur")
        return
        ;;
    -p | --pid)
        _pids
        return
        ;;
    --on-exit)
        mapfile -t COMPREPLY < <(compgen -W 'wait kill' -- "$cur")
        return
        ;;
    --on-log-error)
        mapfile -t COMPREPLY < <(compgen -W 'continue kill' -- "$cur")
        return
        ;;
    --ring-size | --for | --detach-after | --until-exec | --timeout | --grace)
        return
        ;;
    esac

    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-o --output -f --format -s --stdout --summary --overwrite -e --events
            --audit --only --ignore --under --detach --process --op --denied -A --all -F --failed --target --absolute --relative-to
            --system-files -p --pid --no-children --for --detach-after --until-exec
            --engine --resolve --io-uring --timeout --grace --on-exit --on-log-error
            --ring-size -d --debug --print-filter
            --list-syscalls -a --about -V --version -h --help' -- "$cur")
        return
    fi
    _command_offset "$cword"
} &&
    complete -F _whatfiles whatfiles
