"""Pages of releases, one noun per file."""
