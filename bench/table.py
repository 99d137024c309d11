"""The printed table of a run, with what each figure is and what it aims at."""

from typing import Any

MEANT = {
    "statements_per_inbound": "a known number's text, nobody on duty; no BEGIN, COMMIT. ≤ 12",
    "voice": "phones that ring agents, all simulated here. TwiML ≤ 300 ms; what is wrong: 0",
    "webhook_to_frame": "texts a second: from the request to the frame at a socket, 20 open",
    "floor": "the same for a bare ASGI application beside it",
    "ratio_p95": "ours / floor, median of the rounds' ratios. ≤ 3",
    "lost_frames": "never came within ten seconds. 0",
    "fanout_1000_sockets_ms": "from the request until the last has the frame. ours ≤ 1.5 × floor",
    "resident_mb": "web + worker + beat together",
    "timeline_page_ms": "whole page over HTTP with a thread of 50 and the list of 50, p50. ≤ 30",
    "mail": "milliseconds to take one, with so many stored (flat); from IMAP to timeline a second",
    "inbox_list_ms": "whole page over HTTP with the list of 50, p50. ≤ 20",
}


def show(results: dict[str, Any]) -> None:
    """Print the figures."""
    print()
    for name, value in results.items():
        print(f"{name}: {MEANT[name]}")
        if not isinstance(value, dict):
            print(f"    {value}")
            continue
        for key, one in value.items():
            cells = one if isinstance(one, dict) else {"": one}
            print(
                f"    {key:<8}" + "".join(f"{label:>9} {cell:>9}" for label, cell in cells.items())
            )
