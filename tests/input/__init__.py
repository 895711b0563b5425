"""What bad input gets: a clear answer, never a 500, and nothing half-written."""
