"""What a statement costs: its plan, and how many rows its steps touched."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test.utils import CaptureQueriesContext


class Plans:
    """The plans of the statements that read a table, once the block is over."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    @property
    def text(self) -> str:
        """All plans in one."""
        return "\n".join(self.texts)

    @property
    def rows(self) -> float:
        """The most rows that any step of any plan gave in all its loops, or threw away."""
        steps = re.findall(r"actual time=\S+ rows=([\d.]+) loops=(\d+)", self.text)
        thrown = re.findall(r"Rows Removed by \w[\w ]*: (\d+)", self.text)
        return max(
            [float(rows) * int(loops) for rows, loops in steps] + [float(one) for one in thrown],
            default=0,
        )


@contextmanager
def plans_of(table: str) -> Iterator[Plans]:
    """Explain what runs in the block and reads `table`."""
    plans = Plans()
    with CaptureQueriesContext(connection) as queries:
        yield plans
    with connection.cursor() as cursor:
        for query in queries:
            if table in query["sql"] and query["sql"].lstrip().startswith(("SELECT", "WITH", "(")):
                cursor.execute(f"EXPLAIN ANALYZE {query['sql']}".replace("%", "%%"), [])
                plans.texts.append("\n".join(row[0] for row in cursor.fetchall()))
