"""The tests below share what lies here: random graphs, and neat-python as a peer."""
