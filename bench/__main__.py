"""`make bench`: everything in one run, since these machines are noisy: compare the ratios.

python -m bench              all of it (a million entries: some minutes)
python -m bench --quick      10,000 entries and shorter runs, to see that it works
"""

import argparse
import asyncio
import json
import os
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench import load, pages
from bench.stack import Stack, free_port, resident_mb

LATEST = Path(__file__).with_name("latest.json")
RATES = (10, 50, 100)
SOCKETS = 20
MANY_SOCKETS = 1000


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds = 3.0, 1
    with Stack() as stack:
        results = measure(stack, options)
    print_table(results)
    if not options.quick:
        known = json.loads(LATEST.read_text()) if LATEST.exists() else {}
        LATEST.write_text(json.dumps(known | results, indent=2) + "\n")


def measure(stack: Stack, options: argparse.Namespace) -> dict[str, Any]:
    """Return all figures, by their keys in latest.json."""
    import django

    django.setup()
    from bench import prepare

    prepare.migrate_and_seed()
    cookies = prepare.agents(prepare.AGENTS)
    results: dict[str, Any] = {"statements_per_inbound": statements(prepare)}
    url, web = stack.serve("hub.asgi:application", "web", HUB_DATABASE_POOL="12")
    floor_url = f"http://127.0.0.1:{free_port()}"
    floor_url, _ = stack.serve("bench.floor:application", "floor", HUB_PUBLIC_URL=floor_url)
    ours, floor = targets(url, floor_url, prepare, cookies)
    results |= compare_texts(ours, floor, options)
    results["fanout_1000_sockets_ms"] = compare_fan_out(ours, floor, options)
    results["resident_mb"] = resident_mb(web)
    results |= compare_pages(url, cookies[0], prepare, options)
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


def statements(prepare: Any) -> int:
    """Count the statements of one more text of a patient who has an open conversation."""
    from django.conf import settings
    from django.test import Client
    from twilio.request_validator import RequestValidator

    path = "/twilio/messaging/inbound"

    def post(n: int) -> None:
        fields = {
            "MessageSid": f"SM{n:032x}",
            "AccountSid": settings.TWILIO_ACCOUNT_SID,
            "From": "+15550100142",
            "To": prepare.first_address().value,
            "Body": "Hello",
            "NumMedia": "0",
        }
        body = "&".join(f"{k}={v.replace('+', '%2B')}" for k, v in fields.items())
        signature = RequestValidator(settings.TWILIO_AUTH_TOKEN).compute_signature(
            settings.PUBLIC_URL + path, fields
        )
        answer = Client(headers={"host": settings.ALLOWED_HOSTS[0]}).post(
            path,
            body,
            content_type="application/x-www-form-urlencoded",
            headers={"X-Twilio-Signature": signature},
        )
        assert answer.status_code == 200, answer.status_code

    post(0xF001)
    # `first_address` itself is one statement.
    return prepare.statements_of_one_inbound(lambda: post(0xF002)) - 1


def compare_texts(
    ours: load.Target, floor: load.Target, options: argparse.Namespace
) -> dict[str, Any]:
    """Time webhook → frame at each rate, ours and the floor in turn; medians over the rounds."""
    webhook: dict[str, Any] = {}
    beside: dict[str, Any] = {}
    ratio: dict[str, float] = {}
    number = 1_000_000
    for target in (floor, ours):  # warm up: first requests pay for imports and plans
        asyncio.run(load.run(target, rate=20, seconds=2, listeners=2, first=number))
    for rate in RATES:
        runs: dict[str, list[load.Percentiles]] = {"ours": [], "floor": []}
        for _round in range(options.rounds):
            for name, target in (("floor", floor), ("ours", ours)):
                number += 10_000
                runs[name].append(
                    asyncio.run(
                        load.run(
                            target,
                            rate=rate,
                            seconds=options.seconds,
                            listeners=SOCKETS,
                            first=number,
                        )
                    )
                )
        webhook[str(rate)] = medians(runs["ours"])
        beside[str(rate)] = medians(runs["floor"])
        ratio[str(rate)] = round(
            statistics.median(
                a.p95_ms / b.p95_ms for a, b in zip(runs["ours"], runs["floor"], strict=True)
            ),
            2,
        )
    return {"webhook_to_frame": webhook, "floor": beside, "ratio_p95": ratio}


def medians(runs: Iterable[load.Percentiles]) -> dict[str, float]:
    """Return the median of each percentile over the rounds."""
    runs = list(runs)
    lost = sum(run.lost for run in runs)
    found: dict[str, float] = {
        name: round(statistics.median(getattr(run, name) for run in runs), 2)
        for name in ("p50_ms", "p95_ms", "p99_ms")
    }
    return found | ({"lost": lost} if lost else {})


def compare_fan_out(
    ours: load.Target, floor: load.Target, options: argparse.Namespace
) -> dict[str, float]:
    """Time one event until the last of a thousand sockets has it."""
    found: dict[str, list[float]] = {"ours": [], "floor": []}
    number = 5_000_000
    for _round in range(options.rounds):
        for name, target in (("floor", floor), ("ours", ours)):
            number += 1000
            found[name].append(
                asyncio.run(load.fan_out(target, listeners=MANY_SOCKETS, events=7, first=number))
            )
    return {name: round(statistics.median(times), 1) for name, times in found.items()}


def compare_pages(
    url: str, cookie: str, prepare: Any, options: argparse.Namespace
) -> dict[str, Any]:
    """Time the inbox list and a thread with few and with very many entries in the database."""
    from django.core.management import call_command

    found: dict[str, Any] = {"timeline_page_ms": {}, "inbox_list_ms": {}}
    for name, entries in (("1k", 1000), ("1m", 10_000 if options.quick else 1_000_000)):
        call_command("seed_entries", entries=entries, open=200 if name == "1k" else 0)
        thread = f"/console/c/{prepare.long_conversation().uuid}/"
        found["inbox_list_ms"][name] = pages.median_ms(url, "/console/", cookie)
        found["timeline_page_ms"][name] = pages.median_ms(url, thread, cookie)
    return found


def print_table(results: dict[str, Any], indent: str = "") -> None:
    """Print the figures, one a line."""
    for name, value in results.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            print_table(value, indent + "  ")
        else:
            print(f"{indent}{name:<28} {value}")


if __name__ == "__main__":
    main()
