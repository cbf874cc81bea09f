"""The demo: a fictional bicycle shop's completions and the three feedback tasks they are reviewed under."""
