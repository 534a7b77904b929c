"""Servers on loopback: sockets, signals, and a guard against pages of other sites."""
