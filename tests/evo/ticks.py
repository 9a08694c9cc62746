"""Episodes as their environment's functions run them, tick by tick, whatever kernel there is."""


class TickByTick:
    """Phenotypes or a Model that hides its kernel."""

    def __init__(self, inner):
        self._inner = inner

    def policy(self):
        return None

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def __len__(self):
        return len(self._inner)

    def __call__(self, x):
        return self._inner(x)
