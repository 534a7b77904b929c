"""Numbers about many rows: drift, accuracy estimated and audited, the verdict on a window. Read verdict.py first."""
