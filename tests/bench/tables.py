"""Sums up the rounds of a workload and prints them as tables."""

import statistics

from measure import JUDGED_S

UNTRACED = "untraced"


def median(values, digits=4):
    """The median of the values that are there, None of none."""
    values = [value for value in values if value is not None]
    return round(statistics.median(values), digits) if values else None


def summarise(tracers, runs):
    """A dictionary for each tracer, from the runs of one workload.

    The ratio compares a run with the untraced run of the same round, which stood next to it in time, and its median is
    taken over rounds: what slows the machine for minutes slows both and falls out. ratio_quiet is the same over those
    rounds in which neither of the two was noisy.
    """
    untraced = {run["round"]: run for run in runs if run["tracer"] == UNTRACED and run["good"]}
    return [summary(name, [run for run in runs if run["tracer"] == name], untraced) for name in tracers]


def summary(name, runs, untraced):
    """One row. Times of runs that went wrong are left out: a job that failed early is not a fast one."""
    good = [run for run in runs if run["good"]]
    pairs = [(run, untraced[run["round"]]) for run in good if run["round"] in untraced]
    quiet = [pair for pair in pairs if not (pair[0]["noisy"] or pair[1]["noisy"])]
    seconds = [run["seconds"] for run in good]
    identical = [run["identical"] for run in runs if run["identical"] is not None]
    return {
        "tracer": name,
        "runs": len(runs),
        "good": len(good),
        "noisy": sum(run["noisy"] for run in runs),
        "seconds": median(seconds),
        "seconds_min": min(seconds, default=None),
        "seconds_max": max(seconds, default=None),
        "ratio": median(run["seconds"] / base["seconds"] for run, base in pairs),
        "ratio_quiet": median(run["seconds"] / base["seconds"] for run, base in quiet),
        "rounds_quiet": len(quiet),
        "calls": median((run.get("calls") for run in good), 0),
        "stops": median((run.get("stops") for run in good), 0),
        "peak_kib": max((run["peak_kib"] for run in runs if run["peak_kib"]), default=None),
        "log_bytes": median((run.get("log_bytes") for run in good), 0),
        "exits": sorted({run["exit"] for run in runs}, key=str),
        "identical": all(identical) if identical else None,
        "troubles": sorted({run["trouble"] for run in runs if run["trouble"]}),
    }


def number(value, form):
    """A cell: the number in this format, or a dash where there is none."""
    return "-" if value is None else format(value, form)


def print_builds(name, result):
    """The table of a workload that is built."""
    head(name, result)
    rows = [["tracer", "median s", "min", "max", "ratio", "quiet", "file calls", "stops", "peak MiB", "log MiB",
             "exit", "identical", "noisy"]]
    for row in result["summary"]:
        # What is measured of the untraced run's first process is the job, not a tracer.
        peak = None if row["tracer"] == UNTRACED or row["peak_kib"] is None else row["peak_kib"] / 1024
        log = row["log_bytes"] / (1 << 20) if row["log_bytes"] else None
        rows.append([
            row["tracer"], number(row["seconds"], ".2f"), number(row["seconds_min"], ".2f"),
            number(row["seconds_max"], ".2f"), number(row["ratio"], ".3f"), number(row["ratio_quiet"], ".3f"),
            number(row["calls"], ",.0f"), number(row["stops"], ",.0f"), number(peak, ".1f"), number(log, ".1f"),
            " ".join(map(str, row["exits"])), {True: "yes", False: "NO", None: "-"}[row["identical"]],
            f"{row['noisy']}/{row['runs']}"])
    print_aligned(rows)
    foot(result)


def print_percall(name, result):
    """The table of the micro-benchmark: calls across, tracers down, first free and then on one processor."""
    head(name, result)
    calls = list(dict.fromkeys(call for row in result["summary"] for call in row["ns"]))
    rows = [["tracer", "processors", *(f"{call} ns" for call in calls), "noisy"]]
    for row in sorted(result["summary"], key=lambda row: row["pinned"]):
        rows.append([row["tracer"], "one" if row["pinned"] else "any",
                     *(number(row["ns"].get(call), ",.0f") for call in calls), f"{row['noisy']}/{row['runs']}"])
    print_aligned(rows, texts=2)
    foot(result)


def summarise_percall(tracers, runs):
    """For each tracer, free and pinned, the median of each call over the rounds, and what it adds to untraced."""
    rows = []
    for pinned in (False, True):
        plain = {}
        for name in tracers:  # untraced is the first
            mine = [run for run in runs if run["tracer"] == name and run["pinned"] == pinned]
            good = [run["ns"] for run in mine if run["good"]]
            ns = {call: median((run.get(call) for run in good), 1) for call in (good[0] if good else {})}
            plain = ns if name == UNTRACED else plain
            added = {call: round(value - plain[call], 1) for call, value in ns.items() if call in plain}
            rows.append({"tracer": name, "pinned": pinned, "runs": len(mine), "good": len(good),
                         "noisy": sum(run["noisy"] for run in mine), "ns": ns, "added_ns": added,
                         "troubles": sorted({run["trouble"] for run in mine if run["trouble"]})})
    return rows


def head(name, result):
    """What was run, above the table."""
    version = f", {result['source']} {result['version']}" if result.get("source") else ""
    print(f"\n{name}: {result['what']}\n  {result['command']}{version}")


def foot(result):
    """What went wrong and how quiet the machine was, below the table."""
    for row in result["summary"]:
        for trouble in row["troubles"]:
            print(f"  {row['tracer']}: {trouble}")
    runs = result["runs"]
    if not runs:
        return
    judged = [run for run in runs if run["seconds"] >= JUDGED_S] or runs
    loads = [run["load_before"] for run in runs]
    line = f"  load average at the start of a run {min(loads):.1f} to {max(loads):.1f}"
    for key, what in (("steal", "stolen by the host"), ("other", "used by other processes")):
        shares = [100 * run[key] for run in judged]
        line += f"; {what} {min(shares):.0f} to {max(shares):.0f} %"
    print(line)
    noisy = sum(run["noisy"] for run in runs)
    if noisy:
        print(f"  NOISY: the machine was not quiet in {noisy} of {len(runs)} runs; do not quote these figures")


def print_aligned(rows, texts=1):
    """Columns as wide as they need to be, the first ones left-aligned, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [cell.ljust(width) if column < texts else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        print("  " + "  ".join(cells).rstrip())
