"""A part of a template that is the same for everybody, drawn once in each language: `{% kept %}…{% endkept %}`.

Nothing in it may come from the page's context: it is drawn with none.
"""

from django import template
from django.template import Context
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()


class _Kept(template.Node):
    def __init__(self, nodes: template.NodeList) -> None:
        self.nodes = nodes
        self._by_language: dict[str, SafeString] = {}

    def render(self, context: Context) -> SafeString:
        language = get_language() or ""
        if language not in self._by_language:
            # The engine's own settings, and no name of the page.
            bare = Context(autoescape=context.autoescape)
            bare.template, bare.render_context = context.template, context.render_context
            self._by_language[language] = self.nodes.render(bare)
        return self._by_language[language]


@register.tag
def kept(parser: template.base.Parser, _token: template.base.Token) -> _Kept:
    """The nodes up to `endkept`."""
    nodes = parser.parse(("endkept",))
    parser.delete_first_token()
    return _Kept(nodes)
