"""Monitoring: drift, accuracy, verdicts, proposals; all on drawn numbers."""
