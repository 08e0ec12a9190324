"""`/v1/recordings`: recordings before, beside and after their jobs."""
