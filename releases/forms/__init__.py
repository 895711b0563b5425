"""Forms of releases, one noun per file. They check what was typed; the doors judge."""
