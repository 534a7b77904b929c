"""Numbers about one picture, from the inference that classified it; numpy only. Read signals.py first."""
