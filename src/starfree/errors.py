"""What can go wrong, by whose hand. Every message names the thing, where it is, and what to do."""


class StarfreeError(Exception):
    """A failure at run time (exit code 1). The message is one line a user can act on."""

    exit_code = 1


class InputError(StarfreeError):
    """The user's input is wrong: language, string, spec, file (exit code 2)."""

    exit_code = 2


class ComplexityLimit(StarfreeError):
    """A search reached its limit. The message says what was visited and what is still known."""


class CircuitError(StarfreeError):
    """A circuit is malformed, or is not equal to its automaton."""
