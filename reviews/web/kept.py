"""A part of a template that is drawn once in each language, and kept: `{% kept %}…{% endkept %}`.

Nothing in it may come from the page but what is named, `{% kept name=user.username %}`: it is drawn with that alone,
once for each of the values.
"""

from collections.abc import Mapping

from django import template
from django.template import Context
from django.template.base import FilterExpression, token_kwargs
from django.urls import get_script_prefix
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()
# Of one place in a template: menus of some people. More of them, and it begins anew.
MOST = 100
Key = tuple[object, ...]


class _Kept(template.Node):
    def __init__(self, nodes: template.NodeList, named: Mapping[str, FilterExpression]) -> None:
        self.nodes = nodes
        self._named = named
        self._drawn: dict[Key, SafeString] = {}

    def render(self, context: Context) -> SafeString:
        values = {name: value.resolve(context) for name, value in self._named.items()}
        # With its type: what is safe and what has to be escaped may be equal otherwise, as may 1 and True.
        said = tuple((type(value), value) for value in values.values())
        key = (get_language(), get_script_prefix(), *said)
        drawn = self._drawn.get(key)
        if drawn is None:
            # The engine's own settings, and no other name of the page.
            bare = Context(values, autoescape=context.autoescape)
            bare.template, bare.render_context = context.template, context.render_context
            drawn = self.nodes.render(bare)
            if len(self._drawn) >= MOST:
                self._drawn.clear()
            self._drawn[key] = drawn
        return drawn


@register.tag
def kept(parser: template.base.Parser, token: template.base.Token) -> _Kept:
    """The nodes up to `endkept`."""
    _tag, *said = token.split_contents()
    named = token_kwargs(said, parser)
    if said:
        raise template.TemplateSyntaxError("kept takes names with values alone, such as name=user.username.")
    nodes = parser.parse(("endkept",))
    parser.delete_first_token()
    return _Kept(nodes, named)
