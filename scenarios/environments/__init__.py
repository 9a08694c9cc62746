"""Environments as scalar physics (`evo.environment`): constants and the functions start, observe, step, an `environment` each."""
