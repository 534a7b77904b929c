"""What a job does: queries, loads, and inserts of rows."""
