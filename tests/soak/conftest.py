"""Long runs of a whole Slipway under bad conditions: `make soak`, never part of the suite."""
