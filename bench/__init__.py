"""Measures the hub beside a floor: `make bench` prints a table and writes bench/latest.json."""
