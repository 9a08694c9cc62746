"""Inner learning, and the gradient of what it leads to (Such et al. 2020, equations 1 and 2).

A learner with weights w and velocities v takes T steps of gradient descent with momentum, each with a rate and a momentum of
its own:

    v_t = m_t v_{t-1} + dl(w_{t-1}; x_t, y_t) / dw        w_t = w_{t-1} - r_t v_t

The outer loss is that of the weights on real data, L = mean over judged t of L_t(w_t). Its gradient by whatever made x_t, m_t
and r_t goes back through all T steps, and so through gradients. What torch keeps for that grows with T; hence only the states
after every so many steps are kept, and each stretch of steps is taken a second time on the way back (gradient checkpointing:
Griewank, Walther 2000; Chen et al. 2016). torch.func's grad refuses the hooks of torch.utils.checkpoint, hence a loop:

    a = 0
    for each stretch, the last one first:   take it again from its kept state s, with everything that torch needs
        a, g = gradient of (losses within the stretch + a . its end) by (s, parameters)        sum the g
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

State = tuple[Tensor, ...]  # weights in the order of the module's parameters, then the velocity of each
Lessons = Callable[[int], "Lesson"]  # of step t = 0 .. T - 1
Loss = Callable[[Tensor, Tensor], Tensor]  # outputs (B, O), targets (B,) -> the mean loss


class Lesson(NamedTuple):
    """What a step learns, and how fast: x (B, I), y (B,); rate and momentum: one number each."""

    x: Tensor
    y: Tensor
    rate: Tensor
    momentum: Tensor


class Judgement(NamedTuple):
    """Real examples x (M, I), y (M,), on which a learner is judged after `steps` steps, from 1 to T."""

    steps: int
    x: Tensor
    y: Tensor


class Inner:
    """A learner's steps. network: an nn.Module (B, I) -> (B, O), a function of weights and inputs; its own weights stay as
    they are. lessons: the Lesson of each of `steps`; loss: what the learner minimises, and on which it is judged."""

    def __init__(self, network: nn.Module, lessons: Lessons, steps: int, loss: Loss):
        self.network, self.lessons, self.steps, self.loss = network, lessons, steps, loss
        self.names = [name for name, _ in network.named_parameters()]

    def start(self) -> State:
        """The network's weights now, at rest."""
        weights = [p.detach().clone() for p in self.network.parameters()]
        return (*weights, *map(torch.zeros_like, weights))

    def outputs(self, state: State, x: Tensor) -> Tensor:
        """(B, O) of the learner in a state."""
        return functional_call(self.network, dict(zip(self.names, state)), (x,))

    def step(self, t: int, state: State) -> State:
        """The state after step t; with gradients enabled it can be differentiated by the state before and the lesson."""
        graph, size = torch.is_grad_enabled(), len(self.names)
        weights = state[:size] if graph else [w.detach().requires_grad_() for w in state[:size]]
        lesson = self.lessons(t)
        with torch.enable_grad():
            loss = self.loss(self.outputs((*weights,), lesson.x), lesson.y)
            gradient = torch.autograd.grad(loss, weights, create_graph=graph)
        velocity = [lesson.momentum * v + g for v, g in zip(state[size:], gradient)]
        return (*(w - lesson.rate * v for w, v in zip(state, velocity)), *velocity)

    def states(self) -> Iterator[State]:
        """The state after each step, without gradients."""
        state = self.start()
        for t in range(self.steps):
            with torch.no_grad():
                state = self.step(t, state)
            yield state

    def learn(self) -> State:
        """The state after all steps, without gradients."""
        *_, state = self.states()
        return state

    def outer(self, judged: Sequence[Judgement], parameters: Sequence[Tensor], stretch: int) -> tuple[Tensor, list[Tensor]]:
        """The outer loss, the mean over `judged`, and its gradient by each of `parameters`.

        stretch: steps between kept states; T keeps all that torch needs of all steps.
        """
        starts, losses = list(range(0, self.steps, stretch)), []
        kept = [self.start()]
        with torch.no_grad():
            for first in starts[1:]:
                state = kept[-1]
                for t in range(first - stretch, first):
                    state = self.step(t, state)
                kept.append(state)
        adjoint: Sequence[Tensor] = [torch.zeros_like(each) for each in kept[-1]]
        total = [torch.zeros_like(p) for p in parameters]
        for first in reversed(starts):
            begun = state = tuple(each.detach().requires_grad_() for each in kept.pop())
            found = []
            for t in range(first, min(first + stretch, self.steps)):
                state = self.step(t, state)
                found += [self.loss(self.outputs(state, x), y) / len(judged) for after, x, y in judged if after == t + 1]
            seeds = [torch.ones_like(loss) for loss in found]
            gradient = torch.autograd.grad(
                [*found, *state], [*begun, *parameters], [*seeds, *adjoint], allow_unused=True, materialize_grads=True
            )
            adjoint = gradient[: len(begun)]
            total = [before + own for before, own in zip(total, gradient[len(begun) :])]
            losses += [loss.detach() for loss in found]
        return torch.stack(losses).sum(), total
