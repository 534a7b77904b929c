"""``make soak``: hours of traffic in little time. Nothing may grow or be lost, and overload must be refused quickly."""
