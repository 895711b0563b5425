"""Pages of the policies, one topic per file."""
