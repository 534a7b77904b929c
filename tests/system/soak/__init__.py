"""``make soak``: hours of traffic in little time. Nothing may grow, nothing may be lost, overload is told quickly."""
