"""Environments as scalar physics (`evo.environment`): constants, the functions start, observe, step, and an `environment`."""
