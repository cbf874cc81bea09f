"""Who reads an answer: the form of some answers depends on the client."""

from dataclasses import dataclass

SPEAKEASY = "speakeasy-sdk/"
LOG10PY = "log10py"


@dataclass(frozen=True)
class Reader:
    """The client behind a request, as far as the answer's form depends on it.

    `logs` is whether it is log10-io, by the header X-Log10-Organization-Id: that client alone sends it, and with each
    of its reads. Its user agent is that of any program that uses httpx, which may well want what is stored.
    """

    user_agent: str = ""
    logs: bool = False

    @property
    def parses_strictly(self) -> bool:
        """An SDK whose classes raise on what the OpenAPI description does not list."""
        return SPEAKEASY in self.user_agent

    @property
    def wants_selector_object(self) -> bool:
        """log10py raises on a selector that is a list."""
        return LOG10PY in self.user_agent


RAW = Reader()
