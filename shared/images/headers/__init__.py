"""What a picture file's header says: its kind, its size once decoded, and what decoding it will cost."""
