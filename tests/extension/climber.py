from evo import VectorAlgorithm, setting, settings


@settings
class ClimberSettings:
    population_size: int = setting(20, "neighbours evaluated per generation", low=1)
    step: float = setting(0.5, "std of a step, relative to the initial weights'", above=0.0)


class HillClimber(VectorAlgorithm):
    """Samples neighbours of the best point so far; moves when one is better."""

    settings = ClimberSettings

    def ask(self):  # -> (P, D); the draws are a function of seed and generation
        self.population = self.encoding.initial(self.seed, self.generation, self.options.population_size)
        if self.generation > 0:
            steps = self.population - self.encoding.centre
            self.population = (self.best + self.options.step * steps).astype(self.encoding.dtype)
        return self.population.copy()

    def tell(self, evaluation):  # an Evaluation, or an array (P,) of fitness
        self.told(evaluation, self.population)  # checks the shape, remembers the best
        self.generation += 1
