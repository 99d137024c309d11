"""`make bench`: everything in one run, since these machines are noisy: compare the ratios.

python -m bench              all of it (seeds a million entries): about ten minutes
python -m bench --quick      10,000 entries and shorter runs, to see that it works
python -m bench --only texts     one part of it (or voice, fan-out, pages, mail); writes no file
"""

import argparse
import asyncio
import json
import logging
import os
import statistics
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench import load, pages, table
from bench.stack import Stack, resident_mb

LATEST = Path(__file__).with_name("latest.json")
RATES = (10, 50, 100)
SOCKETS = 20
MANY_SOCKETS = 1000
PARTS = ("voice", "texts", "fan-out", "pages", "mail")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short, and writes no file")
    parser.add_argument("--only", choices=PARTS, help="measure this part, and write no file")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each run of texts")
    parser.add_argument("--rounds", type=int, default=3, help="whose median is taken")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds = 3.0, 1
    began = time.monotonic()
    with Stack() as stack:
        results = measure(stack, options)
    table.show(results)
    print(f"\nmeasured in {(time.monotonic() - began) / 60:.1f} minutes")
    if not options.quick and not options.only:
        LATEST.write_text(json.dumps(results, indent=2) + "\n")


def measure(stack: Stack, options: argparse.Namespace) -> dict[str, Any]:
    """Return all figures, by their keys in latest.json."""
    import django

    django.setup()
    # Requests made in this process, for their statements and log-ins, belong to no table.
    logging.disable(logging.INFO)
    from bench import prepare

    prepare.migrate_and_seed()
    cookies = prepare.agents(prepare.AGENTS)
    results: dict[str, Any] = {"statements_per_inbound": prepare.statements_per_inbound()}
    url = stack.start_hub()
    wanted = (options.only,) if options.only else PARTS
    if "voice" in wanted:
        from bench import voice

        results["voice"] = voice.measure(stack, quick=options.quick)
        stack.stop_simulator()
    ours, floor = targets(url, stack.start_floor(), prepare, cookies)
    if {"texts", "fan-out"} & set(wanted):
        warm_up(floor, ours)
    if "texts" in wanted:
        results |= compare_texts(ours, floor, options)
    if "fan-out" in wanted:
        results["fanout_1000_sockets_ms"] = compare_fan_out(ours, floor, options)
        # Memory of what the demo runs, after the web process has had its thousand sockets.
        results["resident_mb"] = round(sum(map(resident_mb, stack.hub_processes())), 1)
    stack.stop_background()
    if "mail" in wanted:
        from bench import mail

        results["mail"] = mail.measure(quick=options.quick)
    if "pages" in wanted:
        results |= measure_pages(url, cookies[0], prepare, options)
    return results


def targets(url: str, floor_url: str, prepare: Any, cookies: list[str]) -> tuple[Any, Any]:
    """Return the hub and the floor as targets of the load."""
    common = {
        "account": os.environ["TWILIO_ACCOUNT_SID"],
        "token": os.environ["TWILIO_AUTH_TOKEN"],
        "number": prepare.first_address().value,
    }
    ours = load.Target(
        url=url,
        path="/twilio/messaging/inbound",
        socket="/console/socket",
        cookies=cookies,
        **common,
    )
    floor = load.Target(url=floor_url, path="/inbound", socket="/socket", **common)
    return ours, floor


def compare_texts(
    ours: load.Target, floor: load.Target, options: argparse.Namespace
) -> dict[str, Any]:
    """Time webhook → frame at each rate, ours and the floor in turn; medians over the rounds."""
    webhook: dict[str, Any] = {}
    beside: dict[str, Any] = {}
    ratio: dict[str, float] = {}
    lost = {"ours": 0, "floor": 0}
    number = 1_000_000
    for rate in RATES:
        runs: dict[str, list[load.Percentiles]] = {"ours": [], "floor": []}
        for done in range(options.rounds):
            for name, target in (("floor", floor), ("ours", ours)):
                number += 10_000
                found = _run(target, rate, options.seconds, SOCKETS, number)
                runs[name].append(found)
                lost[name] += found.lost
                print(
                    f"{rate:4}/s round {done + 1} {name:5} p95 {found.p95_ms:8.2f} ms", flush=True
                )
        webhook[str(rate)] = medians(runs["ours"])
        beside[str(rate)] = medians(runs["floor"])
        ratio[str(rate)] = round(
            statistics.median(
                a.p95_ms / b.p95_ms for a, b in zip(runs["ours"], runs["floor"], strict=True)
            ),
            2,
        )
    return {
        "webhook_to_frame": webhook,
        "floor": beside,
        "ratio_p95": ratio,
        "lost_frames": lost,
    }


def warm_up(*targets: load.Target) -> None:
    """Send each a text of every number, before anything is timed.

    First requests pay for imports, plans and new connections, and each number's first text opens
    its conversation.
    """
    for target in targets:
        _run(target, rate=50, seconds=load.PATIENTS / 50, listeners=2, first=1_000_000)


def _run(
    target: load.Target, rate: int, seconds: float, listeners: int, first: int
) -> load.Percentiles:
    return asyncio.run(
        load.run(target, rate=rate, seconds=seconds, listeners=listeners, first=first)
    )


def medians(runs: Iterable[load.Percentiles]) -> dict[str, float]:
    """Return the median of each percentile over the rounds."""
    runs = list(runs)
    return {
        name: round(statistics.median(getattr(run, name) for run in runs), 2)
        for name in ("p50_ms", "p95_ms", "p99_ms")
    }


def compare_fan_out(
    ours: load.Target, floor: load.Target, options: argparse.Namespace
) -> dict[str, float]:
    """Time one event until the last of a thousand sockets has it."""
    found: dict[str, list[float]] = {"ours": [], "floor": []}
    number = 5_000_000
    for done in range(options.rounds):
        for name, target in (("floor", floor), ("ours", ours)):
            number += 1000
            took = asyncio.run(load.fan_out(target, listeners=MANY_SOCKETS, events=7, first=number))
            found[name].append(took)
            print(f"{MANY_SOCKETS} sockets round {done + 1} {name:5} {took:6.1f} ms", flush=True)
    return {name: round(statistics.median(times), 1) for name, times in found.items()}


def measure_pages(
    url: str, cookie: str, prepare: Any, options: argparse.Namespace
) -> dict[str, Any]:
    """Time the inbox list and a thread with few and with very many entries in the database."""
    found: dict[str, Any] = {"timeline_page_ms": {}, "inbox_list_ms": {}}
    for name, entries in (("1k", 1000), ("1m", 10_000 if options.quick else 1_000_000)):
        prepare.seed(entries, open_ones=200 if name == "1k" else 0)
        thread = f"/console/c/{prepare.long_conversation().uuid}/"
        found["inbox_list_ms"][name] = pages.median_ms(url, "/console/?list=team", cookie)
        found["timeline_page_ms"][name] = pages.median_ms(url, f"{thread}?list=team", cookie)
    return found


if __name__ == "__main__":
    main()
