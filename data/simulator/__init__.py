"""A simulated world of cross-border e-commerce firms with hidden behaviour: the demonstration's default input."""

from data.simulator.files import write_world
from data.simulator.parameters import Parameters, load_parameters
from data.simulator.world import World, simulate

__all__ = ["Parameters", "World", "load_parameters", "simulate", "write_world"]
