"""Plain factories: each makes a valid row with sensible defaults, straight in the database (no door, no event)."""
