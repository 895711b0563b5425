"""Doors of deployments. Locks are taken in one order: release, environment, deployment, run."""
