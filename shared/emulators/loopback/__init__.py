"""What servers on loopback share: sockets, signals, and a guard against other sites' pages."""
