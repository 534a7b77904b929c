"""A loaded model: from pixels to calibrated scores, which models a process serves, and why a model said so."""
