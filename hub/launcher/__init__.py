"""Starts and watches everything that the hub runs on, from one command and without Django.

`python -m hub.launcher demo` is the whole stack on one machine. The tests use the same parts
(`servers.EmbeddedServers`) for a PostgreSQL and a Valkey of their own.
"""
