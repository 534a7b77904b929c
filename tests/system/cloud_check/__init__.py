"""Carry README's commands out in a Google Cloud project that somebody lends, and write down what came of each."""
