"""Unattended work on a bucket: what a sweep takes, how often an upload was tried, how a process ends orderly."""
