"""`python -m hub.probe`: ask the web process of this container whether it is alive.

The image has no curl. The question carries the public host name, since Django answers no other.
"""

import http.client
import os
import sys
from urllib.parse import urlsplit


def main() -> int:
    """Return 0 if /healthz answers 200 within 3 seconds, else 1."""
    public = urlsplit(os.environ.get("HUB_PUBLIC_URL", ""))
    port = int(os.environ.get("HUB_PORT") or 8000)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", "/healthz", headers={"Host": public.netloc or "127.0.0.1"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        sys.stderr.write(f"no answer: {type(error).__name__}\n")
        return 1
    finally:
        connection.close()
    return 0 if status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main())
