"""Loaded models: calibrated scores from pixels, the models of a process, and explanations of predictions."""
