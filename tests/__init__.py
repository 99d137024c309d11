"""The tests. `tests.servers` is loaded first of all and brings the servers they run against."""
