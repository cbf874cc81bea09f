"""What commands have in common."""

from argparse import ArgumentParser

from django.core.management.base import CommandError

from reviews.models import Organization


def add_organization(parser: ArgumentParser) -> None:
    """--organization SLUG."""
    parser.add_argument("--organization", required=True, metavar="SLUG")


def organization(slug: str) -> Organization:
    """Raises CommandError."""
    found = Organization.objects.filter(slug=slug).first()
    if found is None:
        raise CommandError(f"There is no organization “{slug}”. Create it with: manage.py create_organization {slug}")
    return found
