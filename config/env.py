"""The environment variables that Slipway reads, typed. `docs/settings.md` lists each of them."""

import environ

env = environ.FileAwareEnv()
