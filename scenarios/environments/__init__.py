"""Environments as scalar physics (`evo.Environment`): constants, the functions start, observe, step, and an `environment`."""
