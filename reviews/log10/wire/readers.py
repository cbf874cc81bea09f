"""Who reads an answer: the form of some answers depends on the client."""

from dataclasses import dataclass

SPEAKEASY = "speakeasy-sdk/"
LOG10PY = "log10py"


@dataclass(frozen=True)
class Reader:
    """The client behind a request, as far as the answer's form depends on it."""

    user_agent: str = ""

    @property
    def parses_strictly(self) -> bool:
        """An SDK whose classes raise on what the OpenAPI description does not list."""
        return SPEAKEASY in self.user_agent

    @property
    def wants_selector_object(self) -> bool:
        """log10py raises on a selector that is a list."""
        return LOG10PY in self.user_agent


RAW = Reader()
