"""The sync: what beat and the commands run."""

from reviews.log10.pulls import pull
from reviews.log10.pushes import push

__all__ = ["pull", "push"]
