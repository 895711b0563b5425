"""The demonstration: a portfolio to look at, with services that are really deployed."""
