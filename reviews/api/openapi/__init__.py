"""The description of the API (OpenAPI 3.1), written beside the views and held against the routes that are served.

`operations` has what a view says of itself, `components` the shapes that go over the wire, `common` what holds for
every operation, `document` puts them together, `page` makes them readable.
"""

from reviews.api.openapi.operations import Answer, Body, Operation, Parameter, Schema, of_component

__all__ = ["Answer", "Body", "Operation", "Parameter", "Schema", "of_component"]
