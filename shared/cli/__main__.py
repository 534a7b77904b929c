"""``python -m shared.cli`` is ``bucketlens``."""

from shared.cli import main

main(prog_name="bucketlens")
