"""Pages that show several rooms. Each reads; none writes."""
