"""Times whole pages over HTTP, as a logged-in agent loads them."""

import http.client
import time
from urllib.parse import urlsplit


def median_ms(url: str, path: str, cookie: str, times: int = 40) -> float:
    """Return the median time of loading `path`, in milliseconds, after a warm-up."""
    host = urlsplit(url).netloc
    connection = http.client.HTTPConnection(host, timeout=30)
    taken = []
    for n in range(times + 5):
        start = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": cookie, "Host": host})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}: {body[:200]!r}")
        if n >= 5:
            taken.append((time.perf_counter() - start) * 1000)
    connection.close()
    return round(sorted(taken)[len(taken) // 2], 1)
