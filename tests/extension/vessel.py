from evo import Budget, FunctionTask, Integer, Real, Scenario, Space, settings


def cost(v):  # v["plates"] and v["radius"] are arrays (P,)
    return -(v["plates"] * v["radius"] + v["radius"] ** 2)  # more is better


def volume(v):
    return 10 - v["radius"] ** 2 * v["plates"]


@settings
class VesselSettings:
    pass


space = Space(plates=Integer(1, 20), radius=Real(0.1, 5), constraints=[volume])
scenario = Scenario(
    name="vessel",
    title="a cheap vessel of plates",
    task=lambda settings, network: FunctionTask(cost, space=space),
    settings=VesselSettings,
    budget=Budget(evaluations=5000),
    methods=("de", "ga"),
    model={},
)
