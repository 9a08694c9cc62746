"""Test functions of points (P, D) -> (P,), the whole population a call."""
